"""Where the sequences of a batch stand among its rows: what every recursion of a linear-chain CRF walks along.

The rows are those of a scan: all sequences' first steps, then all second steps, the longest sequence first.
Letters: N rows, b sequences longer than 0, L labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gatewise.layers.errors import InputError
from gatewise.layers.ragged import Layout
from gatewise.scan.packed import positions

AT_ONCE = 2**22  # numbers of a step [n, L, L] that stand in memory at once


class Scores(NamedTuple):
    """What the score of a path is the sum of, in float64; minus infinity where something is forbidden.

    Args:
        rows: [N, L] of each label at each step.
        transitions: [L, L] from a label to the next.
        starts: [L] of the first label.
        ends: [L] of the last label.
    """

    rows: Tensor
    transitions: Tensor
    starts: Tensor
    ends: Tensor


@dataclass(frozen=True)
class Chains:
    """The rows of each sequence.

    Args:
        sizes: how many sequences run at each time step, never rising, none of them 0.
        ranks: [N] the sequence of each row, 0 to b - 1.
        times: [N] its time step.
        previous: [N - b] the row before each row but the first b, which begin sequences.
        last: [b] the last row of each sequence.
        lengths: [b], never rising.
        order: [b] the caller's index of each sequence; None where that is 0 .. b - 1.

    Example:
        >>> from gatewise.layers.ragged import arrange
        >>> layout = arrange(torch.zeros(3, 2, 4), 4, lengths=[1, 3], where="CRF")
        >>> chains = Chains.of(layout, torch.device("cpu"))
        >>> chains.sizes, chains.previous.tolist(), chains.last.tolist(), chains.lengths.tolist()
        ((2, 1, 1), [0, 2], [3, 1], [3, 1])
    """

    sizes: tuple[int, ...]
    ranks: Tensor
    times: Tensor
    previous: Tensor
    last: Tensor
    lengths: Tensor
    order: Tensor | None

    @classmethod
    def of(cls, layout: Layout, device: torch.device) -> Chains:
        """The chains of a layout, on a device."""
        sizes = tuple(size for size in layout.batch_sizes if size)
        ranks, times = positions(sizes)
        running, total = sizes[0] if sizes else 0, sum(sizes)
        lengths = torch.bincount(ranks, minlength=running)
        begins = torch.tensor(sizes, dtype=torch.int64).cumsum(0) - torch.tensor(sizes, dtype=torch.int64)
        last = begins[lengths - 1] + torch.arange(running)
        previous = torch.arange(running, total)
        if sizes:
            previous = begins[times[running:] - 1] + ranks[running:]
        ranks, times, previous = ranks.to(device), times.to(device), previous.to(device)
        return cls(sizes, ranks, times, previous, last.to(device), lengths.to(device), layout.order)

    @property
    def running(self) -> int:
        """b, the sequences that are longer than 0."""
        return self.sizes[0] if self.sizes else 0

    def steps(self, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
        """Tensors of N rows cut at the time steps: for each step the views of its rows."""
        return list(zip(*(torch.split(tensor, list(self.sizes)) for tensor in tensors), strict=True))

    def sums(self, values: Tensor) -> Tensor:
        """The sum over each sequence, [b], of one number [N] for each row."""
        return values.new_zeros(self.running).index_add(0, self.ranks, values)

    def caller(self, rank: int) -> int:
        """The caller's index of a sequence."""
        return rank if self.order is None else int(self.order[rank])


def refuse_dead(totals: Tensor, chains: Chains) -> None:
    """Refuse sequences of which no path is allowed.

    Args:
        totals: [b] a sum or a maximum over all paths: minus infinity where there are none.
        chains: whose they are.

    Raises:
        InputError: there is such a sequence.
    """
    dead = totals.isneginf().nonzero().flatten().tolist()
    if dead:
        name, steps = chains.caller(dead[0]), int(chains.lengths[dead[0]])
        message = f"no path of length {steps} is allowed for sequence {name} (counted from 0)"
        fix = "allow more starts, transitions or ends, or emissions above -inf"
        raise InputError(message, where="LinearChainCRF", fix=fix)


def parts_of(count: int, table: Tensor) -> Iterator[slice]:
    """Slices of ``count`` rows, so few at once that a number for each of them and each pair of labels fits.

    Example:
        >>> list(parts_of(3, torch.zeros(2048, 1024)))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    size = max(1, AT_ONCE // max(1, table.numel()))
    return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))
