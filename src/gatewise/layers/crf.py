"""The linear-chain conditional random field: a distribution over the label sequences of a whole sentence.

Letters: B batch, T time, L labels, N rows of a PackedSequence, n paths.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.layers.arguments import check_flag, check_size
from gatewise.layers.crf_paths import best_paths
from gatewise.layers.crf_rows import Chains, Scores, refuse_dead
from gatewise.layers.crf_sums import log_partition, sums
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.layers.lengths import Lengths
from gatewise.layers.ragged import Layout, arrange

Batch: TypeAlias = Tensor | PackedSequence


class Paths(NamedTuple):
    """The n best paths of each sequence, the best first; what is not there is -1, minus infinity, and 0.

    Args:
        tags: [T, B, n] ([B, T, n] with ``batch_first``, [T, n] for one sequence, a PackedSequence of [N, n]).
        scores: [B, n] ([n] for one sequence).
        probabilities: [B, n] ([n]), of the whole path.
    """

    tags: Batch
    scores: Tensor
    probabilities: Tensor


class LinearChainCRF(nn.Module):
    """p(y | e) = exp(score(y)) / Z, score(y) = s_y1 + sum_t e_t,yt + sum_t A_yt-1,yt + f_yT, Z the sum over all paths.

    The emissions e come from an encoder; transitions A, starts s and ends f are parameters, zero at first. Everything
    is computed in float64 and exactly, for scores of any size, and returned in the type of the emissions (float32 at
    least). A sequence of length 0 has one path, the empty one, of score 0.

    Args:
        labels: L, at least 1.
        allowed: bool [L, L], whether label i may be followed by label j; None allows all. A path with a transition
            that is not allowed has probability 0, and the parameters there are never read.
        allowed_starts: bool [L], which labels may come first; None allows all.
        allowed_ends: bool [L], which labels may come last; None allows all.
        batch_first: tensors are [B, T, ...] instead of [T, B, ...].
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        ArgumentError: a size out of its range, or a mask that does not fit or allows nothing.

    Sources: Lafferty, McCallum & Pereira 2001; the recursions Rabiner 1989.

    Example:
        >>> crf = LinearChainCRF(3, allowed=torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1]]).bool())
        >>> emissions, tags = torch.randn(5, 2, 3), torch.tensor([[0, 2], [1, 2], [1, 0], [0, -1], [2, -1]])
        >>> crf(emissions, tags, lengths=[5, 3]).mean().backward()
        >>> best, score = crf.viterbi(emissions, lengths=[5, 3])
        >>> tuple(best.shape), best[3:, 1].tolist(), crf.transitions.grad[1, 2].item()
        ((5, 2), [-1, -1], 0.0)
    """

    allowed: Tensor | None
    allowed_starts: Tensor | None
    allowed_ends: Tensor | None

    def __init__(
        self,
        labels: int,
        *,
        allowed: Tensor | numpy.ndarray | None = None,
        allowed_starts: Tensor | numpy.ndarray | None = None,
        allowed_ends: Tensor | numpy.ndarray | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._where = type(self).__name__
        self.labels = check_size("labels", labels, self._where)
        self.batch_first = check_flag("batch_first", batch_first, self._where)
        masks = {"allowed": allowed, "allowed_starts": allowed_starts, "allowed_ends": allowed_ends}
        for name, mask in masks.items():
            axes = 2 if name == "allowed" else 1
            checked = None if mask is None else self._mask(name, mask, (labels,) * axes, device)
            self.register_buffer(name, checked, persistent=False)  # an argument, not something that was learnt
        self.transitions = nn.Parameter(torch.empty(labels, labels, device=device, dtype=dtype))
        self.starts = nn.Parameter(torch.empty(labels, device=device, dtype=dtype))
        self.ends = nn.Parameter(torch.empty(labels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all parameters to zero: every path that is allowed is as good as the emissions make it."""
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def extra_repr(self) -> str:
        """The number of labels, and which masks there are."""
        masks = [name for name in ("allowed", "allowed_starts", "allowed_ends") if getattr(self, name) is not None]
        flags = ["batch_first=True"] * self.batch_first
        return ", ".join([str(self.labels), *(f"{name}=..." for name in masks), *flags])

    def forward(self, emissions: Batch, tags: Batch, *, lengths: Lengths | None = None) -> Tensor:
        """The negative log likelihood of each sequence, -log p(tags | emissions); see `loss`."""
        return self.loss(emissions, tags, lengths=lengths)

    def loss(self, emissions: Batch, tags: Batch, *, lengths: Lengths | None = None) -> Tensor:
        """The negative log likelihood of each sequence, log Z - score(tags), in nats.

        Args:
            emissions: [T, B, L] ([B, T, L] with ``batch_first``), or one sequence [T, L], or a PackedSequence; minus
                infinity forbids a label at a step.
            tags: whole numbers 0 to L - 1 of the same kind and shape, without the last axis.
            lengths: of each sequence, 0 to T, in any order; what stands beyond is never read.

        Returns:
            [B] (a number for one sequence), differentiable once.

        Raises:
            InputError: what does not fit; a tag outside, or one that is not allowed where it stands; a sequence of
                which no path is allowed; a second derivative.
        """
        batch = self._batch(emissions, lengths)
        gold = self._gold(tags, emissions, batch)
        self._check_allowed(gold, batch)
        nats = log_partition(self._scores(batch.rows), batch.chains) - self._path_scores(gold, batch)
        return batch.leave(nats)

    def log_partition(self, emissions: Batch, *, lengths: Lengths | None = None) -> Tensor:
        """log Z of each sequence, [B], differentiable once; arguments and errors as of `loss`.

        Example:
            >>> round(LinearChainCRF(2).log_partition(torch.zeros(3, 1, 2)).exp().item(), 4)    # 2^3 paths
            8.0
        """
        batch = self._batch(emissions, lengths)
        return batch.leave(log_partition(self._scores(batch.rows), batch.chains))

    def score(self, emissions: Batch, tags: Batch, *, lengths: Lengths | None = None) -> Tensor:
        """score(tags) of each sequence, [B], minus infinity for a path that is not allowed; else as `loss`.

        Example:
            >>> LinearChainCRF(2).score(torch.ones(3, 1, 2), torch.tensor([[0], [1], [0]])).tolist()
            [3.0]
        """
        batch = self._batch(emissions, lengths)
        return batch.leave(self._path_scores(self._gold(tags, emissions, batch), batch))

    @torch.no_grad()
    def marginals(self, emissions: Batch, *, lengths: Lengths | None = None) -> Batch:
        """p(y_t = j) of each label at each step, of the kind and shape of the emissions, zeros beyond the lengths.

        Never part of a graph; arguments and errors as of `loss`.

        Example:
            >>> LinearChainCRF(2).marginals(torch.zeros(3, 1, 2)).tolist()
            [[[0.5, 0.5]], [[0.5, 0.5]], [[0.5, 0.5]]]
        """
        batch = self._batch(emissions, lengths)
        found = sums(self._exact(batch.rows), batch.chains)
        rows = found.gradients(torch.ones_like(found.log_partition)).rows
        return batch.layout.restore(rows.to(batch.kind))

    @torch.no_grad()
    def viterbi(self, emissions: Batch, *, lengths: Lengths | None = None) -> tuple[Batch, Tensor]:
        """The best path of each sequence; never part of a graph; arguments and errors as of `loss`.

        Of paths whose scores are equal as computed, the one with the lower label at the first step where they differ.

        Returns:
            Tags, as `loss` takes them, with -1 beyond the lengths, and the scores [B].

        Example:
            >>> tags, scores = LinearChainCRF(2).viterbi(torch.tensor([[[0.0, 1.0]], [[3.0, 0.0]]]))
            >>> tags.tolist(), scores.tolist()
            ([[1], [0]], [4.0])
        """
        batch = self._batch(emissions, lengths)
        labels, scores = self._best(batch, 1)
        return batch.restore_labels(labels.squeeze(1)), batch.leave(scores.squeeze(1))

    @torch.no_grad()
    def nbest(self, emissions: Batch, n: int, *, lengths: Lengths | None = None) -> Paths:
        """The n best paths of each sequence, exact, in falling order; equal ones as in `viterbi`.

        Args:
            emissions: as of `loss`.
            n: how many, at least 1.
            lengths: as of `loss`.

        Example:
            >>> paths = LinearChainCRF(2).nbest(torch.tensor([[[0.0, 1.0]], [[3.0, 0.0]]]), 3)
            >>> paths.tags.permute(1, 2, 0).tolist(), paths.scores.tolist()
            ([[[1, 0], [0, 0], [1, 1]]], [[4.0, 3.0, 1.0]])
            >>> [round(probability, 3) for probability in paths.probabilities[0].tolist()]
            [0.696, 0.256, 0.035]
        """
        batch = self._batch(emissions, lengths)
        labels, scores = self._best(batch, check_size("n", n, self._where))
        total = sums(self._exact(batch.rows), batch.chains).log_partition
        probabilities = (scores - total[:, None]).exp()
        empty = scores.new_full((n,), -torch.inf)
        empty[0] = 0.0  # the empty path is the only one of an empty sequence
        return Paths(
            batch.restore_labels(labels),
            batch.leave(scores, empty),
            batch.leave(probabilities, empty.exp()),
        )

    def _best(self, batch: _Batch, n: int) -> tuple[Tensor, Tensor]:
        labels, scores = best_paths(self._exact(batch.rows), batch.chains, n)
        best = scores[:, 0]
        if not best.isfinite().all():
            refuse_dead(best, batch.chains)
            name = batch.chains.caller(int((~best.isfinite()).nonzero()[0]))
            message = f"the best score of sequence {name} (counted from 0) is no finite number"
            raise InputError(message, where=self._where, fix="look for NaN or infinity in emissions and parameters")
        return labels, scores

    def _scores(self, rows: Tensor) -> Scores:
        """The rows, and the parameters in float64 with minus infinity where the masks forbid."""
        tables = [(self.transitions, self.allowed), (self.starts, self.allowed_starts), (self.ends, self.allowed_ends)]
        exact = [t.double() if mask is None else t.double().masked_fill(~mask, -torch.inf) for t, mask in tables]
        return Scores(rows, *exact)

    def _exact(self, rows: Tensor) -> Scores:
        return self._scores(rows.double())

    def _path_scores(self, gold: Tensor, batch: _Batch) -> Tensor:
        """The score of the labels [N] of each sequence, [b] in float64."""
        chains, (rows, transitions, starts, ends) = batch.chains, self._scores(batch.rows)
        emitted = chains.sums(rows.gather(1, gold[:, None]).squeeze(1).double())
        pairs = gold.index_select(0, chains.previous) * self.labels + gold[chains.running :]
        moves = transitions.flatten().index_select(0, pairs)
        moved = emitted.new_zeros(chains.running).index_add(0, chains.ranks[chains.running :], moves)
        first, last = gold[: chains.running], gold.index_select(0, chains.last)
        return emitted + moved + starts.index_select(0, first) + ends.index_select(0, last)

    def _batch(self, emissions: object, lengths: Lengths | None) -> _Batch:
        data = emissions.data if isinstance(emissions, PackedSequence) else emissions
        if isinstance(data, Tensor):
            if data.dim() and data.size(-1) != self.labels:
                message = f"the emissions have {data.size(-1)} labels on their last axis, but the CRF {self.labels}"
                raise InputError(message, where=self._where)
            if not data.is_floating_point() or data.device != self.transitions.device:
                message = f"the emissions are {data.dtype} on {data.device}"
                fix = f"give floating-point numbers on {self.transitions.device}, where the transitions are"
                raise InputError(message, where=self._where, fix=fix)
        layout = arrange(emissions, self.labels, batch_first=self.batch_first, lengths=lengths, where=self._where)
        assert isinstance(emissions, Tensor | PackedSequence)
        rows = layout.rows(emissions)
        return _Batch(layout, Chains.of(layout, rows.device), rows, torch.promote_types(rows.dtype, torch.float32))

    def _gold(self, tags: object, emissions: Batch, batch: _Batch) -> Tensor:
        """The tags as rows [N]."""
        if isinstance(emissions, PackedSequence):
            fits = isinstance(tags, PackedSequence) and _packed_alike(tags, emissions)
            expected, came = "a PackedSequence of the sizes and the order of the emissions", type(tags).__name__
        else:
            fits = isinstance(tags, Tensor) and tags.shape == emissions.shape[:-1]
            expected = str(list(emissions.shape[:-1]))
            came = str(list(tags.shape)) if isinstance(tags, Tensor) else type(tags).__name__
        if not fits:
            raise InputError(f"the tags came as {came}, expected {expected}", where=self._where)
        assert isinstance(tags, Tensor | PackedSequence)
        data = tags.data if isinstance(tags, PackedSequence) else tags
        if data.is_floating_point() or data.dtype == torch.bool or data.device != batch.rows.device:
            fix = f"give whole numbers on {batch.rows.device}"
            raise InputError(f"the tags are {data.dtype} on {data.device}", where=self._where, fix=fix)
        gold = data if isinstance(tags, PackedSequence) else batch.layout.rows(tags.unsqueeze(-1)).squeeze(-1)
        gold = gold.long()
        self._refuse((gold < 0) | (gold >= self.labels), gold, batch, f"labels are 0 to {self.labels - 1}")
        return gold

    def _check_allowed(self, gold: Tensor, batch: _Batch) -> None:
        """Refuse gold tags that the masks forbid: their loss would be infinite."""
        chains = batch.chains
        if self.allowed_starts is not None:
            first = ~self.allowed_starts[gold[: chains.running]]
            self._refuse(first, gold, batch, "allowed_starts forbids it there")
        if self.allowed is not None:
            before = gold.index_select(0, chains.previous)
            follows = ~self.allowed[before, gold[chains.running :]]
            pad = follows.new_zeros(chains.running)
            self._refuse(torch.cat([pad, follows]), gold, batch, "allowed forbids it after label {}")
        if self.allowed_ends is not None:
            ends = torch.zeros_like(gold, dtype=torch.bool)
            ends[chains.last] = ~self.allowed_ends[gold[chains.last]]
            self._refuse(ends, gold, batch, "allowed_ends forbids it there, at the end")

    def _refuse(self, wrong: Tensor, gold: Tensor, batch: _Batch, rule: str) -> None:
        if not wrong.any():
            return
        row, chains = int(wrong.nonzero()[0]), batch.chains
        step, sequence = int(chains.times[row]), chains.caller(int(chains.ranks[row]))
        before = int(gold[chains.previous[row - chains.running]]) if row >= chains.running else -1
        message = f"the tag at step {step} of sequence {sequence} (counted from 0) is {int(gold[row])}, but "
        raise InputError(message + rule.format(before), where=self._where, fix="look at the data, or the masks")

    def _mask(self, name: str, mask: object, shape: tuple[int, ...], device: torch.device | str | None) -> Tensor:
        tensor = torch.from_numpy(mask) if isinstance(mask, numpy.ndarray) else mask
        if not isinstance(tensor, Tensor) or tensor.dtype != torch.bool or tuple(tensor.shape) != shape:
            came = f"{tensor.dtype} {list(tensor.shape)}" if isinstance(tensor, Tensor) else type(mask).__name__
            raise ArgumentError(f"{name} came as {came}, expected a bool tensor {list(shape)}", where=self._where)
        if len(shape) == 1 and not tensor.any():
            raise ArgumentError(f"{name} allows no label at all", where=self._where)
        return tensor.detach().to(device or torch.get_default_device(), copy=True)


