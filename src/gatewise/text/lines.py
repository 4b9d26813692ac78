"""Text that comes in pieces, cut into lines."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator


def lines(pieces: Iterable[str]) -> Iterator[str]:
    r"""The lines of a text, each with its ``\n`` but for a last one that has none.

    Only ``\n`` ends a line: other signs that Python's ``splitlines`` cuts at, such as U+2028, stand inside texts.

    Args:
        pieces: the text in any pieces.

    Example:
        >>> list(lines(["one\ntw", "o\n\nthr", "ee"]))
        ['one\n', 'two\n', '\n', 'three']
    """
    held: list[str] = []
    for piece in pieces:
        end = piece.rfind("\n") + 1
        if end:
            yield from io.StringIO("".join([*held, piece[:end]]))
            held = []
        if end < len(piece):
            held.append(piece[end:])
    if held:
        yield "".join(held)
