"""Tables in text files: CSV and TSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from gatewise.errors import DataError
from gatewise.text.decoding import Notice
from gatewise.text.labelled.columns import number_of, place
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.values import Record

_LARGEST_CELL = 2**31 - 1  # characters; Python's default of 131072 refuses a long document
_QUOTED = re.compile(r'"(?:[^"]+|"")*+"')


def records(
    lines: Iterable[str], name: str, form: str, settings: LabelledSettings, labelled: bool, notice: Notice
) -> Iterator[Record]:
    r"""The texts of a table.

    Args:
        lines: of the file, each with its newline.
        name: of the file, for messages.
        form: "csv" or "tsv".
        settings: columns, header, delimiter and quotes.
        labelled: whether the column of the labels is needed.
        notice: is told what was left out.

    Raises:
        DataError: a column is not there, a row has another number of columns than the first, or a quote is not closed.

    Example:
        >>> list(records(["text,label\n", '"a ""b""\n', 'c",x\n'], "a.csv", "csv", LabelledSettings(), True, print))
        [Record(line=2, text='a "b"\nc', value='x')]
    """
    delimiter = settings.delimiter or {"csv": ",", "tsv": "\t"}[form]
    quoted = form == "csv" if settings.quotes == "auto" else settings.quotes == "yes"
    rows = _quoted(lines, name, delimiter) if quoted else _plain(lines, delimiter)
    blank = [0, 0]  # before the first row, and after it
    width = at_text = at_label = 0
    for line, row in rows:
        if not row and width != 1:
            blank[width > 0] += 1
            continue
        if not width:
            width = len(row)
            header, at_text, at_label = _columns(row, f"{name}:{line}", settings, labelled)
            if header:
                continue
            if width == 1:  # a blank line is an empty cell then
                yield from (Record(number, "", None) for number in range(1, line))
                blank[0] = 0
        if len(row) != width and row:
            raise _ragged(f"{name}:{line}", width, len(row), delimiter, quoted)
        yield Record(line, row[at_text] if row else "", row[at_label] if labelled else None)
    if sum(blank):
        notice(name, "blank lines are left out")


def _columns(row: list[str], where: str, settings: LabelledSettings, labelled: bool) -> tuple[bool, int, int]:
    """Whether the first row is a header, and where text and label stand."""
    names = [column for column in (settings.text, settings.label) if number_of(column) is None]
    header = settings.header == "yes"
    if settings.header == "auto":
        if labelled or settings.text in names:
            header = bool(names)
        else:  # the label is not asked for: its name tells a header where it is there
            header = any(name in (cell.strip() for cell in row) for name in names)
    at_text = place(settings.text, "text", row, where, named=header)
    return header, at_text, place(settings.label, "label", row, where, named=header) if labelled else 0


def _plain(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\n")
        yield number, line.split(delimiter) if line else []


class _Held:
    """Lines as they are read, and those of the row that is being read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines, self.row = iter(lines), list[str]()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.row.append(line)
        return line


def _quoted(lines: Iterable[str], name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # The limit is one of the whole process, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), _LARGEST_CELL))
    held, first = _Held(lines), 1
    reader = csv.reader(held, delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise _bad_quote("".join(held.row), name, first, delimiter) from None
        if row is None:
            return
        yield first, row
        first += len(held.row)
        held.row.clear()


def _bad_quote(row: str, name: str, first: int, delimiter: str) -> DataError:
    """What is wrong with the quotes of a row that begins in line ``first``."""
    at, fix = 0, 'double a quote inside a cell (""), or give --quotes no where quotes enclose nothing'
    while at < len(row):
        found = _QUOTED.match(row, at)
        end = found.end() if found else at
        opened = first + row.count("\n", 0, at)
        if found is None and row[at] == '"':
            message = "a quote that opens a cell must be closed, but the file ends before that"
            return DataError(message, where=f"{name}:{opened}", fix=fix)
        if found and row[end : end + 1] not in (delimiter, "\n", ""):
            line = first + row.count("\n", 0, end)
            message = f"a closing quote must end its cell, but {row[end]!r} follows it in line {line}"
            return DataError(f"{message}; the cell begins here", where=f"{name}:{opened}", fix=fix)
        ends = [place for place in (row.find(delimiter, end), row.find("\n", end)) if place >= 0]
        at = min(ends, default=len(row)) + 1
    raise RuntimeError("the row was refused, but its quotes are right")


def _ragged(where: str, width: int, found: int, delimiter: str, quoted: bool) -> DataError:
    shown = {"\t": "tab"}.get(delimiter, delimiter)
    fix = f"put a cell with {shown} in it in quotes" if quoted else "if quotes enclose cells, give --quotes yes"
    columns = "one column" if width == 1 else f"{width} columns"
    message = f"every row must have {columns}, as the first has, but this one has {found}"
    return DataError(message, where=where, fix=fix)
