"""Adaptive softmax: frequent tokens at once, rare ones in clusters that are computed only where they occur."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from gatewise.layers import softmax
from gatewise.layers.arguments import check_size
from gatewise.layers.errors import ArgumentError
from gatewise.layers.output import OutputLayer, log_softmax, uniform
from gatewise.scan.linear import linear


class AdaptiveSoftmax(OutputLayer):
    """p(w) = p(w | head) for frequent w; p(w) = p(cluster | head) p(w | cluster) for the others.

    With ids by descending frequency and cutoffs c_1 < ... < c_K: the head is a softmax over the first c_1 rows of the
    matrix and one row for each cluster; cluster k holds the rows c_k to c_{k+1} - 1 (the last one to V - 1) and reads
    P_k h, where P_k is [H, H], or B_k A_k of a lower rank. In training a cluster is computed for its own tokens only.

    Unlike torch.nn.AdaptiveLogSoftmaxWithLoss (which with ``div_value=1.0`` and without biases computes the same), all
    rows lie in one matrix, which can be tied to an embedding.

    Args:
        features: H, at least 1.
        vocabulary: V, at least 2.
        cutoffs: the ids at which the clusters begin, rising, 1 to V - 1; none: `usual_cutoffs`.
        tied_to: the module whose ``weight`` [V, H] is used, such as an embedding; None makes an own matrix.
        bias: whether biases [V] and [K] are added.
        rank: of the maps P_k; 0 for full ones.
        chunk: tokens at once in `loss` and `log_prob_of`, at least 1; None chooses.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        ArgumentError: cutoffs that do not rise or lie outside, a size or a tied matrix that does not fit.

    Source: Grave et al. 2017, arXiv:1609.04309v3, sections 4.2 and 4.3.

    Example:
        >>> output = AdaptiveSoftmax(4, 100, cutoffs=(10, 40))
        >>> features, targets = torch.randn(3, 4), torch.tensor([1, 20, 99])
        >>> loss = output.loss(features, targets)
        >>> output.log_probs(features).exp().sum(1).round(decimals=4).tolist()
        [1.0, 1.0, 1.0]
    """

    cluster_bias: nn.Parameter | None

    def __init__(
        self,
        features: int,
        vocabulary: int,
        cutoffs: Sequence[int] = (),
        *,
        tied_to: nn.Module | None = None,
        bias: bool = True,
        rank: int = 0,
        chunk: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(features, vocabulary, tied_to=tied_to, bias=bias, chunk=chunk, device=device, dtype=dtype)
        self.cutoffs = _checked(tuple(cutoffs) or usual_cutoffs(vocabulary), vocabulary)
        self.rank = check_size("rank", rank, "AdaptiveSoftmax", least=0)
        if rank >= features:
            raise ArgumentError(
                f"rank must be below features={features}, but {rank} was given", where="AdaptiveSoftmax"
            )
        empty = partial(torch.empty, device=device, dtype=dtype)
        self.clusters = nn.Parameter(empty(len(self.cutoffs), features))
        self.register_parameter("cluster_bias", nn.Parameter(empty(len(self.cutoffs))) if bias else None)
        shapes = [(rank, features), (features, rank)] if rank else [(features, features)]
        self.maps = nn.ParameterList([empty(shape) for _ in self.cutoffs for shape in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As `OutputLayer.reset_parameters`; full maps start at the identity, the others are drawn like the matrix."""
        super().reset_parameters()
        uniform(self.clusters, self.features)
        if self.cluster_bias is not None:
            nn.init.zeros_(self.cluster_bias)
        for matrix in self.maps:
            if self.rank:
                uniform(matrix, matrix.size(1))
            else:
                nn.init.eye_(matrix)

    def extra_repr(self) -> str:
        """The sizes, the cutoffs, and what differs from the default."""
        return f"{super().extra_repr()}, cutoffs={self.cutoffs}" + (f", rank={self.rank}" if self.rank else "")

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """The sum over all tokens of -log p(target), in nats; see `OutputLayer.loss`."""
        softmax.check(features, self.matrix, self.bias, targets, self.chunk)
        (weight, bias), *tails = self._parts()
        cluster = self._cluster(targets)
        total = softmax.cross_entropy(features, weight, bias, self._in_head(targets, cluster), chunk=self.chunk)
        for index, (weight, bias) in enumerate(tails):
            rows = (cluster == index + 1).nonzero().squeeze(1)
            if rows.numel():
                mapped = self._mapped(index, features.index_select(0, rows))
                inside = targets.index_select(0, rows) - self.cutoffs[index]
                total = total + softmax.cross_entropy(mapped, weight, bias, inside, chunk=self.chunk)
        return total

    def log_probs(self, features: Tensor) -> Tensor:
        """The log probability of every token, [n, V]; see `OutputLayer.log_probs`."""
        (weight, bias), *tails = self._parts()
        first = self.cutoffs[0]
        head = log_softmax(features, weight, bias)
        parts = [head[:, :first]]
        for index, (weight, bias) in enumerate(tails):
            inside = log_softmax(self._mapped(index, features), weight, bias)
            parts.append(inside + head[:, first + index, None])
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def log_prob_of(self, features: Tensor, targets: Tensor) -> Tensor:
        """log p(target) of each token, [N]; see `OutputLayer.log_prob_of`."""
        softmax.check(features, self.matrix, self.bias, targets, self.chunk)
        (weight, bias), *tails = self._parts()
        cluster = self._cluster(targets)
        found = softmax.log_prob_of(features, weight, bias, self._in_head(targets, cluster), chunk=self.chunk)
        for index, (weight, bias) in enumerate(tails):
            rows = (cluster == index + 1).nonzero().squeeze(1)
            mapped = self._mapped(index, features.index_select(0, rows))
            inside = targets.index_select(0, rows) - self.cutoffs[index]
            found[rows] += softmax.log_prob_of(mapped, weight, bias, inside, chunk=self.chunk)
        return found

    def _parts(self) -> list[tuple[Tensor, Tensor | None]]:
        """Matrix and bias of the head and of each cluster, cut by one split: its gradient is one matrix, not K + 1."""
        sizes = [high - low for low, high in pairwise((0, *self.cutoffs, self.vocabulary))]
        head, *tails = torch.split(self.matrix, sizes)
        head = torch.cat([head, self.clusters])
        if self.bias is None or self.cluster_bias is None:
            return [(head, None), *((tail, None) for tail in tails)]
        head_bias, *biases = torch.split(self.bias, sizes)
        return [(head, torch.cat([head_bias, self.cluster_bias])), *zip(tails, biases, strict=True)]

    def _cluster(self, targets: Tensor) -> Tensor:
        """0 for a target in the head, k for one in cluster k."""
        return torch.bucketize(targets, torch.tensor(self.cutoffs, device=targets.device), right=True)

    def _in_head(self, targets: Tensor, cluster: Tensor) -> Tensor:
        """The targets as the head sees them: rare ones stand for their cluster."""
        return torch.where(cluster == 0, targets, self.cutoffs[0] - 1 + cluster)

    def _mapped(self, index: int, features: Tensor) -> Tensor:
        """P_k h."""
        if not self.rank:
            return linear(features, self.maps[index])
        return linear(linear(features, self.maps[2 * index]), self.maps[2 * index + 1])


def usual_cutoffs(vocabulary: int) -> tuple[int, int]:
    """A tenth and a third of the vocabulary: by Zipf's law the head then holds four tokens of a text out of five.

    Args:
        vocabulary: V, at least 10.

    Raises:
        ArgumentError: a vocabulary too small to be cut.

    Example:
        >>> usual_cutoffs(33278)
        (3327, 11092)
    """
    if vocabulary < 10:
        message = f"there are no usual cutoffs for a vocabulary of {vocabulary} tokens"
        raise ArgumentError(message, where="AdaptiveSoftmax", fix="give them, or use the full softmax")
    return vocabulary // 10, vocabulary // 3


def _checked(cutoffs: tuple[int, ...], vocabulary: int) -> tuple[int, ...]:
    if any(low >= high for low, high in pairwise((0, *cutoffs, vocabulary))):
        message = f"cutoffs must rise and lie from 1 to {vocabulary - 1}, but {', '.join(map(str, cutoffs))} was given"
        raise ArgumentError(message, where="AdaptiveSoftmax")
    return cutoffs
