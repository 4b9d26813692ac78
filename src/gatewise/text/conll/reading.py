"""Sentences out of tagged text, one at a time: no more than a sentence and a piece of the text stand in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, NoReturn

from gatewise.errors import DataError
from gatewise.text.conll import ids
from gatewise.text.conll.layout import CONLLU, Layout, recognise
from gatewise.text.conll.sentence import Sentence
from gatewise.text.conll.settings import ConllSettings
from gatewise.text.documents import Document

_EMPTY = "_"


class _Block(NamedTuple):
    """Lines up to a blank line that has others before it.

    Attributes:
        line: the number of the first.
        lines: without their newlines; "" comes last where the text ends with a newline.
    """

    line: int
    lines: list[str]


def sentences(document: Document, settings: ConllSettings, tagged: bool = True) -> Iterator[Sentence]:
    """The sentences of a document, in order.

    Args:
        document: the text of a file.
        settings: where the words and tags stand.
        tagged: every word must have a tag; else there may be none, or ``_``.

    Raises:
        DataError: a line has too few or too many columns, no word or no tag; ids do not follow each other.

    Example:
        >>> [sentence.words for sentence in sentences(Document.of("a", "so O\\nit O\\n\\nis O\\n"), ConllSettings())]
        [('so', 'it'), ('is',)]
    """
    reader = _Reader(document.name, settings, tagged)
    held: Sentence | None = None
    for block in _blocks(document):
        sentence = reader.read(block)
        if sentence is not None:
            if held is not None:
                yield held
            held = sentence
    if held is not None:  # what stands behind the last sentence belongs to it
        yield replace(held, lines=(*held.lines[:-1], *reader.waiting)) if reader.waiting else held


def parse(text: str, settings: ConllSettings | None = None, tagged: bool = True) -> Iterator[Sentence]:
    """The sentences of a text in memory; see :func:`sentences`.

    Example:
        >>> next(parse("Paris B-LOC\\n")).tags
        ('B-LOC',)
    """
    return sentences(Document.of("text", text), settings or ConllSettings(), tagged)


def _blocks(pieces: Iterable[str]) -> Iterator[_Block]:
    lines: list[str] = []
    number, filled, rest = 1, False, ""
    for piece in pieces:
        parts = (rest + piece).split("\n") if rest else piece.split("\n")
        rest = parts.pop()
        for line in parts:
            lines.append(line)
            if line and not line.isspace():
                filled = True
            elif filled:
                yield _Block(number, [*lines, ""])
                number += len(lines)
                lines, filled = [], False
    if lines or rest:
        yield _Block(number, [*lines, rest])


class _Reader:
    """Makes sentences of the blocks of a file.

    Attributes:
        waiting: lines without a word, which belong to the sentence after them.
    """

    def __init__(self, name: str, settings: ConllSettings, tagged: bool) -> None:
        self.name, self.settings, self.tagged = name, settings, tagged
        self.layout: Layout | None = None
        self.first = 0  # the line that the layout was learnt from
        self.waiting: list[str] = []

    def read(self, block: _Block) -> Sentence | None:
        """The sentence of a block; None where it holds comments only."""
        lines = [*self.waiting[:-1], *block.lines]
        start = block.line + len(block.lines) - len(lines)
        if self.layout is None:
            self.layout = recognise(lines, (self.name, start), self.settings, self.tagged)
        layout = self.layout
        rows = [
            row for row, line in enumerate(lines) if line and not line.isspace() and layout and layout.is_token(line)
        ]
        if layout is None or not rows:
            self.waiting = lines
            return None
        self.waiting = []
        self.first = self.first or start + rows[0]
        return self._sentence(layout, start, lines, rows)

    def _sentence(self, layout: Layout, start: int, lines: list[str], rows: list[int]) -> Sentence:
        table = [layout.cells(lines[row]) for row in rows]
        if {*map(len, table)} != {layout.columns}:
            self._refuse_columns(layout, [start + row for row in rows], table)
        if layout.format == "conllu":
            chosen = ids.words([cells[0] for cells in table], [start + row for row in rows], self.name)
            if len(chosen) < len(rows):
                rows, table = [rows[index] for index in chosen], [table[index] for index in chosen]
        words = tuple([cells[layout.word] for cells in table])
        tags = () if layout.tag is None else tuple([cells[layout.tag] for cells in table])
        sentence = Sentence(words, tags, self.name, start, tuple(lines), rows, layout)
        self._check(sentence)
        return sentence

    def _refuse_columns(self, layout: Layout, places: list[int], table: list[list[str]]) -> NoReturn:
        place, cells = next((p, cells) for p, cells in zip(places, table, strict=True) if len(cells) != layout.columns)
        if layout.format == "conllu":
            expected, fix = f"{len(CONLLU)} columns between tabs are expected in CoNLL-U", "put tabs between the columns"
        else:
            expected = f"{layout.columns} columns are expected, as in line {self.first}"
            fix = "give --comment if lines that begin with # are comments" if "#" in (cells[0][0:1],) else ""
        message = f"{expected}, but this line has {len(cells)}"
        raise DataError(message, where=f"{self.name}:{place}", fix=fix or "correct the line, or give --separator")

    def _check(self, sentence: Sentence) -> None:
        if not all(map(str.strip, sentence.words)):
            for index, word in enumerate(sentence.words):
                if not word.strip(" "):
                    message = f"a word is needed in column {sentence.layout.word + 1}, but it is empty"
                    raise DataError(message, where=sentence.where(index), fix="correct the line")
        if not self.tagged:
            return
        features = sentence.layout.format == "conllu" and self.settings.tags == "feats"  # _ says that there are none
        for empty in ("",) if features else ("", _EMPTY):
            if empty in sentence.tags:
                self._refuse_tag(sentence, sentence.tags.index(empty))

    def _refuse_tag(self, sentence: Sentence, index: int) -> NoReturn:
        conllu = sentence.layout.format == "conllu"
        column = self.settings.tags.upper() if conllu else f"column {(sentence.layout.tag or 0) + 1}"
        came = repr(sentence.tags[index]) if sentence.tags[index] else "empty"
        raise DataError(
            f"every word needs a tag, but {column} of {sentence.words[index]!r} is {came}",
            where=sentence.where(index),
            fix=f"tag the word, or choose another column with {'--tags' if conllu else '--tag-column'}",
        )
