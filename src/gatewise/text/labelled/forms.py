"""Which form a file has, and which label the texts in it, where the name says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, cast

from gatewise.errors import DataError, SettingError
from gatewise.text.documents import some
from gatewise.text.files import STDIN, TEXT_ENDINGS, named
from gatewise.text.labelled.settings import Form, LabelledSettings

_FORMS: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
_TABLES = tuple(ending + packed for ending in _FORMS for packed in ("", ".gz"))
_PARTS = {"train", "training", "dev", "devel", "valid", "validation", "val", "test", "eval"}
_FORMS_OF_TEXT = "label_first (each line begins with its label), class_files or class_folders"


class Source(NamedTuple):
    """A file to read.

    Attributes:
        name: of the file, or ``-``.
        form: how texts and labels stand in it.
        label: of all texts in it, where its name or its folder says so.
    """

    name: str
    form: Form
    label: str | None = None


def form_of(name: str) -> Form | None:
    """The form that the ending of a name says; None for other endings.

    Example:
        >>> form_of("train.csv.gz"), form_of("train.txt")
        ('csv', None)
    """
    return _FORMS.get(os.path.splitext(name.lower().removesuffix(".gz"))[1])


def sources(
    paths: str | Path | Iterable[str | Path],
    settings: LabelledSettings,
    notes: list[str],
    first_line: Callable[[str], str],
) -> list[Source]:
    """The files that some names stand for, with their forms.

    Args:
        paths: files, folders, globs or ``-``.
        settings: the form that is asked for.
        notes: lines that the user should see; some may be added.
        first_line: gives the first line of a file that is no table, to see whether it begins with the prefix of labels.

    Raises:
        DataError: a file is missing, or its form cannot be told from its name.

    Example:
        >>> Path("a.csv").touch()
        >>> sources("a.csv", LabelledSettings(), [], str)
        [Source(name='a.csv', form='csv', label=None)]
    """
    given = [str(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    form = settings.format
    if form == "plain":
        raise SettingError("plain texts have no labels, but labels are needed", fix=f"give --format {_FORMS_OF_TEXT}")
    if form == "class_folders":
        return [source for name in given for source in _class_folders(name, notes)]
    if form == "class_files":
        return _class_files(named(given, notes))
    if form != "auto":
        endings = tuple(ending for ending in _TABLES if form_of("a" + ending) == form) or TEXT_ENDINGS
        return [Source(name, form) for name in named(given, notes, endings)]
    folders = [name for name in given if os.path.isdir(name) and _folders_of_texts(name)]
    for name in folders:
        _refuse_parts([path + ".txt" for path in _folders_of_texts(name)], name)
    found = [source for name in folders for source in _class_folders(name, notes)]
    rest = [name for name in given if name not in folders]
    return found + (_by_name(rest, settings, notes, first_line) if rest or not given else [])


def _by_name(
    given: list[str], settings: LabelledSettings, notes: list[str], first_line: Callable[[str], str]
) -> list[Source]:
    names = []
    for name in given:
        tables = os.path.isdir(name) and any(file.lower().endswith(_TABLES) for file in os.listdir(name))
        found = named(name, notes, _TABLES if tables else TEXT_ENDINGS)
        if os.path.isdir(name):
            _refuse_parts(found, name)
        names += found
    names = named(names, notes) if names or not given else names
    forms = {name: form_of(name) for name in names}
    texts = [name for name in names if forms[name] is None]
    if STDIN in texts:
        raise DataError("stdin has no name that tells its form", where="stdin", fix="give --format, such as jsonl")
    labels: dict[str, Source] = {}
    peeked = first_line(texts[0]) if texts and os.path.isfile(texts[0]) else ""  # a pipe can be read only once
    if settings.label_prefix and peeked.lstrip().startswith(settings.label_prefix):
        labels = {name: Source(name, "label_first") for name in texts}
    elif len(texts) > 1 and all(name.lower().endswith(TEXT_ENDINGS) for name in texts):
        _refuse_parts(texts, texts[0])
        labels = {source.name: source for source in _class_files(texts)}
    elif texts:
        message = "the name of this file does not tell where its labels stand"
        raise DataError(message, where=texts[0], fix=f"give --format {_FORMS_OF_TEXT}")
    return [labels.get(name) or Source(name, cast(Form, forms[name])) for name in names]


def _refuse_parts(names: list[str], where: str) -> None:
    """Raise an error where names look like parts of a data set, which nobody wants to read as one or as classes."""
    parts = [name for name in names if _PARTS & set(_stem(name).lower().replace("-", ".").replace("_", ".").split("."))]
    if len(names) > 1 and parts:
        message = f"{some([os.path.basename(name) for name in parts])} look like parts of a data set, not like classes"
        raise DataError(message, where=where, fix="name the files to train on, or give --format")


def _stem(name: str) -> str:
    return os.path.splitext(os.path.basename(name.removesuffix(".gz")))[0]


def _class_files(names: list[str]) -> list[Source]:
    if STDIN in names:
        raise DataError("a file of a class has the class as its name, but stdin has none", where="stdin")
    return [Source(name, "class_files", _stem(name)) for name in names]


def _folders_of_texts(folder: str) -> list[str]:
    """The folders in a folder that hold text files, by name."""
    inner = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    return [path for path in inner if any(file.lower().endswith(TEXT_ENDINGS) for file in os.listdir(path))]


def _class_folders(folder: str, notes: list[str]) -> list[Source]:
    """The text files in the folders of a folder, with the names of these as labels."""
    if not os.path.isdir(folder):
        raise DataError("a folder with a folder for each class is needed, but this is none", where=folder)
    classes = _folders_of_texts(folder)
    if not classes:
        raise DataError(
            f"a folder for each class with {TEXT_ENDINGS[0]} files is needed, but none is in it", where=folder
        )
    beside = sorted(set(os.listdir(folder)) - {os.path.basename(path) for path in classes})
    if beside:
        notes.append(f"{folder}: not read, since it is no folder of a class: {some(beside)}")
    return [Source(name, "class_folders", os.path.basename(path)) for path in classes for name in named(path, notes)]
