"""What sampling draws from: a distribution made sharper or flatter, and cut to its likely part.

Letters: n texts, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.errors import SettingError


@dataclass(frozen=True)
class Filter:
    """p' ~ p^(1 / temperature), then only the ``top_k`` likeliest tokens, then only the likeliest that hold ``top_p``.

    Args:
        temperature: above 0; below 1 favours the likely tokens, above 1 the unlikely.
        top_k: at least 1; None: all tokens.
        top_p: above 0, at most 1: the fewest likeliest tokens whose probabilities reach it together; None: all.
        banned: tokens that are never chosen, such as ``<unk>``.

    Raises:
        SettingError: a number out of its range.

    Sources: top-k Fan et al. 2018, arXiv:1805.04833v1; top-p Holtzman et al. 2020, arXiv:1904.09751v2.

    Example:
        >>> filter = Filter(top_k=2)
        >>> filter(torch.tensor([[0.5, 0.3, 0.2]]).log()).exp().round(decimals=4).tolist()
        [[0.625, 0.375, 0.0]]
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    banned: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise SettingError(f"temperature must be above 0, but {self.temperature!r} was given")
        if self.top_k is not None and self.top_k < 1:
            raise SettingError(f"top_k must be at least 1, but {self.top_k!r} was given")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise SettingError(f"top_p must be above 0 and at most 1, but {self.top_p!r} was given")

    def __call__(self, log_probs: Tensor) -> Tensor:
        """The log probabilities to draw from, [n, V], from those of the model; -inf where nothing is to be drawn.

        Raises:
            SettingError: every token that the model allows is banned.
        """
        scores = log_probs.double()
        if self.banned:
            scores = scores.index_fill(1, torch.tensor(self.banned, device=scores.device), -math.inf)
        likeliest = scores.amax(1, keepdim=True)
        if bool(likeliest.isinf().any()):
            raise SettingError(f"no token is left: banned are {', '.join(map(str, self.banned))}", fix="ban fewer")
        scores = (scores - likeliest) / self.temperature  # the likeliest becomes 0, so that no temperature overflows it
        if self.top_k is not None and self.top_k < scores.size(1):
            kept = scores.topk(self.top_k, dim=1)
            scores = torch.full_like(scores, -math.inf).scatter(1, kept.indices, kept.values)
        scores = functional.log_softmax(scores, dim=1)
        return scores if self.top_p is None else _nucleus(scores, self.top_p)


def _nucleus(log_probs: Tensor, share: float) -> Tensor:
    """Only the fewest likeliest tokens that reach ``share``: those before which less than it has been seen."""
    ordered, places = log_probs.sort(dim=1, descending=True, stable=True)
    before = ordered.exp().cumsum(1) - ordered.exp()
    ordered = ordered.masked_fill(before >= share, -math.inf)
    return functional.log_softmax(torch.full_like(ordered, -math.inf).scatter(1, places, ordered), dim=1)
