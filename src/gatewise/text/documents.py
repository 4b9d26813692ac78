"""Documents and corpora: texts with names, read a piece at a time and as often as they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from gatewise.errors import DataError


@dataclass(frozen=True)
class Document:
    """A text that is read when it is iterated over, a piece at a time, from its beginning each time.

    Attributes:
        name: where it comes from, for messages.
        pieces: gives the text.

    Example:
        >>> "".join(Document.of("note", "some text"))
        'some text'
    """

    name: str
    pieces: Callable[[], Iterator[str]]

    @classmethod
    def of(cls, name: str, text: str) -> Document:
        """A text that is in memory.

        Raises:
            DataError: it holds half of a surrogate pair.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            where = f"{name}:{text.count(chr(10), 0, error.start) + 1}"
            raise DataError("text must be Unicode, but half of a surrogate pair stands here", where=where) from None
        return cls(name, lambda: iter([text] if text else []))

    def __iter__(self) -> Iterator[str]:
        return self.pieces()

    def part(self, start: int, stop: int | None) -> Document:
        """The characters from ``start`` to ``stop`` (None: the end) as a document of the same name."""
        return Document(self.name, lambda: _part(self.pieces(), start, stop))


def _part(pieces: Iterable[str], start: int, stop: int | None) -> Iterator[str]:
    at = 0
    for piece in pieces:
        kept = piece[max(0, start - at) : None if stop is None else max(0, stop - at)]
        at += len(piece)
        if kept:
            yield kept
        if stop is not None and at >= stop:
            return


class Extent(NamedTuple):
    """How much there is of a text, and what identifies it.

    Attributes:
        characters: how many.
        visible: whether any is not white space.
        digest: SHA-256 of the UTF-8 form.
    """

    characters: int
    visible: bool
    digest: str


def measure(pieces: Iterable[str]) -> Extent:
    """The extent of a text, in one pass.

    Example:
        >>> measure(["a ", "b"]).characters
        3
    """
    characters, visible, digest = 0, False, hashlib.sha256()
    for piece in pieces:
        characters += len(piece)
        visible = visible or not piece.isspace()
        digest.update(piece.encode("utf-8"))
    return Extent(characters, visible, digest.hexdigest())


class Corpus:
    """Some documents, in order, and what was noticed while they were read.

    Making one reads every document once, so that whatever is wrong with the text is said before any work is done.
    Documents without text and documents that repeat another word for word are left out, and said.

    Args:
        documents: in any number.
        notes: lines that the user should see.

    Attributes:
        documents: those that are kept.
        extents: the extent of each.
        notes: lines that the user should see.

    Raises:
        DataError: no document holds anything but white space, or one cannot be read.

    Example:
        >>> corpus = Corpus([Document.of("a", "one\\n"), Document.of("b", "")])
        >>> corpus.characters, corpus.notes
        (4, ['left out, since nothing is in it: b'])
    """

    def __init__(self, documents: Iterable[Document], notes: Iterable[str] = ()) -> None:
        kept: dict[str, tuple[Document, Extent]] = {}
        empty, again = [], []
        for document in documents:
            extent = measure(document)
            if not extent.visible:
                empty.append(document.name)
            elif extent.digest in kept:
                again.append(f"{document.name} (as {kept[extent.digest][0].name})")
            else:
                kept[extent.digest] = document, extent
        if not kept:
            what = f"nothing but white space is in {some(empty)}" if empty else "there is no document"
            raise DataError(f"text is needed, but {what}", fix="give a file with text in it")
        self.documents = tuple(document for document, _ in kept.values())
        self.extents = tuple(extent for _, extent in kept.values())
        self.notes = [*notes]
        self.notes += [f"left out, since nothing is in it: {some(empty)}"] * bool(empty)
        self.notes += [f"left out, since the same text was read before: {some(again)}"] * bool(again)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Corpus:
        """Texts that are in memory, each a document."""
        return cls(Document.of(f"text {number}", text) for number, text in enumerate(texts, 1))

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    @cached_property
    def characters(self) -> int:
        """Characters in all documents."""
        return sum(extent.characters for extent in self.extents)

    @cached_property
    def record(self) -> dict[str, Any]:
        """What a model card says of the text: how many documents and characters, and the SHA-256 over all documents."""
        whole = hashlib.sha256("".join(extent.digest for extent in self.extents).encode("ascii")).hexdigest()
        return {"documents": len(self.documents), "characters": self.characters, "sha256": whole}

    def split(self, share: float) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
        """The text without its last part, and the last part, which is to be held out.

        The cut stands at the beginning of a document where the documents there are shorter than the part that is held
        out, else at the beginning of a line, else of a word.

        Args:
            share: of the characters that are held out, between 0 and 1.

        Raises:
            DataError: the text is too short to be divided.
        """
        cut = self.characters - int(self.characters * share)
        if not 0 < cut < self.characters:
            raise DataError(
                f"a share of {share:g} is to be held out, but the text has only {self.characters} characters",
                where=some([document.name for document in self.documents]),
                fix="give more text, or another text to validate on",
            )
        index, start = 0, 0
        while start + self.extents[index].characters <= cut:
            start += self.extents[index].characters
            index += 1
        document, length = self.documents[index], self.extents[index].characters
        if cut == start or (index and length <= self.characters - cut):
            return self.documents[:index], self.documents[index:]
        at = _good_cut(document, cut - start, length)
        parts = document.part(0, at), document.part(at, None)
        return (*self.documents[:index], parts[0]), (parts[1], *self.documents[index + 1 :])


def _good_cut(document: Document, at: int, length: int) -> int:
    """The first beginning of a line, else of a word, in the first half of what follows ``at``; else ``at``."""
    stop = at + (length - at) // 2
    for ending in ("\n", " "):
        passed = at - 1  # where a line already begins at ``at``, its newline stands just before
        for piece in document.part(at - 1, stop):
            found = piece.find(ending)
            if found >= 0:
                return passed + found + 1
            passed += len(piece)
    return at


def some(names: list[str]) -> str:
    """A few names, and how many there are.

    Example:
        >>> some(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
