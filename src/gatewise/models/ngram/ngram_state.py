"""Where an n-gram model stands in each of some texts: their last tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class NgramState:
    """The last tokens of n texts, as many as a context holds.

    Attributes:
        contexts: [n, order - 1], int64; -1 before the beginning of a text.

    Example:
        >>> state = NgramState(torch.tensor([[-1, 0], [4, 7]]))
        >>> state.select(torch.tensor([1])).contexts.tolist()
        [[4, 7]]
    """

    contexts: Tensor

    def __len__(self) -> int:
        return self.contexts.size(0)

    def select(self, index: Tensor) -> NgramState:
        """The rows ``index`` [m], in any order, repeated or left out."""
        return NgramState(self.contexts.index_select(0, index))

    @classmethod
    def before(cls, n: int, width: int, eos_id: int) -> NgramState:
        """Of n texts before their first token, as after ``eos_id``.

        Example:
            >>> NgramState.before(1, 3, eos_id=0).contexts.tolist()
            [[-1, -1, 0]]
        """
        contexts = torch.full((n, width), -1)
        contexts[:, -1:] = eos_id
        return cls(contexts)

    def fresh(self, rows: Tensor | None, eos_id: int) -> NgramState:
        """With the ``rows`` [n], bool, before their first token again; None: none."""
        if rows is None:
            return self
        first = self.before(1, self.contexts.size(1), eos_id).contexts
        return NgramState(torch.where(rows[:, None], first, self.contexts))
