"""Where the sequences of a text begin, found while its ids go by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from gatewise.text.encoders import Ids
from gatewise.text.tokenizer import Tokenizer

Division = Literal["document", "paragraph", "line", "sentence"]
_NEWLINES = {"document": 0, "paragraph": 2, "line": 1}


class Part(NamedTuple):
    """A part of a text as ids.

    Attributes:
        ids: [n]
        starts: where sequences begin in ``ids``.
        characters: how many characters the ids were made from.
        blank: lines that were left out because they hold no word.
    """

    ids: Ids
    starts: Ids
    characters: int
    blank: int = 0


class _Position(NamedTuple):
    """What must be known of the text before a block to see the sequences in it."""

    newlines: int
    seen: bool  # whether something visible came yet


def running(blocks: Iterable[str], tokenizer: Tokenizer, division: Division) -> Iterator[Part]:
    """The ids of one document with ``<eos>`` at its end, and where its paragraphs or lines begin.

    A line begins after a newline, a paragraph after a blank line; blank lines belong to what stands before them.

    Args:
        blocks: the document, divided where chunks end.
        tokenizer: makes the ids.
        division: "document", "paragraph" or "line".
    """
    before, last = _Position(0, False), None
    for block in blocks:
        ids = tokenizer.encode_array(block)
        starts, following = _starts(ids, tokenizer, _NEWLINES[division], before)
        if last is None and len(ids):
            starts = np.concatenate([[0], starts])
        yield Part(ids, starts, len(block))
        before, last = following, ids[-1] if len(ids) else last
    # At word level the newline at the end of a document is the <eos> that ends it.
    if last is not None and last != (tokenizer.eos_id if tokenizer.level == "word" else None):
        yield Part(np.array([tokenizer.eos_id]), _NONE, 0)


_NONE = np.zeros(0, dtype=np.int64)


def _starts(ids: Ids, tokenizer: Tokenizer, needed: int, before: _Position) -> tuple[Ids, _Position]:
    """The beginnings of the lines whose first visible token comes after at least ``needed`` newlines."""
    if not needed or not len(ids):
        return _NONE, before
    newline = ids == (-1 if tokenizer.newline_id is None else tokenizer.newline_id)
    visible = np.flatnonzero(~newline & ~tokenizer.blank[ids])
    newlines = np.cumsum(newline) + before.newlines  # up to and with each position, since the last visible token
    if not len(visible):
        return _NONE, _Position(int(newlines[-1]), before.seen)
    between = np.diff(newlines[visible], prepend=0)
    new = between >= needed
    new[0] &= before.seen
    line_start = np.maximum.accumulate(np.where(newline, np.arange(len(ids)), -1)) + 1
    return line_start[visible[new]], _Position(int(newlines[-1] - newlines[visible[-1]]), True)


def sentences(blocks: Iterable[str], tokenizer: Tokenizer) -> Iterator[Part]:
    """The ids of the lines of one document, each with ``<eos>`` at its end; lines without a word are left out.

    Args:
        blocks: the document, divided where chunks end.
        tokenizer: makes the ids.
    """
    held: list[Ids] = []  # the beginning of a line, as long as nothing visible is in it
    begun = False  # whether the line that goes on has been given out in part
    for block in blocks:
        fresh = tokenizer.encode_array(block, newline_ends=True)
        visible = ~tokenizer.blank[fresh] & (fresh != tokenizer.eos_id)
        # At word level white space makes no ids at all, in whichever line it stands.
        if not len(fresh) or (not begun and not visible.any() and tokenizer.eos_id not in fresh):
            held.append(fresh)
            yield Part(_NONE, _NONE, len(block))
            continue
        ids = np.concatenate([*held, fresh])
        kept, starts, blank, rest = _lines(ids, tokenizer, begun)
        yield Part(kept, starts, len(block), blank)
        held, begun = ([rest], False) if len(rest) else ([], bool(ids[-1] != tokenizer.eos_id))
    if begun:
        yield Part(np.array([tokenizer.eos_id]), _NONE, 0)


def _lines(ids: Ids, tokenizer: Tokenizer, begun: bool) -> tuple[Ids, Ids, int, Ids]:
    """The lines of ``ids`` that hold something visible, where they begin, how many do not, and an unfinished such one.

    Args:
        ids: at least one.
        tokenizer: knows what is visible.
        begun: the first line goes on from an earlier part, in which something was visible.
    """
    starts = np.concatenate([[0], np.flatnonzero(ids == tokenizer.eos_id) + 1])
    starts = starts[starts < len(ids)]
    lengths = np.diff(starts, append=len(ids))
    visible = np.logical_or.reduceat(~tokenizer.blank[ids] & (ids != tokenizer.eos_id), starts)
    visible[0] |= begun
    unfinished = not visible[-1] and ids[-1] != tokenizer.eos_id
    kept_starts = (np.cumsum(lengths * visible) - lengths)[visible]
    return (
        ids[np.repeat(visible, lengths)],
        kept_starts[1:] if begun else kept_starts,
        int(np.count_nonzero(~visible)) - unfinished,
        ids[starts[-1] :] if unfinished else _NONE,
    )
