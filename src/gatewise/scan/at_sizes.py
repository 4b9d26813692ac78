"""Whether a program is the equation of its cell in one layer: at its sizes, in its type, with gradients and without.

A program is traced in float64 at sizes of its own. A step that asks for a size, a type, or whether gradients are on may
do something else in a layer, and nothing in the trace tells it. So the step is run once beside its program as the
layer would run it, for one time step, before the program is used there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gatewise.cells.registry import is_registered
from gatewise.cells.spec import Cell
from gatewise.scan.interpret import interpret, interpret_backward
from gatewise.scan.packed import Packed
from gatewise.scan.program.form import Program
from gatewise.scan.reference import run_reference
from gatewise.scan.stored.cell import program_in
from gatewise.scan.undisturbed import undisturbed

BATCHES = ((1.0,), (1.0, 0.0))
"""How large the numbers of each row are: ordinary ones, and zeros, in which a state begins."""
LARGE = 50.0
"""How large the numbers of a row are that drives gates to their ends."""
MOST_ROWS, MOST_PRODUCTS = 257, 2**22
"""Rows of the largest batch, and how many parameters times rows it may have, which is a few milliseconds."""
ROUNDING = 16
"""How many times the rounding error of the program the step may be away from it; both round, but not alike."""
FLOORS = {torch.float32: 32 * torch.finfo(torch.float32).eps, torch.float64: 1e-7}
"""The relative distance that is never looked at; torch computes some functions with float32 constants."""

Named = dict[str, Tensor]
Sizes = tuple[int, int, int]

_KNOWN: dict[tuple[Cell, Sizes, bool, torch.dtype], str] = {}


def difference(cell: Cell, program: Program, sizes: Sizes, bias: bool, dtype: torch.dtype) -> str:
    """What keeps a program from being a cell's step in a layer, found once for each kind of layer in a process.

    Cells that come with gatewise and those made of a program are not run: the tests compare the former, and the latter
    have no other step.

    Args:
        cell: the cell.
        program: its program.
        sizes: (X, H, P) of the layer; P is 0 for a cell without projection.
        bias: whether the layer has biases.
        dtype: float32 or float64.

    Returns:
        what differs, in words; empty where nothing does.

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.scan.stored.find import program_of
        >>> difference(find("gru"), program_of(find("gru")), (3, 4, 0), True, torch.float32)
        ''
    """
    if is_registered(cell) or program_in(cell) is not None:
        return ""
    key = (cell, sizes, bias, dtype)
    if key not in _KNOWN:
        _KNOWN[key] = _difference(cell, program, sizes, bias, dtype)
    return _KNOWN[key]


def forget(cell: Cell) -> None:
    """Compare a cell anew in the next layer: a number that its step reads may have changed since.

    Args:
        cell: the cell.
    """
    for key in [key for key in _KNOWN if key[0] == cell]:
        del _KNOWN[key]


def _difference(cell: Cell, program: Program, sizes: Sizes, bias: bool, dtype: torch.dtype) -> str:
    named = zip(("X", "H", "P"), sizes, strict=True)
    told = ", ".join([*(f"{letter} {size}" for letter, size in named if size), str(dtype).removeprefix("torch.")])
    place = f"at the sizes of this layer ({told}) its step"
    with undisturbed():
        try:
            same = all(_agree(cell, program, given) for given in _examples(cell, sizes, bias, dtype))
        except Exception as error:  # whatever a user's step may raise; the reference runner raises it where it runs
            return f"{place} raises {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    why = "does it ask for sizes, types or gradients, or has something changed that it reads?"
    return "" if same else f"{place} differs from its program: {why}"


@dataclass(frozen=True)
class _Example:
    """One time step of a layer.

    Args:
        parameters: name -> tensor.
        x: [B, X].
        states: state -> [B, width].
        gradients: state -> [B, width], those of the states after the step; None: only values are compared.
    """

    parameters: Named
    x: Tensor
    states: Named
    gradients: Named | None

    @property
    def sequence(self) -> Packed:
        """One time step of all rows."""
        return Packed(self.x, (self.x.size(0),))

    def doubled(self) -> _Example:
        """The same in float64."""
        first, second = (
            {name: one.double() for name, one in named.items()} for named in (self.parameters, self.states)
        )
        gradients = self.gradients and {name: one.double() for name, one in self.gradients.items()}
        return _Example(first, self.x.double(), second, gradients)


def _examples(cell: Cell, sizes: Sizes, bias: bool, dtype: torch.dtype) -> list[_Example]:
    x, h, p = sizes
    generator = torch.Generator().manual_seed(0)
    specs = cell.parameters(x, h, p, bias)
    parameters = {name: _numbers(spec.shape, generator, dtype) for name, spec in specs.items()}
    widths = cell.state_widths(h, p)

    def example(rows: tuple[float, ...], pull: bool) -> _Example:
        scales = torch.tensor(rows, dtype=dtype).unsqueeze(1)
        states = {name: _numbers((len(rows), width), generator, dtype) * scales for name, width in widths.items()}
        gradients = {name: _numbers((len(rows), width), generator, dtype) for name, width in widths.items()}
        return _Example(
            parameters, _numbers((len(rows), x), generator, dtype) * scales, states, gradients if pull else None
        )

    room = MOST_PRODUCTS // max(1, sum(map(torch.Tensor.numel, parameters.values())))
    many = (LARGE, 0.0, *(1.0 for _ in range(min(MOST_ROWS, max(3, room)) - 2)))
    first = example((0.0,), False)
    nothing = _Example({name: torch.zeros_like(one) for name, one in parameters.items()}, first.x, first.states, None)
    few = (
        [example(BATCHES[0], False), example(BATCHES[1], False), example(BATCHES[0], True)] if room >= len(many) else []
    )
    return [nothing, *few, example(BATCHES[1], True), example(many, False)]


def _numbers(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Random numbers such that a product with ordinary rows has numbers of order one; a large matrix repeats some."""
    count = torch.Size(shape).numel()
    drawn = torch.randn(min(count, 10_007), generator=generator, dtype=dtype)
    drawn = drawn.mul_(0.5 if len(shape) == 1 else shape[-1] ** -0.5) if len(shape) else drawn
    return drawn.repeat(-(-count // max(1, len(drawn))))[:count].view(shape)


def _agree(cell: Cell, program: Program, given: _Example) -> bool:
    """Whether step and program are apart by no more than rounding."""
    expected, came = _of_step(cell, given), _of_program(program, given)
    floor = FLOORS[given.x.dtype]
    if all(bool((_apart(came[name], one) <= floor * _scale(one)).all()) for name, one in expected.items()):
        return True
    if given.x.dtype == torch.float64:
        return False
    exact = _of_program(program, given.doubled())
    for name, one in expected.items():
        rounding = _apart(came[name].double(), exact[name]).amax(-1, keepdim=True)
        if not bool((_apart(came[name], one) <= floor * _scale(one) + ROUNDING * rounding).all()):
            return False
    return True


def _apart(one: Tensor, other: Tensor) -> Tensor:
    """How far numbers are apart: 0 for two that are equal or both no numbers, infinitely where one is none."""
    same = (one == other) | (one.isnan() & other.isnan())
    return torch.where(same, 0.0, (one - other).abs().nan_to_num(torch.inf, posinf=torch.inf))


def _scale(numbers: Tensor) -> Tensor:
    """The largest finite number of each row, and at least 1."""
    return numbers.abs().nan_to_num(0.0, posinf=0.0).amax(-1, keepdim=True).clamp(min=1.0)


def _of_step(cell: Cell, given: _Example) -> Named:
    """The states after the cell's own step and, if asked for, the gradients of x, states and vectors."""
    if given.gradients is None:
        with torch.no_grad():
            return dict(run_reference(cell, given.parameters, given.sequence, given.states).final)
    parameters = {name: one.detach().requires_grad_() for name, one in given.parameters.items()}
    states = {name: one.detach().requires_grad_() for name, one in given.states.items()}
    x = given.x.detach().requires_grad_()
    final = run_reference(cell, parameters, Packed(x, given.sequence.batch_sizes), states).final
    leaves = {"x": x, **_of_states(states), **_vectors(parameters)}
    parts = [(final[name] * pulled).sum() for name, pulled in given.gradients.items()]
    parts = [part for part in parts if part.requires_grad]
    nothing = [None] * len(leaves)
    found = torch.autograd.grad(sum(parts[1:], parts[0]), [*leaves.values()], allow_unused=True) if parts else nothing
    pulls = {
        name: torch.zeros_like(leaf) if one is None else one
        for (name, leaf), one in zip(leaves.items(), found, strict=True)
    }
    return {**{name: one.detach() for name, one in final.items()}, **_gradients(pulls)}


def _of_program(program: Program, given: _Example) -> Named:
    """The same of the program."""
    bare = replace(program, matrices=tuple(replace(matrix, gradient=()) for matrix in program.matrices))
    with torch.no_grad():
        run = interpret(program, given.parameters, given.sequence, given.states)
        if given.gradients is None:
            return dict(run.scan.final)
        back = interpret_backward(bare, run, torch.zeros_like(run.scan.outputs), given.gradients)
        pulls = {"x": back.input, **_of_states(back.initial), **_vectors(back.parameters)}
        return {**run.scan.final, **_gradients(pulls)}


def _of_states(states: Mapping[str, Tensor]) -> Named:
    return {f"state {name}": one for name, one in states.items()}


def _vectors(parameters: Mapping[str, Tensor]) -> Named:
    """Parameters other than matrices, whose gradients follow from those of the rows."""
    return {name: one for name, one in parameters.items() if one.dim() == 1}


def _gradients(pulls: Mapping[str, Tensor]) -> Named:
    return {f"gradient of {name}": one for name, one in pulls.items()}
