"""The file form: the same program back, or one clear line."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from gatewise.cells import find
from gatewise.errors import ModelFileError
from gatewise.scan.program import from_json, to_json
from scan.program.expressions import EXPRESSIONS, cell_of
from scan.program.witness import traced

GOOD = to_json(traced(find("rnn")))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_expression_comes_back(name: str):
    program = traced(cell_of(EXPRESSIONS[name]))
    assert from_json(to_json(program), "program.json") == program


def test_numbers_come_back_bit_by_bit():
    program = traced(cell_of(lambda o: o.a * 0.1 + o.b * 1e-300 + o.h * 123456789.123456789))
    again = from_json(to_json(program), "program.json")
    assert [value.number.hex() for value in again.values] == [value.number.hex() for value in program.values]


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_truncated_file_is_refused(length: int):
    with pytest.raises(ModelFileError, match=r"^program\.json: "):
        from_json(GOOD[:length], "program.json")


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("program.json", GOOD)
    return file.getvalue()


FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not valid JSON"),
    "zeros": (bytes(100), "is not valid JSON"),
    "pickle": (pickle.dumps({"format": "gatewise step program"}), "is not valid JSON"),
    "zip": (zipped(), "is not valid JSON"),
    "other JSON": (b'{"a": 1}', "is no step program"),
    "a list": (b"[]", "is no step program"),
    "a key twice": (GOOD.replace(b'"version":1', b'"version":1,"version":1'), "the key 'version' stands twice"),
    "no version": (b'{"format": "gatewise step program"}', "version 1 is expected, but version None came"),
    "later version": (
        GOOD.replace(b'"version":1', b'"version":2'),
        "version 1 is expected, but version 2 came",
    ),
    "version true": (GOOD.replace(b'"version":1', b'"version":true'), "version 1 is expected, but version True came"),
    "not a number": (GOOD.replace(b'"input":0', b'"input":NaN'), "NaN is no JSON number"),
    "huge integer": (GOOD.replace(b'"input":0', b'"input":' + b"9" * 5000), "is not valid JSON"),
    "deep": (b"[" * 100_000, "is not valid JSON: it is nested too deeply"),
    "appended": (GOOD + b"{}", "is not valid JSON"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file_is_refused(name: str):
    data, message = FOREIGN[name]
    with pytest.raises(ModelFileError) as caught:
        from_json(data, "program.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_file_that_is_too_large_is_refused_unread():
    with pytest.raises(ModelFileError, match="at most 16777216 bytes"):
        from_json(bytes(16 * 2**20 + 1), "program.json")


def with_value(value: object) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data["values"][0] = value

    return change


def without(key: str) -> Callable[[Any], None]:
    return lambda data: data.pop(key)


def put(key: str, value: object) -> Callable[[Any], None]:
    return lambda data: data.update({key: value})


DAMAGED: dict[str, tuple[Callable[[Any], None], str]] = {
    "missing field": (without("cell"), "the fields format version cell"),
    "unknown field": (put("run", "rm"), "the fields format version cell"),
    "number for text": (put("cell", 3), "text is expected, but 3 came"),
    "text for a number": (put("input", "0"), "an integer is expected, but '0' came"),
    "truth for a number": (put("input", True), "an integer is expected, but True came"),
    "fraction": (put("input", 0.0), "an integer is expected, but 0.0 came"),
    "no list": (put("values", 3), "a list is expected"),
    "short value": (with_value(["input", "X"]), "a list of 3 is expected"),
    "unknown kind": (with_value(["code", "X", "x"]), "a kind of value is expected, but 'code' came"),
    "kind of no text": (with_value([{}, "X", "x"]), "a kind of value is expected, but dict came"),
    "truth for a constant": (with_value(["constant", "1", True]), "a number is expected, but True came"),
    "text for a constant": (with_value(["constant", "1", "0"]), "a number is expected, but '0' came"),
    "large constant": (with_value(["constant", "1", 10**400]), "a number is too large"),
    "no section": (put("forward", []), "the fields once all_steps step kept are expected"),
    "truth in a product": (
        lambda data: data["forward"]["step"][0]["products"][0].__setitem__(1, 0),
        "true or false is expected, but 0 came",
    ),
    "short instruction": (
        lambda data: data["forward"]["step"][0]["instructions"].__setitem__(0, ["add"]),
        "an instruction is an operation, its target and its sources",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_refused(name: str):
    change, message = DAMAGED[name]
    data = json.loads(GOOD)
    change(data)
    with pytest.raises(ModelFileError) as caught:
        from_json(json.dumps(data).encode(), "program.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("program.json: is a damaged step program: ")
