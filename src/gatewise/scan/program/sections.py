"""The check of a program's sections: what each step reads and writes."""

from __future__ import annotations

from typing import NoReturn

from gatewise.scan.program.errors import ProgramError, shown
from gatewise.scan.program.form import BROADCAST, RESULTS, Instruction, Kind, Product, Program, Section, Value
from gatewise.scan.program.operations import OPERATIONS


class Sections:
    """Remembers what has been defined while the sections are walked through in the order in which they run.

    Args:
        program: its values have been checked.
    """

    def __init__(self, program: Program) -> None:
        self._program, self._values = program, program.values
        self._defined: set[int] = set()
        self._where = ""
        self.sums: set[int] = set()

    def walk(self, title: str, section: Section, kind: Kind, readable: set[int], sums: bool = False) -> set[int]:
        """The values that a section makes, sums left out.

        Args:
            title: what the section is called, for the message.
            section: its stages.
            kind: the kind of its results, "row" or "vector".
            readable: what may be read at its beginning.
            sums: whether it may add to sums.

        Raises:
            ProgramError: naming the stage and what is wrong with it.
        """
        made: set[int] = set()
        for number, stage in enumerate(section, 1):
            self._where = f"step program: {title}, stage {number}"
            fresh: set[int] = set()
            for product in stage.products:
                if kind != "row":
                    self._refuse("a product is of rows")
                fresh.update(self._product(product, readable | made))
            made |= fresh
            made |= self._instructions(stage.instructions, kind, readable | made, sums)
        return made

    def check_all_defined(self) -> None:
        """Refuse results that no step makes.

        Raises:
            ProgramError: naming the first one.
        """
        results = {index for index, value in enumerate(self._values) if value.kind in RESULTS}
        if results != self._defined:
            raise ProgramError(f"value {min(results - self._defined)} is never made", where="step program")

    def _instructions(
        self, instructions: tuple[Instruction, ...], kind: Kind, readable: set[int], sums: bool
    ) -> set[int]:
        """What the instructions of one stage make; a reduction is readable only after the stage."""
        made: set[int] = set()
        now = readable.copy()
        for instruction in instructions:
            operation = OPERATIONS.get(instruction.operation)
            if operation is None:
                self._refuse(f"unknown operation {instruction.operation[:40]!r}")
            if len(instruction.sources) != operation.sources:
                self._refuse(f"{instruction.operation} reads {operation.sources} values")
            for source in instruction.sources:
                self._read(source, now)
            if operation.kind == "sum" and not sums:
                self._refuse("sums are taken in the backward part only")
            self._define(instruction.target, "sum" if operation.kind == "sum" else kind)
            if operation.kind == "choice":
                self._check_choice(instruction, kind)
            self._check_widths(instruction, operation.kind)
            if operation.kind == "sum":
                self.sums.add(instruction.target)
            else:
                made.add(instruction.target)
                now |= set() if operation.kind == "reduction" else {instruction.target}
        return made

    def _check_choice(self, instruction: Instruction, kind: Kind) -> None:
        rate, state = (self._values[source] for source in instruction.sources)
        if kind != "row":
            self._refuse("only rows have units to choose")
        if rate.kind != "constant" or not 0.0 <= rate.number <= 1.0:
            self._refuse("units are chosen at a rate that is a number from 0 to 1")
        if state.kind != "constant" or state.number not in range(len(self._program.states)):
            self._refuse(f"units are chosen of a state, numbered 0 to {len(self._program.states) - 1}")

    def _check_widths(self, instruction: Instruction, kind: str) -> None:
        target = self._values[instruction.target].width
        sources = [self._values[source] for source in instruction.sources]
        if kind == "reduction":
            fits = target == "1"
        elif kind == "sum":
            fits = target == sources[0].width and sources[0].kind not in BROADCAST
        else:
            fits = all(source.width in (target, "1") for source in sources)
        if not fits:
            widths = " and ".join(f"{source.kind} [{source.width}]" for source in sources)
            self._refuse(f"{instruction.operation} cannot make [{target}] of {widths}")

    def _product(self, product: Product, readable: set[int]) -> tuple[int, ...]:
        if not 0 <= product.matrix < len(self._program.matrices):
            self._refuse(f"there is no matrix {shown(product.matrix)}")
        matrix = self._program.matrices[product.matrix]
        read, written = (matrix.rows, matrix.columns) if product.transposed else (matrix.columns, matrix.rows)
        sources = [self._read(source, readable) for source in product.sources]
        if any(source.kind in BROADCAST for source in sources):
            self._refuse("a product is of rows")
        for target in product.targets:
            self._define(target, "row")
        for values, widths in ((sources, read), ([self._values[target] for target in product.targets], written)):
            came = tuple(value.width for value in values)
            if came != widths:
                self._refuse(f"the product with {matrix.name} has parts of the widths {widths}, but {came} came")
        return product.targets

    def _read(self, index: int, readable: set[int]) -> Value:
        if index not in readable:
            self._refuse(f"value {shown(index)} is read, but is not there yet or not in this section")
        return self._values[index]

    def _define(self, index: int, kind: Kind) -> None:
        if not 0 <= index < len(self._values) or self._values[index].kind != kind or index in self._defined:
            self._refuse(f"value {shown(index)} is made, but is no {kind} or was made before")
        self._defined.add(index)

    def _refuse(self, message: str) -> NoReturn:
        raise ProgramError(message, where=self._where)
