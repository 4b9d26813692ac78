"""A draft becomes a program: steps in sections and stages, what is kept between them, values numbered in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gatewise.scan.program.draft import Draft
from gatewise.scan.program.form import (
    Backward,
    Forward,
    Instruction,
    Matrix,
    Outer,
    Product,
    Program,
    Section,
    Stage,
    State,
    Vector,
)
from gatewise.scan.program.placement import Place, Placement, Step, ends_stage, targets


@dataclass(frozen=True)
class Results:
    """What a draft computes, in the draft's numbers.

    Args:
        cell: the cell and its constants, for a reader.
        input: the value of x.
        input_gradient: the row that is the gradient of x.
        states: the states; ``after`` and ``gradient_before`` are rows.
        vectors: the parameter vectors with their gradients.
        gradients: for each matrix of the draft the terms of its gradient.
    """

    cell: str
    input: int
    input_gradient: int
    states: tuple[State, ...]
    vectors: tuple[Vector, ...]
    gradients: tuple[tuple[Outer, ...], ...]


def schedule(draft: Draft, results: Results) -> Program:
    """The program of a draft: the same draft always gives the same program.

    Args:
        draft: the recorded steps.
        results: which of its values are results.
    """
    results = _in_their_places(draft, results)
    placement = _place(draft, results)
    once, all_steps, step, once_back, step_back, all_steps_back, once_after = (
        _stages(placement.steps(place)) for place in Place
    )
    kept = _kept(draft, results, placement)
    program = Program(
        results.cell,
        results.input,
        tuple(draft.values),
        results.states,
        results.vectors,
        tuple(
            Matrix(matrix.name, matrix.rows, matrix.columns, terms)
            for matrix, terms in zip(draft.matrices, results.gradients, strict=True)
        ),
        Forward(once, all_steps, step, kept[0]),
        Backward(once_back, step_back, all_steps_back, once_after, kept[1], results.input_gradient),
    )
    return number(program)


def number(program: Program) -> Program:
    """The same program, its values numbered in the order in which they are given and made, unused ones left out.

    Args:
        program: a program whose values have any numbers.
    """
    return _Numbering(program).program()


def _place(draft: Draft, results: Results) -> Placement:
    operands = [value for terms in results.gradients for term in terms for value in (*term.left, *term.right)]
    gradients = [value for vector in results.vectors for value in vector.gradients]
    after = {state.after for state in results.states}
    before = {state.gradient_before for state in results.states}
    return Placement(draft, after, before, results.input_gradient, gradients + operands)


def _in_their_places(draft: Draft, results: Results) -> Results:
    """Results that are given, or made in another section, are copied into the section where they have to be made."""
    placement = _place(draft, results)

    def within(value: int, place: Place) -> int:
        return value if placement.of.get(value) is place else draft.copy_anew(value)

    states = tuple(
        replace(
            state,
            after=within(state.after, Place.FORWARD_STEP),
            gradient_before=within(state.gradient_before, Place.BACKWARD_STEP),
        )
        for state in results.states
    )
    return replace(results, states=states, input_gradient=within(results.input_gradient, Place.BACKWARD_ALL))


def _stages(steps: list[Step]) -> Section:
    """Each step as early as it can run; a product reads earlier stages only, a reduction is read by later ones only."""
    ready: dict[int, int] = {}  # value -> the first stage in which an instruction may read it
    made: dict[int, int] = {}  # value -> the stage that makes it
    stages: list[tuple[list[Product], list[Instruction]]] = []
    for step in steps:
        if isinstance(step, Product):
            stage = max((made[source] + 1 for source in step.sources if source in made), default=0)
        else:
            stage = max((ready[source] for source in step.sources if source in ready), default=0)
        while len(stages) <= stage:
            stages.append(([], []))
        for value in targets(step):
            made[value] = stage
            ready[value] = stage + (isinstance(step, Instruction) and ends_stage(step))
        if isinstance(step, Product):
            stages[stage][0].append(step)
        else:
            stages[stage][1].append(step)
    return tuple(Stage(tuple(products), tuple(instructions)) for products, instructions in stages)


def _kept(draft: Draft, results: Results, placement: Placement) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The rows that cross from the forward to the backward part, and out of the backward loop."""
    after = {value for terms in results.gradients for term in terms for value in (*term.left, *term.right)}
    after.update(value for step in placement.steps(Place.BACKWARD_ALL) for value in step.sources)
    backward = after | {value for step in placement.steps(Place.BACKWARD_STEP) for value in step.sources}

    def made(value: int, places: Iterable[Place], kind: str) -> bool:
        return draft.values[value].kind == kind or (
            draft.levels[value] == "row" and placement.of.get(value) in tuple(places)
        )

    forward = (Place.FORWARD_ALL, Place.FORWARD_STEP)
    return (
        tuple(sorted(value for value in backward if made(value, forward, "state"))),
        tuple(sorted(value for value in after if made(value, (Place.BACKWARD_STEP,), "gradient"))),
    )


class _Numbering:
    """The values of a scheduled program in the order in which they are given and made; unused ones are left out."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._numbers: dict[int, int] = {}
        self._count([program.input])
        for state in program.states:
            self._count([state.before, state.gradient_after])
        for vector in program.vectors:
            self._count(vector.parts)
        forward, backward = program.forward, program.backward
        for section in (forward.once, forward.all_steps, forward.step):
            self._count_section(section)
        for section in (backward.once, backward.step, backward.all_steps, backward.once_after):
            self._count_section(section)
        for vector in program.vectors:
            self._count(vector.gradients)

    def _count(self, values: Iterable[int]) -> None:
        for value in values:
            self._numbers.setdefault(value, len(self._numbers))

    def _count_section(self, section: Section) -> None:
        for stage in section:
            steps: tuple[Step, ...] = (*stage.products, *stage.instructions)
            for step in steps:
                self._count(value for value in step.sources if self._program.values[value].kind in ("constant", "size"))
                self._count(targets(step))

    def program(self) -> Program:
        """The program in its final numbers."""
        old = self._program
        return Program(
            old.cell,
            self._new(old.input),
            tuple(old.values[value] for value in self._numbers),
            tuple(
                State(s.name, *map(self._new, (s.before, s.after, s.gradient_after, s.gradient_before)))
                for s in old.states
            ),
            tuple(Vector(v.name, self._all(v.parts), self._all(v.gradients)) for v in old.vectors),
            tuple(replace(m, gradient=tuple(map(self._outer, m.gradient))) for m in old.matrices),
            Forward(
                self._section(old.forward.once),
                self._section(old.forward.all_steps),
                self._section(old.forward.step),
                tuple(sorted(self._all(old.forward.kept))),
            ),
            self._backward(old.backward),
        )

    def _backward(self, old: Backward) -> Backward:
        return Backward(
            self._section(old.once),
            self._section(old.step),
            self._section(old.all_steps),
            self._section(old.once_after),
            tuple(sorted(self._all(old.kept))),
            self._new(old.input_gradient),
        )

    def _section(self, section: Section) -> Section:
        return tuple(
            Stage(
                tuple(
                    replace(product, targets=self._all(product.targets), sources=self._all(product.sources))
                    for product in stage.products
                ),
                tuple(
                    replace(item, target=self._new(item.target), sources=self._all(item.sources))
                    for item in stage.instructions
                ),
            )
            for stage in section
        )

    def _outer(self, outer: Outer) -> Outer:
        return Outer(self._all(outer.left), self._all(outer.right))

    def _all(self, values: Iterable[int]) -> tuple[int, ...]:
        return tuple(map(self._new, values))

    def _new(self, value: int) -> int:
        return self._numbers[value]
