"""JSON as data from a stranger: no duplicate keys, no NaN, no depth that breaks the parser."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from gatewise.errors import ModelFileError
from gatewise.storage.atomic import Buffer
from gatewise.storage.reading import looks_like


class _Refused(ValueError):
    """Valid for Python's parser, but not for ours."""


def parse_json(data: Buffer, where: str) -> Any:
    """The value that ``data`` holds.

    Args:
        data: UTF-8, without a byte order mark.
        where: where it was read, for the error.

    Raises:
        ModelFileError: it is not JSON, or has duplicate keys, NaN, Infinity, huge integers or extreme depth.

    Example:
        >>> parse_json(b'{"a": 1, "a": 2}', "config.json")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: config.json: is not valid JSON: the key 'a' stands twice
    """
    try:
        text = bytes(data).decode("utf-8")
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except _Refused as error:
        reason = str(error)
    except UnicodeDecodeError:
        reason = f"it is not UTF-8; {looks_like(data)}"
    except json.JSONDecodeError as error:
        reason = f"{error.msg.lower()} in line {error.lineno}; {looks_like(data)}"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError:
        reason = "an integer has too many digits"
    raise ModelFileError(f"is not valid JSON: {reason}", where=where)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Refused(f"the key {name!r} stands twice")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number")
