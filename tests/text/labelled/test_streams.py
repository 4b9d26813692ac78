"""Texts for prediction: one for each line, as they come, in memory that does not grow."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewise.errors import DataError
from gatewise.text.labelled import LabelledSettings, stream_texts


def streamed(data: bytes, name: str = "a.txt", **settings: str) -> list[str]:
    Path(name).write_bytes(data)
    return list(stream_texts(name, LabelledSettings(**settings)))


@pytest.mark.parametrize(
    "data",
    ["", "\n", "\n\n\n", "a", "a\n", "a\n\n  \nb", "\na\u2028b\n\n", "x" * 3_000_000 + "\ny\n", "é" * 600_000 + "\n"],
)
def test_there_are_as_many_texts_as_lines(data: str):
    expected = data.removesuffix("\n").split("\n") if data else []
    assert streamed(data.encode()) == expected
    assert streamed(data.replace("\n", "\r\n").encode()) == expected
    assert streamed(data.encode(), "a.unknown") == expected
    assert list(stream_texts("-", stdin=io.BytesIO(data.encode()))) == expected
    Path("a.txt.gz").write_bytes(gzip.compress(data.encode()))
    assert list(stream_texts("a.txt.gz")) == expected


@pytest.mark.parametrize(
    ("data", "name", "settings", "texts"),
    [
        (b"text,label\na,x\n,y\n", "a.csv", {}, ["a", ""]),
        (b"text\na\n\nb\n", "a.csv", {}, ["a", "", "b"]),
        (b"id,text\n1,a\n", "a.csv", {"label": "class"}, ["a"]),
        (b"a\tx\nb\ty\n", "a.tsv", {"text": "1"}, ["a", "b"]),
        (b"sentence\tlabel\nb\ty\n", "a.tsv", {"text": "1"}, ["b"]),
        (b"\na\n\nb\n", "a.tsv", {"text": "1"}, ["", "a", "", "b"]),
        (b"a\tx\n\nb\ty\n", "a.tsv", {"text": "1"}, ["a", "b"]),
        (b'{"text": "a"}\n{"text": "", "label": {}}\n', "a.jsonl", {}, ["a", ""]),
        (b"__label__x a\nb\n\n", "a.txt", {"format": "label_first"}, ["a", "b", ""]),
        (b"4 a\n\n2 b\n", "a.txt", {"format": "label_first"}, ["a", "", "b"]),
        (b"Ada\n\nBo\n", "a.txt", {"format": "class_files"}, ["Ada", "", "Bo"]),
        (b"Ada\n\nBo\n", "a.txt", {"format": "class_folders"}, ["Ada\n\nBo"]),
        (b"a,b\n", "a.csv", {"format": "plain"}, ["a,b"]),
    ],
)
def test_of_other_forms_the_text_is_read(data: bytes, name: str, settings: dict[str, str], texts: list[str]):
    assert streamed(data, name, **settings) == texts


@pytest.mark.parametrize(
    ("data", "name", "settings", "message"),
    [
        (b"a\nb\xe9\n", "a.txt", {}, r"a\.txt:2: text must be UTF-8"),
        (b"txt,label\na,x\n", "a.csv", {}, r"a\.csv:1: there is no column text"),
        (b"a,x\n", "a.csv", {"text": "3"}, r"a\.csv:1: column 3 is needed for the text, but there are 2"),
        (b'{"text": "a"}\n{}\n', "a.jsonl", {}, r"a\.jsonl:2: there is no key text"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_reached(data: bytes, name: str, settings: dict[str, str], message: str):
    with pytest.raises(DataError, match=message):
        streamed(data, name, **settings)


def test_a_folder_or_a_missing_file_is_refused():
    with pytest.raises(DataError, match=r"\.: a file is needed, but this is a folder"):
        next(stream_texts("."))
    with pytest.raises(DataError, match=r"a\.txt: cannot be read \(No such file"):
        next(stream_texts("a.txt"))


def test_what_was_changed_is_told():
    told: list[tuple[str, str]] = []
    assert list(stream_texts("-", stdin=io.BytesIO(b"a\r\nb"), notice=lambda *what: told.append(what))) == ["a", "b"]
    assert told == [("stdin", "CRLF line ends are read as LF")]


def test_a_line_typed_at_a_terminal_is_there_at_once_and_stdin_stays_open():
    read, write = os.pipe()
    with open(read, "rb") as stdin, open(write, "wb", buffering=0) as typed:
        texts = stream_texts("-", stdin=stdin)
        typed.write(b"one\ntwo\nthr")
        assert [next(texts), next(texts)] == ["one", "two"]
        typed.write(b"ee\n")
        assert next(texts) == "three"
        typed.close()
        assert list(texts) == []
        assert not stdin.closed


def test_a_named_pipe_is_read_as_it_comes():
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(b"one\ntwo"))
    writer.start()
    assert list(stream_texts("pipe")) == ["one", "two"]
    writer.join()


class _Long(io.RawIOBase):
    """A file of so many times the same block, made while it is read."""

    def __init__(self, times: int, line: bytes) -> None:
        self.left, self.block = times, line * ((1 << 16) // len(line))

    def read(self, size: int = -1) -> bytes:
        self.left -= 1
        return self.block if self.left >= 0 else b""


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("plain", b"a text of some length, which is read and let go again\n"),
        ("tsv", b"a text of some length, which is read and let go again\tpos\n"),
        ("csv", b'"a text of some length, which is read ""and"" let go again",pos\n'),
        ("jsonl", b'{"1": "a text of some length, which is read and let go again"}\n'),
        ("label_first", b"pos a text of some length, which is read and let go again\n"),
    ],
)
def test_memory_does_not_grow_with_the_file(form: str, line: bytes):
    def peak(times: int) -> tuple[int, int]:
        texts: Iterator[str] = stream_texts("-", LabelledSettings(text="1", format=form), _Long(times, line))
        tracemalloc.start()
        number = sum(1 for _ in texts)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return number, most

    (few, little), (many, more) = peak(3), peak(12)
    assert many == 4 * few
    assert more < 1.5 * little
    assert more < 1 << 20


def test_texts_are_not_read_ahead():
    texts = stream_texts("-", stdin=_Long(1 << 40, b"text\n"))
    assert list(itertools.islice(texts, 3)) == ["text"] * 3
