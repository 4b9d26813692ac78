"""The fused runner: whole sequences through the engine, with gradients for autograd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError, VariableError
from gatewise.scan import _engine
from gatewise.scan.at_sizes import difference
from gatewise.scan.fused.again import Again, kept
from gatewise.scan.fused.encode import encode
from gatewise.scan.fused.precision import cast, lowered, obstacle_to_autocast, returned_dtypes
from gatewise.scan.noise import Zoneout
from gatewise.scan.packed import Packed
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Program
from gatewise.scan.program.sizes import solve_widths, units
from gatewise.scan.program.zoneout import with_zoneout
from gatewise.scan.result import Scan
from gatewise.scan.stored.find import program_of
from gatewise.scan.transforms import transform_of

_SCANS: dict[torch.dtype, Any] = {torch.float32: _engine.Scan32, torch.float64: _engine.Scan64}


class Engine:
    """A program that the engine has read and checked.

    Args:
        program: of one time step.
    """

    def __init__(self, program: Program) -> None:
        encoded = encode(program)
        self.program, self.widths = program, encoded.widths
        self.code = _engine.Program.read(encoded.codes, encoded.numbers)


def engine_of(cell: Cell, bias: bool) -> Engine:
    """The program of a cell, read by the engine once in a process.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.

    Raises:
        TraceError: the step cannot be expressed as a program.
    """
    found = _engine_or_obstacle(cell, bias)
    if isinstance(found, TraceError):
        raise found
    return found


@lru_cache(maxsize=64)
def _engine_with_zoneout(cell: Cell, bias: bool, rates: tuple[tuple[str, float], ...], training: bool) -> Engine:
    return Engine(with_zoneout(engine_of(cell, bias).program, dict(rates), training))


@cache
def _engine_or_obstacle(cell: Cell, bias: bool) -> Engine | TraceError:
    try:
        return Engine(program_of(cell, bias))
    except TraceError as error:
        return error


def obstacle(cell: Cell, parameter: Tensor | None, bias: bool, sizes: tuple[int, int, int] | None) -> str:
    """What keeps the engine from running a cell; empty where nothing does.

    Args:
        cell: the cell.
        parameter: one of its parameters, which tells device and dtype; None: float32 on the CPU.
        bias: whether it has its biases and shifts.
        sizes: (X, H, P) at which its program is compared with its step; None: it is not.
    """
    dtype = torch.float32 if parameter is None else parameter.dtype
    if parameter is not None and parameter.device.type != "cpu":
        return f"the engine runs on the CPU, not on {parameter.device.type}"
    if dtype not in _SCANS:
        return f"the engine has no {str(dtype).removeprefix('torch.')}"
    if against := obstacle_to_autocast(dtype):
        return against
    chosen_instruction_set()
    found = _engine_or_obstacle(cell, bias)
    if isinstance(found, TraceError):
        return f"the engine cannot run it: {found}"
    differs = difference(cell, found.program, sizes, bias, dtype) if sizes else ""
    return f"the engine cannot run it: {differs}" if differs else ""


@dataclass(frozen=True)
class Places:
    """Where rows stand, for a program that chooses units: every number modulo 2^32.

    Args:
        sequences: the number of each sequence; empty for a program that chooses nothing.
        seed: of the choice.
        start: the number of the first time step.
    """

    sequences: tuple[int, ...] = ()
    seed: int = 0
    start: int = 0

    @classmethod
    def of(cls, zoneout: Zoneout) -> Places:
        """The places of a zoneout's rows."""
        return cls(tuple(row % 2**32 for row in zoneout.rows.tolist()), zoneout.seed % 2**32, zoneout.start % 2**32)


def chosen_instruction_set() -> str:
    """The instruction set that GATEWISE_ISA names, or the best one here.

    Raises:
        VariableError: GATEWISE_ISA names another one than this processor has.
    """
    try:
        return _engine.instruction_set("")
    except _engine.Refusal as error:
        fix = f"set it to {', '.join(_engine.instruction_sets())}, or to nothing for the first of them"
        raise VariableError(str(error), where="GATEWISE_ISA", fix=fix) from None


