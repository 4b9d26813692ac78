"""From the tensor a caller has to the rows a scan reads, and back: lengths, PackedSequence, batch order, batch axis.

A scan reads one row for each (time, sequence) that exists: time after time, and within a time the sequences that are
still running, longest first. A `Layout` says which row that is in the caller's tensor. Everything is moved once on the
way in and once on the way out; padding is never read, so whatever stands there cannot leak.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.layers.errors import InputError
from gatewise.layers.lengths import Lengths, read_lengths
from gatewise.scan.packed import positions

PACK = "make the PackedSequence with torch.nn.utils.rnn.pack_padded_sequence"


@dataclass(frozen=True)
class Layout:
    """How the rows of a scan stand in the caller's tensor.

    Letters: B sequences of the caller, b <= B of them longer than 0; T time steps; N rows; S layers x directions.

    Args:
        steps: T of the caller's tensor.
        batch: B.
        batch_sizes: how many sequences are running at each time, never rising; its length is the longest length.
        order: [b] the caller's index of each running sequence, longest first; None where that is 0 .. B-1.
        positions: [N] the place of each row in the caller's tensor seen as [T * B]; None where rows and places agree.
        batch_first: the caller's tensor is [B, T, X].
        batched: False for one sequence without a batch axis, [T, X].
        packed: the caller's PackedSequence, if it was one.

    Example:
        >>> layout = arrange(torch.arange(6.0).view(3, 2, 1), input_size=1, lengths=[1, 3], where="LSTM")
        >>> layout.batch_sizes, layout.order.tolist()
        ((2, 1, 1), [1, 0])
        >>> rows = layout.rows(torch.arange(6.0).view(3, 2, 1))
        >>> rows.flatten().tolist()
        [1.0, 0.0, 3.0, 5.0]
        >>> layout.restore(rows).squeeze(-1).tolist()
        [[0.0, 1.0], [0.0, 3.0], [0.0, 5.0]]
    """

    steps: int
    batch: int
    batch_sizes: tuple[int, ...]
    order: Tensor | None = None
    positions: Tensor | None = None
    batch_first: bool = False
    batched: bool = True
    packed: PackedSequence | None = None

    def rows(self, input: Tensor | PackedSequence) -> Tensor:
        """The rows [N, X] that a scan reads, from the caller's input."""
        if isinstance(input, PackedSequence):
            return input.data
        if self.batched and self.batch_first:
            input = input.transpose(0, 1)
        flat = input.reshape(-1, input.size(-1))
        return flat if self.positions is None else flat.index_select(0, self.positions)

    def restore(self, rows: Tensor) -> Tensor | PackedSequence:
        """The rows [N, H] of a scan in the kind, order and axes of the input; zeros where there is no row."""
        if self.packed is not None:
            return self.packed._replace(data=rows)
        padded = self.pad(rows)
        if not self.batched:
            return padded.squeeze(1)
        return padded.transpose(0, 1) if self.batch_first else padded

    def restore_states(self, states: Tensor) -> Tensor:
        """States [S, N, H] of a scan as [S, T, B, H] ([S, T, H] without batch; a PackedSequence's stay rows)."""
        if self.packed is not None:
            return states
        padded = torch.stack([self.pad(level) for level in states])
        return padded if self.batched else padded.squeeze(2)

    def pad(self, rows: Tensor) -> Tensor:
        """The rows [N, H] as [T, B, H] in the caller's batch order; zeros where there is no row."""
        if self.positions is not None:
            rows = rows.new_zeros(self.steps * self.batch, rows.size(-1)).index_copy(0, self.positions, rows)
        return rows.view(self.steps, self.batch, rows.size(-1))

    def enter(self, state: Tensor) -> Tensor:
        """A state [S, B, H] in the caller's order as [S, b, H] in the scan's."""
        return state if self.order is None else state.index_select(1, self.order)

    def leave(self, final: Tensor, initial: Tensor) -> Tensor:
        """A state [S, b, H] in the scan's order as [S, B, H] in the caller's; empty sequences keep ``initial``."""
        if self.order is None:
            return final
        return initial.to(final.dtype).index_copy(1, self.order, final)

    def sequences(self, device: torch.device) -> Tensor:
        """The caller's index of the sequence that each row belongs to, [N]."""
        if self.positions is not None:
            return self.positions % self.batch
        ranks = positions(self.batch_sizes)[0].to(device)
        return ranks if self.order is None else self.order.index_select(0, ranks)


