"""One clear line for what cannot be measured."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import DataError, ShapeError

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]


def checked_ids(ids: ArrayLike, what: str, size: int) -> Ids:
    """Ids of labels as integers [n], each from 0 to ``size`` - 1.

    Args:
        ids: [n].
        what: what they are called in an error, such as "gold labels".
        size: how many labels there are, L.

    Raises:
        ShapeError: they are no row of whole numbers.
        DataError: there are none, or one is no label.

    Example:
        >>> checked_ids([1, 7], "predicted labels", 5)
        Traceback (most recent call last):
        gatewise.errors.DataError: predicted labels, number 2: expected an id from 0 to 4, but 7 came
    """
    given = _given(ids, what)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise ShapeError(f"{what} are whole numbers [n], but {_described(given)} came")
    wrong = (given < 0) | (given >= size)
    if wrong.any():
        place = int(wrong.argmax())
        message = f"expected an id from 0 to {size - 1}, but {given[place]} came"
        raise DataError(message, where=f"{what}, number {place + 1}")
    return given.astype(np.int64, copy=False)


def checked_flags(flags: ArrayLike, what: str) -> Flags:
    """Which labels each text has, as truth values [n, L].

    Args:
        flags: [n, L], bool or 0 and 1.
        what: what they are called in an error.

    Raises:
        ShapeError: they are no such table.
        DataError: it is empty.

    Example:
        >>> checked_flags([[1, 0]], "gold labels").tolist()
        [[True, False]]
    """
    given = _given(flags, what)
    if given.ndim != 2 or (given.dtype != np.bool_ and not np.isin(given, (0, 1)).all()):
        raise ShapeError(f"{what} of several for each text are true or false [n, L], but {_described(given)} came")
    return given.astype(np.bool_, copy=False)


def checked_reals(values: ArrayLike, what: str) -> NDArray[Any]:
    """Logits or probabilities [n, L] in their own floating type, all of them finite.

    Args:
        values: [n, L].
        what: what they are called in an error, in the plural.

    Raises:
        ShapeError: they are no table of numbers.
        DataError: there are none, or one is not finite.

    Example:
        >>> checked_reals([[0.5, float("nan")]], "logits")
        Traceback (most recent call last):
        gatewise.errors.DataError: logits, text 1, label 1: expected a finite number, but nan came
    """
    given = _given(values, what)
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise ShapeError(f"{what} are numbers [n, L], but {_described(given)} came")
    if given.dtype.kind != "f":
        given = given.astype(np.float64)
    wrong = ~np.isfinite(given)
    if wrong.any():
        text, label = divmod(int(wrong.argmax()), given.shape[1])
        message = f"expected a finite number, but {given[text, label]} came"
        raise DataError(message, where=f"{what}, text {text + 1}, label {label}")
    return given


def same_length(gold: Sized, predicted: Sized) -> None:
    """Refuse predictions for more or fewer texts than there are.

    Raises:
        ShapeError: the lengths differ.

    Example:
        >>> same_length([1, 2], [1])
        Traceback (most recent call last):
        gatewise.errors.ShapeError: 2 texts have gold labels, but there are predictions for 1
    """
    if len(gold) != len(predicted):
        raise ShapeError(f"{len(gold)} texts have gold labels, but there are predictions for {len(predicted)}")


def _given(values: ArrayLike, what: str) -> NDArray[Any]:
    given = np.asarray(values)
    if not given.size:
        raise DataError(f"there are no {what}, so nothing can be measured", fix="give a text that is not empty")
    return given


def _described(given: NDArray[Any]) -> str:
    return f"{given.dtype} {list(given.shape)}"