@dataclass(frozen=True)
class _Call:
    """What is no tensor in a scan."""

    engine: Engine
    batch_sizes: tuple[int, ...]
    reverse: bool
    keep_states: bool
    isa: str
    low: bool
    places: Places
    again: Again | None


def run_fused(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    zoneout: Zoneout | None = None,
    keep_states: bool = False,
) -> Scan:
    """Run a cell's step program over every time step; arguments as in ``gatewise.scan.run``."""
    bias = len(parameters) == len(cell.declared())
    engine, places = engine_of(cell, bias), Places()
    if zoneout is not None:
        zoneout.check(x, cell.state)
        engine = _engine_with_zoneout(cell, bias, tuple(zoneout.rates.items()), zoneout.training)
        places = Places.of(zoneout)
    kind = next(iter(parameters.values())).dtype
    low = lowered(kind)
    data = Packed(cast(x.data, kind), x.batch_sizes)
    begin = {name: cast(state, kind) for name, state in initial.items()}
    again = Again(cell, x.batch_sizes, kept(zoneout), reverse, keep_states, low)
    options: dict[str, Any] = {"reverse": reverse, "keep_states": keep_states, "low": low, "again": again}
    scan = run_engine(engine, parameters, data, begin, places=places, **options)
    return _in_dtypes(scan, cell, returned_dtypes(cell, x.data.dtype, x.uniform)) if low else scan


def _in_dtypes(scan: Scan, cell: Cell, dtypes: Mapping[str, torch.dtype]) -> Scan:
    final = {name: cast(state, dtypes[name]) for name, state in scan.final.items()}
    states = scan.states and {name: cast(state, dtypes[name]) for name, state in scan.states.items()}
    return Scan(cast(scan.outputs, dtypes[cell.output_state]), final, states, scan.runner)


def run_engine(
    engine: Engine,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    keep_states: bool = False,
    isa: str = "",
    low: bool = False,
    places: Places = Places(),
    again: Again | None = None,
) -> Scan:
    """Run a program over every time step; arguments as in ``gatewise.scan.run``.

    ``isa`` forces an instruction set; with ``low`` the operands of products are rounded to bfloat16, and the sums are
    kept in float32. ``again`` computes gradients that torch can differentiate; without it there are none.
    """
    program = engine.program
    tensors = [x.data, *(initial[state.name] for state in program.states)]
    tensors += [parameters[vector.name] for vector in program.vectors]
    tensors += [parameters[matrix.name] for matrix in program.matrices]
    call = _Call(engine, x.batch_sizes, reverse, keep_states, isa, low, places, again)
    found = _Fused.apply(call, *tensors)  # type: ignore[no-untyped-call]
    names = [state.name for state in program.states]
    final = dict(zip(names, found[len(names) :], strict=True))
    states = dict(zip(names, found, strict=False)) if keep_states else None
    return Scan(found[0], final, states, "fused")