class _Batch(NamedTuple):
    """Emissions as rows [N, L], where they stand, and the type results are returned in."""

    layout: Layout
    chains: Chains
    rows: Tensor
    kind: torch.dtype

    def leave(self, values: Tensor, empty: Tensor | float = 0.0) -> Tensor:
        """Values [b, ...] as [B, ...] in the caller's order; ``empty`` for sequences of length 0."""
        values, layout = values.to(self.kind), self.layout
        if layout.order is not None:
            everywhere = values.new_zeros(layout.batch, *values.shape[1:]) + torch.as_tensor(empty).to(values)
            values = everywhere.index_copy(0, layout.order, values)
        return values if layout.batched else values.squeeze(0)

    def restore_labels(self, labels: Tensor) -> Batch:
        """Labels [N] or [N, n] in the kind of the emissions, -1 beyond the lengths."""
        rows = labels if labels.dim() == 2 else labels[:, None]
        restored = self.layout.restore(rows + 1)  # what is not there is 0, hence -1
        if isinstance(restored, PackedSequence):
            return restored._replace(data=labels)
        return restored - 1 if labels.dim() == 2 else restored.squeeze(-1) - 1


def _packed_alike(one: PackedSequence, other: PackedSequence) -> bool:
    """Whether the rows of two PackedSequences belong to the same steps of the same sequences."""
    this, that = one.sorted_indices, other.sorted_indices
    same = this is that if this is None or that is None else torch.equal(this, that)
    return same and one.data.dim() == 1 and torch.equal(one.batch_sizes, other.batch_sizes)
