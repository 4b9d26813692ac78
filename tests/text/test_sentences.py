"""Batches of sentences: every sentence once, alike in length, in a new order each epoch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError
from gatewise.text.streams import Sentences
from text.conftest import numbered
from text.test_running_text import rows_of

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=60)


def store_of(lengths: list[int]):
    bounds = [0, *np.cumsum(lengths).tolist()]
    return numbered(bounds[-1], bounds, "sentence")


def whole(store: object) -> list[tuple[bool, list[int], list[int]]]:
    """Every sentence as a row: fresh, from <eos>, to its end; sorted."""
    places = [list(range(start + 1, end + 1)) for start, end in pairwise(store.boundaries.tolist())]
    return sorted((True, [0, *place[:-1]], place) for place in places)


@given(LENGTHS, st.integers(1, 7), st.integers(0, 3))
def test_an_epoch_gives_every_sentence_exactly_once(lengths: list[int], rows: int, seed: int):
    store, rows = store_of(lengths), min(rows, len(lengths))
    stream = Sentences(store, rows, seed)
    for epoch in range(3):
        assert stream.epoch == epoch
        batches = [next(stream) for _ in range(stream.batches_per_epoch)]
        assert sorted(row for batch in batches for row in rows_of(batch)) == whole(store)
        assert sum(batch.tokens for batch in batches) == sum(lengths)
        assert all(batch.targets.shape[1] <= rows for batch in batches)


@given(LENGTHS, st.integers(1, 7))
def test_one_pass_gives_every_sentence_exactly_once(lengths: list[int], rows: int):
    store = store_of(lengths)
    batches = list(Sentences(store, rows, longest=6).one_pass())
    assert sorted(row for batch in batches for row in rows_of(batch)) == whole(store)
    assert all(batch.targets.shape[1] <= rows for batch in batches)
    assert all(batch.targets.numel() <= rows * 6 or batch.targets.shape[1] == 1 for batch in batches)


def test_sentences_of_a_batch_are_alike_in_length():
    lengths = np.random.default_rng(0).integers(1, 60, 5000).tolist()
    stream = Sentences(store_of(lengths), 20)
    places = sum(next(stream).targets.numel() for _ in range(stream.batches_per_epoch))
    assert places < 1.05 * sum(lengths)


def test_orders_differ_by_epoch_and_seed():
    store = store_of([3] * 200)

    def order(seed: int, skip: int) -> list[list[int]]:
        stream = Sentences(store, 10, seed)
        return [next(stream).targets.flatten().tolist() for _ in range(skip + 20)][skip:]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 20)
    assert order(0, 0) != order(1, 0)


def test_short_batches_do_not_all_come_first():
    stream = Sentences(store_of(list(range(1, 201))), 10)
    longest = [next(stream).targets.shape[0] for _ in range(20)]
    assert longest != sorted(longest)


def test_too_few_sentences_for_training_says_what_is_needed():
    stream = Sentences(store_of([2, 3]), 4)
    with pytest.raises(DataError, match=r"needs 4 sentences, but the training text has 2; .*--batch-size \(to 2\)"):
        next(stream)
    assert len(list(stream.one_pass())) == 1


def test_too_long_a_sentence_for_training_is_said():
    stream = Sentences(store_of([2, 30, 31]), 1, longest=29)
    with pytest.raises(
        DataError, match=r"may have 29 tokens, but 2 of 3 have more, the longest 31; .*longest-sentence"
    ):
        next(stream)
    assert sum(batch.tokens for batch in stream.one_pass()) == 63
