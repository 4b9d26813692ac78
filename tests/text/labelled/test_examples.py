"""What is known of labelled texts as a whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gatewise.errors import DataError
from gatewise.text.labelled import Labelled, LabelledCorpus, LabelledSettings, read_labelled


def corpus(*labels: tuple[str, ...], several: bool = False) -> LabelledCorpus:
    return LabelledCorpus([Labelled(f"text {n}", ours, f"a:{n}") for n, ours in enumerate(labels)], several=several)


def test_labels_are_counted_in_the_order_of_their_letters_or_numbers():
    assert list(corpus(("b",), ("a",), ("b",)).labels.items()) == [("a", 1), ("b", 2)]
    assert list(corpus(("10",), ("2",), ("02",)).labels) == ["02", "2", "10"]
    assert list(corpus(("10",), ("2",), ("x",)).labels) == ["10", "2", "x"]
    assert corpus(("a", "b"), (), ("b",)).labels == {"a": 1, "b": 2}


def test_texts_may_have_several_labels_where_one_has_or_a_separator_is_given():
    assert not corpus(("a",), ("b",)).multi_label
    assert corpus(("a",), ("b", "a")).multi_label
    assert corpus(("a",), ()).multi_label
    assert corpus(("a",), several=True).multi_label
    Path("a.csv").write_text("text,label\na,x\n")
    assert not read_labelled("a.csv").multi_label
    assert read_labelled("a.csv", LabelledSettings(label_separator="|")).multi_label


def test_the_record_identifies_the_examples_however_they_are_stored():
    Path("a.csv").write_bytes('text,label\r\n"é ""b""\r\nc",x|y\r\n,x\r\nd,z\r\n'.encode())
    Path("b.jsonl").write_text('{"text": "\\u00e9 \\"b\\"\\nc", "label": ["x", "y"]}\n{"text": "d", "label": "z"}')
    record = read_labelled("a.csv", LabelledSettings(label_separator="|")).record
    assert record == read_labelled("b.jsonl").record
    lines = ['["é \\"b\\"\\nc","x","y"]\n', '["d","z"]\n']
    assert [json.loads(line) for line in lines] == [['é "b"\nc', "x", "y"], ["d", "z"]]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    counts = {"files": 1, "examples": 2, "characters": 8, "labels": {"x": 1, "y": 1, "z": 1}}
    assert record == counts | {"sha256": digest}
    assert corpus(("a", "b")).record["sha256"] != corpus(("a",), ("b",)).record["sha256"]


def test_no_example_is_refused():
    with pytest.raises(DataError, match="labelled texts are needed, but there is none"):
        LabelledCorpus([])