class _Fused(torch.autograd.Function):
    """States of all steps (None where nobody asks, but for the output) and final states, as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> tuple[Tensor | None, ...]:
        """Run the forward part."""
        program = call.engine.program
        whole = [_memory(tensor) for tensor in tensors]
        x, initial, vectors, matrices = _parts(program, whole)
        save = any(ctx.needs_input_grad)
        scan = _SCANS[x.dtype](
            call.engine.code,
            units_of(call.engine, x, initial, vectors, matrices),
            list(call.batch_sizes),
            call.reverse,
            torch.get_num_threads(),
            call.isa,
            call.low,
            x.numpy(),
            _arrays(initial),
            _arrays(vectors),
            _arrays(matrices),
            save,
            call.places.sequences,
            call.places.seed,
            call.places.start,
        )
        widths = [state.size(1) for state in initial]
        states = [
            x.new_empty(x.size(0), width) if call.keep_states or not i else None for i, width in enumerate(widths)
        ]
        final = [torch.empty_like(state) for state in initial]
        scan.forward(_optional(states), _arrays(final))
        ctx.call, ctx.scan = call, scan if save else None
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        return (*states, *final)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Run the backward part; through the equation where torch has to follow it."""
        tensors = ctx.saved_tensors  # read, so that a change in place is noticed
        needed = ctx.needs_input_grad[1:]
        if reason := _followed(gradients):
            return (None, *_through_the_equation(ctx.call, tensors, needed, gradients, reason))
        given = [None if one is None else _memory(one) for one in gradients]
        count = len(ctx.call.engine.program.states)
        made = [
            torch.empty_like(one, memory_format=torch.contiguous_format) if need else None
            for one, need in zip(tensors, needed, strict=True)
        ]
        x, initial, vectors, matrices = _parts(ctx.call.engine.program, made)
        ctx.scan.backward(
            _optional(given[:count]),
            _optional(given[count:]),
            None if x is None else x.numpy(),
            *map(_optional, (initial, vectors, matrices)),
        )
        return (None, *made)


def _memory(tensor: Tensor) -> Tensor:
    """The numbers of a tensor in one piece, as an array can hold them: a bit that turns their signs is none of memory.

    There is such a bit on the imaginary part of a conjugate; the conjugate's own bit is on complex tensors only, which
    are refused.
    """
    return tensor.detach().resolve_neg().contiguous()


def _followed(gradients: Sequence[Tensor | None]) -> str:
    """Why torch has to see operations in a backward pass; empty where it has not."""
    if torch.is_grad_enabled():
        return "second derivative (create_graph=True)"
    transform = transform_of(gradients)
    return f"backward pass under {transform.name}" if transform.name else ""


def _through_the_equation(
    call: _Call, tensors: Sequence[Tensor], needed: Sequence[bool], gradients: Sequence[Tensor | None], reason: str
) -> list[Tensor | None]:
    if call.again is None:
        raise SettingError(f"a program without its cell has no {reason}", where="runner", fix="call gatewise.scan.run")
    program = call.engine.program
    names = [state.name for state in program.states]
    names += [vector.name for vector in program.vectors] + [matrix.name for matrix in program.matrices]
    return call.again.gradients(names, tensors, needed, gradients, reason)


def _parts(program: Program, tensors: Sequence[Any]) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """x, initial states, vectors, matrices."""
    states, vectors = 1 + len(program.states), 1 + len(program.states) + len(program.vectors)
    return tensors[0], list(tensors[1:states]), list(tensors[states:vectors]), list(tensors[vectors:])


def units_of(
    engine: Engine, x: Tensor, initial: Sequence[Tensor], vectors: Sequence[Tensor], matrices: Sequence[Tensor]
) -> list[int]:
    """How many units each width of a program has, in its order, told from the shapes of what it is given.

    Args:
        engine: the program.
        x: [N, X].
        initial: [B, width] of each state.
        vectors: each of the program's, in its order.
        matrices: each of the program's, in its order.

    Raises:
        ShapeError: shapes that do not go together.
    """
    program = engine.program
    named = [(vector.name, tensor) for vector, tensor in zip(program.vectors, vectors, strict=True)]
    named += [(matrix.name, tensor) for matrix, tensor in zip(program.matrices, matrices, strict=True)]
    states = {state.name: tensor for state, tensor in zip(program.states, initial, strict=True)}
    found = solve_widths(program, dict(named), x, states)
    return [units(found, width) for width in engine.widths]


def _arrays(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    return [tensor.numpy() for tensor in tensors]


def _optional(tensors: Sequence[Tensor | None]) -> list[NDArray[Any] | None]:
    return [None if tensor is None else tensor.numpy() for tensor in tensors]
