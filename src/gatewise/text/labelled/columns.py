"""Which column is meant."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.errors import DataError
from gatewise.settings import nearest
from gatewise.text.documents import some


def number_of(column: str) -> int | None:
    """The number of a column that is given by number; None where it is given by name.

    Example:
        >>> number_of("2"), number_of("text")
        (2, None)
    """
    return int(column) if column.isascii() and column.isdigit() else None


def place(column: str, wanted: str, columns: Sequence[str], where: str, named: bool = True) -> int:
    """The place of a column, counted from 0.

    Args:
        column: its name, or its number counted from 1.
        wanted: the setting that names it.
        columns: the names of all, or what stands in the first row.
        where: file and line, for the message.
        named: whether ``columns`` are names.

    Raises:
        DataError: it is not there, there twice, or named where columns have no names.

    Example:
        >>> place("2", "label", ["text", "class"], "a.csv:1")
        1
        >>> place("txt", "text", ["text", "class"], "a.csv:1")
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: a.csv:1: there is no column txt, the columns are text, class; did you mean text?
    """
    number = number_of(column)
    if number is not None:
        if number > len(columns):
            have = f"there are {len(columns)}" if len(columns) > 1 else "there is one"
            fix = f"give another --{wanted}, or look at the delimiter"
            raise DataError(f"column {column} is needed for the {wanted}, but {have}", where=where, fix=fix)
        return number - 1
    if not named:
        fix = f"give --{wanted} by number, or --header yes"
        raise DataError(f"a table without a header has no column named {column}", where=where, fix=fix)
    names = [name.strip() for name in columns]
    if names.count(column) == 1:
        return names.index(column)
    if column in names:
        fix = f"give --{wanted} by number"
        raise DataError(f"the column {column} must be there once, but is there more than once", where=where, fix=fix)
    listed = [name if len(name) <= 30 else name[:27] + "..." for name in names]
    raise DataError(
        f"there is no column {column}, the columns are {_all(listed)}", where=where, fix=_fix(column, wanted, names)
    )


def _fix(column: str, wanted: str, names: list[str]) -> str:
    if len(names) == 1:
        for sign, shown in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", ",")):
            if sign in names[0]:
                return f"if {shown} stands between the columns, give --delimiter {shown}"
    close = nearest(column, names)
    return f"did you mean {close}?" if close else f"give --{wanted} by name, or by number where there is no header"


def _all(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 8 else some(names)
