"""The check: a program that passes can be run, and one that could not be run is refused with the reason."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from gatewise.cells import find
from gatewise.errors import ModelFileError
from gatewise.scan.interpret import interpret, interpret_backward
from gatewise.scan.packed import Packed
from gatewise.scan.program import Program, ProgramError, check, from_json, to_json
from gatewise.scan.program.form import Instruction, Value
from gatewise.scan.program.zoneout import with_zoneout
from scan.program.expressions import EXPRESSIONS, cell_of
from scan.program.witness import traced

UNITS = {"H": 4, "P": 3, "X": 2}
ODD = (2**31, 2**63, 1.5, None)
WORDS = ("H", "P", "X", "1", "2", "row", "vector", "sum", "state", "constant", "size")
WORDS += ("add", "tanh", "row_sum", "copy", "chosen")
Change = Callable[[Any], object]


def data_of(name: str) -> Any:
    return json.loads(to_json(traced(find(name))))


def set_at(*path: Any) -> Change:
    """Change one place of the file form: a path of keys, and the new value."""

    def change(data: Any) -> None:
        for key in path[:-2]:
            data = data[key]
        data[path[-2]] = path[-1]

    return change


def unknown_width(data: Any) -> None:
    """A row as wide as nothing that is given."""
    data["values"].append(["row", "P", ""])
    data["forward"]["step"][0]["instructions"].append(["copy", 15, 9])


def steps(part: str, section: str, stage: int, kind: str) -> tuple[Any, ...]:
    return part, section, stage, kind


LOOP = steps("forward", "step", 0, "instructions")
BACK = steps("backward", "step", 0, "instructions")
# rnn: 0 x, 1 hidden, 2 d hidden', 3 bias_ih, 4 bias_hh, 5.. results; see test_text.py for the whole program.
WRONG: dict[str, tuple[Change, str]] = {
    "index too large": (set_at(*LOOP, 0, 2, 99), "value 99 is read, but is not there yet"),
    "negative index": (set_at(*LOOP, 0, 2, -1), "value -1 is read"),
    "target too large": (set_at(*LOOP, 0, 1, 99), "value 99 is made, but is no row or was made before"),
    "made twice": (set_at(*LOOP, 1, 1, 8), "value 8 is made, but is no row or was made before"),
    "over a given value": (set_at(*LOOP, 0, 1, 1), "value 1 is made, but is no row"),
    "before it is made": (set_at(*LOOP, 0, 2, 10), "value 10 is read, but is not there yet"),
    "gradient in the forward part": (set_at(*LOOP, 0, 2, 2), "value 2 is read"),
    "state outside the loop": (set_at("forward", "all_steps", 0, "instructions", 0, 2, 1), "value 1 is read"),
    "not kept": (set_at("forward", "kept", [1]), "value 10 is read"),
    "kept twice": (set_at("forward", "kept", [1, 10, 10]), "it keeps what is not there, or twice"),
    "kept from nowhere": (set_at("forward", "kept", [1, 10, 11]), "it keeps what is not there, or twice"),
    "unknown operation": (set_at(*LOOP, 0, 0, "launch"), "unknown operation 'launch'"),
    "too few operands": (set_at(*LOOP, 0, ["add", 8, 4]), "add reads 2 values"),
    "sum in the forward part": (set_at(*LOOP, 0, ["accumulate", 12, 7]), "sums are taken in the backward part only"),
    "sum of a parameter": (set_at(*BACK, 1, ["accumulate", 12, 3]), "accumulate cannot make [H] of parameter [H]"),
    "width": (set_at("values", 7, 1, "X"), "the product with weight_hh has parts of the widths ('H',)"),
    "width of a sum": (set_at("values", 12, 1, "1"), "accumulate cannot make [1] of row [H]"),
    "reduction to a row": (set_at(*LOOP, 2, 0, "row_sum"), "row_sum cannot make [H] of row [H]"),
    "odd width": (set_at("values", 7, 1, "Z"), "a width is H, P, X or a number from 1 to 65535, but 'Z' came"),
    "width zero": (set_at("values", 7, 1, "0"), "a width is H, P, X or a number"),
    "width too large": (set_at("values", 7, 1, "65536"), "a width is H, P, X or a number"),
    "other digits": (set_at("values", 7, 1, "²"), "a width is H, P, X or a number"),
    "name of a result": (set_at("values", 7, 2, "v"), "only what is given has a name"),
    "no name": (set_at("values", 3, 2, ""), "a printable name of at most 256 characters"),
    "name with a newline": (set_at("states", 0, 0, "a\nb"), "a printable name of at most 256 characters"),
    "long name": (set_at("cell", "x" * 257), "a printable name of at most 256 characters"),
    "same names": (set_at("vectors", 0, 0, "weight_ih"), "two of the same name"),
    "no state": (set_at("states", []), "at least one state is expected"),
    "input is no input": (set_at("input", 1), "is expected to be of kind input"),
    "input out of range": (set_at("input", 77), "value 77 is named, but they are numbered 0 to 14"),
    "given twice": (set_at("vectors", 1, 1, [3]), "a value is given twice or not named"),
    "no such matrix": (set_at("forward", "step", 0, "products", 0, 0, 2), "there is no matrix 2"),
    "product of a parameter": (set_at("forward", "step", 0, "products", 0, 3, [3]), "a product is of rows"),
    "product of too much": (set_at("forward", "step", 0, "products", 0, 3, [1, 1]), "but ('H', 'H') came"),
    "product once": (
        set_at("forward", "once", [{"products": [[0, False, [5], [0]]], "instructions": []}]),
        "a product is of rows",
    ),
    "state not made": (set_at("states", 0, 2, 6), "it is not made in the forward step"),
    "gradient not made": (set_at("states", 0, 4, 7), "it is not made in the backward step"),
    "gradient of x not made": (set_at("backward", "input_gradient", 13), "it is not made in the section for all steps"),
    "gradient of a vector": (set_at("vectors", 0, 2, [11]), "it is not there after the loop"),
    "gradients of a vector": (set_at("vectors", 0, 2, []), "one gradient for each part is expected"),
    "operand of a gradient": (set_at("matrices", 0, 3, 0, 0, [7]), "no row that is there after the loop"),
    "operands of a gradient": (set_at("matrices", 0, 3, 0, 0, [11, 11]), "parts of the widths ('H',) are expected"),
    "matrix without rows": (set_at("matrices", 0, 1, []), "a matrix has rows and columns"),
    "width from nowhere": (unknown_width, "the width P can be told from nothing that is given"),
    "never made": (lambda data: data["values"].append(["row", "H", ""]), "value 15 is never made"),
}


@pytest.mark.parametrize("name", WRONG)
def test_program_that_cannot_be_run_is_refused(name: str):
    change, message = WRONG[name]
    data = data_of("rnn")
    change(data)
    with pytest.raises(ModelFileError) as caught:
        from_json(json.dumps(data).encode(), "program.json")
    assert message in str(caught.value)


@pytest.mark.parametrize("place", ["input", "sources", "target", "matrix"])
def test_a_number_of_many_digits_is_not_written_out(place: str):
    data = data_of("rnn")
    product, instruction = data["forward"]["step"][0]["products"][0], data["forward"]["step"][0]["instructions"][0]
    where: dict[str, tuple[Any, Any]] = {
        "input": (data, "input"),
        "sources": (instruction, 2),
        "target": (instruction, 1),
        "matrix": (product, 0),
    }
    holder, key = where[place]
    holder[key] = 10**400
    with pytest.raises(ModelFileError, match="a large integer") as caught:
        from_json(json.dumps(data).encode(), "program.json")
    assert len(str(caught.value)) < 200


def test_reduction_is_read_by_later_stages_only():
    program = traced(cell_of(EXPRESSIONS["sums"]))
    first, second = program.forward.step
    moved = replace(first, instructions=first.instructions + second.instructions)
    with pytest.raises(ProgramError, match="is not there yet"):
        check(replace(program, forward=replace(program.forward, step=(moved,))))


def test_product_reads_earlier_stages_only():
    program = traced(find("cho_gru"))
    first, second = program.forward.step
    products, instructions = first.products + second.products, first.instructions + second.instructions
    moved = replace(first, products=products, instructions=instructions)
    with pytest.raises(ProgramError, match="is not there yet"):
        check(replace(program, forward=replace(program.forward, step=(moved,))))


def test_infinite_number_is_refused():
    program = traced(cell_of(EXPRESSIONS["means"]))
    number = next(index for index, value in enumerate(program.values) if value.kind in ("constant", "size"))
    values = (*program.values[:number], Value("constant", "1", number=float("inf")), *program.values[number + 1 :])
    with pytest.raises(ProgramError, match="a number is a finite constant"):
        check(replace(program, values=values))


def units(widths: tuple[str, ...]) -> int:
    return sum(UNITS[width] if width in UNITS else int(width) for width in widths)


def run(program: Program) -> None:
    """Run a program that was accepted, forward and backward, over ragged sequences; whatever it computes."""
    values, batch_sizes = program.values, (3, 2, 2)
    parameters = {matrix.name: torch.randn(units(matrix.rows), units(matrix.columns)) for matrix in program.matrices}
    for vector in program.vectors:
        parameters[vector.name] = torch.randn(units(tuple(values[part].width for part in vector.parts)))
    initial = {state.name: torch.randn(3, units((values[state.before].width,))) for state in program.states}
    x = Packed(torch.randn(7, UNITS["X"]), batch_sizes)
    ran = interpret(program, parameters, x, initial, keys=torch.arange(7))
    back = interpret_backward(program, ran, torch.ones_like(ran.scan.outputs), initial)
    assert {name: tensor.shape for name, tensor in back.parameters.items()} == {
        name: tensor.shape for name, tensor in parameters.items()
    }
    assert {name: tensor.shape for name, tensor in ran.scan.final.items()} == {
        name: tensor.shape for name, tensor in initial.items()
    }


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of parsed JSON."""
    found = []
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        found.append((data, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


def damage(data: Any, draw: random.Random) -> None:
    """One random change that keeps the JSON's types more often than not."""
    container, key = draw.choice(places(data))
    value = container[key]
    if isinstance(value, bool):
        container[key] = not value
    elif isinstance(value, int):
        container[key] = draw.choice([value + 1, value - 1, draw.randrange(-2, 60), draw.choice(ODD)])
    elif isinstance(value, str):
        container[key] = draw.choice([*WORDS, value + "x", ""])
    elif isinstance(value, list) and value and draw.random() < 0.9:
        change = draw.choice([lambda: value.pop(draw.randrange(len(value))), lambda: draw.shuffle(value)])
        draw.choice([change, lambda: value.append(copy.deepcopy(draw.choice(value)))])()
    else:
        container[key] = draw.choice([[], {}, None, 0, "x"])


def survive(seeds: range) -> tuple[int, int]:
    """How many damaged programs were refused, and how many accepted, all of which ran."""
    programs = [to_json(traced(find(name))) for name in ("rnn", "cho_gru", "projected_lstm", "layer_norm_lstm")]
    zoned = with_zoneout(traced(find("projected_lstm")), {"hidden": 0.5, "memory": 0.25}, training=True)
    programs.append(to_json(zoned))
    accepted = 0
    for seed in seeds:
        draw = random.Random(seed)
        data = json.loads(programs[seed % len(programs)])
        for _ in range(draw.randint(1, 3)):
            damage(data, draw)
        try:
            program = from_json(json.dumps(data).encode(), "program.json")
        except ModelFileError as error:
            assert "\n" not in str(error)  # noqa: PT017  (either outcome is right; the other one runs below)
            continue
        run(program)
        accepted += 1
    return len(seeds) - accepted, accepted


def test_damaged_programs_are_refused_or_run():
    refused, accepted = survive(range(300))
    assert refused > 150
    assert accepted > 5


@pytest.mark.slow
def test_many_damaged_programs_are_refused_or_run():
    refused, accepted = survive(range(300, 20_000))
    assert refused > 10_000
    assert accepted > 300


def test_program_made_by_hand_is_checked_as_well():
    program = traced(find("rnn"))
    stage = program.forward.step[0]
    wrong = replace(stage, instructions=(*stage.instructions, Instruction("tanh", 9, (7,))))
    with pytest.raises(ProgramError, match="step program: forward, step, stage 1: value 9 is made"):
        check(replace(program, forward=replace(program.forward, step=(wrong,))))
