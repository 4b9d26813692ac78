"""An n-gram model over batches beside a loop over its sequences, each token after all that stands before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.models.ngram import NgramLM, Text, estimate
from models.ngram.test_methods import EOS, UNIT, counted
from models.plain import batch_of
from tolerance import tolerance

ORDER = 4
BOUND = tolerance(torch.float32)


@pytest.fixture(scope="module")
def model():
    return NgramLM(estimate(counted(ORDER), "modified-kneser-ney").table, unit="sentences")


def log_probs(model, before, words):
    """Of words one after the other: the distribution after the last words of what was read, one row at a time."""
    found = []
    for word in words:
        context = [-1] * ORDER + [EOS, *before]
        found.append(model.table.distribution(np.array([context[len(context) - ORDER + 1 :]]))[0, word])
        before = [*before, word]
    return found


def batches_of(rows, fresh, lengths):
    """A batch of each nested list [rows, T]."""
    found = []
    for words, begins, valid in zip(rows, fresh, lengths, strict=True):
        targets = torch.tensor(words).t()
        found.append(batch_of(torch.full_like(targets, EOS), targets, valid, begins))  # the model needs no inputs
    return found


def loop(model, rows, fresh, lengths):
    """For each batch the log probabilities of its valid targets and these, a time step after the other."""
    before, expected = [[] for _ in rows[0]], []
    for words, begins, valid in zip(rows, fresh, lengths, strict=True):
        scored = []
        for row, own in enumerate(words):
            if begins is not None and begins[row]:
                before[row] = []
            own = own if valid is None else own[: valid[row]]
            scored.append(list(zip(log_probs(model, before[row], own), own, strict=True)))
            before[row] = before[row] + own
        expected.append([pairs[step] for step in range(len(words[0])) for pairs in scored if step < len(pairs)])
    return expected


RUNNING = (
    [[[1, 2, 3], [6, 1, 2]], [[5, 1, 2], [3, 5, 4]], [[3, 2, 3], [1, 7, 2]]],
    [[True, True], None, [False, False]],
    [None, None, None],
)
BEGIN_ANEW = (RUNNING[0], [[True, True], [True, False], [False, True]], [None, None, None])
LENGTHS = (
    [[[1, 2, 3], [6, 1, 8]], [[EOS, 8, 8], [2, 3, 8]], [[8, 8, 8], [1, 2, EOS]], [[1, 1, 2], [3, 5, EOS]]],
    [[True, True], None, [False, True], [True, False]],
    [[3, 2], [1, 2], [0, 3], [3, 3]],
)
SEQUENCES = [[1, 2, 3, EOS], [1, 1, 2], [6, 1, 2, 3], [1, 2, EOS, 3, 5, EOS]]
"""Those of LENGTHS, one after the other."""
STREAMS = {"running": RUNNING, "rows begin anew": BEGIN_ANEW, "lengths": LENGTHS}


@pytest.mark.parametrize("name", STREAMS)
def test_batches_give_what_a_loop_over_the_sequences_gives(model, name):
    stream = STREAMS[name]
    expected = loop(model, *stream)
    found = list(model.token_log_probs(batches_of(*stream)))
    for own, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(own.numpy(), [log_prob for log_prob, _ in theirs], **BOUND)
    pairs = [pair for batch in expected for pair in batch]
    measure = model.evaluate(batches_of(*stream), characters=99)
    assert (measure.tokens, measure.characters) == (len(pairs), 99)
    np.testing.assert_allclose(measure.nats, -sum(float(log_prob) for log_prob, _ in pairs), rtol=len(pairs) * UNIT)


def test_a_token_that_is_not_counted_is_read(model):
    pairs = [pair for batch in loop(model, *LENGTHS) for pair in batch if pair[1] != 2]
    ids = np.array([word for sequence in SEQUENCES for word in sequence])
    boundaries = np.cumsum([0, *map(len, SEQUENCES)])
    whole, measure = model.measure(Text(ids, boundaries, model.vocabulary_size, EOS), unknown=2)
    assert measure is not None
    assert whole.tokens == len(ids)
    assert whole.nats == pytest.approx(model.evaluate(batches_of(*LENGTHS)).nats, rel=len(ids) * UNIT)
    assert measure.tokens == len(pairs)
    np.testing.assert_allclose(measure.nats, -sum(float(log_prob) for log_prob, _ in pairs), rtol=len(pairs) * UNIT)


def test_another_number_of_rows_begins_anew(model):
    first, second = batches_of([[[1, 2], [1, 2]]], [None], [None]), batches_of([[[3, 5]]], [None], [None])
    found = list(model.token_log_probs([*first, *second]))
    np.testing.assert_allclose(found[1].numpy(), log_probs(model, [], [3, 5]), **BOUND)
