"""A step program run in torch, forward and backward, over whole sequences: slow, plain, and independent of any step.

It is the second witness for whatever else runs programs: it knows the program alone, neither the cell nor autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.scan.noise import chosen
from gatewise.scan.packed import Packed
from gatewise.scan.program.errors import ProgramError
from gatewise.scan.program.form import Instruction, Product, Program, Section
from gatewise.scan.program.sizes import solve_widths, units
from gatewise.scan.result import Scan

Values = dict[int, Tensor]


def _truth(compare: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda a, b: compare(a, b).to(a.dtype)


MEANING: dict[str, Callable[..., Tensor]] = {
    "copy": torch.clone,
    "neg": torch.neg,
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "greater": _truth(torch.gt),
    "greater_equal": _truth(torch.ge),
    "equal": _truth(torch.eq),
    "select": lambda truth, yes, no: torch.where(truth != 0, yes, no),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "abs": torch.abs,
    "sign": torch.sign,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "sigmoid_gradient": lambda gradient, result: gradient * (result * (1.0 - result)),
    "tanh_gradient": lambda gradient, result: gradient * (1.0 - result * result),
    "relu_gradient": lambda gradient, result: torch.where(result > 0, gradient, torch.zeros_like(gradient)),
    "row_sum": lambda row: row.sum(-1, keepdim=True),
    "row_mean": lambda row: row.mean(-1, keepdim=True),
    "row_max": lambda row: row.amax(-1, keepdim=True),
}
"""Operation -> what it computes on [n, width], [width], or [n, 1] and [1] where one number stands for a row."""


@dataclass(frozen=True)
class Run:
    """A forward pass and what the backward pass needs of it.

    Args:
        scan: outputs, final states and all states.
        tape: value -> [N, width] of each row that is kept, and the vectors made of parameters.
        x: the sequences.
        parameters: name -> tensor.
        reverse: whether time ran backwards.
        keys: [N] where each row stands (``Zoneout.keys``), for a program that chooses units.
    """

    scan: Scan
    tape: Values
    x: Packed
    parameters: Mapping[str, Tensor]
    reverse: bool
    keys: Tensor | None = None


@dataclass(frozen=True)
class Gradients:
    """The gradients of everything that a run was given.

    Args:
        input: [N, X].
        initial: state -> [B, width].
        parameters: name -> as the parameter.
    """

    input: Tensor
    initial: dict[str, Tensor]
    parameters: dict[str, Tensor]


def _times(x: Packed, reverse: bool) -> Iterable[int]:
    times = range(len(x.batch_sizes))
    return reversed(times) if reverse else times


def interpret(
    program: Program,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    keys: Tensor | None = None,
) -> Run:
    """The forward part of a program over whole sequences.

    Args:
        program: a program that ``check`` has seen.
        parameters: name -> tensor, the program's vectors and matrices.
        x: the sequences, the longest first.
        initial: state -> [B, width].
        reverse: whether time runs backwards, each sequence from its own end.
        keys: [N] where each row stands (``Zoneout.keys``), for a program that chooses units.

    Raises:
        ShapeError: a parameter or a state that the program has is missing, or of another shape.
        ProgramError: the program chooses units, but no keys came.

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.scan.trace import trace
        >>> weights = {"weight_ih": torch.ones(2, 3), "weight_hh": torch.ones(2, 2)}
        >>> program = trace(find("rnn", nonlinearity="relu"), bias=False)
        >>> run = interpret(program, weights, Packed(torch.ones(2, 3), (1, 1)), {"hidden": torch.zeros(1, 2)})
        >>> run.scan.outputs.tolist()
        [[3.0, 3.0], [9.0, 9.0]]
    """
    machine = _Machine(program, parameters, x, initial, keys)
    forward = program.forward
    machine.section(forward.once, machine.vectors)
    rows: Values = {program.input: x.data}
    machine.section(forward.all_steps, rows)
    carry = {name: initial[name].clone() for name in initial}
    kept = _Kept((*forward.kept, *(state.after for state in program.states)), len(x.batch_sizes))
    for time in _times(x, reverse):
        values = {index: machine.at(tensor, time) for index, tensor in rows.items()}
        count = x.batch_sizes[time]
        values |= {state.before: carry[state.name][:count].clone() for state in program.states}
        machine.section(forward.step, values, time)
        for state in program.states:
            carry[state.name][:count] = values[state.after]
        kept.take(values, time)
    tape = kept.rows() | machine.vectors | {program.input: x.data}
    states = {state.name: tape[state.after] for state in program.states}
    scan = Scan(states[program.states[0].name], carry, states, "interpreter")
    return Run(scan, tape, x, parameters, reverse, keys)


def interpret_backward(
    program: Program,
    run: Run,
    outputs: Tensor,
    final: Mapping[str, Tensor],
    states: Mapping[str, Tensor] | None = None,
) -> Gradients:
    """The backward part of a program over the sequences of a run.

    Args:
        program: the program of the run.
        run: the forward pass.
        outputs: [N, out], the gradient of the outputs.
        final: state -> [B, width], the gradients of the final states.
        states: state -> [N, width], gradients of all states of all steps, if they have any.
    """
    given = dict(states or {})
    first = program.states[0].name
    given[first] = given[first] + outputs if first in given else outputs
    machine = _Machine(program, run.parameters, run.x, final, run.keys)
    machine.vectors.update(run.tape)
    backward = program.backward
    machine.section(backward.once, machine.vectors)
    rows = {index: run.tape[index] for index in (*program.forward.kept, program.input)}
    carry = {name: final[name].clone() for name in final}
    kept = _Kept(backward.kept, len(run.x.batch_sizes))
    for time in _times(run.x, not run.reverse):
        values = {index: machine.at(tensor, time) for index, tensor in rows.items()}
        count = run.x.batch_sizes[time]
        for state in program.states:
            after = carry[state.name][:count].clone()
            values[state.gradient_after] = after + machine.at(given[state.name], time) if state.name in given else after
        machine.section(backward.step, values, time)
        for state in program.states:
            carry[state.name][:count] = values[state.gradient_before]
        kept.take(values, time)
    rows |= kept.rows()
    machine.section(backward.all_steps, rows)
    machine.section(backward.once_after, machine.vectors)
    return Gradients(rows[backward.input_gradient], carry, machine.gradients(rows))


class _Kept:
    """Rows of single time steps, put side by side when all are there."""

    def __init__(self, values: Iterable[int], length: int) -> None:
        self._pieces: dict[int, list[Tensor]] = {value: [torch.empty(0)] * length for value in values}

    def take(self, values: Values, time: int) -> None:
        for value, pieces in self._pieces.items():
            pieces[time] = values[value]

    def rows(self) -> Values:
        return {value: torch.cat(pieces) for value, pieces in self._pieces.items()}


class _Machine:
    """Executes sections; what is the same for every row lies in ``vectors``."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, Tensor],
        x: Packed,
        states: Mapping[str, Tensor],
        keys: Tensor | None,
    ) -> None:
        self._program, self._parameters, self._x, self._keys = program, parameters, x, keys
        self._widths = solve_widths(program, parameters, x.data, states)
        like = x.data
        self.vectors: Values = {
            index: like.new_tensor([value.number])
            for index, value in enumerate(program.values)
            if value.kind == "constant"
        }
        self.vectors |= {
            index: like.new_tensor([self._widths[value.name]])
            for index, value in enumerate(program.values)
            if value.kind == "size"
        }
        for vector in program.vectors:
            parts = parameters[vector.name].chunk(len(vector.parts))
            self.vectors.update(zip(vector.parts, parts, strict=True))

    def at(self, rows: Tensor, time: int) -> Tensor:
        """The rows of one time step."""
        begin = self._x.offsets[time]
        return rows[begin : begin + self._x.batch_sizes[time]]

    def section(self, section: Section, values: Values, time: int | None = None) -> None:
        """Run the stages, of one time step or of all; results go to ``values``, sums to the vectors."""
        for stage in section:
            for product in stage.products:
                self._product(product, values)
            for instruction in stage.instructions:
                if instruction.operation == "chosen":
                    values[instruction.target] = self._chosen(instruction, time)
                else:
                    self._instruction(instruction, values)

    def _chosen(self, instruction: Instruction, time: int | None) -> Tensor:
        if self._keys is None:
            raise ProgramError("it chooses units, but nothing says where its rows stand", where="step program")
        rate, state = (self._program.values[source].number for source in instruction.sources)
        keys = self._keys if time is None else self.at(self._keys, time)
        return chosen(keys, int(state), self._width(instruction.target), rate).to(self._x.data.dtype)

    def _product(self, product: Product, values: Values) -> None:
        matrix = self._parameters[self._program.matrices[product.matrix].name]
        sources = torch.cat([values[source] for source in product.sources], 1)
        result = sources @ (matrix if product.transposed else matrix.t())
        widths = [self._width(target) for target in product.targets]
        values.update(zip(product.targets, torch.split(result, widths, 1), strict=True))

    def _instruction(self, instruction: Instruction, values: Values) -> None:
        sources = [values[source] if source in values else self.vectors[source] for source in instruction.sources]
        if instruction.operation == "accumulate":
            total = sources[0].sum(0)
            known = self.vectors.get(instruction.target)
            self.vectors[instruction.target] = total if known is None else known + total
            return
        result = MEANING[instruction.operation](*sources)
        rows = values is not self.vectors
        shape = (*((self._rows(values),) if rows else ()), self._width(instruction.target))
        values[instruction.target] = result.expand(shape)

    def _rows(self, values: Values) -> int:
        return next(tensor.size(0) for tensor in values.values())

    def _width(self, value: int) -> int:
        return units(self._widths, self._program.values[value].width)

    def gradients(self, rows: Values) -> dict[str, Tensor]:
        """Parameter -> its gradient: the sums, and the products that were left for the end."""
        found: dict[str, Tensor] = {}
        for vector in self._program.vectors:
            like = self.vectors[vector.parts[0]]
            found[vector.name] = torch.cat([self.vectors[index].expand_as(like) for index in vector.gradients])
        for matrix in self._program.matrices:
            found[matrix.name] = torch.zeros_like(self._parameters[matrix.name])
            for term in matrix.gradient:
                left, right = (torch.cat([rows[index] for index in side], 1) for side in (term.left, term.right))
                found[matrix.name] += left.t() @ right
        return found
