"""The sums of the linear-chain CRF against every path written down, for ordinary, extreme, masked and ragged scores."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise.errors import SettingError, ShapeError
from gatewise.layers import crf_rows, crf_sums
from gatewise.layers.crf import LinearChainCRF
from layers.every_path import every_path, expectations, log_partition, random_crf
from tolerance import allowed, tolerance

EXACT = {"check_dtype": False, **tolerance(torch.float64, 20)}
LENGTHS = [2, 0, 5, 1, 5]
T, B, L = 5, 5, 3


@pytest.fixture(params=["scaled", "log"])
def way(request, monkeypatch):
    """Both ways to sum: the quick one, and the one for scores that lie far apart, here for all."""
    if request.param == "log":
        monkeypatch.setattr(crf_sums, "FLOOR", float("inf"))
        monkeypatch.setattr(crf_rows, "AT_ONCE", 2 * L * L)  # in more than one part
    return request.param


def drawn(spread=1.0, steps=T, batch=B, labels=L):
    return torch.randn(steps, batch, labels, dtype=torch.float64) * spread


def some_paths(crf, emissions, lengths):
    """An allowed path for each sequence, as tags [T, B]; what stands beyond the lengths is no label."""
    tags = torch.full(emissions.shape[:2], -100)
    for b, length in enumerate(lengths):
        if length:
            paths = every_path(crf, emissions[:length, b])
            tags[:length, b] = torch.tensor(paths[len(paths) // 2][1])
    return tags


def gradients(crf, total, emissions):
    return torch.autograd.grad(total, [emissions, crf.transitions, crf.starts, crf.ends])


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("lengths", [LENGTHS, [5] * 5, [1] * 5])
def test_sums_are_those_of_all_paths(way, masks, spread, lengths):
    crf, emissions = random_crf(L, spread, masks), drawn(spread).requires_grad_()
    totals = crf.log_partition(emissions, lengths=lengths)
    marginals = crf.marginals(emissions, lengths=lengths)
    found = gradients(crf, totals.sum(), emissions)
    pairs = torch.zeros(L, L, dtype=torch.float64)
    starts, ends = torch.zeros(2, L, dtype=torch.float64)
    for b, length in enumerate(lengths):
        assert not marginals[length:, b].any()
        if not length:
            assert totals[b] == 0
            continue
        paths = every_path(crf, emissions[:length, b])
        torch.testing.assert_close(totals[b].item(), log_partition(paths), **tolerance(torch.float64, 20))
        expected, expected_pairs = expectations(paths, L)
        torch.testing.assert_close(marginals[:length, b], expected, **EXACT)
        pairs += expected_pairs
        starts += expected[0]
        ends += expected[-1]
    for ours, exact in zip(found, (marginals, pairs, starts, ends), strict=True):
        torch.testing.assert_close(ours, exact, **EXACT)


@pytest.mark.parametrize("masks", [False, True])
def test_loss_is_minus_the_log_of_the_paths_share(way, masks):
    crf, emissions = random_crf(L, 2.0, masks), drawn()
    tags = some_paths(crf, emissions, LENGTHS)
    emissions[torch.tensor([[t >= length for length in LENGTHS] for t in range(T)])] = float("nan")
    loss = crf(emissions, tags, lengths=LENGTHS)
    scores = crf.score(emissions, tags, lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        if length:
            paths = every_path(crf, emissions[:length, b])
            score = {path: score for score, path in paths}[tuple(tags[:length, b].tolist())]
            torch.testing.assert_close(scores[b].item(), score, **tolerance(torch.float64, 20))
            torch.testing.assert_close(loss[b].item(), log_partition(paths) - score, **tolerance(torch.float64, 20))
        else:
            assert loss[b] == scores[b] == 0


def test_gradients_of_the_loss(way):
    crf, emissions = random_crf(L, masks=True), drawn().requires_grad_()
    tags = some_paths(crf, emissions, LENGTHS)
    leaves = (emissions, *crf.parameters())
    assert torch.autograd.gradcheck(lambda *_: crf(emissions, tags, lengths=LENGTHS), leaves)
    assert crf.transitions.grad is None
    found = gradients(crf, crf(emissions, tags, lengths=LENGTHS).sum(), emissions)
    assert not found[1][~crf.allowed].any()
    assert not found[0][~(torch.arange(T)[:, None] < torch.tensor(LENGTHS))].any()


EXTREMES = [(80.0, 1.0), (80.0, 60.0), (1.0, 400.0), (3000.0, 3000.0)]


@pytest.mark.parametrize(("moves", "spread"), EXTREMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_scores_lose_nothing(moves, spread, dtype):
    crf = random_crf(L, masks=True)
    with torch.no_grad():
        crf.transitions.copy_(moves * torch.tensor([[1, -1, 1], [-1, 1, -1], [1, 1, -1]]))
    crf, emissions = crf.to(dtype), (drawn().sign() * spread + drawn()).to(dtype).requires_grad_()
    totals = crf.log_partition(emissions)
    found = gradients(crf, totals.sum(), emissions)
    bound = allowed(0.0, totals, torch.float64, T * B) + tolerance(dtype)["atol"]  # a share is as sure as its logarithm
    pairs = torch.zeros(L, L, dtype=torch.float64)
    for b in range(B):
        paths = every_path(crf, emissions[:, b])
        torch.testing.assert_close(totals[b].item(), log_partition(paths), **tolerance(dtype))
        marginals, counted = expectations(paths, L)
        torch.testing.assert_close(found[0][:, b].double(), marginals, atol=bound, rtol=bound)
        pairs += counted
    torch.testing.assert_close(found[1].double(), pairs, atol=bound, rtol=bound)


def test_the_quick_way_is_left_only_when_it_must_be():
    kinds = []
    for moves in (80.0, 400.0):
        crf = random_crf(L)
        with torch.no_grad():
            crf.transitions.copy_(moves * torch.tensor([[1, -1, 1], [-1, 1, -1], [1, 1, -1]]))
        batch = crf._batch(drawn(), LENGTHS)
        kinds.append(type(crf_sums.sums(crf._exact(batch.rows), batch.chains)).__name__)
    assert kinds == ["ScaledSums", "LogSums"]


def two_chains(*differences):
    """Emissions [T, 1, 2] for labels that never follow each other, by how much better the second is at each step."""
    return torch.tensor([[[0.0, difference]] for difference in differences], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    "differences",
    [(0, 800, -400, -400), (0, *[200] * 4, *[-200] * 4)],
    ids=["at one step", "over several steps"],
)
def test_a_path_that_would_underflow_on_the_way_is_kept(differences):
    crf = LinearChainCRF(2, allowed=torch.eye(2).bool(), dtype=torch.float64)
    emissions = two_chains(*differences)
    total = crf.log_partition(emissions)
    torch.testing.assert_close(total.item(), math.log(2), **tolerance(torch.float64, 20))
    (found,) = torch.autograd.grad(total.sum(), emissions)
    torch.testing.assert_close(found, torch.full_like(found, 0.5), **EXACT)


def test_a_backward_pass_that_underflows_where_the_forward_pass_does_not():
    crf = LinearChainCRF(3, allowed=torch.eye(3).bool(), allowed_starts=torch.tensor([True, True, False])).double()
    with torch.no_grad():
        crf.transitions.copy_(torch.diag(torch.tensor([-200.0, -200.0, 0.0])))  # the best label is out of reach
    emissions = torch.zeros(6, 1, 3, dtype=torch.float64, requires_grad=True)
    batch = crf._batch(emissions.detach(), None)
    assert isinstance(crf_sums.sums(crf._exact(batch.rows), batch.chains), crf_sums.ScaledSums)
    total = crf.log_partition(emissions)
    found, bound = gradients(crf, total.sum(), emissions), allowed(0.0, total, torch.float64, 6)
    torch.testing.assert_close(found[0][:, 0], torch.tensor([[0.5, 0.5, 0.0]] * 6).double(), atol=bound, rtol=bound)
    torch.testing.assert_close(found[1].diagonal(), torch.tensor([2.5, 2.5, 0.0]).double(), atol=bound, rtol=bound)


@pytest.mark.parametrize("seed", range(40))
@torch.no_grad()
def test_both_ways_agree_at_the_edge_of_the_quick_one(seed):
    torch.manual_seed(seed)
    crf, emissions = random_crf(4, 10.0 + 3 * seed, masks=True), drawn(10.0 + 3 * seed, labels=4)
    batch = crf._batch(emissions, LENGTHS)
    scores, incoming = crf._exact(batch.rows), torch.randn(4, dtype=torch.float64)
    quick = crf_sums.sums(scores, batch.chains)
    slow = crf_sums.LogSums.of(scores, batch.chains)
    bound = allowed(0.0, slow.log_partition, torch.float64, T * B)
    torch.testing.assert_close(quick.log_partition, slow.log_partition, atol=bound, rtol=bound)
    for one, other in zip(quick.gradients(incoming), slow.gradients(incoming), strict=True):
        torch.testing.assert_close(one, other, atol=bound, rtol=bound)


def test_minus_infinity_in_the_emissions_forbids(way):
    crf, emissions = random_crf(L), drawn(batch=1)
    emissions[2, 0, 1] = emissions[3, 0, 0] = -torch.inf
    emissions.requires_grad_()
    paths = [(score, path) for score, path in every_path(crf, emissions[:, 0]) if score > -torch.inf]
    total = crf.log_partition(emissions)
    torch.testing.assert_close(total.item(), log_partition(paths), **tolerance(torch.float64, 20))
    found = gradients(crf, total.sum(), emissions)
    marginals, pairs = expectations(paths, L)
    torch.testing.assert_close(found[0][:, 0], marginals, **EXACT)
    torch.testing.assert_close(found[1], pairs, **EXACT)
    assert crf.viterbi(emissions)[0][:, 0].tolist() == list(paths[0][1])


def test_kinds_of_batches_say_the_same(way):
    crf, emissions = random_crf(L, masks=True), drawn()
    tags = some_paths(crf, emissions, LENGTHS)
    whole = crf(emissions, tags, lengths=LENGTHS)
    marginals = crf.marginals(emissions, lengths=LENGTHS)
    crf.batch_first = True
    turned = crf(emissions.transpose(0, 1), tags.T, lengths=torch.tensor(LENGTHS))
    torch.testing.assert_close(turned, whole, rtol=0, atol=0)
    torch.testing.assert_close(
        crf.marginals(emissions.transpose(0, 1), lengths=LENGTHS), marginals.transpose(0, 1), rtol=0, atol=0
    )
    for b, length in enumerate(LENGTHS):
        if length:
            one = crf(emissions[:length, b], tags[:length, b])
            assert one.shape == ()
            torch.testing.assert_close(one, whole[b], **EXACT)
            torch.testing.assert_close(crf.marginals(emissions[:length, b]), marginals[:length, b], **EXACT)
    kept = [b for b, length in enumerate(LENGTHS) if length]
    options = {"lengths": [LENGTHS[b] for b in kept], "enforce_sorted": False}
    packed, packed_tags = (pack_padded_sequence(part[:, kept], **options) for part in (emissions, tags))
    torch.testing.assert_close(crf(packed, packed_tags), whole[kept], rtol=0, atol=0)
    assert isinstance(crf.marginals(packed), PackedSequence)
    assert crf.viterbi(packed)[0].data.shape == packed_tags.data.shape


def test_types():
    crf, emissions, tags = LinearChainCRF(L), drawn(), torch.zeros(T, B, dtype=torch.int32)
    assert crf(emissions, tags).dtype == torch.float64
    half = emissions.bfloat16()
    exact = crf(half.double(), tags)
    assert (crf(half, tags).dtype, crf.marginals(half).dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(crf(half, tags), exact, check_dtype=False, **tolerance(torch.float32))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(crf(half, tags), exact, check_dtype=False, **tolerance(torch.float32))
    assert LinearChainCRF(L).bfloat16()(half, tags).dtype == torch.float32


@pytest.mark.parametrize(("steps", "batch", "lengths"), [(3, 0, None), (3, 0, []), (0, 2, [0, 0]), (3, 2, [0, 0])])
def test_nothing_to_sum(way, steps, batch, lengths):
    crf, emissions = random_crf(L), drawn(steps=steps, batch=batch).requires_grad_()
    loss = crf(emissions, torch.zeros(steps, batch, dtype=torch.int64), lengths=lengths)
    assert loss.tolist() == [0] * batch
    loss.sum().backward()
    assert not any(leaf.grad.any() for leaf in (emissions, *crf.parameters()))
    assert crf.marginals(emissions, lengths=lengths).shape == emissions.shape
    tags, scores = crf.viterbi(emissions, lengths=lengths)
    assert (tags.tolist(), scores.tolist()) == ([[-1] * batch] * steps, [0] * batch)
    paths = crf.nbest(emissions, 2, lengths=lengths)
    assert paths.tags.shape == (steps, batch, 2)
    assert paths.probabilities.tolist() == [[1, 0]] * batch


def test_one_label():
    crf, emissions = LinearChainCRF(1), torch.randn(4, 2, 1)
    assert crf(emissions, torch.zeros(4, 2, dtype=torch.int64)).tolist() == [0, 0]
    alone = LinearChainCRF(1, allowed=torch.zeros(1, 1).bool())
    assert alone.marginals(emissions[:1]).tolist() == [[[1], [1]]]


def test_single_words_where_no_label_may_follow_another(way):
    crf = random_crf(L, allowed=torch.zeros(L, L).bool())
    emissions = drawn(steps=1).requires_grad_()
    loss = crf(emissions, torch.ones(1, B, dtype=torch.int64))
    expected = -(emissions[0] + crf.starts + crf.ends).log_softmax(1)[:, 1]
    torch.testing.assert_close(loss, expected, **EXACT)
    found = gradients(crf, loss.sum(), emissions)
    torch.testing.assert_close(found[0], *torch.autograd.grad(expected.sum(), emissions), **EXACT)
    assert not found[1].any()


def test_ends_that_no_path_comes_to_are_refused(way):
    ends = {"allowed_starts": torch.tensor([True, False]), "allowed_ends": torch.tensor([False, True])}
    crf = LinearChainCRF(2, allowed=torch.eye(2).bool(), **ends)
    for call in (crf.log_partition, crf.marginals, crf.viterbi):
        with pytest.raises(ShapeError, match="no path of length 3 is allowed for sequence 0"):
            call(torch.zeros(3, 1, 2))


def test_the_masks_are_arguments_not_weights():
    crf = random_crf(L, masks=True)
    assert sorted(crf.state_dict()) == ["ends", "starts", "transitions"]
    assert repr(crf) == "LinearChainCRF(3, allowed=..., allowed_starts=..., allowed_ends=...)"
    assert repr(LinearChainCRF(3, batch_first=True)) == "LinearChainCRF(3, batch_first=True)"
    allowed = torch.ones(L, L).bool()
    crf = LinearChainCRF(L, allowed=allowed.numpy())
    allowed.fill_(False)
    assert crf.allowed.all()


def test_what_is_kept_for_the_backward_pass_is_the_crfs_own(way):
    crf, emissions = random_crf(L), drawn().requires_grad_()
    expected = gradients(crf, crf.log_partition(emissions).sum(), emissions)
    total = crf.log_partition(emissions).sum()
    with torch.no_grad():
        for leaf in (emissions, *crf.parameters()):
            leaf.fill_(5.0)
    for ours, exact in zip(gradients(crf, total, emissions), expected, strict=True):
        torch.testing.assert_close(ours, exact, rtol=0, atol=0)


def test_second_derivatives_are_refused():
    crf, emissions = random_crf(L), drawn().requires_grad_()
    total = crf.log_partition(emissions).sum()
    with pytest.raises(ShapeError, match="the log partition of a CRF has no second derivative here; leave out"):
        torch.autograd.grad(total, emissions, create_graph=True)


def test_sequences_without_a_path_are_refused(way):
    forward_only = torch.ones(L, L).triu(1).bool()
    crf = LinearChainCRF(L, allowed=forward_only)
    calls = [crf.log_partition, crf.marginals, crf.viterbi, lambda *a, **o: crf.nbest(*a, n=2, **o)]
    for call in calls:
        with pytest.raises(ShapeError, match=r"no path of length 4 is allowed for sequence 1 \(counted from 0\)"):
            call(torch.zeros(4, 3, L), lengths=[3, 4, 0])
    emissions = torch.zeros(4, 3, L)
    emissions[2, 2] = -torch.inf
    with pytest.raises(ShapeError, match="no path of length 4 is allowed for sequence 2"):
        LinearChainCRF(L).log_partition(emissions)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([0, 1, 2], "the tag at step 2 of sequence 2 .* is 2, but allowed forbids it after label 1"),
        ([1, 0, 0], "the tag at step 0 of sequence 2 .* is 1, but allowed_starts forbids it there"),
        ([0, 0, 1], "the tag at step 2 of sequence 2 .* is 1, but allowed_ends forbids it there, at the end"),
        ([0, 3, 0], "the tag at step 1 of sequence 2 .* is 3, but labels are 0 to 2"),
        ([0, -1, 0], "the tag at step 1 of sequence 2 .* is -1, but labels are 0 to 2"),
    ],
)
def test_gold_tags_that_cannot_be_are_refused_with_their_place(tags, message):
    allowed = torch.ones(L, L).bool()
    allowed[1, 2] = False
    crf = LinearChainCRF(
        L,
        allowed=allowed,
        allowed_starts=torch.tensor([True, False, True]),
        allowed_ends=torch.tensor([True, False, True]),
    )
    whole = torch.zeros(4, 3, dtype=torch.int64)
    whole[:3, 2] = torch.tensor(tags)
    with pytest.raises(ShapeError, match=message):
        crf(torch.zeros(4, 3, L), whole, lengths=[4, 0, 3])


def test_the_score_of_a_forbidden_path_is_minus_infinity():
    allowed = torch.ones(L, L).bool()
    allowed[1, 2] = False
    crf = LinearChainCRF(L, allowed=allowed)
    assert crf.score(torch.zeros(2, 2, L), torch.tensor([[1, 1], [2, 1]])).tolist() == [-torch.inf, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": 0}, "labels must be a whole number of at least 1, but 0 was given"),
        ({"allowed": torch.ones(2, 2).bool()}, r"allowed came as torch.bool \[2, 2\], expected a bool tensor \[3, 3\]"),
        ({"allowed": torch.ones(3, 3)}, "allowed came as torch.float32"),
        ({"allowed": [[True]]}, "allowed came as list"),
        ({"allowed_starts": torch.zeros(3).bool()}, "allowed_starts allows no label at all"),
        ({"batch_first": 1}, "batch_first must be True or False"),
    ],
)
def test_arguments_that_cannot_be(options, message):
    with pytest.raises(SettingError, match=message):
        LinearChainCRF(**{"labels": 3, **options})


@pytest.mark.parametrize(
    ("emissions", "tags", "message"),
    [
        (
            torch.zeros(4, 2, 5),
            torch.zeros(4, 2).long(),
            "the emissions have 5 labels on their last axis, but the CRF 3",
        ),
        (torch.zeros(4, 2, 3).long(), torch.zeros(4, 2).long(), "the emissions are torch.int64 on cpu"),
        (torch.zeros(4, 2, 3), torch.zeros(2, 4).long(), r"the tags came as \[2, 4\], expected \[4, 2\]"),
        (torch.zeros(4, 2, 3), [[0]], r"the tags came as list, expected \[4, 2\]"),
        (torch.zeros(4, 2, 3), torch.zeros(4, 2), "the tags are torch.float32 on cpu; give whole numbers on cpu"),
        ([[0.0]], torch.zeros(4, 2).long(), "the input came as list"),
    ],
)
def test_inputs_that_do_not_fit(emissions, tags, message):
    with pytest.raises(ShapeError, match=message):
        LinearChainCRF(3)(emissions, tags)


def test_packed_tags_must_be_packed_as_the_emissions():
    emissions = pack_padded_sequence(torch.zeros(4, 2, 3), [3, 4], enforce_sorted=False)
    tags = torch.zeros(4, 2, dtype=torch.int64)
    for other in (tags, pack_padded_sequence(tags, [4, 3]), pack_padded_sequence(tags, [4, 4])):
        with pytest.raises(ShapeError, match="expected a PackedSequence of the sizes and the order of the emissions"):
            LinearChainCRF(3)(emissions, other)
