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
        """[K] the mean over the places of the logarithms: the logarithm of the geometric mean; -inf where one is 0."""
        return self.log_norms.mean(0)

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

    def to_rows(self) -> list[dict[str, float]]:
        """A row for each distance, as a data frame is made of: distance, and logarithms over the places."""
        names = ("mean_log", "median_log", "low_log", "high_log")
        columns = (self.mean_log, self.median, self.low, self.high)
        values = [column.tolist() for column in columns]
        return [
            {"distance": distance, **dict(zip(names, row, strict=True))}
            for distance, *row in zip(self.distances.tolist(), *values, strict=True)
        ]
