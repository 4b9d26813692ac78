"""Layers over layers, in one direction or both: what `Recurrent` and the drop-ins for torch.nn have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells.spec import Cell
from gatewise.layers.arguments import check_flag, check_rate, check_rates, check_size
from gatewise.layers.dropout import locked_dropout_of_rows, weight_dropout
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.layers.lengths import Lengths
from gatewise.layers.parameter_names import parameter_name
from gatewise.layers.ragged import Layout, arrange
from gatewise.layers.states import States, check_states
from gatewise.scan import Choice, Packed, Scan, Zoneout, choose, initialise, run
from gatewise.scan.at_sizes import difference, forget
from gatewise.scan.program import Program, TraceError
from gatewise.scan.stored.cell import program_in
from gatewise.scan.stored.find import program_of
from gatewise.scan.transforms import is_exporting, is_tracing

if TYPE_CHECKING:
    from gatewise.scan.fused.steady import SteadyLayer

SEEDS = 2**62  # zoneout's seeds are drawn from 0 .. SEEDS - 1


@dataclass(frozen=True)
class Pass:
    """What came out of all layers, in the order of the scan's rows.

    Args:
        outputs: [N, directions * output width] of the last layer.
        final: name -> [S, b, width], S = layers * directions.
        states: name -> [S, N, width], when asked for.
    """

    outputs: Tensor
    final: States
    states: States | None


class Stack(nn.Module):
    """The parameters of all layers and directions of one cell, and the way of the rows through them.

    Layer k reads what layer k - 1 returned, after dropout; in both directions the two outputs stand side by side.
    With ``residual`` every layer but the first adds what the layer below returned (before dropout) to its own output.
    Parameters are named as torch names them: ``weight_ih_l0``, ``weight_ih_l0_reverse``, ``weight_ih_l1`` ...

    Faces (`Recurrent`, `RNN`, `GRU`, `LSTM`) say what their arguments mean; this class is not used by itself.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int = 0,
        residual: bool = False,
        locked_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        learned_start: bool = False,
        runner: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._where = type(self).__name__
        self.cell = cell
        self.input_size = check_size("input_size", input_size, self._where)
        self.hidden_size = check_size("hidden_size", hidden_size, self._where)
        self.num_layers = check_size("num_layers", num_layers, self._where)
        self.proj_size = check_size("proj_size", proj_size, self._where, least=0)
        self.bias = check_flag("bias", bias, self._where)
        self.batch_first = check_flag("batch_first", batch_first, self._where)
        self.bidirectional = check_flag("bidirectional", bidirectional, self._where)
        self.residual = check_flag("residual", residual, self._where)
        self.dropout = check_rate("dropout", dropout, self._where)
        self.locked_dropout = check_rate("locked_dropout", locked_dropout, self._where)
        self.weight_dropout = check_rate("weight_dropout", weight_dropout, self._where)
        self.zoneout = check_rates("zoneout", zoneout, tuple(cell.state), self._where)
        self.learned_start = learned_start
        self.runner = runner
        self.runner_used: str | None = None
        self._steady: list[SteadyLayer] = []  # one for each layer while the weights are held, and the engine runs them
        self.state_widths = dict(cell.state_widths(self.hidden_size, self.proj_size))  # of each state, by name
        self._check_together()
        self._make_parameters(device, dtype)

    @property
    def num_directions(self) -> int:
        """1, or 2 where the layer is bidirectional."""
        return 2 if self.bidirectional else 1

    @property
    def levels(self) -> int:
        """S, the first axis of every state: layers x directions."""
        return self.num_layers * self.num_directions

    @property
    def output_size(self) -> int:
        """The last axis of what the layer returns: the width of the cell's output, once for each direction."""
        return self.cell.output_size(self.hidden_size, self.proj_size) * self.num_directions

    @property
    def zoned(self) -> dict[str, float]:
        """The states that zoneout is applied to, each with its rate."""
        return {name: rate for name, rate in self.zoneout.items() if rate}

    def choice(self) -> Choice:
        """The runner for whole sequences; where layers differ, that of the first which is not on the engine.

        Raises:
            SettingError: the runner that was asked for cannot run this.
        """
        parameter, zoneout = next(self.parameters()), bool(self.zoned)
        choices = [
            choose(self.cell, runner=self.runner, zoneout=zoneout, parameter=parameter, bias=self.bias, sizes=sizes)
            for sizes in self._sizes()
        ]
        return next((choice for choice in choices if choice.name != "fused"), choices[0])

    def program(self) -> Program:
        """The step program of the cell.

        Raises:
            TraceError: there is none that is the cell's step in these layers.
        """
        dtype = next(self.parameters()).dtype
        dtype = dtype if dtype in (torch.float32, torch.float64) else torch.float32
        program = program_of(self.cell, self.bias)
        for sizes in self._sizes():
            if differs := difference(self.cell, program, sizes, self.bias, dtype):
                raise TraceError(differs)
        return program

    def reset_parameters(self) -> None:
        """Draw all parameters anew as the cell says; learned initial states start at zero."""
        for layer, reverse in self._levels():
            initialise(self.cell, self.weights(layer, reverse))
        for name in self.state_widths if self.learned_start else ():
            nn.init.zeros_(getattr(self, f"initial_{name}"))

    def weights(self, layer: int, reverse: bool = False) -> dict[str, Tensor]:
        """The parameters of one layer and direction by the cell's own names: ``weight_ih``, ``weight_hh`` ..."""
        return {name: getattr(self, parameter_name(name, layer, reverse)) for name in self._names}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, the weights do not change, as :func:`gatewise.layers.steady.steady` says."""
        before = self._steady
        if not self.training and not self.zoned and self.choice().name == "fused":
            self._steady = before or [self._steady_layer(layer) for layer in range(self.num_layers)]
        try:
            yield
        finally:
            self._steady = before

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of: without what was made ready of these weights, which a copy may change."""
        return {**self.__dict__, "_steady": []}

    def _steady_layer(self, layer: int) -> SteadyLayer:
        from gatewise.scan.fused.steady import SteadyLayer  # the extension may be missing

        weights = [self.weights(layer, reverse) for reverse in self._directions()]
        return SteadyLayer(self.cell, weights, self.output_size if layer else self.input_size, self.state_widths)

    def extra_repr(self) -> str:
        """The sizes, whatever differs from the default, and the runner with the reason for it."""
        flags = ("num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size", "residual")
        noise = ("locked_dropout", "weight_dropout")
        usual = {"num_layers": 1, "bias": True}
        parts = [str(self.input_size), str(self.hidden_size)]
        parts += [f"{name}={value}" for name in flags + noise if (value := getattr(self, name)) != usual.get(name, 0)]
        if self.zoned:
            parts.append(f"zoneout={self.zoneout}")
        if self.learned_start:
            parts.append("initial_state='learned'")
        choice = self.choice()
        return ", ".join(parts) + f", runner={choice.name}: {choice.reason}"

    def _check_together(self) -> None:
        if self.residual and self.num_layers == 1:
            fix = "give num_layers=2 or more, or leave it out"
            raise ArgumentError("residual=True needs a layer below to add", where=self._where, fix=fix)
        for name in ("dropout", "locked_dropout"):
            if getattr(self, name) > 0 and self.num_layers == 1:
                warnings.warn(
                    f"{self._where}: {name} acts between layers, so {name}={getattr(self, name)} does nothing "
                    "with num_layers=1",
                    stacklevel=4,
                )

    def _levels(self) -> Iterator[tuple[int, bool]]:
        for layer in range(self.num_layers):
            for direction in range(self.num_directions):
                yield layer, direction == 1

    def _sizes(self) -> list[tuple[int, int, int]]:
        """(X, H, P) of the layers, each once."""
        inputs = dict.fromkeys([self.input_size, *([self.output_size] if self.num_layers > 1 else [])])
        return [(size, self.hidden_size, self.proj_size) for size in inputs]

    def _make_parameters(self, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        for layer, reverse in self._levels():
            width = self.output_size if layer else self.input_size
            specs = self.cell.parameters(width, self.hidden_size, self.proj_size, self.bias)
            for name, spec in specs.items():
                empty = torch.empty(spec.shape, device=device, dtype=dtype)
                self.register_parameter(parameter_name(name, layer, reverse), nn.Parameter(empty))
        self._names = tuple(specs)
        self._dropped = frozenset(name for name, spec in specs.items() if spec.recurrent and len(spec.shape) == 2)
        if self.weight_dropout and not self._dropped:
            raise ArgumentError(f"weight_dropout: {self.cell.name} has no recurrent matrix", where=self._where)
        for name, width in self.state_widths.items() if self.learned_start else ():
            empty = torch.empty(self.levels, width, device=device, dtype=dtype)
            self.register_parameter(f"initial_{name}", nn.Parameter(empty))
        forget(self.cell)
        self.choice()  # a forced runner that cannot run this cell is a mistake of the caller's, said here
        self.reset_parameters()

    def initial_states(self, batch: int, like: Tensor) -> States:
        """The states [S, batch, width] before the first step: zeros of the input's dtype, or the learned ones."""
        if not self.learned_start:
            return {name: like.new_zeros(self.levels, batch, width) for name, width in self.state_widths.items()}
        learned = {name: getattr(self, f"initial_{name}") for name in self.state_widths}
        return {name: state[:, None].expand(self.levels, batch, state.size(-1)) for name, state in learned.items()}

    def _check_dtype(self, rows: Tensor) -> None:
        weight = getattr(self, parameter_name(self._names[0], 0, reverse=False))
        if rows.device != weight.device:
            fix = f"move one of them: .to({str(weight.device)!r})"
            message = f"the input is on {rows.device}, the weights on {weight.device}"
            raise InputError(message, where=self._where, fix=fix)
        if rows.dtype != weight.dtype and not torch.is_autocast_enabled(rows.device.type):
            message = f"the input is {rows.dtype}, the weights {weight.dtype}"
            raise InputError(message, where=self._where, fix=f"convert the input, .to({weight.dtype}), or the layer")

    def _pass(self, rows: Tensor, layout: Layout, initial: States, keep_states: bool = False) -> Pass:
        """Take the rows through all layers; ``initial`` is in the order of the scan."""
        if self._steady and not (self.training or keep_states) and rows.size(0) and self._steady[0].runs(rows):
            return self._pass_steadily(rows, layout, initial)
        scans: list[Scan] = []
        below = rows
        for layer in range(self.num_layers):
            both = [self._scan(layer, reverse, rows, layout, initial, keep_states) for reverse in self._directions()]
            outputs = both[0].outputs if len(both) == 1 else torch.cat([scan.outputs for scan in both], dim=-1)
            below = outputs + below if self.residual and layer else outputs
            rows = below if layer == self.num_layers - 1 else self._between(below, layout)
            scans += both
        if not is_exporting():  # which warns of everything that a call leaves behind
            self.runner_used = scans[-1].runner
        final = {name: torch.stack([scan.final[name] for scan in scans]) for name in initial}
        states = None
        if keep_states:
            states = {name: torch.stack([(scan.states or {})[name] for scan in scans]) for name in initial}
        return Pass(rows, final, states)

    def _pass_steadily(self, rows: Tensor, layout: Layout, initial: States) -> Pass:
        """The same with weights that are held, and nothing dropped."""
        finals: list[States] = []
        for layer, run_layer in enumerate(self._steady):
            levels = slice(layer * self.num_directions, (layer + 1) * self.num_directions)
            own = initial if len(self._steady) == 1 else {name: state[levels] for name, state in initial.items()}
            outputs, final = run_layer(rows, layout.batch_sizes, own)
            rows = outputs + rows if self.residual and layer else outputs
            finals.append(final)
        self.runner_used = "fused"
        final = finals[0] if len(finals) == 1 else {name: torch.cat([one[name] for one in finals]) for name in initial}
        return Pass(rows, final, None)

    def _directions(self) -> tuple[bool, ...]:
        return (False, True) if self.bidirectional else (False,)

    def _between(self, outputs: Tensor, layout: Layout) -> Tensor:
        rows = functional.dropout(outputs, self.dropout, self.training)
        return locked_dropout_of_rows(rows, layout, self.locked_dropout, self.training)

    def _scan(
        self, layer: int, reverse: bool, rows: Tensor, layout: Layout, initial: States, keep_states: bool
    ) -> Scan:
        level = layer * self.num_directions + reverse
        weights = weight_dropout(self.weights(layer, reverse), self._dropped, self.weight_dropout, self.training)
        start = {name: state[level] for name, state in initial.items()}
        if rows.size(0) == 0:
            return _nothing(rows, weights, start, self.output_size // self.num_directions)
        return run(
            self.cell,
            weights,
            Packed(rows, layout.batch_sizes),
            start,
            reverse=reverse,
            runner=self._runner_for(rows, layout),
            zoneout=self._zoneout(layout, rows.device),
            keep_states=keep_states,
        )

    def _runner_for(self, rows: Tensor, layout: Layout) -> str:
        """The runner to ask for: as told, but for one step of generation on a CPU the equation itself.

        oneDNN reorders all weights at every call, which pays over a sequence only: a step of 2 x 650 LSTM units took
        20 ms through it, 4 ms through the equation.
        """
        single = len(layout.batch_sizes) == 1 and rows.device.type == "cpu" and not torch.is_grad_enabled()
        stored = program_in(self.cell) is not None  # has no equation to be run, and the engine is quicker at programs
        if self.runner == "auto" and single and not stored and not torch.is_autocast_enabled("cpu"):
            return "reference"
        return self.runner

    def _zoneout(self, layout: Layout, device: torch.device) -> Zoneout | None:
        if not self.zoned:
            return None
        if self.training and is_tracing():
            message = "zoneout in training draws a number that torch.jit.trace would keep for ever"
            raise InputError(message, where=self._where, fix="call .eval() first")
        rows = torch.arange(layout.batch, device=device) if layout.order is None else layout.order
        seed = int(torch.randint(SEEDS, ())) if self.training else 0
        return Zoneout(self.zoned, seed, rows, training=self.training)

    def _run(
        self,
        input: Tensor | PackedSequence,
        state: Mapping[str, Tensor] | None,
        lengths: Lengths | None,
        *,
        labels: Mapping[str, str] | None = None,
        keep_states: bool = False,
    ) -> tuple[Tensor | PackedSequence, States, States | None]:
        """From the caller's tensors through all layers and back: output, final state, every state if asked for.

        Dynamo, while it makes a graph of a model, stops before a layer that may run on the engine and goes on after it.
        """
        if torch.compiler.is_dynamo_compiling() and self._breaks_graphs():
            from gatewise.layers.graph_break import run_layer  # while Dynamo is there: importing it takes a second

            options = {"labels": labels, "keep_states": keep_states}
            found: tuple[Tensor | PackedSequence, States, States | None] = run_layer(
                self, input, state, lengths, **options
            )
            return found
        return self._run_now(input, state, lengths, labels=labels, keep_states=keep_states)

    def _breaks_graphs(self) -> bool:
        """Whether torch.compile has to leave this layer alone; an export has no place for what is left alone."""
        on_engine = self.runner == "fused" or (self.runner == "auto" and next(self.parameters()).device.type == "cpu")
        return on_engine and not is_exporting()

    def _run_now(
        self,
        input: Tensor | PackedSequence,
        state: Mapping[str, Tensor] | None,
        lengths: Lengths | None,
        *,
        labels: Mapping[str, str] | None = None,
        keep_states: bool = False,
    ) -> tuple[Tensor | PackedSequence, States, States | None]:
        layout = arrange(input, self.input_size, batch_first=self.batch_first, lengths=lengths, where=self._where)
        rows = layout.rows(input)
        self._check_dtype(rows)
        initial = self._initial(state, layout, rows, labels)
        done = self._pass(rows, layout, {name: layout.enter(value) for name, value in initial.items()}, keep_states)
        final = {name: layout.leave(value, initial[name]) for name, value in done.final.items()}
        if not layout.batched:
            final = {name: value.squeeze(1) for name, value in final.items()}
        states = {name: layout.restore_states(value) for name, value in done.states.items()} if done.states else None
        return layout.restore(done.outputs), final, states

    def _initial(
        self, state: Mapping[str, Tensor] | None, layout: Layout, rows: Tensor, labels: Mapping[str, str] | None
    ) -> States:
        """The states [S, B, width] before the first step, in the caller's order."""
        if state is None:
            return self.initial_states(layout.batch, rows)
        batch = (layout.batch,) if layout.batched else ()
        shapes = {name: (self.levels, *batch, width) for name, width in self.state_widths.items()}
        checked = check_states(state, shapes, rows, self._where, labels)
        return checked if layout.batched else {name: value.unsqueeze(1) for name, value in checked.items()}


def _nothing(rows: Tensor, weights: Mapping[str, Tensor], start: States, width: int) -> Scan:
    """What a scan of no rows returns; made of pieces of its inputs, so that their gradients are zero, not absent."""
    empty = torch.cat([tensor.reshape(-1)[:0] for tensor in (rows, *weights.values())]).view(0, width)
    return Scan(empty, start, {name: state[:0] for name, state in start.items()}, "none")
