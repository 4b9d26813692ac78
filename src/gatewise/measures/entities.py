"""Entities as conlleval counts them: found where the first word, the last word and the type are all right.

A tag is a prefix and a type, cut at the first hyphen ("B-geo-loc"); "O" is outside. Chunks of IOB1, BIO, BIOES and of
any mixture of them are read by one rule for each pair of neighbouring tags, so that nothing is ever ill-formed:

- a chunk begins at a tag that is not O, if it is B or S, or the tag before is O, E or S, or the types differ;
- it ends before the next O, before the next chunk, or with the sequence.

That is what the script of 2004 does with O, B and I, whatever their order. About E and S, which it knows in part, its
later versions are followed: E is the last word of a chunk, S one of a single word.

Letters: N tokens, n sequences, G tags, S chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.drawing.letters import aligned, on_one_line
from gatewise.errors import DataError, ShapeError
from gatewise.measures.checks import Flags, Ids, checked_ids
from gatewise.measures.counts import HEADS, Counts, added, macro

_PREFIXES = "OBIES"
_O, _B, _, _E, _S = range(len(_PREFIXES))


class Chunks(NamedTuple):
    """Chunks in the order of the text.

    Attributes:
        begin: the first token of each, [S], counted over all sequences.
        end: the token after its last, [S].
        kind: its type, [S], a place in the list of types.
    """

    begin: Ids
    end: Ids
    kind: Ids


@dataclass(frozen=True, eq=False)
class TagTable:
    """What each tag says, so that no tag is looked at twice.

    Attributes:
        tags: each tag once, [G].
        types: the types of entities, sorted.
        prefix: the place of each tag's prefix in "OBIES", [G].
        kind: the place of each tag's type in ``types``, [G]; -1 for O.

    Example:
        >>> table = TagTable.of(["O", "B-PER", "I-PER", "S-geo-loc"])
        >>> table.types, table.prefix.tolist(), table.kind.tolist()
        (('PER', 'geo-loc'), [0, 1, 2, 4], [-1, 0, 0, 1])
    """

    tags: tuple[str, ...]
    types: tuple[str, ...]
    prefix: Ids
    kind: Ids

    @classmethod
    def of(cls, tags: Sequence[str]) -> TagTable:
        """The table of some tags.

        Args:
            tags: each once.

        Raises:
            DataError: one is no tag of any scheme.
        """
        parts = [_parted(tag) for tag in tags]
        types = tuple(sorted({kind for prefix, kind in parts if prefix != "O"}))
        places = {kind: place for place, kind in enumerate(types)}
        prefix = np.array([_PREFIXES.index(prefix) for prefix, _ in parts], dtype=np.int64)
        kind = np.array([-1 if prefix == "O" else places[kind] for prefix, kind in parts], dtype=np.int64)
        return cls(tuple(tags), types, prefix, kind)

    def chunks(self, ids: Ids, starts: Ids) -> Chunks:
        """The chunks of some sequences that lie one after the other.

        Args:
            ids: of their tags, [N].
            starts: the first token of each sequence that is not empty, rising.

        Example:
            >>> table = TagTable.of(["O", "B-X", "I-X"])
            >>> table.chunks(np.array([1, 2, 2, 0, 1]), np.array([0, 2]))
            Chunks(begin=array([0, 2, 4]), end=array([2, 3, 5]), kind=array([0, 0, 0]))
        """
        prefix, kind = self.prefix[ids], self.kind[ids]
        inside = prefix != _O
        before = np.empty_like(prefix)
        before[1:], before[starts] = prefix[:-1], _O
        begins = (prefix == _B) | (prefix == _S) | (before == _O) | (before == _E) | (before == _S)
        begins[1:] |= kind[1:] != kind[:-1]
        begins &= inside
        # A chunk ends before the next O or the next chunk; every sequence begins with one of the two.
        borders = np.flatnonzero(begins | ~inside)
        chosen = begins[borders]
        begin = borders[chosen]
        return Chunks(begin, np.append(borders[1:], len(ids))[chosen], kind[begin])


@dataclass(frozen=True)
class EntityReport:
    """Precision, recall and F1 of entities, overall and for each type, and the accuracy of tags.

    Args:
        counts: of each type, by its name.
        tokens: N.
        right_tokens: tokens with exactly the gold tag; only worth something where both sides use one scheme.

    Example:
        >>> report = entity_report([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "B-PER"]])
        >>> report.micro.f1, report.token_accuracy
        (0.5, 0.75)
        >>> print(report.table())
                          precision  recall      F1  gold  predicted
        LOC                  0.0000  0.0000  0.0000     1          0
        PER                  0.5000  1.0000  0.6667     1          2
        macro of 2 types     0.2500  0.5000  0.3333     2          2
        all entities         0.5000  0.5000  0.5000     2          2
        token accuracy 0.7500 over 4 tokens
        >>> print(report.conlleval())
        processed 4 tokens with 2 phrases; found: 2 phrases; correct: 1.
        accuracy:  75.00%; precision:  50.00%; recall:  50.00%; FB1:  50.00
                      LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  0
                      PER: precision:  50.00%; recall: 100.00%; FB1:  66.67  2
    """

    counts: dict[str, Counts]
    tokens: int
    right_tokens: int

    @property
    def micro(self) -> Counts:
        """All entities, whatever their type: what conlleval prints first."""
        return added(self.counts.values())

    @property
    def macro(self) -> dict[str, float]:
        """The means of precision, recall and F1 over the types that occur or were predicted."""
        return macro(self.counts.values())

    @property
    def token_accuracy(self) -> float:
        """The share of tokens with exactly the gold tag."""
        return self.right_tokens / self.tokens

    def to_dict(self) -> dict[str, Any]:
        """All measures by name, ready for JSON.

        Example:
            >>> list(entity_report([["O"]], [["O"]]).to_dict())
            ['tokens', 'token_accuracy', 'precision', 'recall', 'f1', 'right', 'predicted', 'gold', 'macro', 'types']
        """
        return {
            "tokens": self.tokens,
            "token_accuracy": self.token_accuracy,
            **self.micro.to_dict(),
            "macro": self.macro,
            "types": {kind: counts.to_dict() for kind, counts in self.counts.items()},
        }

    def table(self) -> str:
        """Lines for a terminal: a row for each type, the means, all entities, and the accuracy of tags."""
        rows = [[on_one_line(kind), *counts.cells()] for kind, counts in self.counts.items()]
        total = self.micro
        mean = [f"macro of {len(rows)} type{'s' if len(rows) != 1 else ''}", *(f"{x:.4f}" for x in self.macro.values())]
        rows += [[*mean, f"{total.gold:,}", f"{total.predicted:,}"], ["all entities", *total.cells()]]
        told = f"token accuracy {self.token_accuracy:.4f} over {self.tokens:,} tokens"
        return "\n".join([*aligned([["", *HEADS], *rows]), told])

    def conlleval(self) -> str:
        """The lines that conlleval prints, character by character."""
        total = self.micro
        head = f"processed {self.tokens} tokens with {total.gold} phrases; "
        head += f"found: {total.predicted} phrases; correct: {total.right}."
        lines = [head, f"accuracy: {100 * self.token_accuracy:6.2f}%; {_percent(total)}"]
        rows = [f"{on_one_line(kind):>17}: {_percent(one)}  {one.predicted}" for kind, one in self.counts.items()]
        return "\n".join(lines + rows)


def entity_report(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> EntityReport:
    """Measure the tags that sequences were given, tags as text.

    Args:
        gold: the tags of each sequence: IOB1, BIO or BIOES, the two sides not necessarily the same.
        predicted: as many for each sequence.

    Raises:
        DataError: there is no token, or a tag that belongs to no scheme.
        ShapeError: a sequence was given more or fewer tags than it has.

    Source: Tjong Kim Sang and Buchholz 2000 (the script conlleval).

    Example:
        >>> entity_report([["I-PER", "I-PER", "O"]], [["B-PER", "E-PER", "O"]]).micro.f1
        1.0
    """
    lengths = _checked_lengths(gold, predicted)
    table, ids = _numbered(chain.from_iterable(gold), chain.from_iterable(predicted), int(lengths.sum()))
    return _report(ids[0], ids[1], _starts(lengths), table)


def entity_report_of_ids(
    gold: ArrayLike, predicted: ArrayLike, lengths: ArrayLike, tags: Sequence[str]
) -> EntityReport:
    """Measure the tags that sequences were given, tags as numbers: nothing is done for each token but arithmetic.

    Args:
        gold: ids of tags, all sequences one after the other, [N].
        predicted: the same.
        lengths: of the sequences, [n], together N; 0 is allowed.
        tags: what the ids mean, [G].

    Raises:
        DataError: there is no token, an id that is no tag, or a tag that belongs to no scheme.
        ShapeError: the lengths do not fit.

    Example:
        >>> entity_report_of_ids([1, 2, 0, 1], [1, 2, 0, 0], [3, 1], ["O", "B-PER", "I-PER"]).micro
        Counts(right=1, predicted=1, gold=2)
    """
    there, given = checked_ids(gold, "gold tags", len(tags)), checked_ids(predicted, "predicted tags", len(tags))
    sizes = np.asarray(lengths, dtype=np.int64)
    if not len(there) == len(given) == sizes.sum() or (sizes < 0).any():
        told = f"{len(there)} and {len(given)} tags came, and the lengths add up to {sizes.sum()}"
        raise ShapeError(f"gold tags, predicted tags and the sum of the lengths are one number, but {told}")
    return _report(there, given, _starts(sizes), TagTable.of(tags))


def surface_form_report(
    words: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> Counts:
    """Precision, recall and F1 of different entities: what is written the same way with the same type counts once.

    An entity is right if it was found, at its place and with its type, at least once.

    Args:
        words: of each sequence, compared as they are written.
        gold: the tags of each sequence: IOB1, BIO or BIOES.
        predicted: as many for each sequence.

    Raises:
        DataError: there is no token, or a tag that belongs to no scheme.
        ShapeError: a sequence has more or fewer tags than words.

    Source: Derczynski, Nichols, van Erp and Limsopatham 2017 (WNUT-17, "F1 (surface)"), and their script.

    Example:
        >>> words = [["Ada", "met", "Ada"], ["Ada", "and", "Bob"]]
        >>> gold = [["B-PER", "O", "B-PER"], ["B-PER", "O", "B-PER"]]
        >>> surface_form_report(words, gold, [["B-PER", "O", "O"], ["O", "O", "O"]])
        Counts(right=1, predicted=1, gold=2)
    """
    lengths = _checked_lengths(gold, predicted)
    _checked_words(words, gold)
    table, ids = _numbered(chain.from_iterable(gold), chain.from_iterable(predicted), int(lengths.sum()))
    starts = _starts(lengths)
    there, given = table.chunks(ids[0], starts), table.chunks(ids[1], starts)
    flat = list(chain.from_iterable(words))
    right = _forms(flat, Chunks(*(part[_same(there, given)] for part in there)))
    return Counts(len(right), len(_forms(flat, given)), len(_forms(flat, there)))


def _report(gold: Ids, predicted: Ids, starts: Ids, table: TagTable) -> EntityReport:
    there, given = table.chunks(gold, starts), table.chunks(predicted, starts)
    kinds = (there.kind[_same(there, given)], given.kind, there.kind)
    sums = (np.bincount(kind, minlength=len(table.types)).tolist() for kind in kinds)
    each = zip(table.types, map(Counts, *sums), strict=True)
    # Types that only the list of tags knows are not told of, as in conlleval.
    counts = {kind: one for kind, one in each if one.occurs}
    return EntityReport(counts, len(gold), int((gold == predicted).sum()))


def _same(gold: Chunks, predicted: Chunks) -> Flags:
    """Which gold chunks were predicted, [S]."""
    if not len(predicted.begin):
        return np.zeros(len(gold.begin), dtype=np.bool_)
    place = np.minimum(np.searchsorted(predicted.begin, gold.begin), len(predicted.begin) - 1)
    begin, end, kind = (mine == other[place] for mine, other in zip(gold, predicted, strict=True))
    same: Flags = begin & end & kind
    return same


def _forms(words: list[str], chunks: Chunks) -> set[tuple[int, tuple[str, ...]]]:
    """The different chunks: type and words."""
    each = zip(chunks.begin.tolist(), chunks.end.tolist(), chunks.kind.tolist(), strict=True)
    return {(kind, tuple(words[begin:end])) for begin, end, kind in each}


def _numbered(gold: chain[str], predicted: chain[str], size: int) -> tuple[TagTable, NDArray[np.int64]]:
    """The table of all tags that occur, and the ids [2, N] of both sides."""
    both = list(chain(gold, predicted))
    tags = sorted(set(both))
    places = {tag: place for place, tag in enumerate(tags)}
    ids = np.fromiter(map(places.__getitem__, both), dtype=np.int64, count=2 * size)
    return TagTable.of(tags), ids.reshape(2, size)


def _starts(lengths: Ids) -> Ids:
    """The first token of each sequence that is not empty."""
    filled = lengths[lengths > 0]
    return np.cumsum(filled) - filled


def _checked_lengths(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Ids:
    if len(gold) != len(predicted):
        raise ShapeError(f"{len(gold)} sequences have gold tags, but there are predictions for {len(predicted)}")
    lengths = np.fromiter(map(len, gold), dtype=np.int64, count=len(gold))
    given = np.fromiter(map(len, predicted), dtype=np.int64, count=len(predicted))
    wrong = np.flatnonzero(lengths != given)
    if len(wrong):
        message = f"expected {lengths[wrong[0]]} tags, one for each word, but {given[wrong[0]]} were predicted"
        raise ShapeError(message, where=f"sequence {wrong[0] + 1}")
    if not lengths.sum():
        raise DataError("there are no tags, so nothing can be measured", fix="give a text that is not empty")
    return lengths


def _checked_words(words: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> None:
    if len(words) != len(gold):
        raise ShapeError(f"{len(gold)} sequences have gold tags, but {len(words)} have words")
    for place, (one, tags) in enumerate(zip(words, gold, strict=True), 1):
        if len(one) != len(tags):
            message = f"expected {len(one)} tags, one for each word, but {len(tags)} came"
            raise ShapeError(message, where=f"sequence {place}")


def _parted(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag."""
    prefix, hyphen, kind = tag.partition("-")
    if prefix not in tuple(_PREFIXES) or (prefix == "O" and hyphen):
        fix = "give tags such as O, B-PER, I-PER, E-PER, S-PER"
        raise DataError(f"expected O, or B-, I-, E- or S- and a type, but the tag {tag!r} came", fix=fix)
    return prefix, kind


def _percent(counts: Counts) -> str:
    values = (100 * counts.precision, 100 * counts.recall, 100 * counts.f1)
    return "precision: {:6.2f}%; recall: {:6.2f}%; FB1: {:6.2f}".format(*values)
