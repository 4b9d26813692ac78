"""CSV and TSV: which column, which row is a header, what a quote does, and where a row is wrong."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from pathlib import Path

import pytest

from gatewise.errors import DataError, SettingError
from gatewise.text.labelled import LabelledSettings, read_labelled, stream_texts


def found(data: str | bytes, name: str = "a.csv", **settings: str) -> list[tuple[str, tuple[str, ...], str]]:
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    corpus = read_labelled(name, LabelledSettings(**settings))
    return [(text, labels, where.rpartition(":")[2]) for text, labels, where in corpus]


TWO = [("good film", ("pos",), "2"), ("bad", ("neg",), "3")]
NO_HEADER = [("good film", ("pos",), "1"), ("bad", ("neg",), "2")]
READ = {
    "by name": ("text,label\ngood film,pos\nbad,neg\n", "a.csv", {}, TWO),
    "other names": ("id,y,review\n1,pos,good film\n2,neg,bad\n", "a.csv", {"text": "review", "label": "y"}, TWO),
    "one by number": ("id,y,review\n1,pos,good film\n2,neg,bad\n", "a.csv", {"text": "3", "label": "y"}, TWO),
    "by number": ("pos,good film\nneg,bad\n", "a.csv", {"text": "2", "label": "1"}, NO_HEADER),
    "by number, header": ("y,x\npos,good film\nneg,bad\n", "a.csv", {"text": "2", "label": "1", "header": "yes"}, TWO),
    "tsv": ("text\tlabel\ngood film\tpos\nbad\tneg\n", "a.tsv", {}, TWO),
    "asked for": ("text\tlabel\ngood film\tpos\nbad\tneg\n", "a.data", {"format": "tsv"}, TWO),
    "semicolons": ("text;label\ngood film;pos\nbad;neg\n", "a.csv", {"delimiter": ";"}, TWO),
    "tabs in csv": ('text\tlabel\n"good film"\tpos\nbad\tneg\n', "a.csv", {"delimiter": "tab"}, TWO),
    "windows": ('text,label\r\n"good film",pos\r\nbad,neg', "a.csv", {}, TWO),
    "mark": ("\ufefftext,label\ngood film,pos\nbad,neg\n", "a.csv", {}, TWO),
    "mark, quoted": ('\ufeff"text","label"\n"good film","pos"\nbad,neg\n', "a.csv", {}, TWO),
    "spaces at labels": (" text , label \ngood film, pos\nbad,neg \n", "a.csv", {}, TWO),
    "quotes in csv": ('text,label\n"a ""b"", c",pos\n', "a.csv", {}, [('a "b", c', ("pos",), "2")]),
    "lines in a cell": (
        'text,label\n"a\r\nb\n\nc",pos\nd,neg',
        "a.csv",
        {},
        [("a\nb\n\nc", ("pos",), "2"), ("d", ("neg",), "6")],
    ),
    "quote inside a cell": ('text,label\na 5" disk,pos\n', "a.csv", {}, [('a 5" disk', ("pos",), "2")]),
    "quotes in tsv": (
        '"SIGNAL LOST"\tcon\n"Auto" mode\tcon\n',
        "a.tsv",
        {"text": "1", "label": "2"},
        [('"SIGNAL LOST"', ("con",), "1"), ('"Auto" mode', ("con",), "2")],
    ),
    "odd quote in tsv": (
        '"a\tx\nb\ty\n',
        "a.tsv",
        {"text": "1", "label": "2"},
        [('"a', ("x",), "1"), ("b", ("y",), "2")],
    ),
    "quoted tsv": ('"a\tb"\tx\n', "a.tsv", {"text": "1", "label": "2", "quotes": "yes"}, [("a\tb", ("x",), "1")]),
    "unquoted csv": ('"a",x\n', "a.csv", {"text": "1", "label": "2", "quotes": "no"}, [('"a"', ("x",), "1")]),
    "several labels": (
        "text,label\na,x|y\nb,\nc, y ||y\n",
        "a.csv",
        {"label_separator": "|"},
        [("a", ("x", "y"), "2"), ("b", (), "3"), ("c", ("y",), "4")],
    ),
    "part of a label": (
        "text,label\na,DESC:manner\nb,NUM\n",
        "a.csv",
        {"label_until": ":"},
        [("a", ("DESC",), "2"), ("b", ("NUM",), "3")],
    ),
    "other signs that end lines": (
        "text,label\na\u2028b\u0085c\x0bd,x\n",
        "a.csv",
        {},
        [("a\u2028b\u0085c\x0bd", ("x",), "2")],
    ),
    "latin-1": (
        "text,label\nna\u00efve,x\n".encode("latin-1"),
        "a.csv",
        {"encoding": "latin-1"},
        [("na\u00efve", ("x",), "2")],
    ),
}


@pytest.mark.parametrize(("data", "name", "settings", "expected"), READ.values(), ids=READ)
def test_what_a_table_says(data: str | bytes, name: str, settings: dict[str, str], expected: object):
    assert found(data, name, **settings) == expected


REFUSED = {
    "no such column": (
        "txt,label\na,x\n",
        {},
        r"a\.csv:1: there is no column text, the columns are txt, label; did you mean txt\?",
    ),
    "no such label": (
        "text,class\na,x\n",
        {"label": "tag"},
        r"a\.csv:1: there is no column tag, the columns are text, class; give --label",
    ),
    "no header": (
        "good,pos\nbad,neg\n",
        {},
        r"a\.csv:1: .* the columns are good, pos; give --text by name, or by number",
    ),
    "name without header": (
        "a,x\n",
        {"text": "1", "header": "no"},
        r"a\.csv:1: a table without a header has no column named label; give --label",
    ),
    "other delimiter": ("text;label\na;x\n", {}, r"a\.csv:1: .* the columns are text;label; if ';' .* --delimiter ';'"),
    "tabs": ("text\tlabel\na\tx\n", {}, r"give --delimiter tab"),
    "twice": (
        "text,label,text\na,x,b\n",
        {},
        r"a\.csv:1: the column text must be there once, .*; give --text by number",
    ),
    "number too high": (
        "a,x\n",
        {"text": "1", "label": "3"},
        r"a\.csv:1: column 3 is needed for the label, but there are 2",
    ),
    "too many cells": (
        "text,label\na,x\nb, c,y\n",
        {},
        r"a\.csv:3: every row must have 2 columns, as the first has, .* has 3; put a cell with , in",
    ),
    "too few cells": ('text,label\n"a\nb",x\nb\n', {}, r"a\.csv:4: every row must have 2 columns, .* this one has 1"),
    "ragged tsv": (
        "text\tlabel\na\tb\tx\n",
        {"format": "tsv"},
        r"a\.csv:2: every row must have 2 columns, .* give --quotes yes",
    ),
    "unclosed quote": (
        'text,label\na,x\nb,"y\nc,z\n',
        {},
        r"a\.csv:3: a quote that opens a cell must be closed, but the file ends before that",
    ),
    "unclosed in a later line of a row": ('text,label\n"a\nb","y\nc,z\n', {}, r"a\.csv:3: a quote that opens"),
    "text behind a quote": (
        'text,label\n"a" b,x\n',
        {},
        r"a\.csv:2: a closing quote must end its cell, but ' ' follows it in line 2",
    ),
    "quote closed by the next row": (
        'text,label\na,x\n"b,y\n"c",z\n',
        {},
        r"a\.csv:3: a closing quote must end its cell, but 'c' follows it in line 4; the cell",
    ),
    "empty label": ("text,label\na,x\nb, \n", {}, r"a\.csv:3: every text must have a label, but this one is empty"),
    "nothing before the sign": ("text,label\nb,:x\n", {"label_until": ":"}, r"a\.csv:2: every text must have a label"),
    "label of two lines": ('text,label\na,"x\ny"\n', {}, r"a\.csv:2: a label must stand in one line"),
    "empty": ("", {}, r"a\.csv: labelled texts are needed, but none is there"),
    "header alone": ("text,label\n", {}, r"a\.csv: labelled texts are needed, but none is there"),
    "empty texts": ("text,label\n,x\n \u3000,y\n", {}, r"a\.csv: labelled texts are needed, but none is there"),
    "nul": (b"text,label\na,x\nb\0,y\n", {}, r"a\.csv:3: text is needed, but this holds a NUL byte"),
    "no utf-8": (
        b"text,label\na,x\nb\xe9,y\n",
        {},
        r"a\.csv:3: text must be UTF-8, but the byte 0xe9 .*--encoding latin-1",
    ),
    "no utf-8 in a quoted cell": (b'text,label\n"a\nb\xe9",y\n', {}, r"a\.csv:3: text must be UTF-8"),
    "gzip": (b"\x1f\x8b\x08", {}, r"a\.csv:1: .*looks like gzip data"),
    "excel": (b"PK\x03\x04", {}, r"a\.csv:1: .*looks like a zip archive or an office document"),
}


@pytest.mark.parametrize(("data", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_with_its_place(data: str | bytes, settings: dict[str, str], message: str):
    with pytest.raises(DataError, match=message) as raised:
        found(data, "a.csv", **settings)
    assert "\n" not in str(raised.value)


def test_a_longer_cell_than_pythons_limit_is_read():
    before = csv.field_size_limit()
    csv.field_size_limit(131072)
    long = "word " * 250_000
    assert [len(text) for text, *_ in found(f'text,label\n"{long}",x\n{long},y\n')] == [1_250_000] * 2
    assert csv.field_size_limit() > 2_000_000
    csv.field_size_limit(before)


def test_blank_lines_and_empty_texts_are_left_out_and_said():
    Path("a.csv").write_text("\ntext,label\na,x\n\nb,y\n,x\n  ,y\n\n")
    corpus = read_labelled("a.csv")
    assert [(text, where) for text, _, where in corpus] == [("a", "a.csv:3"), ("b", "a.csv:5")]
    assert corpus.notes == ["left out, since the text is empty: a.csv:6, a.csv:7", "blank lines are left out: a.csv"]


def test_a_file_without_texts_among_others_is_said():
    Path("a.csv").write_text("text,label\na,x\n")
    Path("b.csv").write_text("text,label\n")
    assert read_labelled(["a.csv", "b.csv"]).notes == ["no text is in it: b.csv"]


def test_line_ends_are_told():
    Path("a.csv").write_bytes(b"text,label\r\na,x\r\n")
    assert read_labelled("a.csv").notes == ["CRLF line ends are read as LF: a.csv"]


def test_a_header_that_was_read_as_a_text_is_told():
    Path("a.tsv").write_text("sentence\tlabel\ngood film\t1\nbad\t0\nfine\t1\n")
    corpus = read_labelled("a.tsv", LabelledSettings(text="1", label="2"))
    assert corpus.notes == ["read as a text, but may be a header; if it is, give --header yes: a.tsv:1"]
    assert read_labelled("a.tsv", LabelledSettings(text="1", label="2", header="no")).notes == []
    assert read_labelled("a.tsv", LabelledSettings(text="sentence")).notes == []


def test_quotes_around_every_text_of_a_tsv_are_told():
    Path("a.tsv").write_text('text\tlabel\n"good film"\t1\n"bad"\t0\n')
    note = "every text stands in quotes, which are read as part of it; if not, give --quotes yes: a.tsv"
    assert read_labelled("a.tsv").notes == [note]
    assert read_labelled("a.tsv", LabelledSettings(quotes="yes")).notes == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"text": ""}, "text must name a column, but '' was given; give a name or a number"),
        ({"label": "0"}, "label must name a column, but '0' was given; columns are counted from 1"),
        ({"text": "label"}, "text and label must be two columns, but both are label"),
        ({"delimiter": ";;"}, "delimiter must be one sign"),
        ({"delimiter": '"'}, "delimiter must be one sign"),
        ({"format": "cvs"}, r"format must be one of: auto, csv, .* did you mean csv\?"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, str], message: str):
    with pytest.raises(SettingError, match=message):
        LabelledSettings(**settings)


CELLS = ["", "a", " b ", "c,d", 'e"f', '"', '""', "g\nh", "\n", "i\tj", ";", "é\u2028", "'", "\\", '",', "k" * 50]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_what_pythons_writer_writes_is_read_back(quoting: int, ending: str):
    source = random.Random(0)
    for _ in range(60):
        rows = [["".join(source.choices(CELLS, k=3)), source.choice("xyz"), source.choice(CELLS)] for _ in range(9)]
        written = io.StringIO()
        csv.writer(written, quoting=quoting, lineterminator=ending).writerows([["text", "label", "more"], *rows])
        starts, line = [], 2
        for row in rows:  # where each row begins, counted by hand
            starts.append(str(line))
            line += 1 + row[0].count("\n") + row[2].count("\n")
        expected = [(row[0], (row[1],), start) for row, start in zip(rows, starts, strict=True) if row[0].strip()]
        assert found(written.getvalue()) == expected
        assert list(stream_texts("a.csv")) == [row[0] for row in rows]


def test_tables_without_quotes_are_read_back():
    source = random.Random(1)
    cells = [cell for cell in CELLS if not set("\t\n") & set(cell)]
    for _ in range(60):
        rows = [[source.choice("xyz"), "".join(source.choices(cells, k=3))] for _ in range(9)]
        expected = [(text, (label,), str(n)) for n, (label, text) in enumerate(rows, 1) if text.strip()]
        assert found("".join(f"{label}\t{text}\n" for label, text in rows), "a.tsv", text="2", label="1") == expected


def test_any_bytes_are_texts_or_one_clear_line():
    source = random.Random(2)
    fragments = [b"\0", b"\xff", b"\xc3\xa9", b"a", b"\n", b"\r", b'"', b",", b'""', b"a,b\n", b'"a",b\n']
    outcomes = Counter()
    for _ in range(800):
        data = b"".join(source.choices(fragments, [1, 1, 5, 9, 9, 3, 4, 9, 1, 20, 20], k=source.randrange(8)))
        Path("a.csv").write_bytes(data)
        settings = LabelledSettings(text="1", label="2")
        text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        fine = not {"\0", "\ufffd"} & set(text)
        rows: list[list[str]] = []
        if fine:
            rows, fine = by_hand(text)
        fine = fine and len({len(row) for row in rows}) == 1 and len(rows[0]) > 1
        kept = [row for row in rows if row[0].strip()]
        fine = fine and bool(kept) and all(row[1].strip() and "\n" not in row[1] for row in kept)
        outcomes[fine] += 1
        if fine:
            assert [(text, labels[0]) for text, labels, _ in read_labelled("a.csv", settings)] == [
                (row[0], row[1].strip()) for row in kept
            ]
        else:
            with pytest.raises(DataError, match=r"^a\.csv[^\n]*$"):
                read_labelled("a.csv", settings)
    assert min(outcomes[True], outcomes[False]) > 100


def by_hand(text: str) -> tuple[list[list[str]], bool]:
    """The rows by the grammar of RFC 4180, sign by sign, without blank lines; whether the quotes are right."""
    rows, row, at, after_delimiter = [], [], 0, False
    while at < len(text):
        cell = ""
        if text[at] == '"':
            at += 1
            while text[at : at + 1] != '"' or text[at + 1 : at + 2] == '"':
                if at >= len(text):
                    return [], False
                cell += text[at]
                at += 2 if text[at] == '"' else 1
            at += 1
            if text[at : at + 1] not in (",", "\n", ""):
                return [], False
        else:
            while text[at : at + 1] not in (",", "\n", ""):
                cell += text[at]
                at += 1
            if not row and not cell and text[at : at + 1] != ",":
                at += 1  # a blank line
                continue
        row.append(cell)
        after_delimiter = text[at : at + 1] == ","
        if not after_delimiter:
            rows.append(row)
            row = []
        at += 1
    return ([*rows, [*row, ""]] if after_delimiter else rows), True
