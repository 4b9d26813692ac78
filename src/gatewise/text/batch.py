"""What training and evaluation walk over: a batch, and what every stream of batches promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import DataError
from gatewise.text.encoders import Ids
from gatewise.text.store import TokenStore


@dataclass(frozen=True)
class Batch:
    """Some sequences, or parts of them, side by side.

    Beyond a row's length inputs and targets are ``<eos>``: an id that can be looked up, and must not be counted.

    Attributes:
        inputs: [T, B], int64: the token before each target; ``<eos>`` where a row is fresh.
        targets: [T, B], int64.
        lengths: [B], int64: valid steps of each row, 0 allowed; None: all T.
        fresh: [B], bool: rows that start from the initial state; None: none does.
        tokens: number of valid targets.

    Example:
        >>> Batch(torch.tensor([[0]]), torch.tensor([[5]]), None, torch.tensor([True]), 1).tokens
        1
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None
    fresh: Tensor | None
    tokens: int


class BatchStream(Protocol):
    """Batches without end, epoch after epoch; where the stream stands can be saved and gone back to.

    Example:
        >>> def first(stream: BatchStream) -> Batch:
        ...     return next(stream)
    """

    @property
    def epoch(self) -> float:
        """Epochs given out so far, with the fraction of the one that goes on."""

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which about as many tokens are given out as the text has.

        Whether it is every token exactly once is for each stream to say.
        """

    def __next__(self) -> Batch:
        """The next batch."""

    def state(self) -> dict[str, Any]:
        """Where the stream stands, in a form that JSON can hold."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream over the same text and with the same settings stood.

        Raises:
            DataError: the state belongs to another text or to other settings.
        """


def gather(store: TokenStore, starts: Ids, lengths: Ids, fresh: NDArray[np.bool_]) -> Batch:
    """The batch whose row b has the targets ``store.ids[starts[b] : starts[b] + lengths[b]]``.

    The text is a ring: after its last token comes its first. Only the pages that hold these tokens are read.

    Args:
        store: the text.
        starts: [B], the place of the first target of each row.
        lengths: [B], at least one of them positive.
        fresh: [B], rows whose first input is ``<eos>``.
    """
    steps = int(lengths.max())
    places = np.arange(-1, steps)[:, None] + starts
    block = store.ids.take(places, mode="wrap").astype(np.int64)
    inputs, targets = block[:-1].copy(), block[1:].copy()
    inputs[0, fresh] = store.eos_id
    ragged = bool((lengths != steps).any())
    if ragged:
        beyond = np.arange(steps)[:, None] >= lengths
        inputs[beyond] = targets[beyond] = store.eos_id
    return Batch(
        torch.from_numpy(inputs),
        torch.from_numpy(targets),
        torch.from_numpy(lengths.astype(np.int64)) if ragged else None,
        torch.from_numpy(fresh.copy()) if fresh.any() else None,
        int(lengths.sum()),
    )


def same_stream(state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse the state of another stream.

    Args:
        state: what was saved.
        expected: what must be in it: the text and the settings of the stream that is to go on.

    Raises:
        DataError: something differs; the line names it.
    """
    for name, value in expected.items():
        if state.get(name) != value:
            raise DataError(
                f"the place in the text was saved with {name} = {state.get(name)}, but here it is {value}",
                fix="resume with the text and the settings of the run",
            )
