"""Weights that are no numbers: they are named before anything else is looked at, since all that they touch is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gatewise.doctor.findings import Finding
from gatewise.storage import read_folder, unpack_tensors
from gatewise.tasks.library import model_folder
from gatewise.tasks.mapped import mapped
from gatewise.tasks.model_folder import WEIGHTS


@dataclass(frozen=True)
class BrokenWeight:
    """A parameter with numbers that are none.

    Attributes:
        name: as in ``state_dict``.
        nan: how many of its numbers are NaN.
        infinite: how many are infinite.
        numbers: how many it has.
    """

    name: str
    nan: int
    infinite: int
    numbers: int

    @property
    def told(self) -> str:
        """In words.

        Example:
            >>> BrokenWeight("recurrent.weight_hh_l0", 1, 0, 4096).told
            'recurrent.weight_hh_l0 holds NaN (1 of 4,096 numbers)'
        """
        what = " and ".join(word for word, count in (("NaN", self.nan), ("infinity", self.infinite)) if count)
        return f"{self.name} holds {what} ({self.nan + self.infinite:,} of {self.numbers:,} numbers)"


def broken(tensors: Mapping[str, Tensor]) -> tuple[BrokenWeight, ...]:
    """Every tensor that is not finite throughout, in the order given.

    Example:
        >>> [weight.told for weight in broken({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])})]
        ['b holds NaN (1 of 2 numbers)']
    """
    found = []
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            nan, infinite = int(tensor.isnan().sum()), int(tensor.isinf().sum())
            found.append(BrokenWeight(name, nan, infinite, tensor.numel()))
    return tuple(found)


def broken_in(path: str | Path) -> tuple[BrokenWeight, ...]:
    """The same of a model folder, or of the one inside a run folder, which :func:`gatewise.load` would refuse to load.

    Raises:
        ModelFileError: the folder is missing or damaged.
    """
    folder = read_folder(model_folder(Path(path)), mapped)
    if WEIGHTS not in folder.files:
        return ()
    return broken(unpack_tensors(folder.read(WEIGHTS), f"{folder.path}/{WEIGHTS}")[0])


def broken_of(model: Any) -> tuple[BrokenWeight, ...]:
    """The same of a loaded model or a subject; where neither has a ``torch.nn.Module``, nothing is known."""
    network = getattr(model, "network", None) or getattr(model, "stack", None)
    return broken(network.state_dict()) if isinstance(network, torch.nn.Module) else ()


def judge_weights(weights: tuple[BrokenWeight, ...]) -> list[Finding]:
    """A fault for the first broken weight; the others are counted, as one often spreads to all.

    Example:
        >>> judge_weights((BrokenWeight("weight_hh_l0", 1, 0, 9),))[0].sentence
        'weight_hh_l0 holds NaN (1 of 9 numbers): whatever it touches is no number either, so nothing was measured'
    """
    if not weights:
        return []
    more = len(weights) - 1
    others = f", and so do{'es' * (more == 1)} {more} other parameter{'s' * (more > 1)}" if more else ""
    sentence = f"{weights[0].told}{others}: whatever it touches is no number either, so nothing was measured"
    advice = (
        "take an earlier checkpoint or train again; if it came in training, lower --learning-rate or set --clip-norm 1"
    )
    return [Finding("fault", "not_finite", sentence, advice, "numbers that are NaN or infinite", _count(weights), 0.0)]


def _count(weights: tuple[BrokenWeight, ...]) -> float:
    return float(sum(weight.nan + weight.infinite for weight in weights))
