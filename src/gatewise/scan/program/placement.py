"""Where each recorded step runs: once, for all time steps at once, or inside the loop; forward or backward."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from gatewise.scan.program.draft import Draft
from gatewise.scan.program.form import Instruction, Product
from gatewise.scan.program.operations import OPERATIONS

Step = Instruction | Product


class Place(IntEnum):
    """The sections of a program, in the order in which they run."""

    FORWARD_ONCE = 0
    FORWARD_ALL = 1
    FORWARD_STEP = 2
    BACKWARD_ONCE = 3
    BACKWARD_STEP = 4
    BACKWARD_ALL = 5
    BACKWARD_ONCE_AFTER = 6


def targets(step: Step) -> tuple[int, ...]:
    """The values that a step defines."""
    return step.targets if isinstance(step, Product) else (step.target,)


def ends_stage(step: Step) -> bool:
    """Whether a step is a product or a reduction: it needs whole rows before anything can go on."""
    return isinstance(step, Product) or OPERATIONS[step.operation].kind == "reduction"


def adds_up(step: Step) -> bool:
    """Whether a step adds a row to a sum."""
    return isinstance(step, Instruction) and OPERATIONS[step.operation].kind == "sum"


class Placement:
    """The place of every step that some result needs.

    What the new states need and no state feeds goes out of the loop. In the backward part the loop holds what the
    gradients of the states before need, and the sums that can be taken while their rows are at hand.

    Args:
        draft: the recorded steps.
        after: the rows that become the states.
        before: the rows that become the gradients of the states before.
        input_gradient: the row that becomes the gradient of x.
        others: every other value that is a result, or an operand of a matrix's gradient.
    """

    def __init__(
        self, draft: Draft, after: set[int], before: set[int], input_gradient: int, others: Iterable[int]
    ) -> None:
        self._draft, self._new_states, self._input_gradient = draft, after, input_gradient
        self._source_of = {value: step for step in draft.steps for value in targets(step)}
        self._after, self._before = self._ancestors(after), self._ancestors(before)
        self._results = {input_gradient, *others}
        needed = self._after | self._before | self._ancestors(self._results)
        self._steps = [step for step in draft.steps if not needed.isdisjoint(targets(step))]
        self._readers: dict[int, list[Step]] = {}
        for step in self._steps:
            for source in step.sources:
                self._readers.setdefault(source, []).append(step)
        self.of: dict[int, Place] = {}
        self._place_all()

    def steps(self, place: Place) -> list[Step]:
        """The steps of one section, in the order in which they were recorded."""
        return [step for step in self._steps if self.of[targets(step)[0]] is place]

    def _ancestors(self, roots: Iterable[int]) -> set[int]:
        """The computed values that the roots are made of, the roots among them; all parts of a product together."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            step = self._source_of.get(waiting.pop())
            if step is not None and found.isdisjoint(targets(step)):
                found.update(targets(step))
                waiting.extend(step.sources)
        return found

    def _place_all(self) -> None:
        late = []
        for step in self._steps:
            place = self._settled_place(step)
            if place is None:
                late.append(step)
            else:
                self.of.update(dict.fromkeys(targets(step), place))
        for step in late:
            place = Place.BACKWARD_ALL if self._better_outside(step) else Place.BACKWARD_STEP
            self.of.update(dict.fromkeys(targets(step), place))
        for step in reversed(late):
            if self._read_outside_only(step):
                self.of.update(dict.fromkeys(targets(step), Place.BACKWARD_ALL))

    def _settled_place(self, step: Step) -> Place | None:
        """The place of a step that has no choice; None for one that no earlier time step waits for."""
        value = targets(step)[0]
        forward = value in self._after
        if self._draft.levels[value] == "call":
            return Place.FORWARD_ONCE if forward else Place.BACKWARD_ONCE
        if self._draft.levels[value] == "sum" and not adds_up(step):
            return Place.BACKWARD_ONCE_AFTER
        if forward:
            return Place.FORWARD_STEP if self._sees_state(step) else Place.FORWARD_ALL
        return Place.BACKWARD_STEP if value in self._before else None

    def _sees_state(self, step: Step) -> bool:
        """Whether a forward step depends on a state, or has to be in the loop because it makes one."""
        return not self._new_states.isdisjoint(targets(step)) or any(
            self._draft.values[source].kind == "state" or self.of.get(source) is Place.FORWARD_STEP
            for source in step.sources
        )

    def _better_outside(self, step: Step) -> bool:
        """Products and reductions, what follows them, and what would read something only for itself into the loop."""
        if ends_stage(step) or self._input_gradient in targets(step):
            return True
        return any(
            self.of.get(source) is Place.BACKWARD_ALL
            or (self.of.get(source) is Place.FORWARD_ALL and not self._in_loop(source))
            for source in step.sources
        )

    def _in_loop(self, value: int) -> bool:
        """Whether a loop reads a value in any case."""
        loops = (Place.FORWARD_STEP, Place.BACKWARD_STEP)
        return any(self.of.get(targets(reader)[0]) in loops for reader in self._readers[value])

    def _read_outside_only(self, step: Step) -> bool:
        """Whether only instructions after the loop read a row, which is then better made there."""
        if isinstance(step, Product) or adds_up(step) or step.target in self._results:
            return False
        readers = self._readers.get(step.target, [])
        return all(
            isinstance(reader, Instruction) and self.of[reader.target] is Place.BACKWARD_ALL for reader in readers
        )
