"""Sums over all paths of a linear-chain CRF, and their gradients: the forward-backward algorithm, exact.

Letters: N rows, b sequences, L labels. The score of a path y is

    score(y) = starts[y_1] + sum_t rows[t, y_t] + sum_t transitions[y_t-1, y_t] + ends[y_T]

and the gradient of log Z = log sum_y exp(score(y)) is what to expect of a path: for rows[t, j] the marginal p(y_t = j),
for transitions[i, j] the sum over t of p(y_t-1 = i, y_t = j). So one pass in each direction does, and no step is a node
of torch's graph.

There are two ways to sum, both in float64. `ScaledSums` multiplies exponentials, each step divided by its largest, so
that a step is a matrix product. That is exact as long as nothing rounds to zero, which is looked at: every exponential
must be 0 because it is forbidden, or at least FLOOR. Three of them multiplied cannot underflow then, so by induction
what is 0 is forbidden and everything else is right to the last bits. Scores that lie further apart than that (230) go
to `LogSums`, which adds logarithms and holds for all scores, at several times the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatewise.layers.crf_rows import Chains, Scores, parts_of, refuse_dead
from gatewise.layers.errors import InputError

FLOOR = 1e-100


class Gradients(NamedTuple):
    """The gradients of log Z, of the shapes of `Scores`."""

    rows: Tensor
    transitions: Tensor
    starts: Tensor
    ends: Tensor


@dataclass(frozen=True)
class ScaledSums:
    """The sums by matrix products of exponentials.

    Args:
        scores: what was summed.
        chains: along which rows.
        table: [L, L] exp(transitions - their largest).
        last: [L] exp(ends - their largest).
        weights: [N, L] exp(rows - the largest of each row).
        forward: [N, L] the sum over all beginnings of a path that end in a label, the largest of each row being 1.
        log_partition: [b] log Z.
    """

    scores: Scores
    chains: Chains
    table: Tensor
    last: Tensor
    weights: Tensor
    forward: Tensor
    log_partition: Tensor

    @classmethod
    def of(cls, scores: Scores, chains: Chains) -> ScaledSums | None:
        """The sums, or None where the scores lie too far apart for them (or are not numbers)."""
        (table, top), (first, before), (last, after) = map(_exponentials, scores[1:])
        shift = scores.rows.amax(1, keepdim=True)
        weights = (scores.rows - shift).exp_()
        forward, norms = torch.empty_like(weights), torch.empty_like(shift)
        done = None
        for now, weight, norm in chains.steps(forward, weights, norms):
            torch.mul(first if done is None else done[: len(now)] @ table, weight, out=now)
            torch.amax(now, 1, keepdim=True, out=norm)
            done = now.div_(norm)
        ended = forward[chains.last] @ last
        parts = [
            (table >= FLOOR) | scores.transitions.isneginf(),
            (first >= FLOOR) | scores.starts.isneginf(),
            (last >= FLOOR) | scores.ends.isneginf(),
            (weights >= FLOOR) | scores.rows.isneginf(),
            _hold(forward),
            ended > 0,
        ]
        if not _all(parts):
            return None
        steps = chains.sums((norms.log_() + shift).squeeze(1))
        log_partition = steps + ended.log() + (chains.lengths - 1) * top + (before + after)
        return cls(scores, chains, table, last, weights, forward, log_partition)

    def gradients(self, incoming: Tensor) -> Gradients:
        """The gradient of the sum over all sequences of log Z times ``incoming`` [b]."""
        chains, weights = self.chains, self.weights
        backward, onward, norms = (
            torch.empty_like(weights),
            torch.empty_like(weights),
            weights.new_ones(len(weights), 1),
        )
        after = weights[:0]
        for now, ahead, weight, norm in reversed(chains.steps(backward, onward, weights, norms)):
            count = len(after)
            torch.mm(after, self.table.T, out=now[:count])
            torch.amax(now[:count], 1, keepdim=True, out=norm[:count])
            now[:count].div_(norm[:count])
            now[count:] = self.last
            torch.mul(now, weight, out=ahead)
            after = ahead
        if not _all([_hold(backward)]):
            return LogSums.of(self.scores, chains).gradients(incoming)
        both = self.forward * backward
        scale = incoming.index_select(0, chains.ranks)[:, None] / both.sum(1, keepdim=True)
        left = (self.forward * scale).index_select(0, chains.previous)
        right = onward[chains.running :] / norms.index_select(0, chains.previous)
        pairs = (left.T @ right).masked_fill_(self.table == 0, 0).mul_(self.table)  # what is forbidden may be infinite
        return _gathered(both.mul_(scale), pairs, chains)


@dataclass(frozen=True)
class LogSums:
    """The sums by logarithms.

    Args:
        scores: what was summed.
        chains: along which rows.
        forward: [N, L] the log of the sum over all beginnings of a path that end in a label.
        log_partition: [b] log Z.
    """

    scores: Scores
    chains: Chains
    forward: Tensor
    log_partition: Tensor

    @classmethod
    def of(cls, scores: Scores, chains: Chains) -> LogSums:
        """The sums.

        Raises:
            InputError: a sequence without any allowed path.
        """
        forward = torch.empty_like(scores.rows)
        done = None
        for now, row in chains.steps(forward, scores.rows):
            before = scores.starts if done is None else _log_product(done[: len(now)], scores.transitions)
            done = torch.add(before, row, out=now)
        log_partition = (forward[chains.last] + scores.ends).logsumexp(1)
        refuse_dead(log_partition, chains)
        return cls(scores, chains, forward, log_partition)

    def gradients(self, incoming: Tensor) -> Gradients:
        """The gradient of the sum over all sequences of log Z times ``incoming`` [b]."""
        scores, chains = self.scores, self.chains
        back, ahead = torch.empty_like(scores.rows), torch.empty_like(scores.rows)
        after = scores.rows[:0]
        for now, onward, row in reversed(chains.steps(back, ahead, scores.rows)):
            now[: len(after)] = _log_product(after, scores.transitions.T)
            now[len(after) :] = scores.ends
            torch.add(now, row, out=onward)
            after = onward
        total = self.log_partition.index_select(0, chains.ranks)[:, None]
        scale = incoming.index_select(0, chains.ranks)[:, None]
        marginals = (self.forward + back - total).exp_().mul_(scale)
        left = (self.forward - total).index_select(0, chains.previous)
        pairs = torch.zeros_like(scores.transitions)
        for part in parts_of(len(left), scores.transitions):
            rows = slice(part.start + chains.running, part.stop + chains.running)
            each = left[part, :, None] + scores.transitions + ahead[rows, None, :]
            pairs += (each.exp_() * scale[rows, :, None]).sum(0)
        return _gathered(marginals, pairs, chains)


class _LogPartition(torch.autograd.Function):
    """log Z with its gradient by the forward-backward algorithm."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor, chains: Chains) -> Tensor:
        ctx.kind = rows.dtype
        # Copied: what is kept for the backward pass must not change with the caller's tensors.
        scores = Scores(*(tensor.to(torch.float64, copy=True) for tensor in (rows, transitions, starts, ends)))
        ctx.sums = sums(scores, chains)
        result: Tensor = ctx.sums.log_partition.clone()
        return result

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph=True: what follows would be taken for constants without a word
            fix = "leave out create_graph=True"
            raise InputError(
                "the log partition of a CRF has no second derivative here", where="LinearChainCRF", fix=fix
            )
        gradients = ctx.sums.gradients(incoming.double())
        return gradients.rows.to(ctx.kind), *gradients[1:], None


