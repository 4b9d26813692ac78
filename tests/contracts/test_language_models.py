"""What every language model promises: one table over all kinds, all cells, all output layers; none is treated apart."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
import torch

from gatewise.cells.registry import variants
from gatewise.lm import Mixture, Uniform, rank, score
from gatewise.models.ngram import METHODS, NgramLM, Options, count, estimate
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings, WindowLMSettings
from gatewise.models.window_lm import WindowLM
from tolerance import tolerance

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own

V, N, T, EOS = 24, 4, 7, 1
SIZES = {"embedding_size": 5, "hidden_size": 6}
OUTPUTS = {
    "": {},
    "tied": {"tie_weights": True},
    "adaptive": {"softmax": "adaptive", "cutoffs": (4, 11)},
    "adaptive-tied-low-rank": {"softmax": "adaptive", "tie_weights": True, "tail_rank": 2},
}
DEEP = {
    "deep-residual-learned": {"num_layers": 2, "residual": True, "initial_state": "learned"},
    "every-dropout": {
        "num_layers": 2,
        **dict.fromkeys(("embedding_dropout", "input_dropout", "hidden_dropout", "output_dropout"), 0.5),
        **dict.fromkeys(("weight_dropout", "zoneout"), 0.5),
    },
}
WINDOWS = {"one-word": {"window": 1}, "not-direct": {"direct": False}, "dropout": {"output_dropout": 0.5}}


def trained(model):
    """A model of random weights, all of them large enough to matter, in evaluation mode."""
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.data.add_(torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator), alpha=0.3)
    return model.eval()


def recurrent(changes, cell=None):
    settings = RecurrentLMSettings(**{**SIZES, **changes})
    return trained(RecurrentLM(settings, V, eos_id=EOS, unit="sentences", cell=cell, dtype=torch.float64))


def recurrent_of(cell):
    return recurrent({"projection_size": 3} if cell.has_projection else {}, cell)


def window(changes):
    settings = WindowLMSettings(**{**SIZES, "window": 3, **changes})
    return trained(WindowLM(settings, V, eos_id=EOS, unit="sentences", dtype=torch.float64))


def text():
    """Sentences in which some words never occur, and some follow one word only."""
    ids = np.random.default_rng(5).zipf(1.4, 300) % (V - 3)
    ids[::9] = EOS
    return ids, np.concatenate([[0], np.flatnonzero(ids == EOS) + 1, [len(ids)]])


def ngram(method, order, prune=()):
    options = Options(delta=0.1, weights=((0.6,) * 16,) * order)
    return NgramLM(estimate(count(*text(), order, V, EOS), method, options, prune).table, unit="sentences")


def cell_name(cell):
    return "-".join([cell.name, *map(str, cell.constants().values())])


BUILDERS = {
    "uniform": lambda: Uniform(V, eos_id=EOS, unit="sentences"),
    **{f"recurrent:{name}": lambda changes=changes: recurrent(changes) for name, changes in (OUTPUTS | DEEP).items()},
    **{f"recurrent:{cell_name(cell)}": lambda cell=cell: recurrent_of(cell) for cell in variants()},
    **{f"window:{name}": lambda changes=changes: window(changes) for name, changes in (OUTPUTS | WINDOWS).items()},
    **{f"ngram:{name}-{k}": lambda name=name, k=k: ngram(name, k) for name in METHODS for k in (1, 2, 4)},
    **{f"ngram:{name}-pruned": lambda name=name: ngram(name, 3, prune=(0, 1, 2)) for name in METHODS},
    "mixture": lambda: Mixture([ngram("katz", 3), window({}), recurrent({})], [0.5, 0.2, 0.3]),
    "mixture of one": lambda: Mixture([recurrent({})]),
}


@cache
def build(kind):
    """A language model of each kind, made once."""
    return BUILDERS[kind]()


@pytest.fixture(params=BUILDERS)
def lm(request):
    return build(request.param)


def ids_of(rows=N, steps=T):
    return torch.randint(V, (rows, steps), generator=torch.Generator().manual_seed(rows * 100 + steps))


def close(found, expected):
    torch.testing.assert_close(found.double(), expected.double(), **tolerance(found.dtype, T))


def same_state(lm, found, expected):
    """States are compared by all that can be asked of them."""
    assert len(found) == len(expected)
    close(lm.next(found), lm.next(expected))
    probe = torch.full((len(found), 3), 2)
    close(lm.advance(found, probe)[0], lm.advance(expected, probe)[0])


def test_declares_itself(lm):
    assert (lm.vocabulary_size, lm.eos_id, lm.unit) == (V, EOS, "sentences")


def test_next_is_a_distribution(lm):
    _, state = lm.advance(lm.start(N), ids_of())
    for log_probs in (lm.next(lm.start(3)), lm.next(state)):
        assert log_probs.shape[1] == V
        close(log_probs.exp().sum(1), torch.ones(len(log_probs)))


def test_next_is_a_distribution_after_a_thousand_histories(lm):
    lengths = torch.randint(0, T + 1, (1000,), generator=torch.Generator().manual_seed(1))
    _, state = lm.advance(lm.start(1000), ids_of(1000), lengths)
    log_probs = lm.next(state)
    close(log_probs.exp().sum(1), torch.ones(1000))


def test_advance_is_next_one_by_one(lm):
    ids, state = ids_of(), lm.start(N)
    found, last = lm.advance(state, ids)
    for step in range(T):
        close(found[:, step], lm.next(state).gather(1, ids[:, step, None]).squeeze(1))
        _, state = lm.advance(state, ids[:, step, None])
    same_state(lm, state, last)


def test_split_advance_is_the_whole(lm):
    ids = ids_of()
    whole, last = lm.advance(lm.start(N), ids)
    first, state = lm.advance(lm.start(N), ids[:, :3])
    nothing, state = lm.advance(state, ids[:, :0])
    second, state = lm.advance(state, ids[:, 3:])
    assert nothing.shape == (N, 0)
    close(torch.cat([first, second], dim=1), whole)
    same_state(lm, state, last)


def test_all_texts_start_alike(lm):
    state = lm.start(N)
    assert len(state) == N
    close(lm.next(state), lm.next(lm.start(1)).expand(N, V))


def test_select_reorders_repeats_and_leaves_out(lm):
    ids = ids_of()
    _, state = lm.advance(lm.start(N), ids)
    for index in ([2, 0, 3, 1], [1, 1, 1, 0, 0], [3], []):
        chosen = torch.tensor(index, dtype=torch.int64)
        selected = state.select(chosen)
        assert len(selected) == len(index)
        close(lm.next(selected), lm.next(state)[chosen])
        if index:
            same_state(lm, selected, lm.advance(lm.start(len(index)), ids[chosen])[1])


def test_states_are_immutable(lm):
    _, state = lm.advance(lm.start(N), ids_of())
    before = lm.next(state).clone()
    fresh = lm.advance(lm.start(N), ids_of())[1]
    lm.advance(state, ids_of(N, 3))
    state.select(torch.tensor([0]))
    assert torch.equal(lm.next(state), before)
    same_state(lm, state, fresh)
    if dataclasses.is_dataclass(state):
        with pytest.raises(dataclasses.FrozenInstanceError):
            state.anything = 1


def test_lengths(lm):
    ids, lengths = ids_of(), torch.tensor([3, 0, T, 1])
    found, state = lm.advance(lm.start(N), ids, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, last = lm.advance(lm.start(1), ids[[row], :length])
        close(found[row, :length], alone[0])
        assert found[row, length:].abs().sum() == 0
        same_state(lm, state.select(torch.tensor([row])), last)


def test_what_stands_beyond_a_length_is_not_read(lm):
    ids, lengths = ids_of(), torch.tensor([3, 0, T, 1])
    found, state = lm.advance(lm.start(N), ids, lengths)
    ids = torch.where(torch.arange(T) < lengths[:, None], ids, -(10**6))
    again, again_state = lm.advance(lm.start(N), ids, lengths)
    assert torch.equal(again, found)
    assert torch.equal(lm.next(again_state), lm.next(state))


def test_score_does_not_depend_on_batch_or_padding(lm):
    texts = [[3, 4, 1], [5], [], [6, 7, 8, 9, 2, 3, 1], [3, 4, 1]]
    alone = [score(lm, [text])[0] for text in texts]
    for options in ({}, {"batch_size": 2}, {"window": 2}, {"batch_size": 1, "window": 1}):
        for found, expected in zip(score(lm, texts, **options), alone, strict=True):
            close(torch.tensor(found.tokens), torch.tensor(expected.tokens))
    whole, _ = lm.advance(lm.start(1), torch.tensor([texts[3]]))
    close(torch.tensor(alone[3].tokens), whole[0])


def test_rank_is_by_score(lm):
    texts = [[3, 4, 1], [5, 6, 1], [7, 8, 1]]
    ranked = rank(lm, texts)
    assert sorted(index for index, _ in ranked) == [0, 1, 2]
    scores = [found.log_prob for _, found in ranked]
    assert scores == sorted(scores, reverse=True)


def test_nothing_at_all(lm):
    state = lm.start(0)
    assert len(state) == 0
    assert lm.next(state).shape == (0, V)


def test_all_texts_of_two_tokens_have_probability_one_together(lm):
    """The chain rule: the sum over all continuations of one length is one."""
    ids = torch.cartesian_prod(torch.arange(V), torch.arange(V))
    log_probs, _ = lm.advance(lm.start(len(ids)), ids)
    close(log_probs.sum(1).exp().sum(), torch.tensor(1.0))
