"""What a scan returns, whichever runner computed it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Scan:
    """The result of running a cell over a batch of sequences.

    Args:
        outputs: [N, out], the first state after every step, in the order of the input's rows.
        final: state -> [B, width] after each sequence's last step (its first one in reverse).
        states: state -> [N, width] after every step, if asked for, else None.
        runner: which runner computed it.

    Example:
        >>> import torch
        >>> Scan(torch.zeros(6, 5), {"hidden": torch.zeros(2, 5)}, None, "reference").runner
        'reference'
    """

    outputs: Tensor
    final: dict[str, Tensor]
    states: dict[str, Tensor] | None
    runner: str
