"""The places of a text piece by piece, with what stands before each; the text may lie on a disk.

Letters: V vocabulary, P places of a piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Ids
from gatewise.models.ngram.room import Room


@dataclass(frozen=True)
class Piece:
    """Neighbouring tokens of a text.

    Attributes:
        start: the first one's place.
        stop: the place after the last.
        words: [P].
        ages: [P], how far each is from the beginning of its sequence; of the first token 1.
    """

    start: int
    stop: int
    words: Ids
    ages: Ids


@dataclass(frozen=True, eq=False)
class Text:
    """A text as n-grams see it: ``eos_id`` stands before each sequence, and none reaches into another.

    Attributes:
        ids: [tokens], of any integers; may be mapped from a disk.
        boundaries: [sequences + 1], where each sequence begins, and the end; None: one sequence.
        vocabulary_size: V.
        eos_id: the token that ends a sequence.

    Example:
        >>> text = Text(np.array([5, 6, 7]), np.array([0, 2, 3]), vocabulary_size=8, eos_id=0)
        >>> [piece.ages.tolist() for piece in text.pieces(Room())]
        [[1, 2, 1]]
    """

    ids: NDArray[Any]
    boundaries: Ids | None
    vocabulary_size: int
    eos_id: int

    def first(self, tokens: int) -> Text:
        """The beginning of it; the last sequence may be cut.

        Example:
            >>> beginning = Text(np.array([5, 6, 0, 7, 0]), np.array([0, 3, 5]), 8, 0).first(4)
            >>> beginning.ids.tolist(), beginning.boundaries.tolist()
            ([5, 6, 0, 7], [0, 3, 4])
        """
        bounds = self.boundaries
        cut = None if bounds is None else np.append(bounds[bounds < tokens], tokens)
        return Text(self.ids[:tokens], cut, self.vocabulary_size, self.eos_id)

    def pieces(self, room: Room) -> Iterator[Piece]:
        """The whole text, as much at a time as the room says."""
        bounds = np.array([0, len(self.ids)]) if self.boundaries is None else self.boundaries
        for start, stop in room.steps(len(self.ids)):
            # From the sequence that the first token is in to the one of the last.
            first = int(np.searchsorted(bounds, start, side="right")) - 1
            last = int(np.searchsorted(bounds, stop, side="left"))
            begins = np.asarray(bounds[first : last + 1])
            lengths = np.diff(np.clip(begins, start, stop))
            ages = np.arange(start + 1, stop + 1) - np.repeat(begins[:-1], lengths)
            yield Piece(start, stop, self.ids[start:stop].astype(np.int64), ages)

    def keys(self, piece: Piece, order: int, numbers: NDArray[Any]) -> tuple[NDArray[np.bool_], Ids]:
        """Where an n-gram of ``order`` ends, [P], and the key of each that does; below 0 where its context has none.

        Args:
            piece: of this text.
            order: 2 or more.
            numbers: [tokens], of the n-gram of the order before that ends at each place; -1: it has none.
        """
        before = np.empty(len(piece.words), np.int64)
        before[:1] = numbers[piece.start - 1] if piece.start else self.eos_id
        before[1:] = numbers[piece.start : piece.stop - 1]
        if order == 2:
            before[piece.ages == 1] = self.eos_id
        there = piece.ages >= order - 1
        return there, before[there] * self.vocabulary_size + piece.words[there]
