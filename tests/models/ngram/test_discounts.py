"""Discounts that a text defines, and those it does not: Katz's beside the textbook's, and none that is 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.models.ngram import count, estimate
from gatewise.models.ngram.discounts import katz, kneser_ney, modified_kneser_ney
from models.ngram.plain import Plain, V
from models.ngram.test_methods import UNIT, contexts, counted, probabilities
from tolerance import tolerance

OCCURRENCES = {1: 17, 2: 8, 3: 5, 4: 3, 5: 2, 6: 1}
"""How many pairs occur once, twice, ...: Good and Turing's discounts are defined on these."""


def pairs():
    """Every two of the words 1 to 6, as often as above, and the word 7, after which a sentence always ends."""
    often = np.repeat(list(OCCURRENCES), list(OCCURRENCES.values()))
    drawn = np.random.default_rng(0).permutation(often).tolist()
    return [[7]] * 7 + [[1 + at // 6, 1 + at % 6] for at, times in enumerate(drawn) for _ in range(times)]


def triples():
    """Sentences on which order 3 is defined; after 7 there is 6, and then a sentence ends."""
    drawn = np.random.default_rng(0)
    return [np.minimum(drawn.geometric(0.4, n), 6).tolist() for n in drawn.integers(1, 7, 60)] + [[7, 6]] * 7


@pytest.mark.parametrize(("text", "order"), [(pairs(), 2), (triples(), 3)], ids=["pairs", "triples"])
def test_katz_with_the_discounts_of_good_and_turing_is_the_textbooks(text, order):
    counts, plain = counted(order, text), Plain(order, text)
    assert not katz(counts.orders[-1].counts).undefined
    made = estimate(counts, "katz")
    shorter = {2: "order 1: 0.5 is taken", 3: "order 1 and 2: 0.5 is taken"}
    assert shorter[order] in made.note
    for context in contexts(order):
        used = context[max(0, len(context) - (order - 1)) :]
        expected = [plain.katz(word, used) for word in range(V)]
        assert min(expected) > 0
        np.testing.assert_allclose(
            probabilities(made.table, context), expected, rtol=16 * UNIT, atol=UNIT, err_msg=str(context)
        )


def test_larger_counts_keep_all_under_katz_and_the_taken_mass_is_that_of_n_1():
    """What is taken from all n-grams together is n_1, as Good and Turing say of what was never seen."""
    counts = np.repeat([*OCCURRENCES, 7, 90], [*OCCURRENCES.values(), 1, 1])
    found = katz(counts)
    assert found.taken[-1] == 0 == found.taken[0]
    np.testing.assert_allclose(found.of(counts).sum(), OCCURRENCES[1], **tolerance(torch.float64, len(counts)))


def test_where_modified_kneser_ney_would_take_nothing_it_falls_back_and_says_so():
    """Here n_1 .. n_4 = 4, 1, 1, 1 and D_2 = 2 - 3 (4 / 6) = 0: after 3 nothing would be left for other words."""
    ids = np.array([5, 1, 5, 4, 4, 4, 0, 0, 0, 5, 1, 2, 5, 1, 5, 1, 3, 4, 4, 2, 1, 5])
    made = estimate(count(ids, None, 2, 7, 0), "modified-kneser-ney")
    assert "0.5, 1 and 1.5 are taken" in made.note
    rows = made.table.distribution(np.arange(7)[:, None])
    assert np.isfinite(rows).all()
    assert modified_kneser_ney(np.repeat([1, 2, 3, 4], [4, 1, 1, 1])).taken == (0.0, 0.5, 1.0, 1.5)


@pytest.mark.parametrize("seed", range(10))
def test_no_discount_of_kneser_and_ney_is_0_and_no_count_loses_all(seed):
    for n in np.random.default_rng(seed).integers(0, 6, (100, 6)):
        _check_discounts(np.repeat(np.arange(1, 7), n))


def _check_discounts(counts):
    for method in (kneser_ney, modified_kneser_ney):
        taken = method(counts).taken[1:]
        assert all(1e-9 < d < r for r, d in enumerate(taken, start=1))
    kept = [r - taken for r, taken in enumerate(katz(counts).taken)][1:]
    assert all(1e-9 < left <= r for r, left in enumerate(kept, start=1))
