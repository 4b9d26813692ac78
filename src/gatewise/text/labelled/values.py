"""What stands in a file made into a text and into labels, strictly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gatewise.errors import DataError
from gatewise.text.labelled.settings import LabelledSettings


class Record(NamedTuple):
    """What a file says of one text.

    Attributes:
        line: where it begins, counted from 1; of a Parquet file the row.
        text: as it stands there.
        value: what stands for the label, or None where labels are not asked for.
    """

    line: int
    text: str
    value: Any


def text_of(value: Any, column: str, where: str) -> str:
    """A value of a file with types as a text.

    Args:
        value: what stands there.
        column: its name, for the message.
        where: file and line, for the message.

    Raises:
        DataError: it is no text, or one with a NUL or half of a surrogate pair.

    Example:
        >>> text_of(7, "text", "a.jsonl:3")
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: a.jsonl:3: text must be a text, but the number 7 stands there
    """
    if not isinstance(value, str):
        raise DataError(f"{column} must be a text, but {_told(value)} stands there", where=where)
    if "\0" in value:
        raise DataError("text is needed, but this holds a NUL character", where=where)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError("text must be Unicode, but half of a surrogate pair stands here", where=where) from None
    return value


class LabelReader:
    """Makes labels of what stands for them.

    White space around a label does not count; numbers and truth values are labels as they are written in JSON.

    Args:
        settings: how several labels are divided, and what part of a label counts.

    Example:
        >>> LabelReader(LabelledSettings(label_separator="|"))("cats | dogs", "a.csv:2")
        ('cats', 'dogs')
    """

    def __init__(self, settings: LabelledSettings) -> None:
        self.separator, self.until, self.column = settings.label_separator, settings.label_until, settings.label
        self._known: dict[str, tuple[str, ...]] = {}
        self._shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal labels share their memory

    def __call__(self, value: Any, where: str) -> tuple[str, ...]:
        """The labels.

        Raises:
            DataError: there is none and there must be one, or it is of another kind than a label may be.
        """
        if not isinstance(value, str):
            items = value if isinstance(value, list) else [value]
            found = self._of([self._written(item, where) for item in items], where)
            return self._shared.setdefault(found, found)
        if value not in self._known:
            found = self._of(value.split(self.separator) if self.separator else [value], where)
            self._known[value] = self._shared.setdefault(found, found)
        return self._known[value]

    def _of(self, items: Sequence[str], where: str) -> tuple[str, ...]:
        labels = [text_of(item, self.column, where).strip() for item in items]
        if self.separator:
            labels = [label for label in labels if label]
        if self.until:
            labels = [label.partition(self.until)[0].rstrip() for label in labels]
        if "" in labels:
            raise DataError("every text must have a label, but this one is empty", where=where, fix="fill it in")
        if any("\n" in label for label in labels):
            raise DataError("a label must stand in one line, but this one has several", where=where)
        return tuple(dict.fromkeys(labels))

    def _written(self, item: Any, where: str) -> str:
        if isinstance(item, str):
            return item
        if isinstance(item, bool):
            return "true" if item else "false"
        if isinstance(item, int) or (isinstance(item, float) and math.isfinite(item)):
            return repr(item)
        raise DataError(
            f"{self.column} must be a text, a number, true or false, or a list of them, but {_told(item)} stands there",
            where=where,
        )


def _told(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing (null)"
    shown = repr(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    kinds = {bool: "the truth value", int: "the number", float: "the number", list: "the list", dict: "the object"}
    return f"{kinds.get(type(value), f'a value of type {type(value).__name__},')} {shown}"
