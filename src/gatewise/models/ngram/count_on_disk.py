"""The counts of a text that do not fit into memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Counts, Ids, OrderCounts, check_text
from gatewise.models.ngram.grouping import Grouping
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.room import Room
from gatewise.models.ngram.table import find


def count_on_disk(text: Text, order: int, room: Room) -> Counts:
    """What :func:`gatewise.models.ngram.counts.count` returns, in arrays of a room.

    The text is gone through once for each order to form its keys, which DuckDB groups and sorts, and once more to look
    up the number of the n-gram that ends at each place, which the next order's keys are made of.

    Args:
        text: its ids are from 0 to V - 1.
        order: n, 1 to 7.
        room: on a disk. It holds 32 bytes for each n-gram, 24 for each word and, at one time, 16 for each token;
            while DuckDB sorts an order, up to about 40 more for each token.

    Raises:
        SettingError: an order that is not from 1 to 7, keys that no 64-bit number holds, or DuckDB is not installed.
        DataError: no tokens, or one outside the vocabulary.
        GatewiseError: the disk is full.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from gatewise.models.ngram.room import room_on_disk
        >>> text = Text(np.array([1, 2, 1, 2, 0]), None, vocabulary_size=3, eos_id=0)
        >>> with tempfile.TemporaryDirectory() as place, room_on_disk(Path(place) / "counting", 1 << 28) as room:
        ...     counts = count_on_disk(text, 2, room)
        ...     counts.orders[1].counts.tolist()
        [1, 2, 1, 1]
    """
    check_text(text.ids, order, text.vocabulary_size)
    orders = [_words(text, room)]
    numbers = text.ids  # of the n-gram of the order before that ends at each place
    for length in range(2, order + 1):
        orders.append(_grouped(text, length, numbers, room))
        if length < order:
            numbers = _numbers(text, length, numbers, orders[-1].keys, room)
    return Counts(tuple(orders), text.vocabulary_size, text.eos_id, len(text.ids))


def _words(text: Text, room: Room) -> OrderCounts:
    size = text.vocabulary_size
    keys, found, nothing = (room.empty(size, np.int64) for _ in range(3))
    keys[:], found[:], nothing[:] = np.arange(size), 0, 0
    for start, stop in room.steps(len(text.ids)):
        found += np.bincount(text.ids[start:stop], minlength=size)
    return OrderCounts(keys, found, nothing, nothing)


def _grouped(text: Text, order: int, numbers: NDArray[Any], room: Room) -> OrderCounts:
    """The n-grams of an order; ``numbers`` [tokens] are those of the order before that end at each place."""
    with Grouping(room) as grouping:
        for piece in text.pieces(room):
            there, keys = text.keys(piece, order, numbers)
            suffixes = numbers[piece.start : piece.stop][there].astype(np.int64)
            grouping.add(keys, piece.ages[there] == order - 1, suffixes)
        return grouping.finish()


def _numbers(text: Text, order: int, numbers: NDArray[Any], keys: Ids, room: Room) -> Ids:
    """[tokens], of the n-gram of ``order`` that ends at each place; -1 where none does."""
    found: Ids = room.empty(len(text.ids), np.int64)
    for piece in text.pieces(room):
        there, wanted = text.keys(piece, order, numbers)
        own = np.full(len(there), -1)
        own[there] = find(keys, wanted)
        found[piece.start : piece.stop] = own
    return found
