"""Prediction with weights that do not change: what the engine needs of them is made once, not at every call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from gatewise.layers.stack import Stack


@contextmanager
def steady(network: nn.Module) -> Iterator[None]:
    """Promise that no weight of a network changes inside, and ask for no gradient.

    Recurrent layers on the engine that are in evaluation mode then make what they need of their weights once instead of
    at every call, which matters for few and short sequences. The results are the same numbers, but for a batch of one
    single step, which outside is left to the equation itself.

    Args:
        network: any module; layers that cannot be made ready run as ever.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layer = Recurrent("lstm", 3, 4, bidirectional=True).eval()
        >>> x = torch.randn(5, 2, 3)
        >>> with steady(layer):
        ...     output, state = layer(x)
        >>> torch.equal(output, layer(x)[0])
        True
    """
    with torch.no_grad(), ExitStack() as held:
        for module in network.modules():
            if isinstance(module, Stack):
                held.enter_context(module.held())
        yield
