"""An ARPA file, as KenLM and SRILM write it, as a back-off table and its words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.arpa_lines import AGAIN, Columns, Lines, shown
from gatewise.models.ngram.arpa_numbers import Floats
from gatewise.models.ngram.arpa_words import WordIndex
from gatewise.models.ngram.arpa_write import BEGIN, END, LEAST, UNKNOWN
from gatewise.models.ngram.closure import closed
from gatewise.models.ngram.counts import LARGEST_ORDER, Ids, sorting
from gatewise.models.ngram.table import BackoffTable, Logs, Order, find

EOS_ID, UNK_ID = 0, 1
_COUNT = re.compile(rb"ngram\s+(\d+)\s*=\s*(\d+)")
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
    predicted, and nothing follows the other; n-grams that say otherwise are left out. A file without ``<unk>`` gives
    it no probability. Where an n-gram is there without its last words, as after pruning by entropy, these are added,
    with the probability that the file gives them.

    Args:
        path: the file.

    Raises:
        ModelFileError: naming file and line: a count that is not met, a number that is none or out of its range, an
            n-gram that is there twice, of unknown words, or whose prefix is missing, a missing back-off weight, a word
            that is not UTF-8, or an end that never comes.
    """
    return _Reader(Lines(path)).read()


class _Reader:
    """Goes down the lines once."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.ids: dict[bytes, int] = {_END: EOS_ID, _UNKNOWN: UNK_ID}
        self.orders: list[Order] = []
        self.weighed: NDArray[np.bool_] = np.ones(0, np.bool_)  # which n-grams of the last order had a weight

    def read(self) -> Arpa:
        counts = self._header()
        for order, size in enumerate(counts, start=1):
            self._expect(f"\\{order}-grams:".encode())
            read = self._words if order == 1 else self._ngrams
            read(order, size, highest=order == len(counts))
            if self.lines.peek() not in (None, b"") and (self.lines.peek() or b"")[:1] != b"\\":
                message = f"{size} n-grams of order {order} are promised, but more came"
                raise self.lines.mistake(message, self.lines.number)
        self._expect(b"\\end\\")
        self.lines.drain()
        names = tuple(word.decode("utf-8") for word in self.ids)
        return Arpa(BackoffTable(closed(self.orders, len(names)), len(names), EOS_ID), names)

    def _expect(self, text: bytes) -> None:
        while (line := self.lines.peek()) == b"":
            self.lines.skip()
        if line is None:
            raise self.lines.mistake(f"{text.decode()} is expected, but the file ends", self.lines.number - 1, AGAIN)
        if line != text:
            raise self.lines.mistake(f"{text.decode()} is expected, but {shown(line)} came", self.lines.number)
        self.lines.skip()

    def _header(self) -> list[int]:
        while (line := self.lines.peek()) != b"\\data\\":
            if line is None:
                raise self.lines.no_arpa()
            self.lines.skip()
        self.lines.skip()
        counts: list[int] = []
        while found := _COUNT.fullmatch(self.lines.peek() or b""):
            if int(found[1]) != len(counts) + 1:
                message = f"the count of order {len(counts) + 1} is expected, but that of {int(found[1])} came"
                raise self.lines.mistake(message, self.lines.number)
            counts.append(int(found[2]))
            if not counts[0]:
                raise self.lines.mistake("there is no word: the count of order 1 is 0", self.lines.number)
            self.lines.skip()
        if (line := self.lines.peek() or b"")[:5] == b"ngram":
            message = f"a count such as 'ngram 1=200' is expected, but {shown(line)} came"
            raise self.lines.mistake(message, self.lines.number)
        if not 1 <= len(counts) <= LARGEST_ORDER:
            message = f"counts of order 1 to {LARGEST_ORDER} are expected, but {len(counts)} orders came"
            raise self.lines.mistake(message, self.lines.number - (self.lines.peek() is None))
        return counts

    def _chunks(self, order: int, size: int, highest: bool) -> Iterator[Columns]:
        """The lines of one order, some at a time, without a probability above 1."""
        while size:
            columns = self.lines.columns(size, order, highest=highest)
            for line in np.flatnonzero(columns.log_probs > 0).tolist():
                if order > 1 or columns.words(line) != _BEGIN:  # KenLM writes 0 there, others what they like
                    message = f"a log10 probability is at most 0, but {columns.log_probs[line]} came"
                    raise self.lines.mistake(message, columns.first + line)
            yield columns
            size -= len(columns.log_probs)

    def _words(self, order: int, size: int, *, highest: bool) -> None:
        first = self.lines.number
        seen: dict[bytes, int] = {}
        places: list[int] = []
        log_probs, weights, given = [_NONE], [_NONE], [_NONE > 0]
        for columns in self._chunks(order, size, highest):
            for line, word in enumerate(columns.firsts(), start=columns.first):
                if seen.setdefault(word, line) != line:
                    raise self.lines.mistake(f"the word {shown(word)} is there twice", line)
                places.append(-1 if word == _BEGIN else self.ids.setdefault(word, len(self.ids)))
            log_probs.append(columns.log_probs)
            weights.append(columns.weights)
            given.append(columns.given)
        self._check_words(seen, first)
        v = len(self.ids)
        found_log_probs, found_weights, weighed = np.full(v + 1, -np.inf), np.zeros(v + 1), np.ones(v + 1, np.bool_)
        found_log_probs[places] = np.concatenate(log_probs)
        found_weights[places], weighed[places] = np.concatenate(weights), np.concatenate(given)
        # The last place is that of <s>: what follows it follows the end of a text.
        found_weights[EOS_ID], weighed[EOS_ID] = found_weights[v], weighed[v]
        self.weighed = weighed[:v]
        back_offs = None if highest else _natural(found_weights[:v])
        self.orders.append(Order(np.arange(v), _natural(found_log_probs[:v]), back_offs))
        self.index = WordIndex([*self.ids, _BEGIN])

    def _check_words(self, lines: dict[bytes, int], first: int) -> None:
        for word, line in lines.items():
            try:
                word.decode("utf-8")
            except UnicodeDecodeError as error:
                message = f"the word {shown(word)} is not UTF-8 (byte {word[error.start]:#04x})"
                fix = "convert the file: iconv -f latin1 -t utf-8"
                raise self.lines.mistake(message, line, fix) from None
        if _END not in lines:
            message = f"the words that begin here lack {END}, with which every text ends"
            raise self.lines.mistake(message, first, "make the file again, with ends of sentences")

    def _ngrams(self, order: int, size: int, *, highest: bool) -> None:
        keys, log_probs, weights, given, lines = [_NO_IDS], [_NONE], [_NONE], [_NONE > 0], [_NO_IDS]
        for columns in self._chunks(order, size, highest):
            words = self._ids(columns)
            kept = (words[1:] != len(self.ids)).all(axis=0) & (words[:-1] != EOS_ID).all(axis=0)
            rows = np.flatnonzero(kept)
            keys.append(self._keys(columns, words % len(self.ids), rows))
            log_probs.append(columns.log_probs[rows])
            weights.append(columns.weights[rows])
            given.append(columns.given[rows])
            lines.append(rows + columns.first)
        found = np.concatenate(keys)
        places = sorting(found)
        found = found[places]
        if (twice := np.flatnonzero(found[1:] == found[:-1])).size:
            line = np.concatenate(lines)[places[twice[0] : twice[0] + 2]].max()
            raise self.lines.mistake("this n-gram is there twice", int(line))
        back_offs = None if highest else _natural(np.concatenate(weights)[places])
        self.orders.append(Order(found, _natural(np.concatenate(log_probs)[places]), back_offs))
        self.weighed = np.concatenate(given)[places]

    def _ids(self, columns: Columns) -> Ids:
        """The words of all lines, [order, N]; V for ``<s>``."""
        shape = columns.begins.shape
        ids = self.index.find(columns.text, columns.begins.reshape(-1), columns.ends.reshape(-1)).reshape(shape)
        if (ids < 0).any():
            line = int(np.flatnonzero((ids < 0).any(axis=0))[0])
            word = columns.words(line).split(b" ")[int(np.flatnonzero(ids[:, line] < 0)[0])]
            message = f"the word {shown(word)} is not among the words of order 1"
            raise self.lines.mistake(message, columns.first + line)
        return ids

    def _keys(self, columns: Columns, ids: Ids, rows: Ids) -> Ids:
        """Number of the prefix times V plus the last word, for some of the lines."""
        v, order = len(self.ids), len(ids)
        numbers: Ids = ids[0, rows]
        for place in range(1, order):
            numbers = numbers * v + ids[place, rows]
            if place < order - 1:
                numbers = find(self.orders[place].keys, numbers)
                if (missing := np.flatnonzero(numbers < 0)).size:
                    line = int(rows[missing[0]])
                    prefix = shown(columns.words(line, place + 1))
                    message = f"its first words {prefix} are no n-gram of order {place + 1}"
                    raise self.lines.mistake(message, columns.first + line)
        bare = np.flatnonzero(~self.weighed[numbers // v])
        if len(bare):
            line = int(rows[bare[0]])
            prefix = shown(columns.words(line, order - 1))
            message = f"{prefix} goes on here, but as an n-gram of order {order - 1} it has no back-off weight"
            raise self.lines.mistake(message, columns.first + line)
        return numbers


_NO_IDS, _NONE = np.zeros(0, np.int64), np.zeros(0)


def _natural(logs: Floats) -> Logs:
    """From logarithms of base 10 to natural ones; what stands for the logarithm of 0 becomes -inf."""
    return np.where(logs <= LEAST, -np.inf, logs * math.log(10)).astype(np.float32)
