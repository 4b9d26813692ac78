"""Schemes of entity tags beside conlleval's own rules, over all short sequences of tags."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError, SettingError
from gatewise.text.conll import read_tagged
from gatewise.text.schemes import convert, detect, from_spans, named, repair, to_spans, transitions

SCHEMES = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}
LONGEST = {"IOB1": 4, "BIO": 4, "BIOES": 4, "BILOU": 3}


def alphabet(letters: str, types: tuple[str, ...] = ("x", "y")) -> list[str]:
    return ["O", *(f"{letter}-{kind}" for letter in letters for kind in types)]


def sequences(scheme: str) -> list[tuple[str, ...]]:
    labels = alphabet(SCHEMES[scheme])
    return [tags for length in range(LONGEST[scheme] + 1) for tags in product(labels, repeat=length)]


def conlleval(tags: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """The chunks that conlleval.pl counts, from its two tables of the pairs of tags that end and that start one.

    After the tables comes the line that both have: another type ends and starts a chunk. B after E and the single
    words S, which conlleval.pl does not know, are added, as in the copies of it that know BIOES.
    """
    ends = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"} | {"EB", "ES", "SB", "SI", "SE", "SS", "SO", "BS", "IS"}
    starts = {"BB", "IB", "OB", "OI", "EE", "EI", "OE"} | {"EB", "ES", "SB", "SI", "SE", "SS", "OS", "BS", "IS"}
    chunks, inside, first = [], False, 0
    last_letter, last_type = "O", ""
    for place, tag in enumerate((*tags, "O")):
        letter, _, kind = tag.partition("-")
        letter = {"L": "E", "U": "S"}.get(letter, letter)
        end = last_letter + letter in ends or (last_letter != "O" and last_type != kind)
        if inside and end:
            chunks.append((last_type, first, place))
            inside = False
        if last_letter + letter in starts or (letter != "O" and last_type != kind):
            inside, first = True, place
        last_letter, last_type = letter, kind
    return chunks


@pytest.mark.parametrize("scheme", SCHEMES)
def test_entities_are_those_that_conlleval_sees(scheme: str):
    for tags in sequences(scheme):
        assert to_spans(tags) == conlleval(tags), tags


@cache
def is_strict(tags: tuple[str, ...], scheme: str) -> bool:
    """Whether tags follow a scheme, said as a search for entities that are written so, one after the other."""

    def written(kind: str, length: int, adjoins: bool) -> list[str]:
        letters = {
            "IOB1": ("B" if adjoins else "I") + "I" * (length - 1),
            "BIO": "B" + "I" * (length - 1),
            "BIOES": "S" if length == 1 else "B" + "I" * (length - 2) + "E",
            "BILOU": "U" if length == 1 else "B" + "I" * (length - 2) + "L",
        }[scheme]
        return [f"{letter}-{kind}" for letter in letters]

    ways: list[set[str | None]] = [{None}]  # at each place, which type of entity may have just ended there
    for end in range(1, len(tags) + 1):
        here: set[str | None] = set()
        if tags[end - 1] == "O" and ways[end - 1]:
            here.add(None)
        for begin in range(end):
            for kind in "xy":
                if any(list(tags[begin:end]) == written(kind, end - begin, kind == before) for before in ways[begin]):
                    here.add(kind)
        ways.append(here)
    return bool(ways[-1])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_repair_changes_what_breaks_the_scheme_and_nothing_else(scheme: str):
    for tags in sequences(scheme):
        repaired, changed = repair(tags, scheme)
        assert to_spans(repaired) == conlleval(tags)
        assert is_strict(tuple(repaired), scheme)
        assert changed == sum(old != new for old, new in zip(tags, repaired, strict=True))
        assert (changed == 0) == is_strict(tags, scheme), tags


@pytest.mark.parametrize("scheme", SCHEMES)
def test_transitions_allow_what_follows_the_scheme_and_nothing_else(scheme: str):
    labels = alphabet(SCHEMES[scheme])[::-1]
    allowed, starts, ends = transitions(labels, scheme)
    for tags in sequences(scheme)[1:]:
        ids = [labels.index(tag) for tag in tags]
        path = starts[ids[0]] and ends[ids[-1]] and all(allowed[ids[:-1], ids[1:]])
        assert path == is_strict(tags, scheme), tags
    assert (allowed.dtype, allowed.shape, starts.shape, ends.shape) == (
        np.bool_,
        (len(labels),) * 2,
        *[(len(labels),)] * 2,
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_entities_without_a_type_follow_the_same_rules(scheme: str):
    labels = ["O", *SCHEMES[scheme]]
    allowed, starts, ends = transitions(labels, scheme)
    for tags in [tags for length in range(1, 5) for tags in product(labels, repeat=length)]:
        ids = [labels.index(tag) for tag in tags]
        typed = [tag if tag == "O" else f"{tag}-x" for tag in tags]
        assert [(begin, end) for _, begin, end in to_spans(tags)] == [span[1:] for span in conlleval(typed)]
        assert (starts[ids[0]] and ends[ids[-1]] and all(allowed[ids[:-1], ids[1:]])) == is_strict(tuple(typed), scheme)


SPANS = st.lists(
    st.tuples(st.sampled_from(["PER", "LOC", "", "B-A"]), st.integers(0, 2), st.integers(1, 4)), max_size=6
)


@given(SPANS, st.integers(0, 3))
def test_entities_survive_every_scheme(parts: list[tuple[str, int, int]], rest: int):
    spans, at = [], 0
    for kind, gap, length in parts:
        spans.append((kind, at + gap, at + gap + length))
        at += gap + length
    for scheme in SCHEMES:
        tags = from_spans(reversed(spans), at + rest, scheme)
        assert to_spans(tags) == spans
        for other in SCHEMES:
            assert convert(tags, other) == from_spans(spans, at + rest, other)
        assert repair(tags, scheme).changed == 0


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("IOB1", "I-x I-x O I-x B-x I-y I-x I-x"),
        ("BIO", "B-x I-x O B-x B-x B-y B-x I-x"),
        ("BIOES", "B-x E-x O S-x S-x S-y B-x E-x"),
        ("BILOU", "B-x L-x O U-x U-x U-y B-x L-x"),
        ("iob2", "B-x I-x O B-x B-x B-y B-x I-x"),
        ("IOBES", "B-x E-x O S-x S-x S-y B-x E-x"),
    ],
)
def test_each_scheme_as_it_is_written_by_hand(scheme: str, expected: str):
    spans = [("x", 0, 2), ("x", 3, 4), ("x", 4, 5), ("y", 5, 6), ("x", 6, 8)]
    assert from_spans(spans, 8, scheme) == expected.split()
    assert to_spans(expected.split()) == spans


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-x I-x O", "I-x B-x"], "IOB1"),
        (["I-x I-x O", "O I-y"], "IOB1"),
        (["B-x I-x O", "B-x B-x"], "BIO"),
        (["B-x O B-y"], "BIO"),
        (["B-x I-x O", "I-x O"], "BIO"),  # a mistake in it
        (["B-x E-x"], "BIOES"),
        (["S-x O", "O"], "BIOES"),
        (["B-x I-x L-x"], "BILOU"),
        (["U-x"], "BILOU"),
        (["B I O", "B"], "BIO"),
        (["O O"], None),
        ([], None),
        (["DET NOUN", "O"], None),
        (["B-x L-x E-x"], None),
        (["B- O"], None),
    ],
)
def test_the_scheme_of_a_data_set_is_found(tags: list[str], expected: str | None):
    assert detect(line.split() for line in tags) == expected


def test_the_first_entity_of_a_sentence_adjoins_none():
    assert convert(["B", "I", "B"], "IOB1") == ["I", "I", "B"]


def test_tags_of_no_scheme_are_told():
    for tags in (["NN"], ["B-x", "X-y"], [""], ["B-"], ["Bx"]):
        with pytest.raises(
            DataError, match=r"a tag must be O, or B, I, E, S, L or U with a type .*, but '\S*' was found"
        ):
            to_spans(tags)
    with pytest.raises(DataError, match=r"a tag of BIO begins with O, B, I, but 'S-x' does not"):
        transitions(["O", "S-x"], "BIO")
    with pytest.raises(
        SettingError, match=r"a scheme must be one of IOB1, BIO, .*, but BIOS was given; did you mean BIO"
    ):
        named("BIOS")


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([("x", 0, 2), ("y", 1, 3)], "y is at 1 to 3 after one that ends at 2"),
        ([("x", 2, 2)], "x is at 2 to 2"),
        ([("", 1, 5)], "inside of 4 words and share none, but one is at 1 to 5"),
        ([("x", -1, 1)], "x is at -1 to 1"),
    ],
)
def test_entities_that_cannot_be_written_are_told(spans: list[tuple[str, int, int]], message: str):
    with pytest.raises(DataError, match=message):
        from_spans(spans, 4)


@pytest.mark.parametrize(("name", "entities"), [("emerging.dev.conll", 836), ("wnut17train.conll", 1975)])
def test_entities_of_a_public_corpus_are_as_many_as_it_says(shared_data: Path, name: str, entities: int):
    tags = [sentence.tags for sentence in read_tagged(shared_data / "wnut17" / name)]
    assert detect(tags) == "BIO"
    assert sum(map(len, map(to_spans, tags))) == entities
    assert sum(repair(line, "BIO").changed for line in tags) == 0
    in_bioes = [convert(line, "BIOES") for line in tags]
    assert detect(in_bioes) == "BIOES"
    assert [convert(line, "BIO") for line in in_bioes] == list(map(list, tags))