def log_partition(scores: Scores, chains: Chains) -> Tensor:
    """log Z of each sequence, [b] in float64; differentiable once.

    Args:
        scores: rows of any type, the rest in float64.
        chains: along which rows.

    Raises:
        InputError: a sequence without any allowed path; a second derivative.

    Example:
        >>> from gatewise.layers.ragged import arrange
        >>> chains = Chains.of(arrange(torch.zeros(3, 1, 2), 2, where="CRF"), torch.device("cpu"))
        >>> scores = Scores(torch.zeros(3, 2), torch.zeros(2, 2), torch.zeros(2), torch.zeros(2))
        >>> round(log_partition(scores, chains).exp().item(), 6)    # two labels, three steps: eight paths
        8.0
    """
    result: Tensor = _LogPartition.apply(*scores, chains)  # type: ignore[no-untyped-call]
    return result


@torch.no_grad()
def sums(scores: Scores, chains: Chains) -> ScaledSums | LogSums:
    """The sums over all paths, in the quick way where that is exact; arguments and errors as of `log_partition`.

    Example:
        >>> from gatewise.layers.ragged import arrange
        >>> chains = Chains.of(arrange(torch.zeros(3, 1, 2), 2, where="CRF"), torch.device("cpu"))
        >>> scores = Scores(torch.zeros(3, 2), torch.zeros(2, 2), torch.zeros(2), torch.zeros(2))
        >>> sums(Scores(*(part.double() for part in scores)), chains).gradients(torch.ones(1).double()).rows.tolist()
        [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """
    return ScaledSums.of(scores, chains) or LogSums.of(scores, chains)


def _log_product(left: Tensor, table: Tensor) -> Tensor:
    """log(exp(left) @ exp(table)), [n, L]."""
    found = [(left[part, :, None] + table).logsumexp(1) for part in parts_of(len(left), table)]
    return torch.cat(found) if found else left


def _exponentials(values: Tensor) -> tuple[Tensor, Tensor]:
    """exp(values - their largest), and the largest, which is 0 where all are forbidden."""
    top = values.amax()
    top = torch.where(top.isneginf(), 0, top)
    return (values - top).exp(), top


def _hold(values: Tensor) -> Tensor:
    """Where a number is 0 or so large that it cannot have come out wrong."""
    return (values >= FLOOR) | (values == 0)


def _all(parts: list[Tensor]) -> bool:
    return bool(torch.stack([part.all() for part in parts]).all())


def _gathered(marginals: Tensor, pairs: Tensor, chains: Chains) -> Gradients:
    starts, ends = marginals[: chains.running].sum(0), marginals.index_select(0, chains.last).sum(0)
    return Gradients(marginals, pairs, starts, ends)
