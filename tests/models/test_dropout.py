"""What each dropout of the language model acts on, and for how long a mask stays."""

from __future__ import annotations

import pytest
import torch

from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from models.plain import batch_of

V, T, B = 40, 30, 4
SIZES = {"embedding_size": 20, "hidden_size": 20}
RATES = ["embedding_dropout", "input_dropout", "hidden_dropout", "output_dropout", "weight_dropout", "zoneout"]


def model_of(**settings):
    return RecurrentLM(RecurrentLMSettings(**{**SIZES, **settings}), V)


def seen_by_the_layers(model, ids):
    """What enters the recurrent layers, [T, B, E]."""
    seen = []
    handle = model.recurrent.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    model.features(ids)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("name", RATES)
def test_acts_in_training_only(name):
    model = model_of(num_layers=2, **{name: 0.5})
    batch = batch_of(torch.randint(V, (T, B)), torch.randint(V, (T, B)))
    assert model.loss(batch)[0].item() != model.loss(batch)[0].item()
    model.eval()
    assert model.loss(batch)[0].item() == model.loss(batch)[0].item()


@pytest.mark.parametrize("name", RATES)
def test_rate_zero_draws_nothing(name):
    model = model_of(num_layers=2)
    batch = batch_of(torch.randint(V, (T, B)), torch.randint(V, (T, B)))
    before = torch.random.get_rng_state()
    model.loss(batch)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_embedding_dropout_drops_kinds_of_tokens():
    model = model_of(embedding_dropout=0.5)
    ids = torch.randint(V, (T, B))
    factor = seen_by_the_layers(model, ids) / model.embedding(ids)
    assert set(factor.unique().tolist()) == {0.0, 2.0}
    by_kind = {kind: factor[ids == kind].unique().tolist() for kind in ids.unique().tolist()}
    assert all(len(factors) == 1 for factors in by_kind.values())
    assert len({factors[0] for factors in by_kind.values()}) == 2


@pytest.mark.parametrize("locked", [True, False])
def test_input_dropout_is_locked_or_not(locked):
    model = model_of(input_dropout=0.5, locked_masks=locked)
    ids = torch.randint(V, (T, B))
    factor = seen_by_the_layers(model, ids) / model.embedding(ids)
    assert set(factor.unique().tolist()) == {0.0, 2.0}
    assert bool((factor == factor[0]).all()) == locked
    assert not bool((factor == factor[:, :1]).all())


@pytest.mark.parametrize("locked", [True, False])
def test_output_dropout_is_locked_or_not(locked):
    model = model_of(output_dropout=0.5, locked_masks=locked)
    ids = torch.randint(V, (T, B))
    kept = model.features(ids)[0] != 0
    assert 0.2 < kept.float().mean().item() < 0.8
    assert bool((kept == kept[0]).all()) == locked


@pytest.mark.parametrize("locked", [True, False])
def test_hidden_dropout_acts_between_the_layers(locked):
    layers = model_of(num_layers=2, hidden_dropout=0.5, locked_masks=locked).recurrent
    assert (layers.locked_dropout, layers.dropout) == ((0.5, 0.0) if locked else (0.0, 0.5))


def test_weight_dropout_and_zoneout_reach_the_layers():
    layers = model_of(weight_dropout=0.25, zoneout=0.125).recurrent
    assert layers.weight_dropout == 0.25
    assert set(layers.zoneout.values()) == {0.125}


def test_a_seed_repeats_the_masks():
    model = model_of(num_layers=2, **dict.fromkeys(RATES, 0.3))
    batch = batch_of(torch.randint(V, (T, B)), torch.randint(V, (T, B)))

    def gradient(seed):
        torch.manual_seed(seed)
        model.zero_grad()
        model.loss(batch)[0].backward()
        return model.embedding.weight.grad.clone()

    assert torch.equal(gradient(1), gradient(1))
    assert not torch.equal(gradient(1), gradient(2))
