"""A classifier or tagger from a plain dict and tensors: the same numbers, or one clear line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from gatewise.cells import Cell, Input, Matrix
from gatewise.cells.functions import sigmoid, tanh
from gatewise.errors import ModelFileError, SettingError
from gatewise.models.allowed import Allowed
from gatewise.models.classifier import Classifier
from gatewise.models.encoder_settings import ClassifierSettings, TaggerSettings
from gatewise.models.rebuild_text_model import rebuild_text_model
from gatewise.models.tagger import Tagger
from gatewise.scan.program import from_json, to_json
from gatewise.scan.stored.cell import program_in
from models.text_sets import WORDS, batch_of, encoded, lexicon_of
from tolerance import tolerance

V, L = len(WORDS) + 1, 3
SIZES = {"embedding_size": 4, "hidden_size": 6}
MASKS = Allowed(np.array([[1, 1, 0], [1, 1, 1], [1, 0, 1]], bool), np.array([1, 1, 0], bool), np.ones(3, bool))
CLASSIFIERS = [
    {},
    {"cell": "gru", "num_layers": 2, "residual": True, "initial_state": "learned", "bidirectional": False},
    {"cell": "rnn", "cell_options": "nonlinearity=relu, start=identity", "pooling": "attention"},
    {"cell": "projected_lstm", "projection_size": 3, "class_weights": "balanced", "multi_label": True},
    {"characters": "rnn", "freeze_vectors": True, "word_dropout": 0.1},
    {"characters": "cnn", "pooling": "last"},
    {"direct_order": 3},
]
TAGGERS = [{}, {"output": "softmax"}, {"characters": "rnn", "runner": "reference"}]


class Mine(Cell):
    """A cell of the user's own."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    scale: float = 1.0

    def step(self, x, s, p):
        return s.next(hidden=self.scale * tanh((x + p.R(s.hidden)).new))


def classifier_of(dtype=None, cell=None, **settings):
    made, size = ClassifierSettings(**{**SIZES, **settings}), size_of(settings)
    ngrams = (6, 2, 4)[: max(0, made.direct_order - 1)]
    model = Classifier(made, V, L, characters_size=size, ngrams=ngrams, cell=cell, dtype=dtype).eval()
    if model.direct:
        torch.nn.init.normal_(model.direct.weight)
        model.direct.ratios.normal_()
        model.direct.keys[:6] = torch.arange(6) * (V + 2)  # a token and the same once more
    return model


def tagger_of(dtype=None, cell=None, allowed=None, **settings):
    made, size = TaggerSettings(**{**SIZES, **settings}), size_of(settings)
    return Tagger(made, V, L, characters_size=size, cell=cell, allowed=allowed, dtype=dtype).eval()


def size_of(settings):
    return lexicon_of(True).characters_size if settings.get("characters", "none") != "none" else 0


