"""Direct connections beside n-grams listed and counted one by one in Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gatewise.errors import SettingError
from gatewise.layers.direct import DirectConnections
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.text import ngram_ratios as module
from gatewise.text.ngram_ratios import ngram_ratios
from tolerance import tolerance

V, L = 5, 3
SIGN = V


def texts_of(count=40, seed=0, longest=9):
    """Random texts, some of them empty, and the labels of each."""
    generator = np.random.default_rng(seed)
    texts = [generator.integers(V, size=generator.integers(longest)).tolist() for _ in range(count)]
    return [*texts, []], generator.random((count + 1, L)) < 0.4


def ngrams_of(text, order):
    """The distinct n-grams of a text between its signs."""
    signed = [SIGN, *text, SIGN]
    return {tuple(signed[k : k + length]) for length in range(1, order + 1) for k in range(len(signed) - length + 1)}


def counted(texts, labels, order, minimum=1):
    boundaries = np.cumsum([0, *map(len, texts)])
    return ngram_ratios(np.concatenate(texts).astype(np.int32), boundaries, labels, V, order, minimum)


def by_hand(texts, labels, order, minimum=1):
    """n-gram -> r of each label."""
    found = [ngrams_of(text, order) for text in texts]
    known = {(token,) for token in range(V + 1)}
    candidates = set().union(*found)
    for length in range(2, order + 1):  # an n-gram is known where what it begins with is
        frequent = {g for g in candidates if sum(g in one for one in found) >= minimum}
        known |= {g for g in frequent if len(g) == length and g[:-1] in known}
    ratios = {g: [] for g in known}
    for label in range(L):
        having = {has: [one for one, own in zip(found, labels[:, label], strict=True) if own == has] for has in (0, 1)}
        ours, others = ({g: 1 + sum(g in one for one in having[has]) for g in known} for has in (1, 0))
        for g in known:
            share, rest = ours[g] / sum(ours.values()), others[g] / sum(others.values())
            ratios[g].append(math.log(share) - math.log(rest))
    return ratios


def direct_of(found, labels=L):
    direct = DirectConnections(V, found.sizes, labels, dtype=torch.float64)
    direct.set_ratios(found)
    torch.nn.init.ones_(direct.weight)
    return direct


def side_by_side(texts):
    lengths = torch.tensor([len(text) for text in texts])
    tokens = torch.zeros(max(1, int(lengths.max())), len(texts)).long()
    for row, text in enumerate(texts):
        tokens[: len(text), row] = torch.tensor(text)
    return tokens, lengths


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("minimum", [1, 3])
def test_the_score_of_a_text_is_the_sum_of_the_ratios_of_its_ngrams(order, minimum):
    texts, labels = texts_of()
    ratios = by_hand(texts, labels, order, minimum)
    found = counted(texts, labels, order, minimum)
    assert sum(found.sizes) == len(ratios) - V - 1
    others, _ = texts_of(seed=1, longest=12)
    scores = direct_of(found)(*side_by_side(others))
    there = [ngrams_of(text, order) & ratios.keys() for text in others]
    expected = [[sum(ratios[g][label] for g in grams) for label in range(L)] for grams in there]
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64), **tolerance(torch.float64, 64))


def test_what_stands_beyond_a_text_is_never_read():
    texts, labels = texts_of()
    direct = direct_of(counted(texts, labels, 3))
    tokens, lengths = side_by_side(texts)
    before = direct(tokens, lengths)
    beyond = torch.arange(len(tokens))[:, None] >= lengths
    assert torch.equal(direct(tokens.masked_fill(beyond, 3), lengths), before)


def test_only_weights_of_ngrams_that_are_there_are_learnt():
    texts, labels = texts_of()
    direct = direct_of(counted(texts, labels, 2))
    direct(*side_by_side([[0, 1]])).sum().backward()
    there = direct.weight.grad.ne(0).any(1)
    assert int(there.sum()) == len(ngrams_of([0, 1], 2) & by_hand(texts, labels, 2).keys())
    torch.testing.assert_close(direct.weight.grad[0], direct.ratios[0])


def test_it_says_nothing_before_it_has_learnt():
    texts, labels = texts_of()
    found = counted(texts, labels, 2)
    direct = DirectConnections(V, found.sizes, L)
    direct.set_ratios(found)
    assert direct(*side_by_side(texts)).eq(0).all()


def test_other_ratios_begin_at_nothing_learnt():
    texts, labels = texts_of()
    found = counted(texts, labels, 2)
    direct = direct_of(found)
    direct.set_ratios(found)
    assert direct.weight.eq(0).all()


def test_too_many_are_refused(monkeypatch):
    texts, labels = texts_of()
    monkeypatch.setattr(module, "LARGEST", 60)
    with pytest.raises(
        SettingError, match=r"direct connections of \d+ n-grams to 3 labels are too many; give a higher"
    ):
        counted(texts, labels, 3)


def test_what_does_not_fit_is_refused():
    texts, labels = texts_of()
    with pytest.raises(InputError, match=r"n-grams of sizes \(\d+,\) came, expected \(7,\), for 3 labels"):
        DirectConnections(V, [7], L).set_ratios(counted(texts, labels, 2))
    with pytest.raises(ArgumentError, match="sizes must be at least 0"):
        DirectConnections(V, [-1], L)
