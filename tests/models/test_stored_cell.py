"""A model of a user's own cell without the cell's code: the same numbers, and nothing believed of its program."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell, Input, Matrix, Norm, Vector
from gatewise.errors import ModelFileError
from gatewise.models.rebuild import rebuild
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from gatewise.scan.program import from_json, to_json
from gatewise.scan.program.form import Matrix as ProgramMatrix
from gatewise.scan.stored.cell import program_in, stored_cell
from gatewise.scan.stored.find import program_of
from gatewise.scan.trace import trace
from tolerance import tolerance

V = 30


class Mine(Cell):
    """Everything that a cell can declare: two states of other widths, a projection, a vector, a norm, a fixed width."""

    state = {"hidden": "P", "memory": "H", "extra": "slots"}
    W = Input(("new", "keep"))
    R = Matrix("P", ("new", "keep"), bias=True)
    Q = Matrix("H", "P")
    read = Matrix("slots", ("new",))
    write = Matrix("H", "slots")
    peep = Vector("keep")
    norm = Norm(("new", "keep"))
    slots: int = 3
    scale: float = 0.5
    loud: bool = True
    word: str | None = None

    def step(self, x, s, p):
        gate = p.norm(x + p.R(s.hidden))
        keep = sigmoid(gate.keep + p.peep.keep * s.memory)
        memory = keep * s.memory + (1.0 - keep) * tanh(gate.new + p.read(s.extra).new)
        return s.next(hidden=p.Q(memory) * self.scale, memory=memory, extra=tanh(p.write(memory)))


class Plain(Cell):
    """The ordinary case."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        return s.next(hidden=tanh((x + p.R(s.hidden)).new))


def model_of(cell, **settings):
    sizes = {"embedding_size": 4, "hidden_size": 6, "projection_size": 4 if cell.has_projection else 0, **settings}
    torch.manual_seed(1)
    return RecurrentLM(RecurrentLMSettings(**sizes), V, eos_id=2, cell=cell).eval()


def saved(model):
    return json.loads(json.dumps(model.config())), {name: value.clone() for name, value in model.state_dict().items()}


def without_code(model, program=None):
    config, tensors = saved(model)
    found = from_json(to_json(program or program_of(model.cell)), "program.json")
    return rebuild(config, tensors, program=lambda _: found)


@pytest.mark.parametrize("runner", ["auto", "reference"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"num_layers": 2, "initial_state": "learned"}, {"zoneout": 0.3}, {"weight_dropout": 0.2}],
    ids=["plain", "deep", "zoneout", "weight dropout"],
)
def test_it_scores_and_predicts_as_with_its_code(runner, settings):
    model = model_of(Mine(slots=5, scale=0.7), runner=runner, **settings)
    twin = without_code(model)
    assert program_in(twin.cell) == program_of(model.cell)
    ids = torch.randint(V, (3, 5))
    ours, theirs = (one.advance(one.start(3), ids) for one in (twin, model))
    bounds = tolerance(torch.float32, 10)
    torch.testing.assert_close(ours[0], theirs[0], **bounds)
    torch.testing.assert_close(twin.next(ours[1]), model.next(theirs[1]), **bounds)
    assert twin.recurrent.runner_used == ("reference" if runner == "reference" else "fused")
    one_by_one = twin.start(3)
    for column in ids.split(1, 1):
        _, one_by_one = twin.advance(one_by_one, column)
    torch.testing.assert_close(twin.next(one_by_one), model.next(theirs[1]), **bounds)


def test_it_is_saved_again_as_it_was():
    model = model_of(Mine(word="x"))
    twin = without_code(model)
    assert json.dumps(twin.config()) == json.dumps(model.config())
    assert program_of(twin.cell) == program_of(model.cell)
    assert twin.cell.constants() == {"slots": 3, "scale": 0.5, "loud": True, "word": "x"}
    again = without_code(twin)
    assert again.cell == twin.cell


def test_the_code_is_used_where_it_is_given_and_the_program_not_read():
    def refuse(_):
        raise AssertionError("read")

    config, tensors = saved(model_of(Plain()))
    assert rebuild(config, tensors, cell=Plain, program=refuse).cell == Plain()


def test_a_registered_cell_is_made_of_its_own_code():
    def refuse(_):
        raise AssertionError("read")

    model = RecurrentLM(RecurrentLMSettings(cell="gru", embedding_size=4, hidden_size=6), V).eval()
    assert rebuild(*saved(model), program=refuse).cell == model.cell


class Other(Plain):
    """The same declarations, another equation."""

    def step(self, x, s, p):
        return s.next(hidden=sigmoid((x + p.R(s.hidden)).new))


def test_the_program_of_another_equation_is_refused():
    with pytest.raises(ModelFileError, match="the equation of this cell is not the one it was trained with"):
        without_code(model_of(Plain()), trace(Other()))


def test_the_program_of_other_parameters_is_refused():
    model = model_of(Plain())
    for cell, bias in [(Mine(slots=3), True), (Plain(), False)]:
        with pytest.raises(ModelFileError):
            without_code(model, trace(cell, bias=bias))


def record(**changes):
    return replace(CellRecord.of(Plain()), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"constants": {"a=print('ran')": 1.0}},
        {"constants": {"class": 1.0}},
        {"constants": {"_program": 1.0}},
        {"constants": {"step": 1.0}},
        {"constants": {"state": 1.0}},
        {"constants": {"program_parameters": 1.0}},
        {"constants": {"a": [1.0]}},
        {"name": ""},
        {"name": "a\0b"},
        {"name": "CamelCase"},
    ],
    ids=str,
)
def test_names_and_values_of_a_stranger_are_refused(changes, capsys):
    config, tensors = saved(model_of(Plain()))
    config["cell"].update(changes)
    with pytest.raises(ModelFileError):
        rebuild(config, tensors, program=lambda _: trace(Plain()))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda matrix: replace(matrix, name="a.b"),
        lambda matrix: replace(matrix, name="weight_xx"),
        lambda matrix: replace(matrix, columns=("X", "X")),
        lambda matrix: replace(matrix, columns=("7",)),
        lambda matrix: replace(matrix, columns=("X", "H")),
        lambda matrix: replace(matrix, columns=()),
    ],
    ids=["no identifier", "no weight_ih", "two inputs", "a number from nowhere", "mixed", "nothing"],
)
def test_a_program_that_no_cell_has_is_refused(change):
    program = trace(Plain())
    matrices: tuple[ProgramMatrix, ...] = tuple(
        change(matrix) if matrix.name == "weight_ih" else matrix for matrix in program.matrices
    )
    with pytest.raises(ModelFileError, match=r"program\.json: is not the program of a cell: .*give the cell: --cell"):
        stored_cell(record(), replace(program, matrices=matrices), "program.json")
