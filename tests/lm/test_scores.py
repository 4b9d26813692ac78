"""Scores and ranks against the chain rule written out."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.lm.measures import Measure
from gatewise.lm.scores import LARGEST_BATCH, Score, rank, score
from lm.table_lm import TableLM

TEXTS = [[1, 2, 0], [], [3], [2, 2, 2, 2, 1, 3, 0], [1], [3, 1, 2, 3, 2, 1, 1, 0]]


def test_equals_the_chain_rule():
    lm = TableLM.random(4, seed=1)
    for ids, found in zip(TEXTS, score(lm, TEXTS), strict=True):
        assert found.log_prob == pytest.approx(lm.log_prob(tuple(ids)), rel=1e-12)
        assert len(found.tokens) == len(ids)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
@pytest.mark.parametrize("window", [1, 3, 256])
def test_does_not_depend_on_batches_or_windows(batch_size, window):
    lm = TableLM.random(4, seed=2)
    assert score(lm, TEXTS, batch_size=batch_size, window=window) == score(lm, TEXTS)


def test_texts_are_read_in_batches_of_like_length():
    lm = TableLM.random(4, seed=3)
    score(lm, [[1] * length for length in (1, 9, 2, 8, 1, 9)], batch_size=2, window=8)
    assert lm.calls == [(2, 8), (2, 1), (2, 8), (2, 1)]
    lm.calls.clear()
    score(lm, [[1] * 20, [1] * 3, [1] * 9], batch_size=3, window=8)
    assert lm.calls == [(3, 8), (2, 8), (1, 4)]  # rows leave as their texts end


def test_one_long_text_does_not_widen_many_short_ones(monkeypatch):
    monkeypatch.setattr("gatewise.lm.scores.LARGEST_BATCH", 10)
    lm = TableLM.random(4, seed=3)
    score(lm, [[1] * 8, [1], [1], [1]], batch_size=4)
    assert lm.calls == [(1, 8), (3, 1)]
    assert LARGEST_BATCH > 10


def test_nothing_to_score():
    lm = TableLM.random(4, seed=4)
    assert score(lm, []) == []
    assert score(lm, [[], []]) == [Score(()), Score(())]
    assert Score(()).per_token == 0


def test_rank_puts_the_more_probable_first():
    table = torch.tensor([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    lm = TableLM(table)
    ranked = rank(lm, [[2, 1, 0], [1, 2, 0], [1, 1, 0]])
    assert [index for index, _ in ranked] == [1, 2, 0]
    assert ranked[0][1].log_prob == pytest.approx(3 * math.log(0.8))


def test_rank_per_text_or_per_token():
    lm = TableLM(torch.tensor([[0.2, 0.8], [0.2, 0.8]]))
    long, short = [1] * 9, [0]  # 0.8 ** 9 < 0.2, but the mean of its tokens is higher
    assert [index for index, _ in rank(lm, [long, short])] == [1, 0]
    assert [index for index, _ in rank(lm, [long, short], per="token")] == [0, 1]


def test_equal_texts_keep_their_order():
    lm = TableLM.random(4, seed=5)
    assert [index for index, _ in rank(lm, [[1], [2], [1], [1]]) if index != 1] == [0, 2, 3]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ((-math.inf,), math.inf),
        ((-1.0, -math.inf), math.inf),
        ((-1e9,), math.inf),
        ((-700.0,), math.exp(700)),
        ((-1.0, -2.5), math.exp(1.75)),
        ((), 1.0),
    ],
)
def test_perplexity_is_infinite_beyond_any_number_as_that_of_a_measure(tokens, expected):
    assert Score(tokens).perplexity == pytest.approx(expected, rel=1e-12)
    assert not tokens or Measure(-math.fsum(tokens), len(tokens)).perplexity == pytest.approx(expected, rel=1e-12)
