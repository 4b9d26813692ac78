"""What is derived from a declaration, and what is refused when a class is defined."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Literal

import pytest

from gatewise.cells import Cell, Input, Matrix, Norm, Vector, find, variants
from gatewise.cells.lstm import LSTM
from gatewise.errors import SettingError

GATES = ("one", "two")


class Everything(Cell):
    """A cell that uses every kind of declaration."""

    state = {"seen": "P", "kept": "H", "narrow": "rank"}
    peep = Vector("one", "kept")
    low = Matrix("P", "rank", recurrent=True)
    high = Matrix("rank", GATES, bias=True)
    Q = Matrix("H", "P")
    R = Matrix("P", GATES, bias=True)
    W = Input(GATES)
    norm = Norm(GATES)
    rank: int = 3
    scale: float = 0.5
    kind: Literal["a", "b"] = "a"

    def step(self, x, s, p):
        return s


def test_names_shapes_and_order_follow_from_the_declarations():
    specs = Everything().parameters(input_size=7, hidden_size=5, proj_size=2)
    assert {name: spec.shape for name, spec in specs.items()} == {
        "weight_ih": (10, 7),
        "weight_hh": (10, 2),
        "bias_ih": (10,),
        "bias_hh": (10,),
        "vector_peep": (10,),
        "weight_low": (3, 2),
        "weight_high": (10, 3),
        "bias_high": (10,),
        "weight_hr": (2, 5),
        "gain_norm": (10,),
        "shift_norm": (10,),
    }
    assert list(specs)[:4] == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert [name for name, spec in specs.items() if spec.recurrent] == ["weight_hh", "weight_low", "weight_high"]


def test_without_bias_there_are_no_biases_and_no_shifts():
    names = set(Everything().parameters(7, 5, 2, bias=False))
    assert not [name for name in names if name.startswith(("bias", "shift"))]
    assert "gain_norm" in names


def test_widths_of_states_and_output():
    assert Everything().state_widths(5, 2) == {"seen": 2, "kept": 5, "narrow": 3}
    assert Everything(rank=4).output_size(5, 2) == 2


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_a_cell_is_its_name_and_constants(cell):
    assert find(cell.name, **cell.constants()) == cell
    assert hash(find(cell.name, **cell.constants())) == hash(cell)
    assert type(cell).name == cell.name


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_the_twins_are_those_of_torch(bias):
    import torch

    modules = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN}
    for cell in variants():
        if cell.torch_twin() is None:
            continue
        sizes = {"proj_size": 2} if cell.has_projection else {}
        twin = modules[cell.torch_twin()](3, 5, bias=bias, **sizes)
        theirs = [(name.removesuffix("_l0"), tuple(value.shape)) for name, value in twin.named_parameters()]
        ours = cell.parameters(3, 5, bias=bias, **sizes)
        assert [(name, spec.shape) for name, spec in ours.items()] == theirs


def test_constants_are_frozen_and_an_integer_becomes_a_float():
    cell = LSTM(forget_bias=2)
    assert type(cell.constants()["forget_bias"]) is float
    with pytest.raises(FrozenInstanceError):
        cell.forget_bias = 0.0


def test_a_subclass_inherits_declarations_and_may_replace_or_remove_them():
    class Narrow(Everything):
        high = None
        norm = Norm(("kept",))
        depth: int = 2

    assert "weight_high" not in Narrow().parameters(7, 5, 2)
    assert Narrow().parameters(7, 5, 2)["gain_norm"].shape == (5,)
    assert list(Narrow().constants()) == ["rank", "scale", "kind", "depth"]
    assert "weight_high" in Everything().parameters(7, 5, 2)


def test_the_fingerprint_knows_the_structure_and_not_the_values():
    class Longer(Everything):
        extra = Vector("one")

    assert Everything(scale=2.0).fingerprint() == Everything().fingerprint()
    assert Longer.fingerprint() != Everything.fingerprint()
    assert len({type(cell).fingerprint() for cell in variants()}) == len({cell.name for cell in variants()})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 0), "hidden_size must be at least 1, but 0"),
        ((-1, 5, 2), "input_size must be at least 0, but -1"),
        ((3, 5, 5), "between 1 and hidden_size - 1 = 4, but 5"),
        ((3, 5, 0), "between 1 and hidden_size - 1 = 4, but 0"),
    ],
)
def test_sizes_out_of_range_are_refused(arguments, words):
    with pytest.raises(SettingError, match=words):
        Everything().parameters(*arguments)


def test_a_projection_where_the_cell_has_none_is_refused():
    with pytest.raises(SettingError, match="cell lstm: proj_size must be 0 for a cell without projection, but 2"):
        LSTM().parameters(3, 5, 2)


def define(**body):
    """A class statement as a function call."""
    return type("Bad", (Cell,), {"__annotations__": body.pop("annotations", {}), **body})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "exactly one Input, but none"),
        ({"W": Input(("a",)), "V": Input(("a",))}, r"exactly one Input, but \['W', 'V'\]"),
        ({"W": Input(("a",)), "state": {}}, "state expects a tuple of at least one name"),
        ({"W": Input(("a",)), "state": {"next": "H"}}, "identifiers other than as_dict, .* but 'next'"),
        ({"W": Input(("a",)), "state": {"hidden": "K"}}, "unknown width 'K'"),
        ({"W": Input(("a",)), "U": Matrix("K", ("a",))}, "unknown width 'K'"),
        ({"W": Input(("a",)), "initialise": Vector("a")}, "'initialise' is taken or private"),
        ({"W": Input(("a",)), "annotations": {"name": str}, "name": "x"}, "'name' is taken or private"),
        ({"W": Input(("a",)), "annotations": {"scale": float}}, "'scale' has no default"),
        ({"W": Input(("a",)), "annotations": {"sizes": list}, "sizes": ()}, "a constant is bool, int"),
        ({"W": Input(("a",)), "annotations": {"scale": "Absent"}, "scale": 1.0}, "cannot be read .*'Absent'"),
    ],
)
def test_a_class_that_cannot_work_is_refused_when_it_is_defined(body, words):
    with pytest.raises(SettingError, match=words):
        define(**body)


@pytest.mark.parametrize("names", [(), ("a", "a"), ("1a",), ("_a",), ("tensor",), "input"])
def test_gates_need_names_that_an_equation_can_be_written_with(names):
    with pytest.raises(SettingError, match=r"Input\(gates\) expects"):
        Input(names)


def test_a_cell_without_step_says_what_is_missing():
    class Stepless(Cell):
        W = Input(("a",))

    with pytest.raises(
        NotImplementedError, match=r"Stepless does not say what one step is; define step\(self, x, s, p\)"
    ):
        Stepless().step(None, None, None)
