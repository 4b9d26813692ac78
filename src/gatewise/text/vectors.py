"""Pretrained word vectors, in the text formats of word2vec, GloVe and fastText."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.text.decoding import read_bytes, refuse_foreign
from gatewise.text.documents import some
from gatewise.text.files import once

_BINARY = "give the text format, not the binary one"


@dataclass(frozen=True)
class WordVectors:
    """The vectors of some words.

    Attributes:
        matrix: [N, D] float32, a row for each word that was asked for, in that order; zeros where it was not found.
        found: [N] bool, which words the file has.
        lines: how many vectors the file has.
        notes: lines that the user should see.
    """

    matrix: NDArray[np.float32]
    found: NDArray[np.bool_]
    lines: int
    notes: tuple[str, ...]


def read_vectors(path: str | Path, words: Iterable[str], stdin: BinaryIO | None = None) -> WordVectors:
    r"""The vectors of ``words``, from a file that is read once and never stands in memory.

    Each line is a word and D numbers, divided by single spaces or tabs; word2vec and fastText have the number of lines
    and D in a first line of their own (Mikolov et al. 2013; Bojanowski et al. 2017), GloVe has not (Pennington et al.
    2014). Every line must have the right number of columns, but only the numbers of words asked for are looked at. A
    word is its bytes in UTF-8: neither case nor Unicode form is changed.

    Args:
        path: a file, decompressed where its name ends in ``.gz``, or ``-``.
        words: distinct.
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: the file cannot be read or is another format; a line has more or fewer columns than the first; what
            should be a number is none, or not finite. The line names the file and the line in it.
        ValueError: a word is asked for twice.

    Example:
        >>> Path("vec.txt").write_text("2 3\nthe 0.5 1 -2\ncat 1e-1 0 0\n")
        30
        >>> vectors = read_vectors("vec.txt", ["cat", "dog"])
        >>> vectors.matrix.tolist(), vectors.found.tolist()
        ([[0.10000000149011612, 0.0, 0.0], [0.0, 0.0, 0.0]], [True, False])
    """
    asked = list(words)
    rows = {word.encode("utf-8", "surrogatepass"): row for row, word in enumerate(asked)}
    if len(rows) != len(asked):
        raise ValueError("words must be distinct")
    file = _File(once(str(path), stdin), "stdin" if str(path) == "-" else str(path))
    found = np.zeros(len(rows), np.bool_)
    first: dict[int, int] = {}
    again: list[str] = []
    matrix: NDArray[np.float32] | None = None  # made when the width that the file states has been seen in a line
    for block in file.blocks():
        taken: list[_Line] = []
        for line in file.wanted(block, rows):
            row = rows[line.word]
            if first.setdefault(row, line.number) == line.number:
                taken.append(line)
            else:
                again.append(f"{file.name}:{line.number} ({asked[row]}, as in line {first[row]})")
        if taken:
            matrix = np.zeros((len(rows), file.width), np.float32) if matrix is None else matrix
            places = [rows[line.word] for line in taken]
            matrix[places] = file.numbers(taken)
            found[places] = True
    notes = file.notes() + (
        [f"words that stand there twice, of which the first counts: {some(again)}"] if again else []
    )
    matrix = np.zeros((len(rows), file.width), np.float32) if matrix is None else matrix
    return WordVectors(matrix, found, file.vectors, tuple(notes))


class _Line(NamedTuple):
    number: int
    word: bytes
    rest: bytes


class _File:
    """A file of vectors: its blocks of lines, and what its first line says."""

    def __init__(self, open_bytes: Callable[[], BinaryIO], name: str) -> None:
        self.open_bytes, self.name = open_bytes, name
        self.width = 0
        self.promised: int | None = None
        self.vectors = 0
        self.sign = b" "

    def blocks(self) -> Iterator[tuple[int, list[bytes]]]:
        """Whole lines, about a megabyte at a time, with the number of the first."""
        number, rest = 1, b""
        with self.open_bytes() as file:
            while data := read_bytes(file, self.name, number):
                if number == 1 and not rest:
                    refuse_foreign(data, self.name)
                    data = data.removeprefix(codecs.BOM_UTF8)
                self._refuse_nul(data, number + data.count(b"\n", 0, max(0, data.find(b"\0"))))
                *lines, rest = (rest + data).split(b"\n")
                if lines:
                    yield self._begun(number, lines)
                    number += len(lines)
        if rest:
            yield self._begun(number, [rest])
        if not self.vectors:
            raise DataError("word vectors are needed, but there is none", where=self.name)

    def _refuse_nul(self, data: bytes, number: int) -> None:
        if b"\0" in data:
            where = f"{self.name}:{number}"
            raise DataError("text is needed, but this holds a NUL byte, as binary data do", where=where, fix=_BINARY)

    def _begun(self, number: int, lines: list[bytes]) -> tuple[int, list[bytes]]:
        """The lines without a first one that says how many there are and how wide; the width from there."""
        if number > 1:
            return number, lines
        columns = lines[0].split()
        if len(columns) == 2 and columns[0].isdigit() and columns[1].isdigit():
            self.promised, self.width = int(columns[0]), int(columns[1])
            number, lines = 2, lines[1:]
        else:
            self.width = len(columns) - 1
        if self.width < 1:
            what = "a word and its numbers, or how many there are and how wide, are needed in the first line"
            raise DataError(what, where=f"{self.name}:1", fix="give a file of word2vec, GloVe or fastText")
        return number, lines

    def wanted(self, block: tuple[int, list[bytes]], words: dict[bytes, int]) -> Iterator[_Line]:
        """The lines of these words; every line must have the right number of columns."""
        if not self.vectors and block[1]:
            self.sign = b"\t" if b"\t" in block[1][0] else b" "
        sign, width = self.sign, self.width
        blank = 0
        for number, line in enumerate(block[1], block[0]):
            if line[-1:] in (b" ", b"\t", b"\r"):
                line = line.rstrip()
            columns = line.count(sign)
            if columns == width:
                word, _, rest = line.partition(sign)
            elif not line:
                blank += 1
                continue
            else:
                word, rest = self._spaced(line, number)
            if word in words:
                yield _Line(number, word, rest)
        self.vectors += len(block[1]) - blank

    def _spaced(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """A line whose word has spaces in it, as some of GloVe's have, or that is refused."""
        before, *rest = line.rsplit(self.sign, self.width)
        last = before.rpartition(self.sign)[2]
        if len(rest) < self.width or _is_number(last):
            have = max(0, len(line.split()) - 1)
            message = f"every line must have a word and {self.width} numbers, but this one has {have}"
            raise DataError(message, where=f"{self.name}:{number}", fix="get the file again, or mend the line")
        return before, self.sign.join(rest)

    def numbers(self, lines: list[_Line]) -> NDArray[np.float32]:
        """The numbers of some lines [n, D]; all are parsed at once, and one by one only to find one that is none."""
        numbers = _parsed(b" ".join(line.rest for line in lines))
        if numbers is not None and numbers.size == len(lines) * self.width and np.isfinite(numbers).all():
            return numbers.reshape(len(lines), self.width)
        for line in lines:
            for column in line.rest.split(self.sign):
                number = _parsed(column)
                if number is None or number.size != 1 or not np.isfinite(number[0]):
                    shown = column.decode("utf-8", "replace")[:30]
                    message = f"a finite number is needed, but {shown!r} stands there"
                    raise DataError(message, where=f"{self.name}:{line.number}", fix="get the file again")
        raise RuntimeError("the numbers were refused together, but each of them is right")

    def notes(self) -> list[str]:
        """Where the first line says another number of vectors than there are."""
        if self.promised in (None, self.vectors):
            return []
        return [f"{self.name}: its first line says {self.promised} vectors, but it has {self.vectors}"]


def _parsed(numbers: bytes) -> NDArray[np.float32] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how older versions of numpy refuse
        try:
            return np.fromstring(numbers, dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return None


def _is_number(column: bytes) -> bool:
    number = _parsed(column)
    return number is not None and number.size == 1