def saved(model):
    """Config and tensors as a file would give them back."""
    return json.loads(json.dumps(model.config())), {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("settings", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_classifier(settings, dtype):
    model = classifier_of(dtype=dtype, **settings)
    if settings.get("class_weights"):
        model.balance([1, 2, 3], 6)
    twin = same(model)
    labels = (
        np.eye(3, dtype=bool)[[0, 1, 2, 0, 1, 2, 0, 1]] if settings.get("multi_label") else [0, 1, 2, 0, 1, 2, 0, 1]
    )
    batch = batch_of(encoded(characters=True).with_labels(labels))
    assert torch.equal(twin.logits(batch), model.logits(batch))
    assert torch.equal(twin.loss(batch)[0], model.loss(batch)[0])


@pytest.mark.parametrize("settings", TAGGERS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_tagger(settings, dtype):
    model = tagger_of(dtype=dtype, **settings)
    twin, batch = same(model), batch_of(encoded(characters=True))
    assert torch.equal(twin.marginals(batch), model.marginals(batch))


def test_what_is_allowed_is_kept():
    model = tagger_of(allowed=MASKS)
    with torch.no_grad():
        model.output.bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    batch = batch_of(encoded())
    found = [[tags.tolist() for tags in one.predict(batch)] for one in (model, same(model))]
    assert found[0] == found[1]
    assert all(tags[0] != 2 for tags in found[1] if tags)


def same(model):
    config, tensors = saved(model)
    twin = rebuild_text_model(config, tensors)
    assert type(twin) is type(model)
    assert not twin.training
    assert (twin.settings, twin.cell, twin.labels, twin.unk_id) == (
        model.settings,
        model.cell,
        model.labels,
        model.unk_id,
    )
    assert twin.encoder.settings == twin.encoder.embedder.settings == model.settings
    assert json.dumps(twin.config()) == json.dumps(config)
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    assert {name: parameter.requires_grad for name, parameter in twin.named_parameters()} == trained
    return twin


def test_nothing_is_unknown():
    model = Classifier(ClassifierSettings(**SIZES), 5, 2, unk_id=None).eval()
    assert same(model).unk_id is None


def test_random_numbers_are_left_as_they_were():
    config, tensors = saved(tagger_of())
    before = torch.random.get_rng_state()
    rebuild_text_model(config, tensors)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("make", [classifier_of, tagger_of])
def test_a_users_cell_is_asked_for(make):
    config, tensors = saved(make(cell=Mine(scale=0.5), characters="rnn"))
    with pytest.raises(
        ModelFileError, match=r"config\.json: the model was made with your own cell 'mine'; give the cell"
    ):
        rebuild_text_model(config, tensors)
    assert rebuild_text_model(config, tensors, cell=Mine).cell == Mine(scale=0.5)
    with pytest.raises(ModelFileError, match="the model was made with"):
        rebuild_text_model(config, tensors, cell=Mine(scale=0.25))


@pytest.mark.parametrize("runner", ["auto", "reference"])
def test_a_users_cell_runs_from_its_program(runner):
    model = classifier_of(cell=Mine(scale=0.5), characters="rnn", runner=runner)
    config, tensors = saved(model)
    program = from_json(to_json(model.encoder.recurrent.program()), "program.json")
    twin = rebuild_text_model(config, tensors, program=lambda: program)
    assert program_in(twin.cell) == program
    batch = batch_of(encoded(characters=True))
    torch.testing.assert_close(twin.logits(batch), model.logits(batch), **tolerance(torch.float32, 10))
    assert json.dumps(twin.config()) == json.dumps(config)
    assert "code" in twin.describe()


def test_the_program_of_another_equation_is_refused():
    class Other(Mine):
        def step(self, x, s, p):
            return s.next(hidden=self.scale * sigmoid((x + p.R(s.hidden)).new))

    config, tensors = saved(classifier_of(cell=Mine()))
    program = classifier_of(cell=Other()).encoder.recurrent.program()
    with pytest.raises(ModelFileError, match="the equation of this cell is not the one it was trained with"):
        rebuild_text_model(config, tensors, program=lambda: program)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "recurrent-lm"}, "unknown model_type 'recurrent-lm'; known are: classifier, tagger"),
        ({"model_type": 3}, "model_type is expected as str, but 3 came"),
        ({"labels": True}, "labels is expected as int, but True came"),
        ({"labels": 0}, "labels must be from 1 to 1000000, but 0 came"),
        ({"labels": 4}, r"the tensor output\.weight is \[3, 12\], expected \[4, 12\]"),
        ({"vocabulary_size": 10**12}, "vocabulary_size must be from 1"),
        ({"vocabulary_size": V + 1}, r"the tensor encoder\.embedder\.words\.weight is \[9, 4\], expected \[10, 4\]"),
        ({"unk_id": V}, "unk_id must be from -1 to 8, but 9 came"),
        ({"characters_size": -1}, "characters_size must be from 0 to"),
        ({"characters_size": 7}, "characters is none, but the vocabulary has 7 characters"),
        ({"settings": []}, r"settings is expected as dict, but \[\] came"),
        ({"cell": {}}, "a cell is recorded with"),
        ({"allowed": None}, "allowed is expected as dict, but None came"),
        ({"allowed": {"starts": "1"}}, "what is allowed is expected as transitions, starts and ends"),
        ({"allowed": {"transitions": ["1"], "starts": "1", "ends": "1"}}, "are told of 1, but the model has 3"),
        ({"more": 1}, "there is no entry more in a model"),
    ],
    ids=str,
)
def test_damaged_config(change, message):
    config, tensors = saved(tagger_of())
    with pytest.raises(ModelFileError, match=rf"^config\.json: {message}|^config\.json: .*{message}"):
        rebuild_text_model({**config, **change}, tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": -1}, "hidden_size must be a whole number"),
        ({"hiden_size": 4}, "there is no setting hiden_size; did you mean hidden_size"),
        ({"output": "softmax"}, r"there is no tensor crf\.ends in this model"),
        ({"bidirectional": False}, r"there is no tensor encoder\.recurrent\..*_reverse in this model"),
        ({"characters": "cnn"}, "characters is cnn, but the vocabulary has 0 characters"),
        ({"embedding_size": 60000}, r"the tensor encoder\.embedder\.words\.weight is \[9, 4\], expected \[9, 60000\]"),
    ],
    ids=str,
)
def test_damaged_settings(change, message):
    config, tensors = saved(tagger_of())
    with pytest.raises(ModelFileError, match=rf"^config\.json: {message}"):
        rebuild_text_model({**config, "settings": config["settings"] | change}, tensors)


