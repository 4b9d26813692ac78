"""Entities between schemes as arrays, beside the functions that do it sentence by sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError, ModelFileError, SettingError
from gatewise.tasks.tagging.entities import Rewriter, bilou, plain, tags_of, type_of
from gatewise.tasks.tagging.labels import Tags, starts_of
from gatewise.text.schemes import convert, repair, transitions

SOURCE = ["O", "B-X", "I-X", "E-X", "S-X", "L-Y", "U-Y", "I-Y", "B", "I"]
SENTENCES = st.lists(st.lists(st.integers(0, len(SOURCE) - 1), max_size=7), min_size=1, max_size=6)


def flat(sentences):
    lengths = np.array([len(sentence) for sentence in sentences])
    return np.array([number for sentence in sentences for number in sentence], np.int64), starts_of(lengths)


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES", "BILOU"])
@given(sentences=SENTENCES)
def test_whole_arrays_are_written_as_sentence_by_sentence(scheme, sentences):
    target = tags_of(["X", "Y", ""], scheme)
    found = [target[number] for number in Rewriter(SOURCE, target, scheme)(*flat(sentences)).tolist()]
    if scheme == "BILOU":
        found = [bilou(tag) for tag in found]
    assert found == [tag for one in sentences for tag in convert([SOURCE[number] for number in one], scheme)]


@given(sentences=SENTENCES)
def test_tags_out_of_scheme_are_those_that_repair_changes(sentences):
    tags = Tags.of([["B-X", "I-X", "B", "B-Y"]], dict.fromkeys(["B-X", "I-X", "B", "B-Y"], 1))
    ids, starts = flat(sentences)
    bio = [name for name in SOURCE if name[0] in "OBI"]
    ids %= len(bio)
    ends = np.cumsum([len(one) for one in sentences])
    rows = [[bio[number] for number in part] for part in np.split(ids, ends[:-1])]
    changed = tags.changed(ids, bio, starts)
    assert len(changed) == sum(repair(row, "BIO").changed for row in rows)


def test_a_network_learns_every_tag_of_its_scheme():
    tags = Tags.of([["I-A", "O", "I-B", "B-B"]], {"I-A": 2, "O": 1, "I-B": 1, "B-B": 1})
    assert tags.written == "IOB1"
    assert tags.names == ("O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B")
    assert tags.types == ("A", "B")
    assert (tags.allowed().transitions == transitions(tags.names, "BIOES").allowed).all()


@pytest.mark.parametrize(("asked", "names"), [("BIO", ("O", "B-A", "I-A")), ("IOB1", ("O", "I-A", "B-A"))])
def test_another_scheme_may_be_asked_for(asked, names):
    assert Tags.of([["B-A", "I-A"]], {"B-A": 1, "I-A": 1}, asked).names == names


def test_what_comes_out_is_in_the_scheme_that_came_in():
    for row, scheme in (
        [["B-A", "I-A", "B-A"], "BIO"],
        [["B-A", "L-A", "U-A"], "BILOU"],
        [["I-A", "I-A", "B-A"], "IOB1"],
    ):
        tags = Tags.of([row], dict.fromkeys(row, 1))
        assert tags.written == scheme
        starts = np.array([0])
        inside = tags.encode(np.array([sorted(set(row)).index(tag) for tag in row]), sorted(set(row)), starts)
        assert [tags.names[number] for number in inside] == ["B-A", "E-A", "S-A"]
        assert tags.write(inside, starts) == row


def test_what_breaks_the_scheme_is_repaired_by_conllevals_rules():
    tags = Tags.of([["B-A", "I-A"]], {"B-A": 1, "I-A": 1})
    said = np.array([tags.names.index(tag) for tag in ["I-A", "B-A", "E-A", "E-A", "O", "B-A"]])
    repaired = [tags.names[number] for number in tags.repair(said, np.array([0]))]
    assert repaired == convert(["I-A", "B-A", "E-A", "E-A", "O", "B-A"], "BIOES")
    assert repaired == ["S-A", "B-A", "E-A", "S-A", "O", "S-A"]


def test_tags_that_name_nothing_are_as_they_are():
    tags = Tags.of([["DET", "NOUN"]], {"NOUN": 2, "DET": 1})
    assert tags == Tags(("NOUN", "DET"))
    assert tags.allowed() is None
    assert tags.encode(np.array([0, 1]), ["DET", "X"], np.array([0])).tolist() == [1, 2]
    assert tags.beside(["DET", "X"]) == ("X",)
    assert Tags.of([["B-A"]], {"B-A": 1}, "none") == Tags(("B-A",))


def test_a_scheme_for_tags_that_name_nothing_is_refused():
    with pytest.raises(SettingError, match=r"scheme BIO writes entities, but the tags name none \(they are DET"):
        Tags.of([["DET", "NOUN"]], {"DET": 1, "NOUN": 1}, "BIO")


def test_saved_and_read_they_are_the_same():
    for tags in (Tags(("A", "B")), Tags.of([["B-A", "I-A"]], {"B-A": 1, "I-A": 1})):
        assert Tags.from_dict(tags.to_dict(), "a") == tags


@pytest.mark.parametrize(
    "change",
    [
        {"names": []},
        {"names": ["A", "A"]},
        {"names": [1]},
        {"scheme": "BIO"},
        {"scheme": "B", "written": "B"},
        {"scheme": "BIO", "written": "BIO", "names": ["O", "X"]},
    ],
)
def test_other_content_is_refused(change):
    with pytest.raises((ModelFileError, DataError)):
        Tags.from_dict({**Tags(("A", "B")).to_dict(), **change}, "config.json")


def test_a_tag_is_a_place_and_a_type():
    assert [type_of(tag) for tag in ("O", "B-a-b", "S", "DET", "B-")] == [None, "a-b", "", None, None]
    assert [plain(bilou(tag)) for tag in tags_of(["X"], "BIOES")] == list(tags_of(["X"], "BIOES"))
