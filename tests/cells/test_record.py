"""A model's record of its cell makes the same cell again, and refuses any other."""

from __future__ import annotations

import json

import pytest

from gatewise.cells import Cell, Input, Matrix, Vector, find, variants
from gatewise.cells.record import CellRecord
from gatewise.errors import GatewiseError, ModelFileError


def define(**more):
    """A class ``LSTM`` of a user: the name of a registered cell."""
    body = {
        "state": {"hidden": "H"},
        "W": Input(("new",)),
        "R": Matrix("H", ("new",)),
        "__annotations__": {"scale": float},
        "scale": 1.0,
        "step": lambda self, x, s, p: s.next(hidden=(x + p.R(s.hidden)).new),
    }
    return type("LSTM", (Cell,), {**body, **more})


Own = define()


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_a_registered_cell_comes_back_from_its_record(cell):
    data = json.loads(json.dumps(CellRecord.of(cell).to_dict()))
    assert CellRecord.from_dict(data, "config.json").restore(None, "config.json") == cell


def test_a_users_cell_is_asked_for_even_under_the_name_of_a_registered_one():
    record = CellRecord.of(Own(scale=2.0))
    assert (record.name, record.registered) == ("lstm", False)
    with pytest.raises(
        ModelFileError, match=r"config\.json: the model was made with your own cell 'lstm'; give the cell: --cell"
    ):
        record.restore(None, "config.json")
    assert record.restore(Own, "config.json") == Own(scale=2.0)
    assert record.restore(Own(scale=2), "config.json") == Own(scale=2.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Own(scale=3.0), r"made with LSTM\(scale=2.0\), but LSTM\(scale=3.0\) was given"),
        (define(peep=Vector("new")), "made with another 'lstm' than LSTM"),
        ("lstm", "cell lstm: unknown constant 'scale'"),
        (find("gru"), "cell gru: unknown constant 'scale'"),
    ],
)
def test_another_cell_than_the_saved_one_is_refused(given, words):
    with pytest.raises(GatewiseError, match=words):
        CellRecord.of(Own(scale=2.0)).restore(given, "config.json")


def test_a_registered_cell_is_not_replaced_by_a_users():
    with pytest.raises(ModelFileError, match="the model's cell is gru, but LSTM was given; leave the cell out"):
        CellRecord.of(find("gru")).restore(Own, "config.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "lsmt"}, "config.json: unknown cell 'lsmt'; did you mean lstm?"),
        ({"name": 3}, "config.json: name is expected as str, but 3 came"),
        ({"registered": "yes"}, "registered is expected as bool, but 'yes' came"),
        ({"constants": []}, r"constants is expected as dict, but \[\] came"),
        ({"constants": {"forget_bias": "x"}}, "forget_bias: expected float or none, but 'x' came"),
        ({"probe": ["x"]}, "probe is expected as numbers, but \\['x'\\] came"),
        ({"probe": [True]}, "probe is expected as numbers, but \\[True\\] came"),
        ({"fingerprint": "0" * 16}, "made with another 'lstm' than LSTM"),
        ({"more": 1}, "a cell is recorded with name, registered, constants, fingerprint, probe, but"),
    ],
)
def test_a_damaged_record_is_refused(change, words):
    with pytest.raises(GatewiseError, match=words):
        CellRecord.from_dict({**CellRecord.of(find("lstm")).to_dict(), **change}, "config.json").restore(
            None, "config.json"
        )


def test_a_record_that_is_no_table_is_refused():
    with pytest.raises(ModelFileError, match="but None came"):
        CellRecord.from_dict(None, "config.json")


def test_an_equation_may_differ_in_the_last_digits():
    CellRecord.of(find("gru"), (1.0, -2e6, None)).check_equation((1.0 + 1e-8, -2e6 - 0.01, None), "config.json")


@pytest.mark.parametrize("now", [(1.0, -2e6, 0.0), (1.0, -2e6), (), (1.0 + 1e-5, -2e6, None)], ids=str)
def test_an_equation_that_gives_other_numbers_is_refused(now):
    saved = CellRecord.of(find("gru"), (1.0, -2e6, None))
    with pytest.raises(ModelFileError, match="the equation of this cell is not the one it was trained with"):
        saved.check_equation(now, "config.json")
