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
from gatewise.text.pieces import lines

_EMPTY = "_"
_NO_WORDS = Layout("columns", " ", 0, 0, None, ())


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
        tagged: every word must have a tag; else there may be none, or ``_``, and a file with lines but no word is one
            sentence without words, so that nothing of it is lost where it is written again.

    Raises:
        DataError: a line has too few or too many columns, no word or no tag; ids do not follow each other.

    Example:
        >>> [sentence.words for sentence in sentences(Document.of("a", "so O\\nit O\\n\\nis O\\n"), ConllSettings())]
        [('so', 'it'), ('is',)]
    """
    reader = _Reader(document.name, settings, tagged)
    held: Sentence | None = None
    for block in _blocks(document):
        for sentence in reader.read(block):
            if held is not None:
                yield held
            held = sentence
    if held is not None:  # what stands behind the last sentence belongs to it
        yield replace(held, lines=(*held.lines[:-1], *reader.waiting)) if reader.waiting else held
    elif not tagged and (left := reader.left()) not in ([], [""]):
        yield Sentence((), (), document.name, 1, tuple(left), (), reader.layout or _NO_WORDS)


def parse(text: str, settings: ConllSettings | None = None, tagged: bool = True) -> Iterator[Sentence]:
    r"""The sentences of a text in memory; see :func:`sentences`. Windows line ends become newlines, as in files.

    Example:
        >>> next(parse("Paris B-LOC\r\n")).tags
        ('B-LOC',)
    """
    return sentences(Document.of("text", text.replace("\r\n", "\n")), settings or ConllSettings(), tagged)


def _blocks(pieces: Iterable[str]) -> Iterator[_Block]:
    following = lines(pieces)
    line, held = next(following), list[str]()
    number, filled = 1, False
    for after in following:  # so ``line`` ends with a newline
        held.append(line)
        if line and not line.isspace():
            filled = True
        elif filled:
            yield _Block(number, [*held, ""])
            number += len(held)
            held, filled = [], False
        line = after
    if held or line:
        yield _Block(number, [*held, line])


class _Reader:
    """Makes sentences of the blocks of a file.

    Attributes:
        waiting: lines without a word, which belong to the sentence after them.
    """

    def __init__(self, name: str, settings: ConllSettings, tagged: bool) -> None:
        self.name, self.settings, self.tagged = name, settings, tagged
        self.layout: Layout | None = None
        self.undecided: list[_Block] = []  # read before the layout was known
        self.first, self.sign = 0, ""  # the line that the layout was learnt from, and its first character
        self.waiting: list[str] = []

    def read(self, block: _Block) -> Iterator[Sentence]:
        """The sentence of a block, if it holds more than comments, after those that had to wait for the layout."""
        if self.layout is None:
            self.undecided.append(block)
            self.layout = recognise(block.lines, (self.name, block.line), self.settings, self.tagged)
            if self.layout is None:
                return
            blocks, self.undecided = self.undecided, []
        else:
            blocks = [block]
        for one in blocks:
            yield from self._of_block(self.layout, one)

    def left(self) -> list[str]:
        """The lines of a file that has had no word."""
        lines: list[str] = []
        for block in [*self.undecided, _Block(1, self.waiting)]:
            if block.lines:
                lines[-1:] = block.lines
        return lines

    def _of_block(self, layout: Layout, block: _Block) -> Iterator[Sentence]:
        own = [*self.waiting[:-1], *block.lines]
        start = block.line + len(block.lines) - len(own)
        rows = [row for row, line in enumerate(own) if line and not line.isspace() and layout.is_token(line)]
        self.waiting = [] if rows else own
        if rows:
            if not self.first:
                self.first, self.sign = start + rows[0], own[rows[0]][0]
            yield self._sentence(layout, start, own, rows)

    def _sentence(self, layout: Layout, start: int, own: list[str], rows: list[int]) -> Sentence:
        table = [layout.cells(own[row]) for row in rows]
        if {*map(len, table)} != {layout.columns}:
            self._refuse_columns(layout, [start + row for row in rows], table)
        if layout.format == "conllu":
            chosen = ids.words([cells[0] for cells in table], [start + row for row in rows], self.name)
            if len(chosen) < len(rows):
                rows, table = [rows[index] for index in chosen], [table[index] for index in chosen]
        words = tuple([cells[layout.word] for cells in table])
        tags = () if layout.tag is None else tuple([cells[layout.tag] for cells in table])
        sentence = Sentence(words, tags, self.name, start, tuple(own), rows, layout)
        self._check(sentence)
        return sentence

    def _refuse_columns(self, layout: Layout, places: list[int], table: list[list[str]]) -> NoReturn:
        place, cells = next((p, cells) for p, cells in zip(places, table, strict=True) if len(cells) != layout.columns)
        if layout.format == "conllu":
            expected, fix = (
                f"{len(CONLLU)} columns between tabs are expected in CoNLL-U",
                "put tabs between the columns",
            )
        else:
            expected = f"{layout.columns} columns are expected, as in line {self.first}"
            commented = "#" in (cells[0][:1], self.sign)
            fix = "give --comment '#' if lines that begin so are comments" if commented else ""
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
