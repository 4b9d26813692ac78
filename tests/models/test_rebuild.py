"""A model from a plain dict and tensors: the same numbers, or one clear line."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from gatewise.cells import Cell, Input, Matrix
from gatewise.cells.functions import sigmoid, tanh
from gatewise.errors import ModelFileError, SettingError
from gatewise.models.rebuild import rebuild
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from gatewise.scan.choice import RUNNERS

V = 30
SETTINGS = [
    {},
    {"cell": "gru", "num_layers": 2, "residual": True, "initial_state": "learned"},
    {"cell": "rnn", "cell_options": "nonlinearity=relu, start=identity", "output_dropout": 0.3},
    {"tie_weights": True},
    {"tie_weights": True, "softmax": "adaptive", "cutoffs": (5, 12), "tail_rank": 2},
    {"cell": "projected_lstm", "projection_size": 3},
]


class Mine(Cell):
    """A cell of the user's own."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    scale: float = 1.0

    def step(self, x, s, p):
        return s.next(hidden=self.scale * tanh((x + p.R(s.hidden)).new))


def model_of(cell=None, dtype=None, **settings):
    sizes = {"embedding_size": 4, "hidden_size": 6, **settings}
    return RecurrentLM(RecurrentLMSettings(**sizes), V, eos_id=2, unit="sentences", cell=cell, dtype=dtype)


def saved(model):
    """Config and tensors as a file would give them back."""
    return json.loads(json.dumps(model.config())), {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_runner_that_was_asked_for_is_the_twins_too(runner):
    twin = rebuild(*saved(model_of(runner=runner)))
    assert twin.settings.runner == twin.recurrent.runner == runner
    assert {parameter.device.type for parameter in twin.parameters()} == {"cpu"}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_model(settings, dtype):
    model = model_of(dtype=dtype, **settings).eval()
    config, tensors = saved(model)
    twin = rebuild(config, tensors)
    assert (twin.unit, twin.eos_id, twin.settings, twin.cell) == ("sentences", 2, model.settings, model.cell)
    assert not twin.training
    ids = torch.randint(V, (3, 5))
    assert torch.equal(twin.advance(twin.start(3), ids)[0], model.advance(model.start(3), ids)[0])
    assert json.dumps(twin.config()) == json.dumps(config)


def test_random_numbers_are_left_as_they_were():
    config, tensors = saved(model_of())
    before = torch.random.get_rng_state()
    rebuild(config, tensors)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_tied_matrix_is_saved_once_and_stays_tied():
    config, tensors = saved(model_of(tie_weights=True))
    assert "output.weight" not in tensors
    twin = rebuild(config, tensors)
    assert twin.output.matrix is twin.embedding.weight
    twin.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    assert twin.output.matrix is twin.embedding.weight


def test_a_cell_with_the_same_declarations_and_another_equation_is_refused():
    def step(self, x, s, p):
        return s.next(hidden=self.scale * sigmoid((x + p.R(s.hidden)).new))

    other = type("Mine", (Mine,), {"step": step})
    assert other.name == Mine.name
    assert other.fingerprint() == Mine.fingerprint()
    config, tensors = saved(model_of(cell=Mine()))
    with pytest.raises(ModelFileError, match=r"config\.json: the equation of this cell is not the one it was trained"):
        rebuild(config, tensors, cell=other)
    assert rebuild(config, tensors, cell=Mine).cell == Mine()


def test_a_users_cell_is_asked_for_and_never_imported(tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    (tmp_path / "mine.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    model = model_of(cell=Mine(scale=0.5), **{"cell_options": ""}).eval()
    model.settings = model.settings.replace(cell="mine.py:Mine")
    config, tensors = saved(model)
    modules = set(sys.modules)
    message = r"config\.json: the model was made with your own cell 'mine'; give the cell: --cell"
    with pytest.raises(ModelFileError, match=message):
        rebuild(config, tensors)
    assert set(sys.modules) == modules
    for given in (Mine, Mine(scale=0.5)):
        assert rebuild(config, tensors, cell=given).cell == Mine(scale=0.5)
    with pytest.raises(ModelFileError, match="the model was made with"):
        rebuild(config, tensors, cell=Mine(scale=0.25))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "other"}, "unknown model_type 'other'"),
        ({"model_type": 3}, "model_type is expected as str, but 3 came"),
        ({"vocabulary_size": True}, "vocabulary_size is expected as int, but True came"),
        ({"vocabulary_size": 0}, "vocabulary_size must be from 1"),
        ({"vocabulary_size": 10**12}, "vocabulary_size must be from 1"),
        ({"vocabulary_size": V + 1}, r"the tensor embedding\.weight is \[30, 4\], expected \[31, 4\]"),
        ({"eos_id": V}, "eos_id must be from 0 to 29, but 30"),
        ({"unit": "words"}, "unit must be running or sentences, but 'words'"),
        ({"settings": []}, "settings is expected as dict"),
        ({"extra": 1}, "there is no entry extra"),
        ({"cell": {}}, "a cell is recorded with"),
    ],
)
def test_damaged_config(change, message):
    config, tensors = saved(model_of())
    with pytest.raises(ModelFileError, match=rf"^my/config\.json: {message}"):
        rebuild({**config, **change}, tensors, where="my/config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be a whole number"),
        ({"hidden_size": 65_536, "embedding_size": 65_536}, "the tensor"),  # nothing of that size is allocated
        ({"hiden_size": 3}, "there is no setting hiden_size; did you mean hidden_size"),
        ({"softmax": "adaptive"}, r"the tensor output\.cluster_bias is missing"),
        ({"tie_weights": True, "embedding_size": 6}, "there is no tensor output.weight"),
    ],
)
def test_damaged_settings(change, message):
    config, tensors = saved(model_of())
    with pytest.raises(ModelFileError, match=rf"^config\.json: {message}"):
        rebuild({**config, "settings": config["settings"] | change}, tensors)


def test_missing_entry():
    config, tensors = saved(model_of())
    for name in config:
        with pytest.raises(ModelFileError, match=f"{name} is expected as .*, but None came"):
            rebuild({key: value for key, value in config.items() if key != name}, tensors)


def test_damaged_tensors():
    config, tensors = saved(model_of())
    bias = tensors["output.bias"]
    cases = [
        ({**tensors, "more": bias}, "there is no tensor more in this model"),
        ({**tensors, "output.bias": bias[:-1]}, r"the tensor output\.bias is \[29\], expected \[30\]"),
        ({**tensors, "output.bias": bias.double()}, "in one floating type, but torch.float32, torch.float64 came"),
        ({name: value.long() for name, value in tensors.items()}, "in one floating type, but torch.int64 came"),
        ({}, "in one floating type, but no tensors came"),
        ({name: value for name, value in tensors.items() if value is not bias}, r"the tensor output\.bias is missing"),
    ]
    for damaged, message in cases:
        with pytest.raises(ModelFileError, match=rf"^config\.json: .*{message}"):
            rebuild(config, damaged)


def test_a_wrong_instruction_set_is_not_the_fault_of_the_file(monkeypatch):
    config, tensors = saved(model_of())
    monkeypatch.setenv("GATEWISE_ISA", "nosuch")
    with pytest.raises(SettingError, match=r"^GATEWISE_ISA: the instruction set nosuch cannot run here.*; set it to "):
        rebuild(config, tensors, where="model/config.json")
