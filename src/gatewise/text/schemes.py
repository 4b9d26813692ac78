"""Entities as tags of single words: IOB1, BIO, BIOES and BILOU, read as conlleval reads them, written, repaired.

A tag is ``O``, or the place of a word in an entity, and after a hyphen the type of the entity: ``B-PER``. An entity
without a type is written ``B`` alone.

====== ======================= ====== ==== ============ =========================
scheme first word              inside last single word  also called
====== ======================= ====== ==== ============ =========================
IOB1   I; B after an entity of I      I    as the first
       the same type
BIO    B                       I      I    B            IOB2
BIOES  B                       I      E    S            IOBES
BILOU  B                       I      L    U
====== ======================= ====== ==== ============ =========================

Sources: Ramshaw and Marcus 1995 (IOB1); Tjong Kim Sang and Veenstra 1999 (IOB2); Ratinov and Roth 2009 (BILOU).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError, SettingError
from gatewise.settings import did_you_mean

Scheme = Literal["IOB1", "BIO", "BIOES", "BILOU"]
Span = tuple[str, int, int]
"""The type of an entity, its first word, and the word after its last."""

_LETTERS: dict[str, str] = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}
_ALIASES = {"IOB2": "BIO", "IOBES": "BIOES"}
_FIRST = "BSU"
_LAST = "ESLU"


def named(name: str) -> Scheme:
    """The scheme of a name, however it is spelt.

    Raises:
        SettingError: there is none.

    Example:
        >>> named("iobes")
        'BIOES'
    """
    found = _ALIASES.get(name.upper(), name.upper())
    if found not in _LETTERS:
        known = [*_LETTERS, *_ALIASES]
        raise SettingError(
            f"a scheme must be one of {', '.join(known)}, but {name} was given", fix=did_you_mean(name.upper(), known)
        )
    return cast(Scheme, found)


def to_spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a sentence, by the rules of conlleval, which give every sequence of tags a meaning.

    A word begins an entity where its tag is B, S or U, or where it is I, E or L and the word before is outside, in an
    entity of another type, or the last of its entity (E, S, L, U). The entity goes on to the next word that begins
    one or is outside. This reads IOB1, BIO, BIOES and BILOU alike, so no scheme is named.

    Args:
        tags: of the words.

    Returns:
        (type, begin, end) of each, in order.

    Raises:
        DataError: a tag is of no scheme.

    Source: conlleval.pl (Tjong Kim Sang 2004), ``startOfChunk`` and ``endOfChunk``; a B after an E, an S and a U begin
    an entity, which conlleval leaves open.

    Example:
        >>> to_spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC", "I-ORG"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5), ('ORG', 5, 6)]
    """
    spans: list[Span] = []
    letter, kind, begin = "O", "", 0
    for place, tag in enumerate(tags):
        before, kind_before = letter, kind
        letter, kind = _split(tag)
        begins = letter != "O" and (letter in _FIRST or before == "O" or kind != kind_before or before in _LAST)
        if before != "O" and (begins or letter == "O"):
            spans.append((kind_before, begin, place))
        if begins:
            begin = place
    if letter != "O":
        spans.append((kind, begin, len(tags)))
    return spans


def from_spans(spans: Iterable[Span], length: int, scheme: str = "BIO") -> list[str]:
    """The tags of a sentence with these entities.

    Args:
        spans: (type, begin, end), in any order.
        length: words of the sentence.
        scheme: how they are written.

    Raises:
        DataError: two entities share a word, or one is empty or not inside of the sentence.
        SettingError: there is no such scheme.

    Example:
        >>> from_spans([("PER", 0, 2), ("LOC", 3, 4)], 4, "BIOES")
        ['B-PER', 'E-PER', 'O', 'S-LOC']
    """
    scheme = named(scheme)
    tags = ["O"] * length
    before, done = "", 0  # the type of the entity that ends at ``done``
    for number, (kind, begin, end) in enumerate(sorted(spans, key=lambda span: span[1:])):
        if not done <= begin < end <= length:
            raise DataError(
                f"entities must lie inside of {length} words and share none,"
                f" but {kind or 'one'} is at {begin} to {end}" + (f" after one that ends at {done}" if number else "")
            )
        adjoins = number > 0 and begin == done and kind == before
        letters = _written(scheme, end - begin, adjoins)
        tags[begin:end] = [f"{letter}-{kind}" if kind else letter for letter in letters]
        before, done = kind, end
    return tags


def convert(tags: Sequence[str], scheme: str) -> list[str]:
    """The same entities in another scheme.

    Example:
        >>> convert(["I-PER", "I-PER", "B-PER"], "BIOES")
        ['B-PER', 'E-PER', 'S-PER']
    """
    return from_spans(to_spans(tags), len(tags), scheme)


class Repaired(NamedTuple):
    """Tags that follow their scheme.

    Attributes:
        tags: of the words.
        changed: how many of them are not what they were.
    """

    tags: list[str]
    changed: int


