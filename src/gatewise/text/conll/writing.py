"""Sentences that came from no table, written as columns or as CoNLL-U."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gatewise.errors import DataError
from gatewise.text.conll.layout import CONLLU
from gatewise.text.conll.sentence import check_cells


def to_columns(words: Sequence[str], *tags: Sequence[str], separator: str = "\t") -> str:
    r"""A sentence as columns: a word and its tags a line, and a blank line.

    Args:
        words: of the sentence.
        tags: one column each, such as the right tags and the predicted ones.
        separator: a tab or a space.

    Raises:
        DataError: there are more or fewer tags than words, or one cannot stand in a column.

    Example:
        >>> to_columns(["Time", "flies"], ["NN", "VBZ"])
        'Time\tNN\nflies\tVBZ\n\n'
    """
    for column in (words, *tags):
        _same_length(words, column)
        check_cells(column, separator)
    return "".join(map("{}\n".format, map(separator.join, zip(words, *tags, strict=True)))) + "\n"


def to_conllu(
    words: Sequence[str],
    tags: Sequence[str],
    column: Literal["upos", "xpos", "feats"] = "upos",
    text: str = "",
    offsets: Sequence[tuple[int, int]] = (),
) -> str:
    r"""A sentence as CoNLL-U, with ``_`` where nothing is known.

    Args:
        words: of the sentence.
        tags: one for each word.
        column: where the tags go.
        text: the sentence as it stood; written as ``# text =``, with its line breaks as spaces.
        offsets: for each word its place (begin, end) in ``text``; a word whose end is the beginning of the next gets
            ``SpaceAfter=No``.

    Raises:
        DataError: there are more or fewer tags or places than words, or one cannot stand in a column.

    Example:
        >>> print(to_conllu(["Go", "!"], ["VERB", "PUNCT"], text="Go!", offsets=[(0, 2), (2, 3)]), end="")
        # text = Go!
        1	Go	_	VERB	_	_	_	_	_	SpaceAfter=No
        2	!	_	PUNCT	_	_	_	_	_	_
        <BLANKLINE>
    """
    for cells in (words, tags):
        _same_length(words, cells)
        check_cells(cells, "\t")
    if offsets:
        _same_length(words, offsets)
    lines = [f"# text = {' '.join(text.split())}"] if text else []
    for index, (word, tag) in enumerate(zip(words, tags, strict=True)):
        cells = [str(index + 1), word, *["_"] * (len(CONLLU) - 2)]
        cells[CONLLU.index(column.upper())] = tag
        if index + 1 < len(offsets) and offsets[index][1] == offsets[index + 1][0]:
            cells[-1] = "SpaceAfter=No"
        lines.append("\t".join(cells))
    return "\n".join([*lines, "", ""])


def _same_length(words: Sequence[str], others: Sequence[object]) -> None:
    if len(words) != len(others):
        raise DataError(f"{len(words)} words need as many tags or places, but {len(others)} were given")