@pytest.mark.parametrize("sizes", [[6], [6, -1], [6, True], [6, 10**12], [6, "2"], [6, 2, 1]], ids=str)
def test_damaged_ngrams(sizes):
    config, tensors = saved(classifier_of(direct_order=3))
    with pytest.raises(ModelFileError, match=r"^config\.json: ngrams must be 2 whole numbers from 0 to \d+, but \["):
        rebuild_text_model(config | {"ngrams": sizes}, tensors)


def test_ngrams_that_are_no_whole_numbers():
    config, tensors = saved(classifier_of(direct_order=2))
    with pytest.raises(ModelFileError, match=r"direct\.keys is of torch\.float32, expected torch\.int64"):
        rebuild_text_model(config, tensors | {"direct.keys": tensors["direct.keys"].float()})


def test_missing_entry():
    for config, tensors in (saved(tagger_of()), saved(classifier_of())):
        for name in config:
            with pytest.raises(ModelFileError, match=f"{name} is expected as .*, but None came"):
                rebuild_text_model({key: value for key, value in config.items() if key != name}, tensors)


def test_damaged_tensors():
    config, tensors = saved(classifier_of())
    bias = tensors["output.bias"]
    cases = [
        ({**tensors, "more": bias}, r"config\.json: there is no tensor more in this model"),
        ({**tensors, "output.bias": bias[:-1]}, r"config\.json: the tensor output\.bias is \[2\], expected \[3\]"),
        ({**tensors, "output.bias": bias.double()}, "in one floating type, but torch.float32, torch.float64 came"),
        ({}, "in one floating type, but no tensors came"),
        ({name: value for name, value in tensors.items() if value is not bias}, r"the tensor output\.bias is missing"),
        ({**tensors, "output.bias": bias * torch.nan}, r"weights\.file: .*output\.bias"),
    ]
    for damaged, message in cases:
        with pytest.raises(ModelFileError, match=message):
            rebuild_text_model(config, damaged, weights="weights.file")


def test_a_wrong_instruction_set_is_not_the_fault_of_the_file(monkeypatch):
    config, tensors = saved(classifier_of())
    monkeypatch.setenv("GATEWISE_ISA", "nosuch")
    with pytest.raises(SettingError, match=r"^GATEWISE_ISA: the instruction set nosuch cannot run here"):
        rebuild_text_model(config, tensors)
