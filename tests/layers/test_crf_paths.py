"""The best paths of the linear-chain CRF against the sorted list of every path."""

from __future__ import annotations

import pytest
import torch

from gatewise.errors import SettingError, ShapeError
from gatewise.layers import crf_rows
from gatewise.layers.crf import LinearChainCRF
from layers.every_path import every_path, log_partition, random_crf
from tolerance import tolerance

LENGTHS = [2, 0, 4, 1, 4]
T, B, L = 4, 5, 3
BOUNDS = tolerance(torch.float64, T)


def padded(path):
    return [*path, *[-1] * (T - len(path))]


def whole_numbers(spread):
    """A CRF and emissions of small whole numbers, whose sums are exact and often equal."""
    crf, emissions = random_crf(L, spread, masks=True), torch.randn(T, B, L, dtype=torch.float64) * spread
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.round_()
    return crf, emissions.round()


@pytest.mark.parametrize("n", [1, 2, 7, 100])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("rows_at_once", [1, 100])
def test_nbest_are_the_first_of_all_paths(n, masks, rows_at_once, monkeypatch):
    monkeypatch.setattr(crf_rows, "AT_ONCE", rows_at_once * L * L)
    crf, emissions = random_crf(L, masks=masks), torch.randn(T, B, L, dtype=torch.float64)
    emissions[torch.tensor([[t >= length for length in LENGTHS] for t in range(T)])] = float("nan")
    found = crf.nbest(emissions, n, lengths=LENGTHS)
    tags, scores = crf.viterbi(emissions, lengths=LENGTHS)
    assert found.tags.shape == (T, B, n)
    torch.testing.assert_close(tags, found.tags[:, :, 0], rtol=0, atol=0)
    torch.testing.assert_close(scores, found.scores[:, 0], rtol=0, atol=0)
    for b, length in enumerate(LENGTHS):
        paths = every_path(crf, emissions[:length, b]) if length else [(0.0, ())]
        best, missing = paths[:n], max(0, n - len(paths))
        assert found.tags[:, b].T.tolist() == [padded(path) for _, path in best] + [[-1] * T] * missing
        expected = torch.tensor([score for score, _ in best] + [-torch.inf] * missing, dtype=torch.float64)
        torch.testing.assert_close(found.scores[b], expected, **BOUNDS)
        shares = (expected - log_partition(paths)).exp()
        torch.testing.assert_close(found.probabilities[b], shares, **BOUNDS)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("spread", [0.0, 0.6, 40.0])
def test_equal_paths_come_in_the_order_of_their_labels(seed, spread):
    torch.manual_seed(seed)
    crf, emissions = whole_numbers(spread)
    found = crf.nbest(emissions, 12)
    for b in range(B):
        expected = [padded(path) for _, path in every_path(crf, emissions[:, b])[:12]]
        assert found.tags[:, b].T.tolist() == expected + [[-1] * T] * (12 - len(expected))
        assert crf.viterbi(emissions)[0][:, b].tolist() == expected[0]


def test_all_paths_together_have_probability_one():
    crf, emissions = random_crf(L, masks=True), torch.randn(T, B, L, dtype=torch.float64)
    total = crf.nbest(emissions, L**T).probabilities.sum(1)
    torch.testing.assert_close(total, torch.ones(B, dtype=torch.float64), **BOUNDS)


def test_a_ragged_batch_decodes_as_its_sequences_alone():
    crf, emissions = random_crf(L, masks=True), torch.randn(T, B, L, dtype=torch.float64)
    tags, scores = crf.viterbi(emissions, lengths=LENGTHS)
    paths = crf.nbest(emissions, 3, lengths=LENGTHS)
    crf.batch_first = True
    turned = crf.nbest(emissions.transpose(0, 1), 3, lengths=LENGTHS)
    torch.testing.assert_close(turned.tags.transpose(0, 1), paths.tags, rtol=0, atol=0)
    for b, length in enumerate(LENGTHS):
        if length:
            alone, score = crf.viterbi(emissions[:length, b])
            assert (score.shape, alone.tolist()) == ((), tags[:length, b].tolist())
            torch.testing.assert_close(score, scores[b], rtol=0, atol=0)
            few = crf.nbest(emissions[:length, b], 3)
            torch.testing.assert_close(few.scores, paths.scores[b], rtol=0, atol=0)
            torch.testing.assert_close(few.tags, paths.tags[:length, b], rtol=0, atol=0)


def test_forbidden_labels_never_come_out_however_good_they_look():
    allowed = torch.ones(L, L).bool()
    allowed[0, 1] = allowed[2, 2] = False
    crf = LinearChainCRF(L, allowed=allowed, allowed_starts=torch.tensor([True, True, False]))
    with torch.no_grad():
        crf.transitions.copy_(torch.where(allowed, -1e6, 1e6))
        crf.starts[2] = 1e6
    found = crf.nbest(torch.randn(T, B, L), 9).tags
    assert (found[0] != 2).all()
    assert allowed[found[:-1], found[1:]].all()


def test_types_and_graphs():
    crf, emissions = LinearChainCRF(L), torch.randn(T, B, L, requires_grad=True)
    paths = crf.nbest(emissions.bfloat16(), 2)
    assert [part.dtype for part in paths] == [torch.int64, torch.float32, torch.float32]
    assert not paths.scores.requires_grad
    assert not crf.viterbi(emissions)[1].requires_grad


def test_numbers_that_are_none_are_refused():
    emissions = torch.zeros(T, B, L)
    emissions[1, 2, 0] = float("nan")
    with pytest.raises(ShapeError, match=r"the best score of sequence 2 \(counted from 0\) is no finite number"):
        LinearChainCRF(L).viterbi(emissions)


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_n_that_cannot_be(n):
    with pytest.raises(SettingError, match="n must be a whole number of at least 1"):
        LinearChainCRF(L).nbest(torch.zeros(T, B, L), n)
