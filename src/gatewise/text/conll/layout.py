"""The layout of a tagged file, known by its first sentence: what is a word, a tag, a comment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from gatewise.errors import DataError, SettingError
from gatewise.text.conll.settings import ConllSettings

Format = Literal["columns", "conllu"]

CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
"""The columns of CoNLL-U (https://universaldependencies.org/format.html)."""

DOCUMENT = "-DOCSTART-"
"""The first column of the line that begins a document in the files of CoNLL-2002 and CoNLL-2003."""

_MARKS = ("#begin document", "#end document")  # CoNLL-2011 and 2012
_GLOBAL = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
_ID = re.compile(r"1|1-\d+|0\.1")
_RUN = re.compile(r"[^ \t]+")


class Layout(NamedTuple):
    """Where a file holds its words and tags.

    Attributes:
        format: columns or CoNLL-U.
        separator: a tab; or a space, which stands for any run of spaces and tabs.
        columns: how many every line has.
        word: the column of the words, from 0.
        tag: the column of the tags, from 0; None where the file has none.
        comments: what comments begin with.
    """

    format: Format
    separator: str
    columns: int
    word: int
    tag: int | None
    comments: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """How the file is read, for the user.

        Example:
            >>> Layout("columns", " ", 4, 0, 3, ()).in_words
            'read as 4 columns between spaces, words in column 1, tags in column 4'
        """
        if self.format == "conllu":
            tags = "" if self.tag is None else f", tags in {CONLLU[self.tag]}"
            return f"read as CoNLL-U, words in FORM{tags}"
        tags = "" if self.tag is None else f", tags in column {self.tag + 1}"
        kind = "tabs" if self.separator == "\t" else "spaces"
        count = f"{self.columns} column{'s' * (self.columns > 1)}"
        return f"read as {count} between {kind}, words in column {self.word + 1}{tags}"

    def is_token(self, line: str) -> bool:
        """Whether a line that is not blank is one of the table, and not a comment or the beginning of a document."""
        if self.format == "conllu":
            return line[0] != "#"
        return not (
            is_mark(line) or (line.startswith(self.comments) and (self.comments != ("# ",) or "\t" not in line))
        )

    def cells(self, line: str) -> list[str]:
        """The columns of a line."""
        return line.split("\t") if self.separator == "\t" else _RUN.findall(line)

    def written(self, line: str, tag: str) -> str:
        """A line with another tag, everything else as it was; a tag that had no column is put at the end."""
        if self.tag is None:
            return self.added(line, tag)
        if self.separator == "\t":
            cells = line.split("\t")
            cells[self.tag] = tag
            return "\t".join(cells)
        begin, end = [match.span() for match in _RUN.finditer(line)][self.tag]
        return line[:begin] + tag + line[end:]

    def added(self, line: str, tag: str) -> str:
        """A line with a tag in one more column, the last."""
        return f"{line if self.separator == chr(9) else line.rstrip(' ' + chr(9))}{self.separator}{tag}"


def is_mark(line: str) -> bool:
    """Whether a line begins or ends a document and holds no word.

    Example:
        >>> is_mark("-DOCSTART- -X- -X- O"), is_mark("#begin document (a); part 000"), is_mark("#begin O")
        (True, True, False)
    """
    return line.startswith(_MARKS) or (line.startswith(DOCUMENT) and _RUN.findall(line)[0] == DOCUMENT)


def recognise(lines: Sequence[str], where: tuple[str, int], settings: ConllSettings, tagged: bool) -> Layout | None:
    """The layout of a file whose first lines are given; None where there is no word among them, as far as one can tell.

    Args:
        lines: up to the end of a sentence.
        where: name of the file, and number of the first of the lines.
        settings: what is known of the file.
        tagged: whether tags are needed.

    Raises:
        DataError: the lines have no column where the words or the tags should be, or are CoNLL-U Plus.
        SettingError: columns are chosen by number, but the file is CoNLL-U.
    """
    filled = [(number, line) for number, line in enumerate(lines, where[1]) if line and not line.isspace()]
    if _is_conllu([line for _, line in filled], where[0], settings):
        return _conllu(filled, where[0], settings)
    tabs = settings.separator == "tab" or (settings.separator == "auto" and any("\t" in line for _, line in filled))
    comments = (settings.comment,) if settings.comment else ("# ",) * tabs
    draft = Layout("columns", "\t" if tabs else " ", 0, 0, None, comments)
    if not tabs and settings.separator == "auto" and all(line.startswith("# ") for _, line in filled):
        return None  # comments, or words: what follows tells
    for number, line in filled:
        if draft.is_token(line):
            count, place = len(draft.cells(line)), f"{where[0]}:{number}"
            word = _column("word", settings.word_column, count, place)
            tag = _tag_column(settings, word, count, place, tagged)
            return draft._replace(columns=count, word=word, tag=tag)
    return None


def _is_conllu(lines: Sequence[str], name: str, settings: ConllSettings) -> bool:
    if settings.format != "auto":
        return settings.format == "conllu"
    if name.lower().endswith((".conllu", ".conllu.gz")):
        return True
    first = next((line.split("\t") for line in lines if not line.startswith("#")), [])
    return len(first) == len(CONLLU) and _ID.fullmatch(first[0]) is not None


def _conllu(filled: Sequence[tuple[int, str]], name: str, settings: ConllSettings) -> Layout | None:
    if (settings.word_column, settings.tag_column) != (1, -1):
        raise SettingError(
            "the columns of CoNLL-U have names, but word_column or tag_column was given",
            where=name,
            fix="choose the tags with --tags, or give --format columns",
        )
    for number, line in filled:
        named = _GLOBAL.match(line)
        if named and tuple(named[1].split()) != CONLLU:
            raise DataError(
                f"CoNLL-U has the columns {' '.join(CONLLU)}, but this is CoNLL-U Plus with {named[1]}",
                where=f"{name}:{number}",
                fix="give --format columns with --word-column and --tag-column",
            )
    if all(line[0] == "#" for _, line in filled):
        return None
    tag = CONLLU.index(settings.tags.upper())
    return Layout("conllu", "\t", len(CONLLU), CONLLU.index("FORM"), tag, ("#",))


def _column(what: str, column: int, count: int, where: str) -> int:
    index = column - 1 if column > 0 else count + column
    if not 0 <= index < count:
        raise DataError(
            f"the {what}s are in column {column}, but this line has {count} column{'s' * (count > 1)}",
            where=where,
            fix=f"give --{what}-column from 1 to {count}, or --separator",
        )
    return index


def _tag_column(settings: ConllSettings, word: int, count: int, where: str, tagged: bool) -> int | None:
    """The column of the tags; a file that need not have tags may lack it."""
    if count == 1 and not tagged:
        return None
    tag = _column("tag", settings.tag_column, count, where)
    if tag == word and tagged:
        what = "this line has one column" if count == 1 else f"column {tag + 1} is that of the words"
        raise DataError(f"a tag is needed beside each word, but {what}", where=where, fix="give --tag-column")
    return None if tag == word else tag
