"""From a cell's equation to its step program: the only file that listens to torch's dispatcher.

The step and its gradient are computed once, on small random tensors, while a dispatch mode takes down the operations
that torch carries out, those of the backward pass included, and lowers each to instructions of a program. Anything
that cannot be expressed is refused, with the operation and the line.

(``make_fx`` would give the same operations as a graph. It imports torch's compiler, which takes a second, and traces
ten times more slowly; and of a graph's node one does not know the line it came from.)
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gatewise.cells.bundles import States
from gatewise.cells.spec import Cell
from gatewise.scan.bind import Binding
from gatewise.scan.interpret import interpret, interpret_backward
from gatewise.scan.lowering.operations import LOWERINGS, lower, name_of, short_name, unknown
from gatewise.scan.lowering.signature import Signature, TraceSizes
from gatewise.scan.lowering.size_numbers import name_sizes
from gatewise.scan.packed import Packed
from gatewise.scan.program.checks import check
from gatewise.scan.program.draft import Draft
from gatewise.scan.program.errors import ProgramError, TraceError
from gatewise.scan.program.form import Program
from gatewise.scan.program.schedule import Results, schedule
from gatewise.scan.undisturbed import undisturbed

PRIMES = (37, 31, 29, 19, 43, 41, 23, 17, 47, 53, 59, 61, 67, 71)
"""Sizes to trace at: no two are equal, so that each axis of a tensor tells what it is."""
AGREEMENT = 1e-7
"""How near a float64 result of the program has to be to the step's, absolutely and relatively.

