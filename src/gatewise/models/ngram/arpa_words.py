"""The words of a vocabulary as bytes: written many at a time, and found again many at a time, exactly.

Letters: V words, N places in a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.arpa_numbers import Bytes
from gatewise.models.ngram.counts import Ids

PAD = 8
"""Bytes that must stand behind a text in which words are looked for."""
Hashes = NDArray[np.uint64]


class WordBytes:
    """Words one after the other, each with a byte behind it.

    Args:
        words: [V].
        end: the byte.

    Attributes:
        text: all of them.
        begins: [V], where each begins.
        lengths: [V], with the byte.
    """

    def __init__(self, words: Iterable[bytes], end: bytes) -> None:
        ended = [word + end for word in words]
        self.text: Bytes = np.frombuffer(b"".join(ended), np.uint8)
        self.lengths: Ids = np.fromiter(map(len, ended), np.int64, len(ended))
        self.begins: Ids = np.cumsum(self.lengths) - self.lengths


def joined(text: Bytes, begins: Ids, lengths: Ids) -> Bytes:
    """Parts of a text one after the other.

    Args:
        text: from which they are taken.
        begins: [N], where each begins.
        lengths: [N], at least 1.

    Example:
        >>> bytes(joined(np.frombuffer(b"abcdef", np.uint8), np.array([3, 0, 3]), np.array([3, 1, 2])))
        b'defade'
    """
    if not len(begins):
        return np.zeros(0, np.uint8)
    ends = np.cumsum(lengths)
    steps = np.ones(int(ends[-1]), np.int32 if len(text) < 2**31 else np.int64)  # from each byte to the next
    steps[0] = begins[0]
    steps[ends[:-1]] = begins[1:] - begins[:-1] - lengths[:-1] + 1
    places: NDArray[np.integer[Any]] = np.cumsum(steps, dtype=steps.dtype)
    return text.take(places)


class WordIndex:
    """From words in a text to their numbers: a hash table whose every answer is compared byte by byte.

    Args:
        words: [V], each once.

    Example:
        >>> text = np.frombuffer(b"so it is so" + bytes(PAD), np.uint8)
        >>> WordIndex([b"is", b"so"]).find(text, np.array([0, 3, 6, 9]), np.array([2, 5, 8, 11])).tolist()
        [1, -1, 0, 1]
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        stored = WordBytes(words, b" ")
        self.begins, self.lengths = stored.begins, stored.lengths - 1
        self.text = np.concatenate([stored.text, np.zeros(PAD, np.uint8)])
        self.tables: list[Ids] = []
        hashes = _hashes(self.text, self.begins, self.lengths)
        left = np.arange(len(words))
        while len(left) and len(self.tables) < len(_MIXERS):
            table = np.full(1 << (4 * len(left)).bit_length(), -1)
            slots = _slots(hashes[left], len(self.tables), table)
            table[slots] = left  # of several that share a slot the last stays, the others go into the next table
            left = left[table[slots] != left]
            self.tables.append(table)
        # What no table could hold: words made to collide.
        self.others = {words[index]: index for index in left.tolist()}

    def find(self, text: Bytes, begins: Ids, ends: Ids) -> Ids:
        """The number of each word, [N]; -1 for one that is not there.

        Args:
            text: in which they stand, with ``PAD`` bytes behind them.
            begins: [N], where each begins.
            ends: [N], and ends.
        """
        lengths = ends - begins
        hashes = _hashes(text, begins, lengths)
        found = np.full(len(begins), -1)
        left = np.arange(len(begins))
        for number, table in enumerate(self.tables):
            tried = table.take(_slots(hashes[left], number, table).view(np.int64))
            same = self._same(text, begins[left], lengths[left], tried)
            found[left[same]] = tried[same]
            left = left[~same]
            if not len(left):
                break
        for place in left.tolist() if self.others else []:
            found[place] = self.others.get(bytes(text[begins[place] : ends[place]]), -1)
        return found

    def _same(self, text: Bytes, begins: Ids, lengths: Ids, tried: Ids) -> NDArray[np.bool_]:
        """Whether each word is the one of the vocabulary that it was taken for."""
        same: NDArray[np.bool_] = (tried >= 0) & (self.lengths.take(tried) == lengths)
        left, place = np.flatnonzero(same), 0
        while len(left):
            theirs = _eight(self.text, self.begins[tried[left]], lengths[left], place)
            equal = _eight(text, begins[left], lengths[left], place) == theirs
            same[left[~equal]] = False
            place += PAD
            left = left[equal & (lengths[left] > place)]
        return same


_MIXERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB], np.uint64
)
"""Odd numbers without a pattern, one for each table."""
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(PAD)] + [2**64 - 1], np.uint64)


def _slots(hashes: Hashes, number: int, table: Ids) -> Hashes:
    """Where a table has the words of these hashes; it has a power of 2 of places."""
    slots: Hashes = (hashes * _MIXERS[number]) >> np.uint64(65 - len(table).bit_length())
    return slots


def _eight(text: Bytes, begins: Ids, lengths: Ids, place: int) -> Hashes:
    """Bytes ``place`` to ``place + 8`` of each word as one number, those beyond its end as 0."""
    numbers = np.ndarray((len(text) - PAD + 1,), "<u8", buffer=text, strides=(1,))  # one begins at every byte
    found: Hashes = numbers[begins + place] & _MASKS[np.minimum(lengths - place, PAD)]
    return found


def _hashes(text: Bytes, begins: Ids, lengths: Ids) -> Hashes:
    hashes = lengths.astype(np.uint64)
    left, place = np.arange(len(begins)), 0
    while len(left):
        here = hashes[left] ^ _eight(text, begins[left], lengths[left], place)
        here *= _MIXERS[0]
        hashes[left] = here ^ (here >> np.uint64(29))  # the high bits know of every byte; let the low ones know too
        place += PAD
        left = left[lengths[left] > place]
    return hashes
