"""The random numbers of a run: where they start, where they stand."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any, cast

import numpy
import torch


def seed_all(seed: int) -> None:
    """Start the generators of Python, numpy and torch (on every device) at ``seed``, in [0, 2^32).

    Example:
        >>> seed_all(1)
        >>> random.random()
        0.13436424411240122
    """
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def state_of_all() -> dict[str, Any]:
    """Where the generators stand, as numbers and tensors."""
    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = cast(tuple[Any, ...], numpy.random.get_state(legacy=True))
    return {
        "python": [version, torch.tensor(words), gauss],
        "numpy": [kind, torch.from_numpy(keys.astype("int64")), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_all(state: dict[str, Any]) -> None:
    """Put the generators where :func:`state_of_all` found them."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    kind, keys, *rest = state["numpy"]
    numpy.random.set_state((kind, keys.numpy().astype("uint32"), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Put the generators back afterwards, so that what happens inside changes no number outside.

    Example:
        >>> seed_all(1)
        >>> with untouched():
        ...     inside = random.random()
        >>> inside == random.random()
        True
    """
    before = state_of_all()
    try:
        yield
    finally:
        restore_all(before)
