"""Norms against distance, from several places of a text: what every measurement of this room is made of.

Letters: N places looked back from, K distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Curve:
    """Natural logarithms of norms against the distance t - k, for N places t.

    Logarithms, because norms run over hundreds of powers of ten; exactly 0 is -inf.

    Attributes:
        distances: [K] whole numbers of tokens, rising; beyond 16 not every one of them.
        log_norms: [N, K].
        log_low, log_high: [N, K], the 95 % interval of each; the norm itself where it is exact.

    Example:
        >>> logs = torch.tensor([[0.0, -1.0], [0.0, -3.0]])
        >>> curve = Curve(torch.tensor([0, 1]), logs, logs, logs)
        >>> curve.mean_log.tolist(), curve.median.tolist(), curve.exact
        ([0.0, -2.0], [0.0, -2.0], True)
    """

    distances: Tensor
    log_norms: Tensor
    log_low: Tensor
    log_high: Tensor

    @classmethod
    def of_exact(cls, distances: Tensor, log_norms: Tensor) -> Curve:
        """The curve of norms that are exact."""
        return cls(distances, log_norms, log_norms, log_norms)

    @property
    def exact(self) -> bool:
        """Whether no norm is an estimate."""
        return bool(torch.equal(self.log_low, self.log_high))

    @property
    def mean_log(self) -> Tensor:
        """[K] the mean over the places of the logarithms: the logarithm of the geometric mean of the norms.

        Places at which a norm is exactly 0, as behind a token that shuts all units of a layer, are left out; where they
        are more than half, it is -inf.
        """
        there = self.log_norms > -math.inf
        count = there.sum(0)
        mean = torch.where(there, self.log_norms, 0.0).sum(0) / count.clamp(min=1)
        return torch.where(2 * count >= len(there), mean, -math.inf)

    @property
    def median(self) -> Tensor:
        """[K] the logarithm of the median over the places."""
        return self.quantile(0.5)

    @property
    def low(self) -> Tensor:
        """[K] the logarithm below which a tenth of the places lie."""
        return self.quantile(0.1)

    @property
    def high(self) -> Tensor:
        """[K] the logarithm above which a tenth of the places lie."""
        return self.quantile(0.9)

    def quantile(self, share: float) -> Tensor:
        """[K] the quantile over the places, between two places in proportion (the lower of them where it is -inf).

        Args:
            share: 0 to 1.
        """
        ordered = self.log_norms.sort(0).values
        place = share * (len(ordered) - 1)
        lower, part = ordered[int(place)], place - int(place)
        upper = ordered[min(int(place) + 1, len(ordered) - 1)]
        return torch.where(lower == -math.inf, lower, lower + part * (upper - lower))

    def to_rows(self) -> list[dict[str, float | bool]]:
        """A row for each distance, as a data frame is made of.

        ``mean_log``, ``median_log``, ``tenth_log`` and ``nine_tenths_log`` are over the places; ``zeros`` is how many
        of these have a norm of 0, ``exact`` whether the norms are computed, and ``interval_low_log`` and
        ``interval_high_log`` are means of the ends of the 95 % intervals of estimated ones.
        """
        low, high = (Curve.of_exact(self.distances, ends).mean_log for ends in (self.log_low, self.log_high))
        columns = {
            "distance": self.distances,
            "mean_log": self.mean_log,
            "median_log": self.median,
            "tenth_log": self.low,
            "nine_tenths_log": self.high,
            "zeros": (self.log_norms == -math.inf).sum(0),
            "interval_low_log": low,
            "interval_high_log": high,
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [{**dict(zip(columns, row, strict=True)), "exact": self.exact} for row in rows]
