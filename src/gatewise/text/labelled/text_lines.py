"""Text files without columns: lines that begin with their label, lines of one class, texts without labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gatewise.errors import DataError
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.values import Record

_FIRST = re.compile(r"[ \t]*([^ \t\n]+)(?:[ \t]|$)")


def label_first(lines: Iterable[str], name: str, settings: LabelledSettings, labelled: bool) -> Iterator[Record]:
    r"""The texts of lines that begin with their labels.

    Where the first line begins with the prefix, every word with the prefix is a label, wherever it stands, as fastText
    has it; otherwise the first word of each line is its label.

    Args:
        lines: of the file.
        name: of the file, for messages.
        settings: the prefix.
        labelled: whether a label is needed; without it, a blank line is an empty text.

    Raises:
        DataError: a line has no label.

    Example:
        >>> list(label_first(["DESC:manner How so ?\n"], "a.txt", LabelledSettings(), True))
        [Record(line=1, text='How so ?', value='DESC:manner')]
        >>> list(label_first(["__label__a __label__b How so ?\n"], "a.txt", LabelledSettings(), True))
        [Record(line=1, text='How so ?', value=['a', 'b'])]
    """
    word = re.compile(rf"(?<!\S){re.escape(settings.label_prefix)}(\S+)[ \t]?")
    prefixed: bool | None = None
    for line, content in enumerate(lines, 1):
        content = content.removesuffix("\n")
        if not content or content.isspace():
            yield Record(line, "", None)
            continue
        if prefixed is None:
            prefixed = bool(settings.label_prefix) and word.match(content.lstrip()) is not None
        found = word.findall(content) if prefixed else None
        first = None if prefixed else _FIRST.match(content)
        if labelled and not found and not first:
            message = f"every line must have a label that begins with {settings.label_prefix}, but this one has none"
            raise DataError(message, where=f"{name}:{line}", fix="put one before the text, as in line 1")
        if first:
            yield Record(line, content[first.end() :], first[1])
        else:
            yield Record(line, word.sub("", content), found)


def each_line(lines: Iterable[str], label: str | None) -> Iterator[Record]:
    r"""Every line as a text of the same label.

    Args:
        lines: of the file; a blank line is an empty text.
        label: of all of them, or None.

    Example:
        >>> list(each_line(["Ada\n", "Grace"], "female"))
        [Record(line=1, text='Ada', value='female'), Record(line=2, text='Grace', value='female')]
    """
    for line, content in enumerate(lines, 1):
        yield Record(line, content.removesuffix("\n"), label)


def whole(pieces: Iterable[str], label: str | None) -> Iterator[Record]:
    r"""A whole file as one text.

    Args:
        pieces: of the file.
        label: its label, or None.

    Example:
        >>> list(whole(["one\ntwo\n"], "pos"))
        [Record(line=1, text='one\ntwo', value='pos')]
    """
    yield Record(1, "".join(pieces).removesuffix("\n"), label)
