"""Where the sequences of a text begin, found while its ids go by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from gatewise.text.encoders import Ids
from gatewise.text.pipelines import EOS
from gatewise.text.tokenizer import Tokenizer

Division = Literal["document", "paragraph", "line", "sentence"]


class Part(NamedTuple):
    """A part of a text as ids.

    Attributes:
        ids: [n]
        starts: where sequences begin in ``ids``.
        characters: how many characters the ids stand for; those of blank lines that are left out are not among them.
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

    Every line is one, blank or not. A paragraph begins after a blank line; blank lines belong to the one before them.

    Args:
        blocks: the document, divided where chunks end.
        tokenizer: makes the ids.
        division: "document", "paragraph" or "line".
    """
    before, last = _Position(0, False), None
    for block in blocks:
        ids = tokenizer.encode_array(block)
        starts = _NONE
        if division == "paragraph":
            starts, before = _paragraphs(ids, tokenizer, before)
        elif division == "line":
            starts = _lines(ids, tokenizer.newline_id, last)
        if last is None and len(ids):
            starts = np.concatenate([[0], starts])
        yield Part(ids, starts, len(block))
        last = ids[-1] if len(ids) else last
    # At word level the newline at the end of a document is the <eos> that ends it.
    if last is not None and last != (tokenizer.eos_id if tokenizer.level == "word" else None):
        yield Part(np.array([tokenizer.eos_id]), _NONE, 0)


_NONE = np.zeros(0, dtype=np.int64)


def _lines(ids: Ids, newline_id: int | None, last: int | None) -> Ids:
    """What stands after a newline; ``last`` is the token before ``ids``."""
    if newline_id is None or not len(ids):
        return _NONE
    begins = np.empty(len(ids), np.bool_)
    begins[0] = last == newline_id
    np.equal(ids[:-1], newline_id, out=begins[1:])
    return np.flatnonzero(begins)


def _paragraphs(ids: Ids, tokenizer: Tokenizer, before: _Position) -> tuple[Ids, _Position]:
    """The beginnings of the lines whose first visible token comes after at least two newlines."""
    if not len(ids):
        return _NONE, before
    newline = ids == (-1 if tokenizer.newline_id is None else tokenizer.newline_id)
    visible = np.flatnonzero(~newline & ~tokenizer.blank[ids])
    newlines = np.cumsum(newline) + before.newlines  # up to and with each position, since the last visible token
    if not len(visible):
        return _NONE, _Position(int(newlines[-1]), before.seen)
    between = np.diff(newlines[visible], prepend=0)
    new = between >= 2
    new[0] &= before.seen
    line_start = np.maximum.accumulate(np.where(newline, np.arange(len(ids)), -1)) + 1
    return line_start[visible[new]], _Position(int(newlines[-1] - newlines[visible[-1]]), True)


def sentences(blocks: Iterable[str], tokenizer: Tokenizer) -> Iterator[Part]:
    """The ids of the lines of one document, each with ``<eos>`` at its end; lines without a word are left out.

    Whether a line is blank is seen in the text, since a vocabulary may know no white space.

    Args:
        blocks: the document, divided where chunks end.
        tokenizer: makes the ids.
    """
    held: list[str] = []  # the beginning of a line, as long as nothing visible is in it
    begun = False  # whether the line that goes on has been given out in part
    for block in blocks:
        text = _EOS_WORD.sub("\n", block) if tokenizer.form.pretokenised else block
        if not begun and "\n" not in text and text.isspace():
            held.append(text)
            continue
        lines = _LINE.findall("".join([*held, text]))
        rest = lines.pop() if not lines[-1].endswith("\n") else ""
        ended = [line for index, line in enumerate(lines) if (begun and not index) or not line.isspace()]
        goes_on = bool(rest) and ((begun and not lines) or not rest.isspace())
        kept = "".join([*ended, rest * goes_on])
        ids = tokenizer.encode_array(kept, newline_ends=True)
        yield Part(ids, _line_starts(ids, tokenizer.eos_id, begun), len(kept), len(lines) - len(ended))
        held, begun = [rest] * (bool(rest) and not goes_on), goes_on
    if begun:
        yield Part(np.array([tokenizer.eos_id]), _NONE, 0)


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_EOS_WORD = re.compile(rf"(?<![^ \t\n\r\x0b\f]){EOS}(?![^ \t\n\r\x0b\f])")  # in pretokenised text it ends a sentence


def _line_starts(ids: Ids, eos_id: int, begun: bool) -> Ids:
    """Where lines begin in ``ids``; the first does not if it was ``begun`` before."""
    starts = np.concatenate([[] if begun else [0], np.flatnonzero(ids == eos_id) + 1]).astype(np.int64)
    return starts[starts < len(ids)]
