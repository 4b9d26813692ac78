"""A layer that torch.compile leaves alone; imported by nobody but Dynamo, and then while it follows a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.layers.lengths import Lengths
from gatewise.layers.states import States

if TYPE_CHECKING:
    from gatewise.layers.stack import Stack


@torch.compiler.disable  # type: ignore[untyped-decorator]
def run_layer(
    layer: Stack,
    input: Tensor | PackedSequence,
    state: Mapping[str, Tensor] | None,
    lengths: Lengths | None,
    *,
    labels: Mapping[str, str] | None = None,
    keep_states: bool = False,
) -> tuple[Tensor | PackedSequence, States, States | None]:
    """Run a layer as without torch.compile; arguments and results as of ``Stack._run``."""
    return layer._run_now(input, state, lengths, labels=labels, keep_states=keep_states)
