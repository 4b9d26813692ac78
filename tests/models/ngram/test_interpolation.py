"""Jelinek and Mercer's method and its weights beside plain recursion and plain expectation maximisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.errors import DataError
from gatewise.models.ngram import Options, count, estimate, interpolation_weights
from gatewise.models.ngram.count_on_disk import count_on_disk
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.room import room_on_disk
from models.ngram.plain import EOS, TEXT, Plain, V
from models.ngram.test_methods import UNIT, arrays, contexts, counted, probabilities
from tolerance import tolerance

HELD_OUT = [[1, 2, 3], [2, 8], [6, 6], [1, 2, 3, 5], [4, 6, 1], [7, 1, 2, 4], [], [1, 1, 2, 3]] * 3
ENOUGH = 1e-9
"""Nats per token that the weights, each moved alone, may be short of the best."""
TINY = {
    "one token": ([[]], [[1]]),
    "all equal": ([[1, 1, 1, 1]], [[1, 1]]),
    "sentences shorter than the order": ([[3, 2]] * 30, [[3, 2], [4]]),
    "a held-out text of other words": ([[1]], [[2, 3, 4, 5, 6, 7]]),
}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_each_size_of_a_context_has_its_own_weight(order):
    weights = np.random.default_rng(0).uniform(0.1, 0.9, (order, 16)).tolist()
    plain = Plain(order, weight=weights)
    table = estimate(counted(order), "jelinek-mercer", Options(weights=tuple(map(tuple, weights)))).table
    for context in contexts(order):
        used = context[max(0, len(context) - (order - 1)) :] if order > 1 else ()
        expected = [plain.jelinek_mercer(word, used) for word in range(V)]
        np.testing.assert_allclose(
            probabilities(table, context), expected, rtol=8 * UNIT, atol=UNIT, err_msg=str(context)
        )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_one_round_is_the_textbooks(order):
    found, plain = interpolation_weights(counted(order), *arrays(HELD_OUT), rounds=1), Plain(order)
    plain.expectation_maximisation(HELD_OUT, 1)
    np.testing.assert_allclose(found, plain.weights, **tolerance(torch.float64, len(HELD_OUT)))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_weights_are_those_that_thousands_of_plain_rounds_find(order):
    plain = Plain(order)
    plain.expectation_maximisation(HELD_OUT, 3000)
    found = Plain(order, weight=interpolation_weights(counted(order), *arrays(HELD_OUT), enough=ENOUGH))
    assert found.held_out_nats(HELD_OUT) >= plain.held_out_nats(HELD_OUT) - ENOUGH


def test_the_weights_found_without_being_asked_for_more_are_right_to_a_ten_millionth_of_a_nat():
    plain = Plain(2)
    plain.expectation_maximisation(HELD_OUT, 3000)
    found = Plain(2, weight=interpolation_weights(counted(2), *arrays(HELD_OUT)))
    assert found.held_out_nats(HELD_OUT) >= plain.held_out_nats(HELD_OUT) - 1e-7


@pytest.mark.parametrize(("order", "seed"), [(2, 0), (3, 19), (5, 3)])
def test_no_round_makes_the_held_out_text_less_probable(order, seed):
    """Of the two last texts some leaps go too far."""
    drawn = np.random.default_rng(seed)
    lengths = drawn.integers(1, 8, 80)
    sentences = [np.minimum(drawn.geometric(0.35, length), V - 1).tolist() for length in lengths]
    counts, nats = counted(order, sentences[:60]), []
    for rounds in range(1, 30):
        weights = interpolation_weights(counts, *arrays(sentences[60:]), rounds=rounds, enough=0.0)
        nats.append(Plain(order, sentences[:60], weight=weights).held_out_nats(sentences[60:]))
    assert nats[5] > nats[0]
    assert (np.diff(nats) >= -tolerance(torch.float64)["atol"]).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_word_that_was_never_seen_has_a_probability_where_all_held_out_words_were_seen(order):
    held_out = [[1, 2, 3], [2, 3], [1, 2, 3, 5]]
    weights = interpolation_weights(counted(order), *arrays(held_out))
    tokens = sum(len(sentence) + 1 for sentence in held_out)
    assert max(max(row) for row in weights) <= tokens / (tokens + 1)
    if order == 1:
        assert max(weights[0]) == tokens / (tokens + 1)  # nothing but the limit keeps it from 1
    table = estimate(counted(order), "jelinek-mercer", Options(weights=weights)).table
    for context in contexts(order):
        assert probabilities(table, context).min() > 0


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("name", TINY)
def test_the_smallest_texts_have_weights_and_a_model(name, order, tmp_path):
    pytest.importorskip("duckdb", reason="counting on the disk needs DuckDB")
    text, held_out = TINY[name]
    counts = counted(order, text)
    weights = interpolation_weights(counts, *arrays(held_out))
    assert all(0 <= weight < 1 for row in weights for weight in row)
    with room_on_disk(tmp_path / "counting", 100 << 20) as room:
        there = count_on_disk(Text(*arrays(text), V, EOS), order, room)
        assert interpolation_weights(there, *arrays(held_out), room) == weights
    table = estimate(counts, "jelinek-mercer", Options(weights=weights)).table
    plain = Plain(order, text, weight=weights)
    for context in contexts(order)[: 2 * V]:
        used = context[max(0, len(context) - (order - 1)) :] if order > 1 else ()
        expected = [plain.jelinek_mercer(word, used) for word in range(V)]
        np.testing.assert_allclose(probabilities(table, context), expected, rtol=8 * UNIT, atol=UNIT)


def test_a_held_out_text_without_a_token_is_refused():
    counts = count(*arrays(TEXT), 2, V, EOS)
    with pytest.raises(DataError, match="the weights are found on held-out text, but there is none"):
        interpolation_weights(counts, np.zeros(0, np.int64), None)
