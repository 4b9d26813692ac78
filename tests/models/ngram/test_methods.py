"""Every method beside the textbook's recursion over dictionaries."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gatewise.errors import DataError, SettingError
from gatewise.models.ngram import METHODS, Options, count, estimate
from gatewise.models.ngram.discounts import katz, kneser_ney, modified_kneser_ney
from models.ngram.plain import EOS, TEXT, Plain, V

UNIT = float(np.finfo(np.float32).eps)
"""Tables hold float32 logarithms of about -5 at most: a probability is right to about five units."""
WEIGHT = 0.5


def arrays(text=TEXT):
    ids = np.array([word for sentence in text for word in [*sentence, EOS]])
    return ids, np.concatenate([[0], np.flatnonzero(ids == EOS) + 1])


def counted(order, text=TEXT):
    return count(*arrays(text), order, V, EOS)


def probabilities(table, context):
    """[V], after a context whose "<s>" is EOS."""
    row = [EOS if word == "<s>" else word for word in context]
    known = [-1] * max(0, table.order - 1 - len(row)) + row[len(row) - (table.order - 1) :] if table.order > 1 else []
    return np.exp(table.distribution(np.array([known], dtype=np.int64)).astype(np.float64))[0]


def contexts(order):
    """All contexts of words that occur, from the beginning of a sentence too; longer than the order needs."""
    words = range(1, V)
    found = [("<s>",), *(("<s>", word) for word in words), *product(words, repeat=2)]
    return [context for context in found if order > 1] or [("<s>",)]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_the_textbooks(name, order):
    plain = Plain(order, delta=0.3, weight=WEIGHT)
    options = Options(delta=0.3, weights=((WEIGHT,) * 16,) * order)
    table = estimate(counted(order), name, options).table
    for context in contexts(order):
        used = context[max(0, len(context) - (order - 1)) :] if order > 1 else ()
        expected = [getattr(plain, name.replace("-", "_"))(word, used) for word in range(V)]
        np.testing.assert_allclose(
            probabilities(table, context), expected, rtol=8 * UNIT, atol=UNIT, err_msg=str(context)
        )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_counts_are_those_of_a_dictionary(order):
    counts, plain = counted(order), Plain(order)
    grams = [[(word,) for word in range(V)]]
    for k in range(2, order + 1):
        pairs = zip(counts.prefixes(k).tolist(), counts.words(k).tolist(), strict=True)
        grams.append([(*grams[-1][prefix], word) for prefix, word in pairs])
    for k, (found, here) in enumerate(zip(grams, counts.orders, strict=True), start=1):
        expected = {gram: n for gram, n in plain.counts.items() if len(gram) == k and (k > 1 or gram != ("<s>",))}
        as_ids = {tuple(EOS if word == "<s>" else word for word in gram): n for gram, n in expected.items()}
        assert {gram: n for gram, n in zip(found, here.counts.tolist(), strict=True) if n} == as_ids
        assert (np.diff(here.keys) > 0).all()
        if k > 1:
            assert [grams[k - 2][s] for s in here.suffixes] == [gram[1:] for gram in found]


def test_a_text_that_runs_on_is_counted_across_its_ends():
    counts = count(np.array([1, EOS, 1, 2]), None, 3, V, EOS)
    assert counts.orders[2].keys.tolist() == sorted(counts.orders[2].keys.tolist())
    assert counts.orders[1].counts.tolist() == [2, 1, 1]  # EOS 1 (twice, once at the beginning), 1 EOS, 1 2
    assert counts.orders[1].begins.tolist() == [1, 0, 0]
    assert len(counts.orders[2].keys) == 3  # EOS 1 EOS, 1 EOS 1, EOS 1 2


@pytest.mark.parametrize("name", METHODS)
def test_what_is_pruned_goes_to_the_shorter_contexts(name):
    options = Options(weights=((WEIGHT,) * 16,) * 3)
    whole, table = (estimate(counted(3), name, options, prune).table for prune in ((), (0, 1, 3)))
    assert len(table.orders[1].keys) == int((counted(3).orders[1].counts > 1).sum()) < len(whole.orders[1].keys)
    assert len(table.orders[2].keys) == int((counted(3).orders[2].counts > 3).sum())
    for context in contexts(3):
        assert abs(probabilities(table, context).sum() - 1) < V * UNIT


@pytest.mark.parametrize("delta", [0.1, 1.0, 2.7])
@pytest.mark.parametrize("prune", [(0, 0, 1), (0, 0, 3), (0, 2, 3), (0, 99, 99)], ids=str)
def test_add_delta_shares_what_is_pruned_among_all_words(prune, delta):
    plain, table = Plain(3), estimate(counted(3), "add-delta", Options(delta=delta), prune).table

    def expected(context):
        seen, kept = plain.after(context), len(context) < 2 or plain.counts[context] > prune[len(context) - 1]
        if not seen or not kept:
            return expected(context[1:])
        whole = sum(seen.values()) + delta * V
        own = {word: n for word, n in seen.items() if not context or n > prune[len(context)]}
        left = delta * V + sum(seen.values()) - sum(own.values())
        return [own.get(word, 0) / whole + left / whole / V for word in range(V)]

    bare = 0
    for context in contexts(3):
        found = probabilities(table, context)
        bare += max(expected(context)) - min(expected(context)) < UNIT
        np.testing.assert_allclose(found, expected(context), rtol=8 * UNIT, err_msg=str(context))
        assert abs(found.sum() - 1) < V * UNIT
        row = [EOS if word == "<s>" else word for word in (-1, *context)[-2:]]
        rows = np.array([[*row, word] for word in range(V)])
        np.testing.assert_array_equal(table.log_probs(rows, 2)[:, 0], table.distribution(np.array([row]))[0])
    assert bare or prune == (0, 0, 1)  # contexts that were seen, and all of whose words are left out


@pytest.mark.parametrize("discount", [kneser_ney, modified_kneser_ney, katz])
@pytest.mark.parametrize("counts", [[1, 1, 1], [7, 7], [1, 2, 3, 4], []], ids=["once", "often", "equal", "none"])
def test_undefined_discounts_are_replaced_and_told(discount, counts):
    found = discount(np.array(counts, dtype=np.int64))
    assert all(0 <= taken <= max(r, 1) for r, taken in enumerate(found.taken))
    assert found.undefined == (discount is katz or counts != [1, 2, 3, 4])


def test_texts_in_which_everything_is_equal_have_a_model():
    for text in ([[1]], [[]], [[1, 2, 3, 4, 5, 6, 7]], [[1, 1, 1, 1]]):
        for name in METHODS:
            options = Options(weights=((WEIGHT,) * 16,) * 3)
            made = estimate(counted(3, text), name, options)
            for context in (("<s>",), (1, 1), (2, 3)):
                assert abs(probabilities(made.table, context).sum() - 1) < V * UNIT, (text, name, context)


@pytest.mark.parametrize("order", [0, 99])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(SettingError, match=f"the order of an n-gram model is from 1 to 7, but {order} was given"):
        counted(order)


def test_bad_texts_and_names_are_refused():
    with pytest.raises(DataError, match="there is no token to count"):
        count(np.zeros(0, np.int64), None, 2, V, EOS)
    with pytest.raises(DataError, match=f"the token {V} is not one of the vocabulary, 0 to {V - 1}"):
        count(np.array([1, V]), None, 2, V, EOS)
    with pytest.raises(SettingError, match="there is no smoothing knesser-ney; did you mean kneser-ney"):
        estimate(counted(2), "knesser-ney")
    with pytest.raises(SettingError, match="must not fall"):
        estimate(counted(2), "katz", prune=(1, 0))
