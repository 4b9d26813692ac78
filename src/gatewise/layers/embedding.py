"""The vectors of tokens or characters, as torch has them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def embedding(rows: int, width: int, **kind: Any) -> nn.Embedding:
    """An ``nn.Embedding``, whose owner draws the vectors.

    Args:
        rows: of the matrix, at least 1.
        width: of a row, at least 1.
        kind: ``device`` and ``dtype``.
    """
    if torch.device(kind.get("device") or "cpu").type == "meta":  # normal_ there would import torch's compiler, 2 s
        return nn.Embedding(rows, width, _weight=torch.empty(rows, width, **kind))
    return nn.Embedding(rows, width, **kind)