def arrange(
    input: object,
    input_size: int,
    *,
    batch_first: bool = False,
    lengths: Lengths | None = None,
    where: str,
) -> Layout:
    """Check an input and lay out its rows.

    Args:
        input: [T, B, X], or [B, T, X] with ``batch_first``, or [T, X], or a PackedSequence of [N, X].
        input_size: X.
        batch_first: which of the first two axes is the batch.
        lengths: how long each sequence is, 0 to T in any order; only for an input with a batch axis.
        where: the layer that asks, for the messages.

    Raises:
        InputError: the input has the wrong number of axes or features, no time step, or does not go with ``lengths``.

    Example:
        >>> arrange(torch.zeros(4, 2, 3), 3, where="LSTM").batch_sizes
        (2, 2, 2, 2)
        >>> arrange(torch.zeros(4, 2, 3), 5, where="LSTM")
        Traceback (most recent call last):
            ...
        gatewise.layers.errors.InputError: LSTM: the input has 3 features, but the layer was built for input_size=5; ...
    """
    if isinstance(input, PackedSequence):
        return _of_packed(input, input_size, lengths, where)
    if not isinstance(input, Tensor):
        kind = type(input).__name__
        raise InputError(f"the input came as {kind}", where=where, fix="give a tensor or a PackedSequence")
    if input.dim() not in (2, 3):
        expected = "[batch, time, features]" if batch_first else "[time, batch, features]"
        raise InputError(f"the input has {input.dim()} axes", where=where, fix=f"give {expected} or [time, features]")
    _check_features(input, input_size, where)
    if input.dim() == 2:
        return _of_one(input, lengths, where)
    batch, steps = input.shape[:2] if batch_first else (input.size(1), input.size(0))
    if lengths is None:
        _check_steps(steps, where)
        return Layout(steps, batch, (batch,) * steps, batch_first=batch_first)
    return _of_lengths(read_lengths(lengths, batch, steps, where), steps, batch_first, input.device)


def _of_lengths(lengths: list[int], steps: int, batch_first: bool, device: torch.device) -> Layout:
    batch = len(lengths)
    if all(length == steps for length in lengths) and steps:
        return Layout(steps, batch, (batch,) * steps, batch_first=batch_first)
    running = sorted((index for index in range(batch) if lengths[index]), key=lambda index: -lengths[index])
    sizes = _running_at_each_time([lengths[index] for index in running])
    order = torch.tensor(running, dtype=torch.long)
    ranks, times = positions(sizes)
    return Layout(steps, batch, sizes, order.to(device), (times * batch + order[ranks]).to(device), batch_first)


def _running_at_each_time(falling: list[int]) -> tuple[int, ...]:
    """How many sequences still run at each time; ``falling`` holds their lengths, the longest first."""
    sizes, count = [], len(falling)
    for time in range(max(falling, default=0)):
        while falling[count - 1] <= time:
            count -= 1
        sizes.append(count)
    return tuple(sizes)


def _of_one(input: Tensor, lengths: Lengths | None, where: str) -> Layout:
    if lengths is not None:
        raise InputError("lengths came with an input without a batch axis", where=where, fix="cut the input instead")
    _check_steps(input.size(0), where)
    return Layout(input.size(0), 1, (1,) * input.size(0), batched=False)


def _of_packed(input: PackedSequence, input_size: int, lengths: Lengths | None, where: str) -> Layout:
    if lengths is not None:
        raise InputError("lengths came with a PackedSequence, which has its own", where=where, fix="leave them out")
    if input.data.dim() != 2:
        raise InputError(f"the packed data has {input.data.dim()} axes", where=where, fix="pack [T, B, X]")
    _check_features(input.data, input_size, where)
    sizes = tuple(int(size) for size in input.batch_sizes.tolist())
    _check_steps(len(sizes), where)
    falling = all(before >= after > 0 for before, after in pairwise(sizes)) and sizes[0] > 0
    if not falling or sum(sizes) != input.data.size(0):
        rule = f"batch_sizes must never rise, stay above 0 and add up to {input.data.size(0)} rows"
        raise InputError(f"{rule}, but are {_short(sizes)}", where=where, fix=PACK)
    order = input.sorted_indices
    if order is not None and order.shape != (sizes[0],):
        came = list(order.shape)
        raise InputError(f"sorted_indices must be [{sizes[0]}], but are {came}", where=where, fix=PACK)
    return Layout(len(sizes), sizes[0], sizes, order=order, packed=input)


def _check_features(input: Tensor, input_size: int, where: str) -> None:
    if input.size(-1) != input_size:
        raise InputError(
            f"the input has {input.size(-1)} features, but the layer was built for input_size={input_size}",
            where=where,
            fix=f"give an input whose last axis is {input_size}",
        )


def _check_steps(steps: int, where: str) -> None:
    if steps == 0:
        raise InputError("the input has no time step", where=where, fix="give at least one, or say lengths=[0, ...]")


def _short(sizes: tuple[int, ...], most: int = 8) -> str:
    shown = ", ".join(map(str, sizes[:most]))
    return f"({shown}, ... {len(sizes)} in all)" if len(sizes) > most else f"({shown})"
