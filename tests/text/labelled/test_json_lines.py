"""JSON lines: which values are texts and labels, and where a line is wrong."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from gatewise.errors import DataError
from gatewise.text.labelled import Labelled, LabelledSettings, read_labelled


def found(data: str | bytes, **settings: str) -> list[Labelled]:
    Path("a.jsonl").write_bytes(data.encode() if isinstance(data, str) else data)
    return list(read_labelled("a.jsonl", LabelledSettings(**settings)))


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ('"x"', ("x",)),
        ('" x "', ("x",)),
        ("1", ("1",)),
        ("-1.5", ("-1.5",)),
        ("true", ("true",)),
        ("[]", ()),
        ('["x", 1, false, "x"]', ("x", "1", "false")),
        ('"\\u00e9"', ("é",)),
    ],
)
def test_a_label_is_a_text_a_number_a_truth_value_or_a_list(value: str, labels: tuple[str, ...]):
    assert found(f'{{"label": {value}, "text": "a"}}\r\n') == [Labelled("a", labels, "a.jsonl:1")]


def test_labels_are_divided_and_cut_as_in_a_table():
    line = '{"label": "DESC:x|NUM", "text": "a"}'
    assert found(line, label_separator="|", label_until=":")[0].labels == ("DESC", "NUM")
    assert found('{"label": ["DESC:x", "NUM"], "text": "a"}', label_until=":")[0].labels == ("DESC", "NUM")


def test_other_keys_blank_lines_and_no_last_line_end():
    lines = '\n{"y": 1, "x": "a", "more": {"z": [NUMBER]}}\n \n{"y": 0, "x": "b"}'.replace("NUMBER", "1")
    assert found(lines, text="x", label="y") == [Labelled("a", ("1",), "a.jsonl:2"), Labelled("b", ("0",), "a.jsonl:4")]
    assert read_labelled("a.jsonl", LabelledSettings(text="x", label="y")).notes == [
        "blank lines are left out: a.jsonl"
    ]


REFUSED = {
    "broken": (
        '{"text": "a", "label": 1}\n{"text": "a"\n',
        r"a\.jsonl:2: every line must be a JSON object, but this is",
    ),
    "array": ('[{"text": "a"}]\n', r"a\.jsonl:1: every line .* but this is an array; write one object on each line"),
    "pretty": ("{\n", r"a\.jsonl:1: every line must be a JSON object, but this is none \(expecting property name"),
    "text": ('"a"\n', r"a\.jsonl:1: every line must be a JSON object, but this is a text"),
    "number": ("17\n", r"but this is a number"),
    "null": ("null\n", r"but this is null"),
    "nan": ('{"text": "a", "label": NaN}\n', r"a\.jsonl:1: .* NaN is no JSON number"),
    "too large": ('{"text": "a", "label": 1e999}\n', r"a\.jsonl:1: label must be a text, a number, .* the number inf"),
    "key twice": ('{"text": "a", "text": "b", "label": 1}\n', r"a\.jsonl:1: .* a key stands twice"),
    "deep": ("[" * 200_000 + "\n", r"a\.jsonl:1: every line must be a JSON object, but this is nested too deeply"),
    "many digits": (
        '{"text": "a", "label": ' + "1" * 5000 + "}\n",
        r":1: .* a number has too many digits; write",
    ),
    "no text": (
        '{"txt": "a", "label": 1}\n',
        r"a\.jsonl:1: there is no key text, the keys are txt, label; did you mean",
    ),
    "no label": ('{"text": "a", "y": 1}\n', r"a\.jsonl:1: there is no key label, the keys are text, y; give --label"),
    "nothing": ("{}\n", r"a\.jsonl:1: there is no key text, the object is empty"),
    "number as text": ('{"text": 7, "label": 1}\n', r"a\.jsonl:1: text must be a text, but the number 7 stands there"),
    "null as text": ('{"text": null, "label": 1}\n', r"a\.jsonl:1: text must be a text, but nothing \(null\)"),
    "object as label": (
        '{"text": "a", "label": {"b": 1}}\n',
        r"a\.jsonl:1: label must be a text, .* the object {'b': 1}",
    ),
    "list in a list": ('{"text": "a", "label": [["b"]]}\n', r"a\.jsonl:1: label must be a text, .* the list \['b'\]"),
    "null as label": (
        '{"text": "a", "label": null}\n',
        r"a\.jsonl:1: label must be a text, .* nothing \(null\) stands",
    ),
    "empty label": ('{"text": "a", "label": ["b", ""]}\n', r"a\.jsonl:1: every text must have a label"),
    "half a pair": ('{"text": "\\ud800", "label": 1}\n', r"a\.jsonl:1: text must be Unicode, but half of a surrogate"),
    "half a pair in a label": ('{"text": "a", "label": "\\ud800"}\n', r"a\.jsonl:1: text must be Unicode"),
    "nul": ('{"text": "a\\u0000", "label": 1}\n', r"a\.jsonl:1: text is needed, but this holds a NUL character"),
    "no utf-8": (b'{"text": "a", "label": 1}\n{"text": "\xe9"}', r"a\.jsonl:2: text must be UTF-8"),
    "empty": ("", r"a\.jsonl: labelled texts are needed, but none is there"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_with_its_place(data: str | bytes, message: str):
    with pytest.raises(DataError, match=message) as raised:
        found(data)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_random_objects_are_read_back_also_compressed():
    source = random.Random(0)
    signs = ["a", " ", '"', "\\", "\n", "\t", "é", "\u2028", "\U0001f468", ",", "{"]
    for ascii_only in (True, False):
        texts = ["x" + "".join(source.choices(signs, k=20)) for _ in range(300)]
        lines = [
            json.dumps({"n": 1, "text": text, "label": [text[1].strip() or "b"]}, ensure_ascii=ascii_only)
            for text in texts
        ]
        with gzip.open("b.jsonl.gz", "wt", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines))
        expected = [(text, (text[1].strip() or "b",), f"b.jsonl.gz:{n}") for n, text in enumerate(texts, 1)]
        assert [tuple(example) for example in read_labelled("b.jsonl.gz")] == expected
