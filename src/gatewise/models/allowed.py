"""Which tags may begin a text, follow each other, and end it: what a tagging scheme forbids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import SettingError


@dataclass(frozen=True, eq=False)
class Allowed:
    """Truth values for L tags; letter L labels.

    Attributes:
        transitions: [L, L], whether tag i may be followed by tag j.
        starts: [L], which tags may come first.
        ends: [L], which tags may come last.

    Raises:
        SettingError: other shapes, or no truth values.

    Example:
        >>> inside_after_begin = Allowed(np.array([[1, 0], [1, 1]], bool), np.array([1, 0], bool), np.ones(2, bool))
        >>> inside_after_begin.to_dict()
        {'transitions': ['10', '11'], 'starts': '10', 'ends': '11'}
    """

    transitions: NDArray[np.bool_]
    starts: NDArray[np.bool_]
    ends: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        labels = len(self.starts)
        for name, shape in {"transitions": (labels, labels), "starts": (labels,), "ends": (labels,)}.items():
            mask = getattr(self, name)
            if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != shape:
                came = f"{mask.dtype} {list(mask.shape)}" if isinstance(mask, np.ndarray) else type(mask).__name__
                message = f"{name} is expected as bool {list(shape)}, but {came} came"
                raise SettingError(message, where="Allowed")

    def masks(self, labels: int) -> dict[str, Tensor]:
        """The arguments of `gatewise.layers.crf.LinearChainCRF`.

        Raises:
            SettingError: they are for another number of tags.
        """
        if len(self.starts) != labels:
            message = f"the tags that are allowed are told of {len(self.starts)}, but the model has {labels}"
            raise SettingError(message, where="Tagger")
        named = {"allowed": self.transitions, "allowed_starts": self.starts, "allowed_ends": self.ends}
        return {name: torch.from_numpy(mask.copy()) for name, mask in named.items()}

    def to_dict(self) -> dict[str, Any]:
        """The same as texts of 0 and 1, ready for JSON."""
        return {
            "transitions": [_written(row) for row in self.transitions],
            "starts": _written(self.starts),
            "ends": _written(self.ends),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` wrote.

        Raises:
            SettingError: it is something else.
        """
        if content.keys() != {"transitions", "starts", "ends"} or not isinstance(content["transitions"], list):
            raise SettingError("what is allowed is expected as transitions, starts and ends")
        rows = [_read(row) for row in content["transitions"]]
        starts, ends = _read(content["starts"]), _read(content["ends"])
        if any(len(row) != len(starts) for row in rows):
            raise SettingError(f"each of the transitions is expected with {len(starts)} numbers")
        return cls(np.array(rows, np.bool_).reshape(len(rows), len(starts)), starts, ends)


def _written(mask: NDArray[np.bool_]) -> str:
    return "".join("01"[value] for value in mask.tolist())


def _read(text: object) -> NDArray[np.bool_]:
    if not isinstance(text, str) or set(text) - {"0", "1"}:
        raise SettingError(f"what is allowed is written with 0 and 1, but {text!r} came")
    return np.array([one == "1" for one in text], np.bool_)
