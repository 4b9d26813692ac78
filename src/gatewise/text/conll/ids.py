"""The ids of CoNLL-U: which lines are words, and whether the ids follow each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatewise.errors import DataError

_ID = re.compile(r"([1-9]\d*)|([1-9]\d*)-([1-9]\d*)|(0|[1-9]\d*)\.([1-9]\d*)")
_COUNTED = [str(number) for number in range(1, 513)]


def words(ids: Sequence[str], places: Sequence[int], name: str) -> list[int]:
    """Which lines of a sentence are words, rather than multiword tokens (1-2) or empty nodes (8.1).

    Args:
        ids: of all lines of the sentence.
        places: their numbers in the file.
        name: of the file.

    Returns:
        Indices into ``ids``.

    Raises:
        DataError: an id is none, or does not follow the one before.

    Example:
        >>> words(["1-2", "1", "2", "2.1", "3"], [1, 2, 3, 4, 5], "a.conllu")
        [1, 2, 4]
    """
    if ids == _COUNTED[: len(ids)]:  # most sentences have nothing but words
        return list(range(len(ids)))
    found: list[int] = []
    empty, last = 0, 0
    for index, (identity, place) in enumerate(zip(ids, places, strict=True)):
        number, first, end, before, node = _parts(identity, f"{name}:{place}")
        after = len(found) + 1
        if number:
            expected, came = f"{after}", identity
            found.append(index)
            empty = 0
        elif first:
            # A range begins with the next word, has two words or more, and lies in no other.
            expected = f"{after}-{max(after + 1, int(end))}" if after > last else f"{after}"
            came, last = identity, int(end)
        else:
            empty += 1
            expected, came = f"{after - 1}.{empty}", f"{before}.{node}"
        if came != expected:
            raise DataError(
                f"the id {expected} must stand here, but it is {came}",
                where=f"{name}:{place}",
                fix="ids count the words of a sentence from 1; put a blank line between sentences",
            )
    if last > len(found):
        message = f"the words of a multiword token must follow up to {last}, but the sentence ends with {len(found)}"
        raise DataError(message, where=f"{name}:{places[-1]}")
    return found


def _parts(identity: str, where: str) -> tuple[str, str, str, str, str]:
    match = _ID.fullmatch(identity)
    if match is None:
        raise DataError(
            f"an id such as 1, 1-2 or 8.1 is needed in the first column, but {identity!r} was found",
            where=where,
            fix="correct the file, or give --format columns",
        )
    number, first, end, before, node = (part or "" for part in match.groups())
    return number, first, end, before, node