def repair(tags: Sequence[str], scheme: str) -> Repaired:
    """Tags that follow a scheme and hold the entities that conlleval sees, and how many tags had to be changed.

    The entities are those of :func:`to_spans`; each is written anew. So an I after O or after another type becomes
    the beginning of an entity, and in BIOES an entity that was not ended is ended where it stops.

    Example:
        >>> repair(["O", "I-PER", "I-PER", "I-LOC"], "BIO")
        Repaired(tags=['O', 'B-PER', 'I-PER', 'B-LOC'], changed=2)
    """
    repaired = convert(tags, scheme)
    return Repaired(repaired, sum(map(str.__ne__, repaired, tags)))


def detect(sequences: Iterable[Sequence[str]]) -> Scheme | None:
    """The scheme that the tags of a data set are written in; None where they are tags of another kind.

    E or S make it BIOES, L or U make it BILOU. With B and I alone it is IOB1 where entities begin with I, and with B
    only where IOB1 needs it, after an entity of the same type; else it is BIO, in need of repair where an entity
    begins with I. Tags of which none names an entity are of no scheme.

    Args:
        sequences: the tags of each sentence.

    Example:
        >>> detect([["O", "I-PER", "I-PER", "B-PER"]]), detect([["B-PER", "I-PER"]]), detect([["DET", "NOUN"]])
        ('IOB1', 'BIO', None)
    """
    different = dict.fromkeys(map(tuple, sequences))  # sentences with the same tags tell nothing new
    tags = {tag for sequence in different for tag in sequence}
    if not all(map(is_of_a_scheme, tags)) or tags <= {"O"}:
        return None
    letters = {tag[0] for tag in tags}
    if letters & set("ES"):
        return None if letters & set("LU") else "BIOES"
    if letters & set("LU"):
        return "BILOU"
    iob1 = all(list(sequence) == convert(sequence, "IOB1") for sequence in different)
    bio = all(list(sequence) == convert(sequence, "BIO") for sequence in different)
    return "IOB1" if iob1 and not bio else "BIO"


class Transitions(NamedTuple):
    """Which tag may follow which in a scheme; L tags.

    Attributes:
        allowed: [L, L], whether the tag of the column may follow that of the row.
        starts: [L], whether a sentence may begin with the tag.
        ends: [L], whether a sentence may end with it.
    """

    allowed: NDArray[np.bool_]
    starts: NDArray[np.bool_]
    ends: NDArray[np.bool_]


def transitions(labels: Sequence[str], scheme: str) -> Transitions:
    """The transitions that a scheme allows, for holding a CRF or a search to it.

    A path through them is a sequence of tags that :func:`repair` leaves as it is, and every such sequence is a path.

    Args:
        labels: the tags, in the order of their ids.
        scheme: that they are written in.

    Raises:
        DataError: a label is none of this scheme.
        SettingError: there is no such scheme.

    Example:
        >>> transitions(["O", "B-PER", "I-PER"], "BIO").allowed.tolist()
        [[True, True, False], [True, True, True], [True, True, True]]
    """
    scheme = named(scheme)
    split = [_split(label) for label in labels]
    for label, (letter, _) in zip(labels, split, strict=True):
        if letter not in "O" + _LETTERS[scheme]:
            raise DataError(f"a tag of {scheme} begins with O, {', '.join(_LETTERS[scheme])}, but {label!r} does not")
    letters, kinds = np.array([part[0] for part in split]), np.array([part[1] for part in split])
    same = kinds[:, None] == kinds[None, :]
    outside = letters == "O"
    first = np.isin(letters, list("BSU"))
    if scheme == "IOB1":
        # I may follow anything; B separates two entities of the same type and has no other use.
        return Transitions(~first | (same & ~outside[:, None]), ~first, np.ones(len(labels), dtype=np.bool_))
    goes_on = np.isin(letters, list("BI"))  # an entity that is open
    inside = np.isin(letters, list("IEL"))
    # In BIO an entity may end with any of its words.
    may_end = np.ones(len(labels), dtype=np.bool_) if scheme == "BIO" else ~goes_on
    allowed = np.where(inside, goes_on[:, None] & same, may_end[:, None])
    return Transitions(allowed, ~inside, may_end)


@lru_cache(maxsize=1 << 16)
def _split(tag: str) -> tuple[str, str]:
    """The letter and the type of a tag."""
    if not is_of_a_scheme(tag):
        raise DataError(
            f"a tag must be O, or B, I, E, S, L or U with a type as in B-PER, but {tag!r} was found",
            fix="choose the column of the entity tags",
        )
    return tag[0], tag[2:]


def is_of_a_scheme(tag: str) -> bool:
    """Whether a tag is O, or the place of a word in an entity with or without a type.

    Example:
        >>> is_of_a_scheme("B-PER"), is_of_a_scheme("NOUN")
        (True, False)
    """
    return tag == "O" or (tag[:1] in tuple("BIESLU") and tag[1:2] in ("", "-") and tag[1:] != "-")


def _written(scheme: Scheme, length: int, adjoins: bool) -> str:
    """The letters of an entity."""
    if scheme == "IOB1":
        return ("B" if adjoins else "I") + "I" * (length - 1)
    if scheme == "BIO":
        return "B" + "I" * (length - 1)
    last, single = _LETTERS[scheme][2], _LETTERS[scheme][3]
    return single if length == 1 else "B" + "I" * (length - 2) + last
