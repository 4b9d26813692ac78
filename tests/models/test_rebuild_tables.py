"""N-gram models and mixtures from a plain dict and tensors: the same numbers, or one clear line."""

from __future__ import annotations

import json

import pytest
import torch

from gatewise.errors import ModelFileError
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.ngram import METHODS, NgramLM, Options, estimate
from gatewise.models.rebuild import rebuild
from gatewise.models.settings import NgramLMSettings
from models.ngram.test_methods import EOS, V, counted

ORDER = 3


def ngram_of(smoothing="witten-bell", known=True):
    options = Options(weights=((0.5,) * 16,) * ORDER)
    table = estimate(counted(ORDER), smoothing, options, (0, 0, 1)).table
    settings = NgramLMSettings(order=ORDER, smoothing=smoothing, prune=(0, 0, 1))
    return NgramLM(table, unit="sentences", settings=settings if known else None)


def saved(model):
    """Config and tensors as a file would give them back."""
    return json.loads(json.dumps(model.config())), {name: value.clone() for name, value in model.state_dict().items()}


def after(model):
    """[contexts, V], after one, two and three words."""
    ids = torch.randint(V, (50, 3), generator=torch.Generator().manual_seed(7))
    ids[::7] = EOS
    return model.next(model.advance(model.start(50), ids)[1])


@pytest.mark.parametrize("known", [True, False], ids=["settings", "no settings"])
@pytest.mark.parametrize("smoothing", METHODS)
def test_same_model(smoothing, known):
    model = ngram_of(smoothing, known)
    config, tensors = saved(model)
    twin = rebuild(config, tensors)
    assert torch.equal(after(twin), after(model))
    assert (twin.unit, twin.eos_id, twin.settings) == ("sentences", EOS, model.settings)
    assert json.dumps(twin.config()) == json.dumps(config)


@pytest.mark.parametrize(
    ("smoothing", "change", "message"),
    [
        ("katz", {"eos_id": V}, "eos_id must be from 0 to 8, but 9 came"),
        ("katz", {"eos_id": 999}, "eos_id must be from 0 to 8, but 999 came"),
        ("katz", {"eos_id": -3}, "eos_id must be from 0 to 8, but -3 came"),
        ("katz", {"settings": {"order": 7}}, "settings say order 7, but the n-grams are of order 1 to 3"),
        ("katz", {"settings": {"smoothing": "katz"}}, "settings say order 5, but the n-grams are of order 1 to 3"),
        ("katz", {"uniform": True}, "uniform is true, which is not so with smoothing katz"),
        ("katz", {"uniform": 1}, "uniform is expected as bool, but 1 came"),
        ("katz", {"uniform": None}, "uniform is expected as bool, but None came"),
        ("add-delta", {"uniform": False}, "uniform is false, which is not so with smoothing add-delta"),
        (
            "add-delta",
            {"settings": {"order": 3}},
            "uniform is true, which is not so with smoothing modified-kneser-ney",
        ),
    ],
)
def test_damaged_config(smoothing, change, message):
    config, tensors = saved(ngram_of(smoothing))
    with pytest.raises(ModelFileError, match=rf"^my/config\.json: {message}"):
        rebuild({**config, **change}, tensors, where="my/config.json")


def test_without_settings_add_delta_stays_what_it_is():
    config, tensors = saved(model := ngram_of("add-delta"))
    assert torch.equal(after(rebuild({**config, "settings": {}}, tensors)), after(model))


@pytest.mark.parametrize(
    ("weights", "wrong"),
    [
        (["a", "b"], "'a'"),
        ([None, 1], "None"),
        ([[1], [0]], r"\[1\]"),
        ([True, False], "True"),
        ([{}, 1.0], "{}"),
        ([float("nan"), 0.5], "nan"),
        pytest.param([10**400, 0], "1000", id="huge"),
        ([-0.5, 1.5], "-0.5"),
    ],
    ids=str,
)
def test_a_weight_that_is_none_is_named(weights, wrong):
    config, tensors = saved(MixtureLM([ngram_of("katz"), ngram_of("add-delta")]))
    message = rf"^my/config\.json: weights\[0\] must be a number from 0 to 1, but {wrong}[^\n]* came$"
    with pytest.raises(ModelFileError, match=message):
        rebuild({**config, "weights": weights}, tensors, where="my/config.json")
    with pytest.raises(ModelFileError, match=r"weights\[1\] must be a number from 0 to 1, but 'b' came"):
        rebuild({**config, "weights": [1, "b"]}, tensors)
    assert rebuild({**config, "weights": [1, 0]}, tensors).weights == (1, 0)
