"""JSON lines: an object on every line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from gatewise.errors import DataError
from gatewise.settings import nearest
from gatewise.text.decoding import Notice
from gatewise.text.documents import some
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.values import Record, text_of


def records(
    lines: Iterable[str], name: str, settings: LabelledSettings, labelled: bool, notice: Notice
) -> Iterator[Record]:
    r"""The texts of a file of JSON lines.

    Args:
        lines: of the file.
        name: of the file, for messages.
        settings: the keys of text and label.
        labelled: whether the label is needed.
        notice: is told what was left out.

    Raises:
        DataError: a line is no JSON object, has not the key, or something else than a text under it.

    Example:
        >>> list(records(['{"text": "a", "label": ["x", 1]}\n'], "a.jsonl", LabelledSettings(), True, print))
        [Record(line=1, text='a', value=['x', 1])]
    """
    blank = False
    for line, content in enumerate(lines, 1):
        if content.isspace():
            blank = True
            continue
        where = f"{name}:{line}"
        found = _object(content, where)
        text = text_of(_under(settings.text, found, where, "text"), settings.text, where)
        yield Record(line, text, _under(settings.label, found, where, "label") if labelled else None)
    if blank:
        notice(name, "blank lines are left out")


def _object(content: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _refusal(f"this is none ({error.msg.lower()} at character {error.colno})", where) from None
    except RecursionError:
        raise _refusal("this is nested too deeply", where) from None
    except _Refused as error:
        raise _refusal(f"{error}", where) from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise _refusal("a number has too many digits", where) from None
    if isinstance(found, dict):
        return found
    kinds = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
    raise _refusal(f"this is {kinds.get(type(found), 'a number')}", where)


class _Refused(ValueError):
    """What JSON's reader lets through, but a text with labels may not hold."""


def _refusal(what: str, where: str) -> DataError:
    return DataError(f"every line must be a JSON object, but {what}", where=where, fix="write one object on each line")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a key stands twice in this one")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number")


def _under(key: str, found: dict[str, Any], where: str, wanted: str) -> Any:
    if key in found:
        return found[key]
    close = nearest(key, found)
    keys = f"the keys are {some(list(found))}" if found else "the object is empty"
    fix = f"did you mean {close}?" if close else f"give --{wanted}"
    raise DataError(f"there is no key {key}, {keys}", where=where, fix=fix)
