"""Zoneout: units that keep their old value for a time step, chosen by a hash of where and when they are.

Because the choice is a function of (seed, sequence, step, unit), it is the same in any order of the batch, in any
split of the sequence, on any device, and for any runner, and a run that is resumed needs no generator state for it.
The engine computes the same hash (``engine/row/choice.inl``), in a program that ``program/zoneout.py`` has rewritten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.errors import SettingError, ShapeError
from gatewise.scan.packed import Packed

BITS = 32
BLOCK = 1 << 18
"""How many hashes are computed at once: 2 MiB of int64, which stay in the cache."""


@dataclass(frozen=True)
class Zoneout:
    """Which share of a state's units keeps its old value at each step.

    ::

        s' = m s + (1 - m) step(s)      m in {0, 1}, P(m = 1) = rate      in training
        s' = rate s + (1 - rate) step(s)                                 in evaluation: the expectation

    The states are replaced after the whole step, so that the LSTM's new hidden state has seen its new memory.

    Source: Krueger et al. 2017, Zoneout (arXiv:1606.01305).

    Args:
        rates: state -> rate between 0 and 1; states not named are left alone.
        seed: any integer (32 bits of it count); layers and directions that should differ get different seeds.
        rows: [B] int64, the number of each sequence (32 bits of it count), whatever its place in the batch.
        start: the number of the first time step, for a sequence that continues an earlier part.
        training: whether units are chosen, or the expectation is taken.

    Raises:
        SettingError: a rate outside 0..1.

    Example:
        >>> import torch
        >>> Zoneout({"hidden": 0.1}, seed=0, rows=torch.arange(2)).training
        True
    """

    rates: Mapping[str, float]
    seed: int
    rows: Tensor
    start: int = 0
    training: bool = True

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            if not 0.0 <= rate <= 1.0:
                raise SettingError(f"the rate of {name} must be between 0 and 1, but {rate} was given", where="zoneout")

    def check(self, x: Packed, states: Collection[str]) -> None:
        """Refuse what does not go with a batch and a cell.

        Args:
            x: the sequences.
            states: the cell's states.

        Raises:
            SettingError: a rate for a state that the cell does not have.
            ShapeError: ``rows`` does not number the sequences of x.
        """
        for name in self.rates:
            if name not in states:
                raise SettingError(f"the cell has no state {name!r}, only {', '.join(states)}", where="zoneout")
        if tuple(self.rows.shape) != (x.rows,):
            raise ShapeError(
                f"rows is expected as [{x.rows}], but its shape is {list(self.rows.shape)}", where="zoneout"
            )

    def shares(self, x: Packed, widths: Mapping[str, int]) -> dict[str, tuple[Tensor | float, ...]]:
        """State -> per time step how much of the old state stays: a mask [B_t, width] (bool), or the rate.

        Args:
            x: the sequences.
            widths: state -> width, in the cell's order.

        Raises:
            SettingError, ShapeError: as ``check``.
        """
        self.check(x, widths)
        if not self.training:
            return {name: (rate,) * len(x.batch_sizes) for name, rate in self.rates.items()}
        keys = self.keys(x)
        found: dict[str, tuple[Tensor | float, ...]] = {}
        for number, (name, width) in enumerate(widths.items()):
            if name in self.rates:
                found[name] = torch.split(chosen(keys, number, width, self.rates[name]), list(x.batch_sizes))
        return found

    def keys(self, x: Packed) -> Tensor:
        """[N] int64, a hash of (seed, sequence, step) for each row of x.

        Args:
            x: the sequences that ``rows`` numbers.
        """
        sequences, times = x.positions()
        return mix(mix(self.rows.to(sequences.device)[sequences], self.seed), times + self.start)


def blend(old: Tensor, new: Tensor, share: Tensor | float) -> Tensor:
    """The old state where ``share`` says so, the new one elsewhere; between the two for a number.

    Example:
        >>> import torch
        >>> blend(torch.zeros(1), torch.ones(1), 0.25).item()
        0.75
    """
    if isinstance(share, Tensor):
        return torch.where(share, old, new)
    return torch.lerp(new, old, share)


def mix(values: Tensor, salt: Tensor | int) -> Tensor:
    """A hash of (values, salt) as int64 between 0 and 2^32 - 1.

    Two rounds of multiplication and xor-shift with the constants of C. Wellons' hash prospector (2018, "lowbias32"
    successor 21f0aaad / 735a2d97); both are below 2^31, so that no product overflows 63 bits and every device
    computes the same.

    Args:
        values: int64 of any shape.
        salt: a number, or int64 that broadcasts with ``values``.

    Example:
        >>> import torch
        >>> mix(torch.tensor([1, 2]), 7).tolist() == mix(torch.tensor([1, 2]), 7).tolist()
        True
    """
    salted = salt * 0x3C6EF372 if isinstance(salt, Tensor) else salt * 0x3C6EF372 & 0xFFFFFFFF
    h = (values + salted) & 0xFFFFFFFF
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        h = (h ^ (h >> shift)).mul_(factor).bitwise_and_(0xFFFFFFFF)
    return h ^ (h >> 15)


def chosen(keys: Tensor, state: int, width: int, rate: float) -> Tensor:
    """[N, width] bool, the units that keep their old value; computed in blocks that stay in the cache.

    Args:
        keys: [N] of ``Zoneout.keys``.
        state: the state's place among those of the cell.
        width: its units.
        rate: the probability of each unit, 0 to 1.

    Example:
        >>> import torch
        >>> chosen(torch.tensor([3, 4]), 0, 2, 1.0).tolist()
        [[True, True], [True, True]]
    """
    keys = mix(keys, state)
    units = mix(torch.arange(width, device=keys.device), 1)
    mask = torch.empty(len(keys), width, dtype=torch.bool, device=keys.device)
    block = max(1, BLOCK // max(1, width))
    for first in range(0, len(keys), block):
        piece = keys[first : first + block]
        torch.lt(mix(piece.unsqueeze(1) ^ units, 0), round(rate * 2**BITS), out=mask[first : first + block])
    return mask
