"""Ragged sequences without padding: all rows of the first time step, then all rows of the second, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from gatewise.errors import ShapeError


@dataclass(frozen=True)
class Packed:
    """A batch of sequences, the longest first, stored time step by time step (as in ``PackedSequence``).

    Args:
        data: [N, X], the rows of all time steps, N being their sum.
        batch_sizes: how many sequences still run at each time step, never growing.

    Raises:
        ShapeError: the batch sizes grow, or do not add up to N.

    Example:
        >>> import torch
        >>> Packed(torch.zeros(3, 4), (2, 1)).uniform
        False
    """

    data: Tensor
    batch_sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.data.dim() != 2:
            raise ShapeError(f"data is expected as [N, X], but its shape is {list(self.data.shape)}", where="Packed")
        if any(later > earlier for earlier, later in pairwise(self.batch_sizes)):
            raise ShapeError(
                f"batch_sizes must not grow, but {self.batch_sizes} came",
                where="Packed",
                fix="sort the longest sequence first",
            )
        if min(self.batch_sizes, default=0) < 0 or sum(self.batch_sizes) != self.data.size(0):
            message = (
                f"batch_sizes must add up to the {self.data.size(0)} rows of data, but they are {self.batch_sizes}"
            )
            raise ShapeError(message, where="Packed")

    @property
    def uniform(self) -> bool:
        """Whether all sequences have the same length."""
        return not self.batch_sizes or self.batch_sizes[0] == self.batch_sizes[-1]

    @property
    def rows(self) -> int:
        """B, the number of sequences."""
        return self.batch_sizes[0] if self.batch_sizes else 0

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The row of ``data`` at which each time step begins."""
        return (0, *accumulate(self.batch_sizes))[:-1]

    def lengths(self) -> Tensor:
        """[B] the length of each sequence (int64, on the CPU)."""
        growing = torch.tensor(self.batch_sizes[::-1], dtype=torch.int64)
        return len(growing) - torch.searchsorted(growing, torch.arange(self.rows), right=True)

    def positions(self) -> tuple[Tensor, Tensor]:
        """[N] the sequence and [N] the time step of each row of ``data`` (int64, on the device of ``data``)."""
        sequences, times = positions(self.batch_sizes)
        return sequences.to(self.data.device), times.to(self.data.device)

    def reversal(self) -> Tensor:
        """[N] the row that holds, for each row, the same sequence read from its own end; its own inverse."""
        sequences, times = self.positions()
        lengths = self.lengths().to(self.data.device)
        offsets = torch.tensor(self.offsets, device=self.data.device)
        return offsets[lengths[sequences] - 1 - times] + sequences


def positions(batch_sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """[N] the sequence and [N] the time step of each row (int64, on the CPU).

    No shape depends on a tensor's values, so that tensors without values (FakeTensorMode, torch.export) will do.

    Args:
        batch_sizes: how many sequences run at each time step.

    Example:
        >>> [found.tolist() for found in positions((2, 1))]
        [[0, 1, 0], [0, 0, 1]]
    """
    sizes, total = torch.tensor(batch_sizes, dtype=torch.int64), sum(batch_sizes)
    times = torch.repeat_interleave(torch.arange(len(batch_sizes)), sizes, output_size=total)
    begins = torch.tensor((0, *accumulate(batch_sizes))[:-1], dtype=torch.int64)
    return torch.arange(total) - begins[times], times
