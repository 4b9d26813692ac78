"""Many tokens at a time give what one row at a time gives, whatever number of threads looks them up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.models.ngram import count, estimate

V, EOS, ROWS, TOKENS, ORDER = 30, 0, 41, 4000, 4


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(5)
    return estimate(count(random.integers(0, V, 5000), None, ORDER, V, EOS), "modified-kneser-ney").table


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_rows_are_shared_among_threads(table, threads, number):
    random = np.random.default_rng(6)
    text = random.integers(0, V, (ROWS, ORDER - 1 + TOKENS))
    text[:, :2] = -1  # nothing is known there
    text[::3, -50:] = -1
    threads(1)
    alone = np.concatenate([table.log_probs(row[None], ORDER - 1) for row in text])
    threads(number)
    np.testing.assert_array_equal(table.log_probs(text, ORDER - 1), alone)


def test_pieces_know_the_tokens_before_them(table, monkeypatch):
    text = np.tile(np.random.default_rng(5).integers(0, V, 5000), 2)[None]  # what was counted: long n-grams are there
    whole = table.log_probs(text, ORDER - 1)
    monkeypatch.setattr("gatewise.models.ngram.table._AT_ONCE", 7)
    np.testing.assert_array_equal(table.log_probs(text, ORDER - 1), whole)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_long_row_is_shared_among_threads(table, threads, number):
    text = np.random.default_rng(7).integers(0, V, (1, 200_000))
    threads(1)
    alone = np.concatenate(
        [table.log_probs(text[:, at : at + 1000 + ORDER - 1], ORDER - 1) for at in range(0, 199_000, 1000)], 1
    )
    threads(number)
    found = table.log_probs(text, ORDER - 1)
    assert found.shape == (1, 200_000 - ORDER + 1)
    np.testing.assert_array_equal(found[:, :199_000], alone)
