"""An ARPA file, as KenLM and SRILM write it, as a back-off table and its words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import ModelFileError
from gatewise.models.ngram.arpa_lines import AGAIN, Columns, Floats, Lines, shown
from gatewise.models.ngram.arpa_write import BEGIN, END, LEAST, UNKNOWN
from gatewise.models.ngram.counts import LARGEST_ORDER, Ids, sorting
from gatewise.models.ngram.table import BackoffTable, Logs, Order, find

EOS_ID, UNK_ID = 0, 1
_COUNT = re.compile(rb"ngram\s+(\d+)\s*=\s*(\d+)")
_AT_ONCE = 100_000  # lines
_BEGIN, _END, _UNKNOWN = BEGIN.encode(), END.encode(), UNKNOWN.encode()


@dataclass(frozen=True)
class Arpa:
    """What an ARPA file holds.

    Attributes:
        table: the n-grams; 0 is the end of a text and what stands before its first word, 1 is ``<unk>``.
        words: [V], how each token is written; the two first are ``</s>`` and ``<unk>``.
    """

    table: BackoffTable
    words: tuple[str, ...]


def read_arpa(path: str | Path) -> Arpa:
    """Read an ARPA file, plain or compressed with gzip.

    ``<s>`` and ``</s>`` become one token, which ends a text and stands before its first word: the one is never
    predicted, and nothing follows the other. A file without ``<unk>`` gives it no probability.

    Args:
        path: the file.

    Raises:
        ModelFileError: naming file and line: a count that is not met, a number that is none or out of its range, an
            n-gram that is there twice, of unknown words, or whose prefix is missing, a missing back-off weight, or an
            end that never comes.
    """
    return _Reader(Lines(path)).read()


class _Reader:
    """Goes down the lines once."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.at = 0  # the line that comes next
        self.ids: dict[bytes, int] = {_END: EOS_ID, _UNKNOWN: UNK_ID}
        self.orders: list[Order] = []
        self.weighed: NDArray[np.bool_] = np.ones(0, np.bool_)  # which n-grams of the last order had a weight

    def read(self) -> Arpa:
        counts = self._header()
        for order, size in enumerate(counts, start=1):
            self._expect(f"\\{order}-grams:".encode())
            if self.at + size > len(self.lines):
                message = f"{size} n-grams of order {order} are promised, but the file ends"
                raise self.lines.mistake(message, len(self.lines) - 1, AGAIN)
            read = self._words if order == 1 else self._ngrams
            read(order, size, highest=order == len(counts))
            if self.at < len(self.lines) and self.lines[self.at][:1] not in (b"", b"\\"):
                raise self.lines.mistake(f"{size} n-grams of order {order} are promised, but more came", self.at)
        self._expect(b"\\end\\")
        del self.ids[_BEGIN]
        names = tuple(word.decode("utf-8", "replace") for word in self.ids)
        return Arpa(BackoffTable(tuple(self.orders), len(names), EOS_ID), names)

    def _expect(self, text: bytes) -> None:
        while self.at < len(self.lines) and not self.lines[self.at]:
            self.at += 1
        if self.at >= len(self.lines):
            raise self.lines.mistake(f"{text.decode()} is expected, but the file ends", len(self.lines) - 1, AGAIN)
        if self.lines[self.at] != text:
            message = f"{text.decode()} is expected, but {shown(self.lines[self.at])} came"
            raise self.lines.mistake(message, self.at)
        self.at += 1

    def _header(self) -> list[int]:
        begin = re.search(rb"^[ \t]*\\data\\[ \t\r]*$", self.lines.content, re.MULTILINE)
        if begin is None:
            raise ModelFileError("is no ARPA file: it has no line \\data\\", where=self.lines.path)
        self.at = int(np.searchsorted(self.lines.starts, begin.start(), side="right"))
        counts: list[int] = []
        while self.at < len(self.lines) and (found := _COUNT.fullmatch(self.lines[self.at])):
            if int(found[1]) != len(counts) + 1:
                message = f"the count of order {len(counts) + 1} is expected, but that of {int(found[1])} came"
                raise self.lines.mistake(message, self.at)
            counts.append(int(found[2]))
            self.at += 1
        if not 1 <= len(counts) <= LARGEST_ORDER:
            message = f"counts of order 1 to {LARGEST_ORDER} are expected, but {len(counts)} orders came"
            raise self.lines.mistake(message, min(self.at, len(self.lines) - 1))
        return counts

    def _chunks(self, order: int, size: int, highest: bool) -> Iterator[Columns]:
        """The lines of one order, some at a time, without a probability above 1."""
        end = self.at + size
        while self.at < end:
            last = min(self.at + _AT_ONCE, end)
            columns = self.lines.columns(self.at, last, order, highest=highest)
            for line in np.flatnonzero(columns.log_probs > 0).tolist():
                if columns.words[0][line] != _BEGIN or order > 1:  # KenLM writes 0 there, others what they like
                    message = f"a log10 probability is at most 0, but {columns.log_probs[line]} came"
                    raise self.lines.mistake(message, self.at + line)
            yield columns
            self.at = last

    def _words(self, order: int, size: int, *, highest: bool) -> None:
        log_probs, weights = np.full(size + 2, -np.inf), np.zeros(size + 2)
        weighed = np.ones(size + 2, np.bool_)
        begin_weight, begin_weighed = 0.0, True
        seen: set[bytes] = set()
        for columns in self._chunks(order, size, highest):
            for line, word in enumerate(columns.words[0]):
                if word in seen:
                    raise self.lines.mistake(f"the word {shown(word)} is there twice", columns.first + line)
                seen.add(word)
                if word == _BEGIN:
                    begin_weight, begin_weighed = columns.weights[line], bool(columns.given[line])
                    continue
                place = self.ids.setdefault(word, len(self.ids))
                log_probs[place], weights[place] = columns.log_probs[line], columns.weights[line]
                weighed[place] = columns.given[line]
        v = len(self.ids)
        weights[EOS_ID], weighed[EOS_ID] = begin_weight, begin_weighed
        self.weighed = weighed[:v]
        self.orders.append(Order(np.arange(v), _natural(log_probs[:v]), None if highest else _natural(weights[:v])))
        self.ids[_BEGIN] = EOS_ID

    def _ngrams(self, order: int, size: int, *, highest: bool) -> None:
        first = self.at
        keys = np.zeros(size, np.int64)
        log_probs, weights, weighed = np.zeros(size), np.zeros(size), np.ones(size, np.bool_)
        for columns in self._chunks(order, size, highest):
            here = slice(columns.first - first, columns.first - first + len(columns.log_probs))
            keys[here] = self._keys(columns, order)
            log_probs[here], weights[here], weighed[here] = columns.log_probs, columns.weights, columns.given
        places = sorting(keys)
        keys = keys[places]
        if (twice := np.flatnonzero(keys[1:] == keys[:-1])).size:
            line = first + max(int(places[twice[0]]), int(places[twice[0] + 1]))
            raise self.lines.mistake("this n-gram is there twice", line)
        back_offs = None if highest else _natural(weights[places])
        self.orders.append(Order(keys, _natural(log_probs[places]), back_offs))
        self.weighed = weighed[places]

    def _keys(self, columns: Columns, order: int) -> Ids:
        """Number of the prefix times V plus the last word, for each line."""
        v = len(self.ids) - 1  # <s> and </s> are one
        numbers = np.zeros(0, np.int64)
        for place, words in enumerate(columns.words):
            ids = np.fromiter(map(self.ids.get, words, repeat(-1)), np.int64, len(words))
            if (unknown := np.flatnonzero(ids < 0)).size:
                line = int(unknown[0])
                message = f"the word {shown(words[line])} is not among the words of order 1"
                raise self.lines.mistake(message, columns.first + line)
            numbers = numbers * v + ids if place else ids
            if 0 < place < order - 1:
                numbers = find(self.orders[place].keys, numbers)
                if (missing := np.flatnonzero(numbers < 0)).size:
                    line = int(missing[0])
                    prefix = b" ".join(column[line] for column in columns.words[: place + 1])
                    message = f"its first words {shown(prefix)} are no n-gram of order {place + 1}"
                    raise self.lines.mistake(message, columns.first + line)
        bare = np.flatnonzero(~self.weighed[numbers // v])
        if len(bare):
            prefix = b" ".join(column[bare[0]] for column in columns.words[:-1])
            message = f"{shown(prefix)} goes on here, but as an n-gram of order {order - 1} it has no back-off weight"
            raise self.lines.mistake(message, columns.first + int(bare[0]))
        return numbers


def _natural(logs: Floats) -> Logs:
    """From logarithms of base 10 to natural ones; what stands for the logarithm of 0 becomes -inf."""
    return np.where(logs <= LEAST, -np.inf, logs * math.log(10)).astype(np.float32)
