"""Labelled texts read whole, for training; texts read as a stream, for prediction."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gatewise.errors import DataError
from gatewise.text.decoding import Notice, TextFile
from gatewise.text.documents import some
from gatewise.text.files import again, once, shown
from gatewise.text.labelled import delimited, json_lines, parquet, text_lines
from gatewise.text.labelled.examples import Labelled, LabelledCorpus
from gatewise.text.labelled.forms import Source, form_of, sources
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.values import LabelReader, Record
from gatewise.text.lines import lines


def read_labelled(
    paths: str | Path | Iterable[str | Path], settings: LabelledSettings | None = None, stdin: BinaryIO | None = None
) -> LabelledCorpus:
    """The labelled texts of some files, in the order given; they stand in memory.

    The form of a file follows from its name: ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet`` are tables (all but the
    last also with ``.gz``); a folder with a folder of texts for each class; several text files, one for each class;
    text files whose lines begin with ``__label__``. Others are asked for by ``settings.format``. Texts of nothing but
    white space are left out, and said: there is nothing to be learnt from them.

    Args:
        paths: files, folders, globs, or ``-``.
        settings: how texts and labels stand in the files.
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: a file is missing, damaged, or not of its form; a text has no label; there is no text. The line names
            the file and, where there is one, the line in it.

    Example:
        >>> Path("a.csv").write_text("text,label\\nwell done,good\\nnever again,bad\\n")
        42
        >>> read_labelled("a.csv").examples[1]
        Labelled(text='never again', labels=('bad',), where='a.csv:3')
    """
    settings = settings or LabelledSettings()
    told = _Told()
    found = sources(paths, settings, told.notes, lambda name: _first_line(name, settings))
    read_labels = LabelReader(settings)
    several = bool(settings.label_separator)
    examples: list[Labelled] = []
    for source in found:
        name, start, line = shown(source.name), len(examples), 0
        for line, text, value in _records(source, settings, again(source.name, stdin), True, told):
            where = f"{name}:{line}"
            if not text or text.isspace():
                told(where, "left out, since the text is empty")
            else:
                examples.append(Labelled(text, read_labels(value, where), where))
        if not line:
            told(name, "no text is in it")
        _doubt_quotes(source, settings, examples[start:], told)
    if not examples:
        names = some([shown(source.name) for source in found])
        raise DataError("labelled texts are needed, but none is there", where=names, fix="give a file with texts in it")
    if settings.header == "auto":
        _doubt_header(found, examples, told)
    return LabelledCorpus(examples, len(found), told.lines(), several)


def stream_texts(
    path: str | Path,
    settings: LabelledSettings | None = None,
    stdin: BinaryIO | None = None,
    notice: Notice | None = None,
) -> Iterator[str]:
    """The texts of a file one after another, without labels, in memory that does not grow with the file.

    A file that is no table has a text on every line, blank lines included: there are as many texts as lines. Of a table
    the column of the text is read; the column of the label may be there or not.

    Args:
        path: a file or pipe, or ``-``.
        settings: how texts stand in the file; with ``format="auto"`` stdin has a text on every line.
        stdin: what ``-`` reads; None: the process's own.
        notice: takes the name of the file and what was changed or left out.

    Raises:
        DataError: as :func:`read_labelled`, when the place is reached.

    Example:
        >>> Path("a.txt").write_text("one\\n\\nthree")
        10
        >>> list(stream_texts("a.txt"))
        ['one', '', 'three']
    """
    settings, name = settings or LabelledSettings(), str(path)
    if os.path.isdir(name):
        raise DataError("a file is needed, but this is a folder", where=name, fix="name a file in it")
    form = (form_of(name) or "plain") if settings.format == "auto" else settings.format
    open_bytes = again(name, stdin) if form == "parquet" else once(name, stdin)
    for record in _records(Source(name, form), settings, open_bytes, False, notice or _ignore):
        yield record.text


def _records(
    source: Source, settings: LabelledSettings, open_bytes: Callable[[], BinaryIO], labelled: bool, notice: Notice
) -> Iterator[Record]:
    """What a file says of its texts, by its form."""
    name, form = shown(source.name), source.form
    if form == "parquet":
        return parquet.records(open_bytes, name, settings, labelled)
    pieces = TextFile(open_bytes, name, settings.encoding, notice).pieces()
    if form == "class_folders":
        return text_lines.whole(pieces, source.label)
    if form in ("class_files", "plain"):
        return text_lines.each_line(lines(pieces), source.label)
    if form == "label_first":
        return text_lines.label_first(lines(pieces), name, settings, labelled)
    if form == "jsonl":
        return json_lines.records(lines(pieces), name, settings, labelled, notice)
    return delimited.records(lines(pieces), name, form, settings, labelled, notice)


def _first_line(name: str, settings: LabelledSettings) -> str:
    pieces = TextFile(again(name), shown(name), settings.encoding, _ignore).pieces()
    return next((line for line in lines(pieces) if not line.isspace()), "")


class _Told:
    """What was noticed, and where."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.changed: dict[str, list[str]] = {}

    def __call__(self, name: str, what: str) -> None:
        self.changed.setdefault(what, []).append(name)

    def lines(self) -> list[str]:
        """A line for each kind of thing."""
        return self.notes + [f"{what}: {some(places)}" for what, places in self.changed.items()]


def _ignore(name: str, what: str) -> None:
    del name, what


def _doubt_quotes(source: Source, settings: LabelledSettings, examples: list[Labelled], told: _Told) -> None:
    enclosed = all(len(text) > 1 and text[0] == text[-1] == '"' for text, *_ in examples)
    if source.form == "tsv" and settings.quotes == "auto" and len(examples) > 1 and enclosed:
        told(shown(source.name), "every text stands in quotes, which are read as part of it; if not, give --quotes yes")


def _doubt_header(found: list[Source], examples: list[Labelled], told: _Told) -> None:
    """Say where the first line of a table looks like a header, but was read as a text."""
    counted = Counter(example.labels for example in examples)
    tables = {f"{shown(source.name)}:1" for source in found if source.form in ("csv", "tsv")}
    for example in examples:
        if example.where in tables and counted[example.labels] == 1 and len(example.text.split()) == 1:
            told(example.where, "read as a text, but may be a header; if it is, give --header yes")