Torch itself computes some functions, such as the gradient of ``hardsigmoid``, with float32 constants.
"""

Named = dict[str, Tensor]


def trace(cell: Cell, *, bias: bool = True) -> Program:
    """The step program of a cell, traced at two sizes and compared with the step and its gradient on random input.

    Args:
        cell: any cell.
        bias: whether it has its biases and shifts.

    Raises:
        TraceError: the step cannot be expressed: which operation, in which line; or what disagrees.

    Example:
        >>> from gatewise.cells import find
        >>> program = trace(find("rnn"))
        >>> [instruction.operation for instruction in program.forward.step[0].instructions]
        ['add', 'add', 'tanh']
    """
    with undisturbed():
        sizes = _two_sizes(cell)
        first, second = (_Tracing(cell, bias, one) for one in sizes)
        drafts = first.draft(), second.draft()
        name_sizes(drafts[0][0], drafts[1][0], sizes[0].beside(sizes[1]))
        program, again = (schedule(*draft) for draft in drafts)
        if program != again:
            raise TraceError(_difference(program, again), where=_place_of(cell))
        try:
            check(program)
        except ProgramError as error:
            raise TraceError(f"its trace is not sound ({error})", where=_place_of(cell)) from error
        first.compare(program)
        second.compare(program)
    return program


def disagreement(cell: Cell, program: Program, *, bias: bool = True) -> str:
    """What keeps a program that was read from being a cell's: values or gradients differ on random input.

    Args:
        cell: any cell.
        program: a program that ``check`` has seen.
        bias: whether the cell has its biases and shifts.

    Returns:
        what differs, in words; empty where nothing does.

    Example:
        >>> from gatewise.cells import find
        >>> disagreement(find("gru"), trace(find("gru")))
        ''
        >>> disagreement(find("rnn", nonlinearity="relu"), trace(find("rnn"))).split(": ")[1]
        'its trace computes another value than the step'
    """
    with undisturbed():
        try:
            for sizes in _two_sizes(cell):
                _Tracing(cell, bias, sizes).compare(program)
        except Exception as error:  # whatever a user's step may raise; the trace that follows tells it in full
            return str(error) or type(error).__name__
    return ""


def _two_sizes(cell: Cell) -> tuple[TraceSizes, TraceSizes]:
    constants = set(cell.constants().values())
    h, p, x, b, other_h, other_p, other_x, other_b = [prime for prime in PRIMES if prime not in constants][:8]
    if not cell.has_projection:
        p = other_p = 0
    return TraceSizes(b, x, h, p), TraceSizes(other_b, other_x, other_h, other_p)


def _code_of(cell: Cell) -> CodeType:
    code: CodeType = inspect.unwrap(type(cell).step).__code__
    return code


def _place_of(cell: Cell, line: int | None = None) -> str:
    """``file:line`` of the step, or of one line in its file."""
    code = _code_of(cell)
    return f"{code.co_filename}:{line or code.co_firstlineno}"


def _difference(first: Program, second: Program) -> str:
    """What is not the same in two traces."""
    for one, other in zip(first.values, second.values, strict=False):
        if one != other and one.kind == other.kind == "constant":
            return f"its numbers depend on the sizes: {one.number:g} became {other.number:g} at other sizes"
    parts = [field.name for field in fields(Program) if getattr(first, field.name) != getattr(second, field.name)]
    return f"its trace depends on the sizes: two traces differ in {', '.join(parts)}"


class _Tracing:
    """A cell at one size, with random parameters, input, states and gradients of the states after the step."""

    def __init__(self, cell: Cell, bias: bool, sizes: TraceSizes) -> None:
        self._cell, self._bias, self._sizes = cell, bias, sizes
        generator = torch.Generator().manual_seed(sizes.hidden)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).mul_(0.5)

        specs = cell.parameters(sizes.input, sizes.hidden, sizes.projection, bias)
        widths = cell.state_widths(sizes.hidden, sizes.projection)
        self._x = random(sizes.batch, sizes.input)
        self._states = {name: random(sizes.batch, width) for name, width in widths.items()}
        self._parameters = {name: random(*spec.shape) for name, spec in specs.items()}
        self._gradients = {name: random(sizes.batch, width) for name, width in widths.items()}
        self._leaves = [self._x, *self._states.values(), *self._parameters.values()]
        for leaf in self._leaves:
            leaf.requires_grad_()

    def draft(self) -> tuple[Draft, Results]:
        """The steps of this trace, and which of their values are results."""
        signature = Signature(self._cell, self._bias, self._sizes)
        recording = _Recording(signature, _code_of(self._cell).co_filename)
        for tensor, traced in zip([*self._leaves, *self._gradients.values()], signature.given(), strict=True):
            recording.know(tensor, traced)
        try:
            with recording:
                after = self._step()
            loss = self._loss(after)
            if loss is not None:
                recording.know(loss, 0.0)  # only its shape is ever asked for
            with recording:
                pulled = self._pull_back(loss)
            recording.line = None
            results = signature.results([recording.traced(tensor) for tensor in (*after, *pulled)])
        except TraceError as error:
            where = error.where or _place_of(self._cell, recording.line)
            raise TraceError(error.message, where=where) from None
        except Exception as error:  # whatever a user's step may raise
            reason = str(error).strip().partition("\n")[0]
            where = _place_of(self._cell, _line_of(error, self._cell))
            raise TraceError(f"{type(error).__name__}: {reason}", where=where) from error
        return signature.context.draft, results

    def _step(self) -> list[Tensor]:
        """The states after the step, in the order of the cell."""
        p = Binding(self._cell, self._parameters)
        after = self._cell.step(p.input_gates(self._x), States(self._states), p).as_dict()
        for name, before in self._states.items():
            if after[name].shape != before.shape:
                message = f"the state {name} has another shape after the step than before"
                raise TraceError(message, where=_place_of(self._cell))
        return list(after.values())

    def _loss(self, after: Sequence[Tensor]) -> Tensor | None:
        """A number whose gradients with respect to the states after the step are the ones to be pulled back.

        (Handed to torch as they are, they would make it import sympy to compare their shapes.)
        """
        parts = [(new * given).sum() for new, given in zip(after, self._gradients.values(), strict=True)]
        parts = [part for part in parts if part.requires_grad]
        return sum(parts[1:], parts[0]) if parts else None

    def _pull_back(self, loss: Tensor | None) -> list[Tensor]:
        """The gradients of x, of the states before and of the parameters."""
        if loss is None:
            return [torch.zeros_like(leaf) for leaf in self._leaves]
        found = torch.autograd.grad(loss, self._leaves, allow_unused=True)
        return [torch.zeros_like(leaf) if one is None else one for leaf, one in zip(self._leaves, found, strict=True)]

    def compare(self, program: Program) -> None:
        """Run the program on random input beside the step and its gradient.

        Raises:
            TraceError: they differ.
        """
        after = self._step()
        expected = [*after, *self._pull_back(self._loss(after))]
        with torch.no_grad():
            run = interpret(program, self._parameters, Packed(self._x, (self._sizes.batch,)), self._states)
            back = interpret_backward(program, run, torch.zeros_like(run.scan.outputs), self._gradients)
        came = [*run.scan.final.values(), back.input, *back.initial.values()]
        came += [back.parameters[name] for name in self._parameters]
        names = [*self._states, "x", *self._states, *self._parameters]
        for number, (name, one, other) in enumerate(zip(names, came, expected, strict=True)):
            if not torch.allclose(one, other, rtol=AGREEMENT, atol=AGREEMENT, equal_nan=True):
                what = name if number < len(after) else f"the gradient of {name}"
                raise TraceError(f"its trace computes another value than the step: {what}", where=_place_of(self._cell))


_TRACED_CALLS = frozenset(call.__code__ for call in (_Tracing._step, _Tracing._loss, _Tracing._pull_back))
"""What calls the step and its gradient; whatever called these is no part of the cell."""


class _Lowers:
    """Lowers each operation while torch computes it.

    A tensor is recognised by where it lies in memory and in what shape: torch makes new objects for the tensors that
    it saved for the backward pass. Every tensor is held until the end, so that no memory is used twice.
    """

    def __init__(self, signature: Signature, file: str) -> None:
        super().__init__()
        self._context, self._file = signature.context, file
        self._known: dict[object, object] = {}
        self._held: list[Tensor] = []
        self._views: defaultdict[int, set[object]] = defaultdict(set)
        self._lines: dict[str, int] = {}
        self.line: int | None = None
        self._frame: FrameType | None = None

    def know(self, tensor: Tensor, traced: object) -> None:
        """Remember what a tensor is; a view of the same elements in the same shape is the same."""
        self._held.append(tensor)
        self._views[_storage(tensor)].add(_identity(tensor))
        self._known.setdefault(_identity(tensor), traced)

    def traced(self, tensor: Tensor) -> Any:
        """What a tensor is.

        Raises:
            TraceError: it came from nowhere, and is more than a number, or one that is trained.
        """
        found = self._known.get(_identity(tensor))
        if found is not None:
            return found
        if tensor.numel() != 1 or tensor.requires_grad:
            raise TraceError(
                f"a tensor {list(tensor.shape)} that is no parameter cannot be expressed; declare it as one"
            )
        return float(tensor.detach())

    # Defined here and not in the mode itself, whose methods torch wraps so that they import its compiler.
    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Compute an operation and take it down."""
        name = name_of(func)
        self.line = self._line(name)
        if name not in LOWERINGS and name.removesuffix("_") in LOWERINGS:
            return self._in_place(name, func, args, kwargs or {})
        if name not in LOWERINGS:
            result = self._by_parts(name, func, args, kwargs or {})
            if result is not NotImplemented:
                return result
            raise self._unknown(name)
        result = func(*args, **(kwargs or {}))
        traced = lower(self._context, name, self._all(args), self._all(kwargs or {}))
        if isinstance(result, Tensor):
            self.know(result, traced)
        else:
            self._know_all(result, traced)
        return result

    def _by_parts(self, name: str, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """An operation such as silu, of which torch knows what it is made of."""
        parts = torch._decomp.decomposition_table.get(func, func.decompose)
        try:
            with self:  # type: ignore[attr-defined]
                return parts(*args, **kwargs)
        except TraceError as error:
            raise self._unknown(name) from error

    def _in_place(self, name: str, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        """An operation that changes its first operand, which is another value from then on.

        Raises:
            TraceError: other tensors see the same memory.
        """
        tensor: Tensor = args[0]
        if self._views[_storage(tensor)] != {_identity(tensor)}:
            raise TraceError(f"{short_name(name)} changes a tensor in place that something else sees, too")
        traced = lower(self._context, name.removesuffix("_"), self._all(args), self._all(kwargs))
        func(*args, **kwargs)
        self._known[_identity(tensor)] = traced
        return tensor

    def _know_all(self, results: Any, traced: Any) -> None:
        for tensor, one in zip(results, traced, strict=True):
            if tensor is not None:
                self.know(tensor, one)

    def _all(self, arguments: Any) -> Any:
        """Arguments with what the tensors are in place of the tensors."""
        if isinstance(arguments, Tensor):
            return self.traced(arguments)
        if isinstance(arguments, Mapping):
            return {name: self._all(value) for name, value in arguments.items()}
        return [self._all(item) for item in arguments] if isinstance(arguments, list | tuple) else arguments

    def _line(self, name: str) -> int | None:
        """The line of the step that called an operation, or whose gradient it is, as far as that can be told.

        Only frames inside the traced call count: the cell's file may be the script that is running, too.
        """
        frame: FrameType | None = sys._getframe(2)
        found = self._frame = None
        while frame is not None and frame.f_code not in _TRACED_CALLS:
            found = found or (frame if frame.f_code.co_filename == self._file else None)
            frame = frame.f_back
        if found is None:
            return self._lines.get(_spoken(name), self._lines.get(_spoken(_gradient_of())))
        self._lines[_spoken(name)] = found.f_lineno
        self._frame = found
        return found.f_lineno

    def _unknown(self, name: str) -> TraceError:
        """The refusal of an operation; one that the user has not written comes from inside what the line calls."""
        error, frame = unknown(name), self._frame
        if frame is None or _spoken(name) in _spoken(_call_in(frame)):
            return error
        return TraceError(f"{error.message}; it comes from inside what this line calls")


class _Recording(_Lowers, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The mode under which every operation is lowered."""


def _identity(tensor: Tensor) -> tuple[object, ...]:
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _spoken(name: str) -> str:
    """The name of an operation, or the text that calls it, such that the many spellings of one are equal."""
    return re.sub(r"\W|_", "", name.removeprefix("aten.").removesuffix("_backward")).lower()


def _gradient_of() -> str:
    """The operation whose gradient torch computes now: ``lerp`` for the node LerpBackward0."""
    node = torch._C._current_autograd_node()
    return "" if node is None else str(node.name()).partition("Backward")[0]


def _call_in(frame: FrameType) -> str:
    """The text of the call, over all its lines, at which a frame stands."""
    lines = list(frame.f_code.co_positions())[frame.f_lasti // 2][:2]
    first, last = (frame.f_lineno if line is None else line for line in lines)
    file = frame.f_code.co_filename
    return " ".join(linecache.getline(file, line, frame.f_globals) for line in range(first, last + 1))


def _line_of(error: Exception, cell: Cell) -> int | None:
    """The line of the step's file through which an error came."""
    file = _code_of(cell).co_filename
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return frames[-1].lineno if frames else None
