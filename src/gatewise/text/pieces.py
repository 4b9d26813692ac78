"""Cutting text where no token can be cut: what lets text of any size be encoded a piece at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

BLOCK = 1 << 18
"""Characters that are encoded at a time."""

LONGEST = 256
"""Characters of the longest chunk: a longer run without a space is cut, so that no text costs quadratic time."""

CHUNK = rf"\n| ?[^ \n]{{1,{LONGEST}}}| {{1,{LONGEST}}}(?= [^ \n])| {{1,{LONGEST}}}"
r"""A newline, a word with the space before it, or spaces; no token reaches over the end of a chunk.

The pattern means the same to Python and to the regular expressions inside a ``tokenizer.json``.
"""

_CHUNK = re.compile(CHUNK)
_SPACE = re.compile(r"[^ \n] (?=[^ \n])")
chunks = _CHUNK.findall


def blocks(texts: Iterable[str], size: int = BLOCK) -> Iterator[str]:
    r"""The same text in blocks of about ``size`` characters that end where a chunk ends.

    However the text was divided before, the blocks are the same, and encoding them one by one gives the tokens
    of the whole; no more than one block and one piece of ``texts`` stand in memory.

    Args:
        texts: the text in any pieces.
        size: characters, at least ``2 * LONGEST``.

    Example:
        >>> list(blocks(["one line\nand ano", "ther\n"], size=12))
        ['one line\n', 'and another\n']
    """
    held: list[str] = []
    length = 0
    for text in texts:
        held.append(text)
        length += len(text)
        if length > size:
            whole, start = "".join(held), 0
            while length - start > size:
                end = _good_end(whole, start, start + size)
                yield whole[start:end]
                start = end
            held, length = [whole[start:]], length - start
    rest = "".join(held)
    if rest:
        yield rest


def lines(texts: Iterable[str]) -> Iterator[str]:
    r"""What ``"".join(texts).split("\n")`` is, a line at a time: "" comes last where the text ends with a newline.

    Args:
        texts: the text in any pieces.

    Example:
        >>> list(lines(["one\nt", "wo\n"]))
        ['one', 'two', '']
    """
    held: list[str] = []
    for text in texts:
        found = text.split("\n")
        if len(found) > 1:
            yield "".join([*held, found[0]])
            yield from found[1:-1]
            held = []
        held.append(found[-1])
    yield "".join(held)


def _good_end(text: str, start: int, end: int) -> int:
    """The last place in ``text[start:end]`` where a chunk surely ends, whatever follows."""
    newline = text.rfind("\n", start, end)
    if newline >= 0:
        return newline + 1
    # A space between two words begins a chunk wherever one starts to look, so look near the end first.
    for near in (max(start, end - 4 * LONGEST), start):
        spaces = [match.end() - 1 for match in _SPACE.finditer(text, near, end)]
        if spaces:
            return spaces[-1]
    last = [match.start() for match in _CHUNK.finditer(text, start, end)][-1]  # it may go on after ``end``
    return last if last > start else end
