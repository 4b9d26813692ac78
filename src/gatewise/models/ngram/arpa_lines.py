"""The lines of an ARPA file as columns, some thousand at a time; every mistake is named with its line."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import ModelFileError
from gatewise.models.ngram.counts import Ids
from gatewise.storage.reading import read_file

AGAIN = "copy it or make it again"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Some lines of one order.

    Attributes:
        first: the line of the first of them.
        log_probs: logarithms of base 10.
        words: for each place of the n-gram the words of all lines.
        weights: logarithms of base 10, 0 where there is none.
        given: where there is a weight.
    """

    first: int
    log_probs: Floats
    words: list[list[bytes]]
    weights: Floats
    given: NDArray[np.bool_]


class Lines:
    """The content of an ARPA file and where its lines begin.

    Args:
        path: of a plain file, or one compressed with gzip.

    Raises:
        ModelFileError: it cannot be read or unpacked.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.content = _unpacked(bytes(read_file(path)), self.path)
        ends = np.flatnonzero(np.frombuffer(self.content, np.uint8) == ord("\n"))
        self.starts: Ids = np.concatenate([[0], ends + 1, [len(self.content) + 1]])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, line: int) -> bytes:
        """A line without white space around it."""
        return self.content[self.starts[line] : self.starts[line + 1] - 1].strip()

    def mistake(self, message: str, line: int, fix: str = "") -> ModelFileError:
        """The error that names a line, counted from 0 here and from 1 there."""
        return ModelFileError(message, where=f"{self.path}:{line + 1}", fix=fix)

    def columns(self, first: int, last: int, order: int, *, highest: bool) -> Columns:
        """The lines from ``first`` to before ``last`` as n-grams of ``order``.

        Raises:
            ModelFileError: a line is no n-gram of this order, or a number is none or out of its range.
        """
        block = self.content[self.starts[first] : self.starts[last]] + b"\n"  # the last line may end without
        widths = _fields_of_lines(block, self.starts[first:last] - self.starts[first])
        wrong = np.flatnonzero((widths != order + 1) & (widths != order + 2))
        if len(wrong):
            raise self._no_ngram(order, first + int(wrong[0]))
        fields, places = block.split(), np.cumsum(widths) - widths
        log_probs = self._numbers(_picked(fields, places), first, "log10 probability")
        words = [_picked(fields, places + place) for place in range(1, order + 1)]
        given = widths == order + 2
        weights = np.zeros(last - first)
        if not highest and given.any():
            weights[given] = self._numbers(_picked(fields, places[given] + order + 1), first, "back-off weight", given)
        return Columns(first, log_probs, words, weights, given)

    def _no_ngram(self, order: int, line: int) -> ModelFileError:
        text = self[line]
        if not text or text.startswith(b"\\"):
            return self.mistake(f"more n-grams of order {order} are promised, but they end here", line, AGAIN)
        words = "a word" if order == 1 else f"{order} words"
        return self.mistake(f"a number, {words} and perhaps a number are expected, but {shown(text)} came", line)

    def _numbers(self, fields: list[bytes], first: int, what: str, given: NDArray[np.bool_] | None = None) -> Floats:
        lines = np.arange(len(fields)) if given is None else np.flatnonzero(given)
        try:
            found = np.array(fields, dtype=np.bytes_).astype(np.float64)
        except ValueError:
            wrong = next(index for index, field in enumerate(fields) if not _is_number(field))
            raise self.mistake(f"the {what} {shown(fields[wrong])} is no number", first + int(lines[wrong])) from None
        wrong_ones = np.flatnonzero(np.isnan(found) | (found == np.inf))
        if len(wrong_ones):
            raise self.mistake(f"the {what} is {found[wrong_ones[0]]}", first + int(lines[wrong_ones[0]]))
        return found


def shown(text: bytes) -> str:
    """A text as an error shows it, not too long.

    Example:
        >>> shown(b"a" * 100)[-8:]
        "aaaa...'"
    """
    found = text.decode("utf-8", "replace")
    return repr(found if len(found) <= 60 else found[:57] + "...")


def _unpacked(content: bytes, where: str) -> bytes:
    if content[:2] != b"\x1f\x8b":
        return content
    parts = []
    try:
        while content:  # a file may be several, one after the other
            unpacker = zlib.decompressobj(wbits=31)
            parts.append(unpacker.decompress(content))
            if not unpacker.eof:
                raise ModelFileError("is cut off", where=where, fix=AGAIN)
            content = unpacker.unused_data
    except zlib.error as error:
        raise ModelFileError(f"cannot be unpacked ({error})", where=where, fix=AGAIN) from None
    return b"".join(parts)


def _fields_of_lines(block: bytes, starts: Ids) -> Ids:
    """How many fields each line has."""
    characters = np.frombuffer(block, np.uint8)
    space = (characters == 32) | ((characters >= 9) & (characters <= 13))
    begins = ~space
    begins[1:] &= space[:-1]
    return np.add.reduceat(begins, starts, dtype=np.int64)


def _picked(fields: list[bytes], places: Ids) -> list[bytes]:
    return list(map(fields.__getitem__, places.tolist()))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
