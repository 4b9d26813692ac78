"""The lines of an ARPA file as columns, about a megabyte at a time; every mistake is named with its line."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import ModelFileError
from gatewise.models.ngram.arpa_numbers import Bytes, Floats, read_numbers
from gatewise.models.ngram.arpa_words import PAD
from gatewise.models.ngram.counts import Ids
from gatewise.storage.reading import looks_like, read_pieces

AGAIN = "copy it or make it again"
_AT_ONCE = 1 << 20  # bytes
_LONGEST_LINE = 1 << 20
_SPACE = np.zeros(256, np.bool_)
_SPACE[[*b" \t\n\r\x0b\f"]] = True


@dataclass(frozen=True)
class Columns:
    """Some lines of one order.

    Attributes:
        first: the line of the first of them.
        log_probs: [N], logarithms of base 10.
        weights: [N], logarithms of base 10, 0 where there is none.
        given: [N], where there is a weight.
        text: in which the words stand, with ``PAD`` bytes behind it.
        begins: [order, N], where each word begins there.
        ends: [order, N], and ends.
    """

    first: int
    log_probs: Floats
    weights: Floats
    given: NDArray[np.bool_]
    text: Bytes
    begins: Ids
    ends: Ids

    def words(self, line: int, until: int | None = None) -> bytes:
        """The words of a line, or as many of them, with spaces between."""
        pairs = zip(self.begins[:until, line], self.ends[:until, line], strict=True)
        return b" ".join(bytes(self.text[begin:end]) for begin, end in pairs)

    def firsts(self) -> list[bytes]:
        """The first word of each line."""
        text, pairs = bytes(self.text), zip(self.begins[0].tolist(), self.ends[0].tolist(), strict=True)
        return [text[begin:end] for begin, end in pairs]


class Lines:
    """The lines of an ARPA file, one after the other; no more than about a megabyte of them stands in memory.

    Args:
        path: of a plain file, or one compressed with gzip.

    Attributes:
        number: of the line that comes next, counted from 0.
        head: the first bytes.

    Raises:
        ModelFileError: it cannot be read or unpacked (at any step).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.number = 0
        pieces = _unpacked(read_pieces(path, _AT_ONCE), self.path)
        self.head = next(pieces, b"")
        self._pieces = chain([self.head.removeprefix(b"\xef\xbb\xbf")], pieces)
        self._held, self._at, self._end = b"", 0, 0  # whole lines stand from the one to the other
        self._torn = False  # whether the last of them came without its end

    def peek(self) -> bytes | None:
        """The line that comes next, without white space around it; None at the end."""
        if not self._fill():
            return None
        return self._held[self._at : self._held.index(b"\n", self._at)].strip()

    def skip(self) -> None:
        """Go on to the line after the next."""
        self._at = self._held.index(b"\n", self._at) + 1
        self.number += 1

    def _fill(self) -> bool:
        """Hold at least one whole line; False at the end."""
        if self._at < self._end:
            return True
        rest = [self._held[self._end :]]
        size = len(rest[0])
        for piece in self._pieces:
            rest.append(piece)
            size += len(piece)
            if b"\n" in piece:
                break
            if size > _LONGEST_LINE:
                raise self.mistake(f"a line of more than {_LONGEST_LINE:,} bytes: this is no ARPA file", self.number)
        else:
            self._torn = size > 0
            rest.append(b"\n" if size else b"")  # the last line may end without
        self._held, self._at = b"".join(rest), 0
        self._end = self._held.rfind(b"\n") + 1
        return self._end > 0

    def drain(self) -> None:
        """Read what is left: only at its end is a compressed file known to be whole."""
        for _ in self._pieces:
            pass

    def mistake(self, message: str, line: int, fix: str = "") -> ModelFileError:
        """The error that names a line, counted from 0 here and from 1 there."""
        return ModelFileError(message, where=f"{self.path}:{line + 1}", fix=fix)

    def no_arpa(self) -> ModelFileError:
        """The error where the whole file is something else."""
        told = looks_like(self.head)
        return ModelFileError(f"is no ARPA file: it has no line \\data\\; {told}", where=self.path)

    def columns(self, most: int, order: int, *, highest: bool) -> Columns:
        """At least one line and at most ``most`` as n-grams of ``order``.

        Raises:
            ModelFileError: a line is no n-gram of this order, or a number is none or out of its range; or the end
                has come.
        """
        if not self._fill():
            raise self.mistake(f"more n-grams of order {order} are promised, but the file ends", self.number - 1, AGAIN)
        text = np.frombuffer(self._held[self._at : self._end] + bytes(PAD), np.uint8)
        line_ends = np.flatnonzero(text == ord("\n"))[:most]
        begins, ends = _fields(text[: line_ends[-1] + 1])
        firsts = np.searchsorted(begins, np.append(0, line_ends))
        widths = np.diff(firsts)
        wrong = np.flatnonzero((widths != order + 1) & (widths != order + 2))
        if len(wrong):
            raise self._no_ngram(order, int(wrong[0]), text, line_ends)
        firsts, line = firsts[:-1], self.number
        log_probs = self._numbers(text, begins[firsts], ends[firsts], np.arange(len(widths)), "log10 probability")
        given = widths == order + 2
        weights = np.zeros(len(widths))
        if not highest and given.any():
            places = firsts[given] + order + 1
            rows = np.flatnonzero(given)
            weights[given] = self._numbers(text, begins[places], ends[places], rows, "back-off weight")
        words = firsts + np.arange(1, order + 1)[:, None]
        self._at += int(line_ends[-1]) + 1
        self.number += len(line_ends)
        return Columns(line, log_probs, weights, given, text, begins[words], ends[words])

    def _no_ngram(self, order: int, row: int, text: Bytes, line_ends: Ids) -> ModelFileError:
        line = bytes(text[line_ends[row - 1] + 1 if row else 0 : line_ends[row]]).strip()
        if not line or line.startswith(b"\\"):
            message = f"more n-grams of order {order} are promised, but they end here"
            return self.mistake(message, self.number + row, AGAIN)
        if self._torn and self._at + int(line_ends[row]) + 1 == self._end:
            return self.mistake(f"the file ends in the middle of a line, {shown(line)}", self.number + row, AGAIN)
        words = "a word" if order == 1 else f"{order} words"
        message = f"a number, {words} and perhaps a number are expected, but {shown(line)} came"
        return self.mistake(message, self.number + row)

    def _numbers(self, text: Bytes, begins: Ids, ends: Ids, rows: Ids, what: str) -> Floats:
        """Numbers, each in a row from here; what is none, or out of range, is an error."""
        found, wrong = read_numbers(text, begins, ends)
        if len(wrong):
            field = shown(bytes(text[begins[wrong[0]] : ends[wrong[0]]]))
            raise self.mistake(f"the {what} {field} is no number", self.number + int(rows[wrong[0]]))
        wrong = np.flatnonzero(np.isnan(found) | (found == np.inf))
        if len(wrong):
            raise self.mistake(f"the {what} is {found[wrong[0]]}", self.number + int(rows[wrong[0]]))
        return found


def shown(text: bytes) -> str:
    """A text as an error shows it, not too long.

    Example:
        >>> shown(b"a" * 100)[-8:]
        "aaaa...'"
    """
    found = text.decode("utf-8", "replace")
    return repr(found if len(found) <= 60 else found[:57] + "...")


def _unpacked(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    first = next(pieces := iter(pieces), b"")
    pieces = chain([first], pieces)
    if first[:2] != b"\x1f\x8b":
        yield from pieces
        return
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            while piece:
                if unpacker.eof:  # a file may be several, one after the other
                    unpacker = zlib.decompressobj(wbits=31)
                yield unpacker.decompress(piece, _AT_ONCE)
                piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise ModelFileError(f"cannot be unpacked ({error})", where=where, fix=AGAIN) from None
    if not unpacker.eof:
        raise ModelFileError("is cut off", where=where, fix=AGAIN)


def _fields(text: Bytes) -> tuple[Ids, Ids]:
    """Where what stands between white space begins and ends in a text whose last byte is white space."""
    edges = np.flatnonzero(np.diff(_SPACE.take(text), prepend=True))
    return edges[::2], edges[1::2]
