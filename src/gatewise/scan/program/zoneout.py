"""Zoneout as a transformation: a program whose states keep some of their units, and the gradients of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from gatewise.errors import SettingError
from gatewise.scan.program.form import Instruction, Kind, Outer, Product, Program, Section, Stage, State, Value
from gatewise.scan.program.operations import OPERATIONS
from gatewise.scan.program.placement import Step, targets
from gatewise.scan.program.schedule import number


def with_zoneout(program: Program, rates: Mapping[str, float], training: bool) -> Program:
    """The program of the same cell under zoneout.

    ::

        s' = m s + (1 - m) step(s)      ds += m ds'      d step = (1 - m) ds'      in training, m in {0, 1}
        s' = r s + (1 - r) step(s)      ds += r ds'      d step = (1 - r) ds'      in evaluation

    The masks m are chosen anew in the backward part, from the same seed and places, so that none is kept.

    Args:
        program: a program that ``check`` has seen.
        rates: state -> rate r from 0 to 1, the probability of m = 1; states not named are left alone.
        training: whether units are chosen, or the expectation is taken.

    Returns:
        a program that ``check`` accepts.

    Raises:
        SettingError: a rate outside 0..1, or for a state that the program does not have.

    Source: Krueger et al. 2017, Zoneout (arXiv:1606.01305).

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.scan.trace import trace
        >>> zoned = with_zoneout(trace(find("rnn")), {"hidden": 0.1}, training=True)
        >>> [instruction.operation for instruction in zoned.forward.step[0].instructions]
        ['add', 'add', 'tanh', 'chosen', 'select']
    """
    names = [state.name for state in program.states]
    for name, rate in rates.items():
        if name not in names:
            raise SettingError(f"the cell has no state {name!r}, only {', '.join(names)}", where="zoneout")
        if not 0.0 <= rate <= 1.0:
            raise SettingError(f"the rate of {name} must be between 0 and 1, but {rate} was given", where="zoneout")
    return _Change(program, rates, training).program()


class _Change:
    """A program on its way: its values grow, its loops change, and the rest is numbered anew at the end."""

    def __init__(self, program: Program, rates: Mapping[str, float], training: bool) -> None:
        self._old, self._rates, self._training = program, rates, training
        self._values = list(program.values)
        self._forward, self._backward = program.forward.step, program.backward.step

    def program(self) -> Program:
        old = self._old
        zoned = [place for place, state in enumerate(old.states) if self._rates.get(state.name)]
        left = {old.states[place].gradient_after: self._row_like(old.states[place].before) for place in zoned}
        back = _Renaming(left)
        self._backward = back.section(self._backward)
        states = list(old.states)
        for place in zoned:
            states[place] = self._zoned(states[place], place, left)
        backward = replace(
            old.backward,
            step=self._backward,
            all_steps=back.section(old.backward.all_steps),
            kept=back.values(old.backward.kept),
        )
        matrices = tuple(replace(matrix, gradient=tuple(map(back.outer, matrix.gradient))) for matrix in old.matrices)
        forward = replace(old.forward, step=self._forward)
        given = replace(old, values=tuple(self._values), states=tuple(states), matrices=matrices)
        return number(replace(given, forward=forward, backward=backward))

    def _zoned(self, state: State, place: int, left: Mapping[int, int]) -> State:
        """The state, blended at the end of the step; of its gradient the step gets what the old state leaves."""
        after, before = self._row_like(state.before), self._row_like(state.before)
        through = self._row_like(state.before)
        given, for_step = state.gradient_after, left[state.gradient_after]
        if self._training:
            mask, again, zero = self._row_like(state.before), self._row_like(state.before), self._constant(0.0)
            choice = (self._constant(self._rates[state.name]), self._constant(place))
            blend = [
                Instruction("chosen", mask, choice),
                Instruction("select", after, (mask, state.before, state.after)),
            ]
            parting = [
                Instruction("chosen", again, choice),
                Instruction("select", through, (again, given, zero)),
                Instruction("select", for_step, (again, zero, given)),
            ]
        else:
            blend = self._between(state, after)
            rate = self._rates[state.name]
            parting = [
                Instruction("mul", through, (given, self._constant(rate))),
                Instruction("mul", for_step, (given, self._constant(1.0 - rate))),
            ]
        self._forward = _after(self._forward, state.after, blend)
        joined = [Instruction("add", before, (state.gradient_before, through))]
        self._backward = _before(_after(self._backward, state.gradient_before, joined), {for_step, through}, parting)
        return replace(state, after=after, gradient_before=before)

    def _between(self, state: State, after: int) -> list[Instruction]:
        """Written from the nearer end, as ``torch.lerp`` does, so that rates of 0 and 1 are exact."""
        rate = self._rates[state.name]
        apart, share = self._row_like(state.before), self._row_like(state.before)
        near, far, part = (state.after, state.before, rate) if rate < 0.5 else (state.before, state.after, 1.0 - rate)
        return [
            Instruction("sub", apart, (far, near)),
            Instruction("mul", share, (apart, self._constant(part))),
            Instruction("add", after, (near, share)),
        ]

    def _row_like(self, value: int) -> int:
        return self._new("row", self._values[value].width)

    def _constant(self, value: float) -> int:
        return self._new("constant", "1", float(value))

    def _new(self, kind: Kind, width: str, number: float = 0.0) -> int:
        self._values.append(Value(kind, width, number=number))
        return len(self._values) - 1


class _Renaming:
    """Other values in place of some, in all that reads."""

    def __init__(self, names: Mapping[int, int]) -> None:
        self._names = names

    def values(self, values: Iterable[int]) -> tuple[int, ...]:
        return tuple(self._names.get(value, value) for value in values)

    def section(self, section: Section) -> Section:
        return tuple(
            Stage(
                tuple(replace(product, sources=self.values(product.sources)) for product in stage.products),
                tuple(replace(item, sources=self.values(item.sources)) for item in stage.instructions),
            )
            for stage in section
        )

    def outer(self, outer: Outer) -> Outer:
        return Outer(self.values(outer.left), self.values(outer.right))


def _steps(stage: Stage) -> tuple[Step, ...]:
    return (*stage.products, *stage.instructions)


def _before(section: Section, values: AbstractSet[int], instructions: list[Instruction]) -> Section:
    """The instructions in the first stage that reads one of the values they make; in the one before for a product."""
    place = next(
        place - isinstance(step, Product)
        for place, stage in enumerate(section)
        for step in _steps(stage)
        if not values.isdisjoint(step.sources)
    )
    if place < 0:
        return (Stage((), tuple(instructions)), *section)
    return _extended(section, place, lambda there: (*instructions, *there))


def _after(section: Section, value: int, instructions: list[Instruction]) -> Section:
    """The instructions as soon as a value may be read: at the end of its stage; of a reduction's, of the next."""
    place = next(
        place + (isinstance(step, Instruction) and OPERATIONS[step.operation].kind == "reduction")
        for place, stage in enumerate(section)
        for step in _steps(stage)
        if value in targets(step)
    )
    if place == len(section):
        section = (*section, Stage((), ()))
    return _extended(section, place, lambda there: (*there, *instructions))


def _extended(
    section: Section, place: int, change: Callable[[tuple[Instruction, ...]], tuple[Instruction, ...]]
) -> Section:
    stage = section[place]
    return (*section[:place], replace(stage, instructions=change(stage.instructions)), *section[place + 1 :])
