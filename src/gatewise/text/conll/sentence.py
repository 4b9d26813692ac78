"""A sentence of a tagged file: its words and tags, where they stand, and its lines, to be written with other tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.errors import DataError
from gatewise.text.conll import offsets
from gatewise.text.conll.layout import Layout


@dataclass(frozen=True, slots=True)
class Sentence:
    r"""Words with their tags, and the lines they were read from.

    Attributes:
        words: in order; the words inside of multiword tokens, without empty nodes.
        tags: one for each word; none at all where the file has no column of tags.
        name: the file.
        line: the number of the first of ``lines`` in the file, from 1.
        lines: every line from the end of the sentence before to the beginning of the next, without their newlines;
            "" comes last where the text ends with a newline.
        rows: for each word the index of its line in ``lines``.
        layout: where in a line the word and the tag stand.

    Example:
        >>> from gatewise.text.conll import ConllSettings, parse
        >>> sentence, = parse("# a comment\nTime\tNN\t_\nflies\tVBZ\t_\n\n", ConllSettings(tag_column=2))
        >>> sentence.words, sentence.tags, sentence.where(1)
        (('Time', 'flies'), ('NN', 'VBZ'), 'text:3')
        >>> sentence.with_tags(["NNP", "NNS"])
        '# a comment\nTime\tNNP\t_\nflies\tNNS\t_\n\n'
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    name: str
    line: int
    lines: tuple[str, ...]
    rows: Sequence[int]
    layout: Layout

    def __len__(self) -> int:
        return len(self.words)

    def where(self, word: int = 0) -> str:
        """The file and the line of a word."""
        return f"{self.name}:{self.line + self.rows[word]}"

    @property
    def source(self) -> str:
        """The text that the sentence was read from, with the comments before it and the blank lines around it.

        The sources of all sentences of a file, one after the other, are the file.
        """
        return "\n".join(self.lines)

    def with_tags(self, tags: Sequence[str], add: bool = False) -> str:
        """The source with other tags; every other character is what it was.

        Args:
            tags: one for each word.
            add: put the tags into one more column at the end, as conlleval wants the predicted ones, instead of
                replacing those that are there.

        Raises:
            DataError: the tags are more or fewer than the words, a tag cannot stand in a column, or CoNLL-U is to
                have one more column.
        """
        if len(tags) != len(self.words):
            message = f"{len(self.words)} words need as many tags, but {len(tags)} were given"
            raise DataError(message, where=self.where())
        if add and self.layout.format == "conllu":
            message = "CoNLL-U has 10 columns, but the tags were to be added in one more"
            raise DataError(message, where=self.where(), fix="write them in place of the others")
        check_cells(tags, self.layout.separator)
        write = self.layout.added if add else self.layout.written
        lines = list(self.lines)
        for row, tag in zip(self.rows, tags, strict=True):
            lines[row] = write(lines[row], tag)
        return "\n".join(lines)

    def text(self) -> str:
        """The text of the sentence as it stood before it was cut into words.

        For CoNLL-U what the comment ``# text =`` says, or else the tokens with a space after each that has no
        ``SpaceAfter=No``; for columns the words with a space between each two.
        """
        return offsets.align(self)[0]

    def offsets(self) -> list[tuple[int, int]]:
        """For each word the place (begin, end) of its first character in :meth:`text` and of the one after its last.

        Words of a multiword token that written together give the token have their own part of it (did + n't); words
        that do not (the French "du" is de + le) have the whole token, each of them.

        Raises:
            DataError: the comment ``# text =`` does not hold the tokens in their order.
        """
        return offsets.align(self)[1]


def check_cells(cells: Sequence[str], separator: str) -> None:
    """Refuse what would not be one cell of a table when read back.

    Raises:
        DataError: one is empty, or holds a tab, a newline, or a space where columns stand between spaces.

    Example:
        >>> check_cells(["B-PER", "two words"], " ")
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: a column is to hold 'two words', but no space may stand in it
    """
    for name, sign in (("tab", "\t"), ("newline", "\n"), ("carriage return", "\r"), ("space", separator)):
        for cell in cells:
            if sign in cell:
                raise DataError(f"a column is to hold {cell!r}, but no {name} may stand in it")
    if "" in cells:
        raise DataError("a column is to hold a word or a tag, but it is empty")
