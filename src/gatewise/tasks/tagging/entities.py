"""Entities between schemes, for arrays of tags: no Python for each token.

Letters: N tokens, G tags, S entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.measures.entities import Chunks, TagTable
from gatewise.text.schemes import is_of_a_scheme

Ids = NDArray[np.int64]
_O, _B, _I, _E, _S = range(5)
_LETTERS = "OBIES"
_SAME = {"L": "E", "U": "S"}
"""The letters of BILOU that mean what those of BIOES mean."""
USED = {"BIO": "BI", "IOB1": "IB", "BIOES": "BIES", "BILOU": "BIES"}
"""The letters of a scheme, those of BILOU as BIOES has them."""


def type_of(tag: str) -> str | None:
    """The type of the entity that a tag is of, "" where it has none; None for O, and for what is no tag of a scheme.

    Example:
        >>> type_of("B-PER"), type_of("B"), type_of("O"), type_of("NOUN")
        ('PER', '', None, None)
    """
    return tag[2:] if tag != "O" and is_of_a_scheme(tag) else None


def plain(tag: str) -> str:
    """A tag of BILOU as BIOES has it; others as they are.

    Example:
        >>> plain("L-PER"), plain("B-PER")
        ('E-PER', 'B-PER')
    """
    return _SAME.get(tag[0], tag[0]) + tag[1:]


def bilou(tag: str) -> str:
    """A tag of BIOES as BILOU has it.

    Example:
        >>> bilou("E-PER"), bilou("O")
        ('L-PER', 'O')
    """
    return {"E": "L", "S": "U"}.get(tag[0], tag[0]) + tag[1:]


def tags_of(types: Sequence[str], scheme: str) -> tuple[str, ...]:
    """All tags of a scheme for entities of some types, those of BILOU as BIOES has them.

    Example:
        >>> tags_of(["LOC", ""], "BIO")
        ('O', 'B-LOC', 'I-LOC', 'B', 'I')
    """
    found = (f"{letter}-{kind}" if kind else letter for kind, letter in product(types, USED[scheme]))
    return ("O", *found)


class Rewriter:
    """The same entities in another scheme; what conlleval sees as entities, whatever is wrong with the tags.

    Args:
        source: what the ids mean that come, [G].
        target: what the ids mean that go; every tag of ``scheme`` for the types of ``source`` is among them.
        scheme: that they are written in.

    Example:
        >>> to_bioes = Rewriter(["O", "B-X", "I-X"], tags_of(["X"], "BIOES"), "BIOES")
        >>> to_bioes(np.array([2, 2, 0, 1]), np.array([0])).tolist()    # I-X I-X O B-X
        [1, 3, 0, 4]
    """

    def __init__(self, source: Sequence[str], target: Sequence[str], scheme: str) -> None:
        tags = list(dict.fromkeys(map(plain, source)))
        self.table, self.scheme = TagTable.of(tags), scheme
        self._numbers = np.array([tags.index(plain(tag)) for tag in source], np.int64)
        self._places = np.zeros((len(_LETTERS), max(1, len(self.table.types))), np.int64)
        for number, tag in enumerate(map(plain, target)):
            kind = type_of(tag)
            if kind is None:
                self._places[_O] = number
            elif kind in self.table.types:
                self._places[_LETTERS.index(tag[0]), self.table.types.index(kind)] = number

    def __call__(self, ids: Ids, starts: Ids) -> Ids:
        """The ids of the tags in the scheme, [N].

        Args:
            ids: [N], of all sentences in a row.
            starts: the first token of each sentence that is not empty, rising.
        """
        if not len(ids):
            return ids
        chunks = self.table.chunks(self._numbers[ids], starts)
        letters, kinds = np.zeros_like(ids), np.zeros_like(ids)
        lengths = chunks.end - chunks.begin
        inside = np.repeat(chunks.begin - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        letters[inside], kinds[inside] = _I, np.repeat(chunks.kind, lengths)
        if self.scheme == "IOB1":
            letters[_adjoining(chunks, starts)] = _B
        else:
            letters[chunks.begin] = _B
        if self.scheme in ("BIOES", "BILOU"):
            letters[chunks.end - 1] = np.where(lengths == 1, _S, _E)
        return self._places[letters, kinds]


def _adjoining(chunks: Chunks, starts: Ids) -> Any:
    """Where an entity begins that follows one of its type in the same sentence."""
    begin, end, kind = chunks
    after = (begin[1:] == end[:-1]) & (kind[1:] == kind[:-1])
    found = begin[1:][after]
    return found[~np.isin(found, starts)]
