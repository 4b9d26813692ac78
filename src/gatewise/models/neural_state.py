"""Where a neural language model stands in each of n texts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

Layers = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class NeuralState:
    """What the network carries after the last token, and the features that the next token is predicted from.

    Attributes:
        layers: what is carried, by name -> [S, n, width]: of recurrent layers the states of the cell, S layers.
        features: [n, F].

    Example:
        >>> state = NeuralState({"hidden": torch.zeros(1, 2, 4)}, torch.zeros(2, 4))
        >>> len(state.select(torch.tensor([1, 1, 0])))
        3
    """

    layers: Layers
    features: Tensor
    _known: Layers = field(default_factory=dict, repr=False)  # what has been computed from this state already

    def __len__(self) -> int:
        return self.features.size(0)

    def select(self, index: Tensor) -> NeuralState:
        """The rows ``index`` [m], in any order, repeated or left out."""
        index = index.to(self.features.device)
        layers = {name: value.index_select(1, index) for name, value in self.layers.items()}
        known = {name: value.index_select(0, index) for name, value in self._known.items()}
        return NeuralState(layers, self.features.index_select(0, index), known)

    def remember(self, name: str, value: Tensor) -> Tensor:
        """Keep what was computed from this state, [n, ...], and return it."""
        self._known[name] = value
        return value

    def known(self, name: str) -> Tensor | None:
        """What :meth:`remember` kept, or None."""
        return self._known.get(name)


def last_features(features: Tensor, lengths: Tensor | None, before: Tensor) -> Tensor:
    """The features after each text's own last token, [n, F].

    Args:
        features: [T, n, F], T at least 1.
        lengths: [n], 0 to T; None: all T.
        before: [n, F], what a text of length 0 keeps.

    Example:
        >>> features = torch.tensor([[[1.0], [2.0]], [[3.0], [0.0]]])
        >>> last_features(features, torch.tensor([2, 0]), torch.tensor([[7.0], [8.0]])).tolist()
        [[3.0], [8.0]]
    """
    if lengths is None:
        return features[-1]
    last = (lengths - 1).clamp(min=0).view(1, -1, 1).expand(1, -1, features.size(2))
    return torch.where(lengths[:, None] > 0, features.gather(0, last).squeeze(0), before)
