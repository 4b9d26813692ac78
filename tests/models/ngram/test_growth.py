"""N-grams of the beginnings of a text, and how many of another text's are new, against sets of plain tuples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gatewise.models.ngram import Text, count, estimate, growths
from gatewise.models.ngram.ngram_lm import NgramLM
from gatewise.storage import pack_tensors

EOS, V = 0, 12


def plain_ngrams(sequences, order):
    """The n-grams of some lists of ids, each with the token before its first word; of order 1 the words alone."""
    if order == 1:
        return [(word,) for sequence in sequences for word in sequence]
    whole = [[EOS, *sequence] for sequence in sequences]
    return [tuple(text[at : at + order]) for text in whole for at in range(len(text) - order + 1)]


def divided(text):
    ids, cuts = text.ids.tolist(), [0, len(text.ids)] if text.boundaries is None else text.boundaries.tolist()
    return [ids[begin:end] for begin, end in itertools.pairwise(cuts)]


def some_text(seed, tokens, *, runs_on=False):
    random = np.random.default_rng(seed)
    ids = np.minimum(random.geometric(0.25, tokens), V - 1)
    ends = np.unique(np.append(random.choice(tokens - 1, tokens // 9, replace=False), tokens - 1))
    ids[ends] = EOS
    return Text(ids, None if runs_on else np.append(0, ends + 1), V, EOS)


@pytest.mark.parametrize("runs_on", [False, True])
def test_numbers_and_shares_are_those_of_plain_sets(runs_on):
    text, other = some_text(1, 400, runs_on=runs_on), some_text(2, 90, runs_on=runs_on)
    for found in growths(text, other, [7, 100, 400], 5):
        beginning = text.first(found.tokens)
        for order in range(1, 6):
            seen = set(plain_ngrams(divided(beginning), order))
            asked = plain_ngrams(divided(other), order)
            assert found.ngrams[order - 1] == len(seen)
            assert found.unseen[order - 1] == pytest.approx(sum(gram not in seen for gram in asked) / len(asked))


def test_bytes_are_those_of_a_stored_model():
    text = some_text(3, 500)
    (found,) = growths(text, text, [500], 4)
    model = NgramLM(estimate(count(text.ids, text.boundaries, 4, V, EOS), "witten-bell").table)
    stored = model.state_dict()
    assert found.ngrams[0] == V  # all words occur; of those that do not a model has a row too
    for order in range(1, 5):
        own = [tensor for name, tensor in stored.items() if name.endswith(f"_{order}")]
        assert found.bytes[order - 1] == sum(tensor.nbytes for tensor in own)
    assert sum(found.bytes) <= len(pack_tensors(stored)) <= sum(found.bytes) + 2000  # the header


def test_a_text_without_n_grams_so_long_has_no_share():
    (found,) = growths(some_text(4, 50), Text(np.array([1, 0]), None, V, EOS), [50], 4)
    assert found.unseen[2] is not None
    assert found.unseen[3] is None
