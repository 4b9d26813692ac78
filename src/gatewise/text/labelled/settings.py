"""How labelled texts are stored; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting
from gatewise.text.settings import Encoding

Form = Literal["csv", "tsv", "jsonl", "parquet", "label_first", "class_files", "class_folders", "plain"]
"""The form of a file; ``plain`` is text without labels, a text on each line."""

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "label_first", "class_files", "class_folders", "plain"]
"""The form of all files that are given, or ``auto``: what their names say."""


@dataclass(frozen=True)
class LabelledSettings(Settings):
    """How texts and their labels are found in files.

    A column that is given as a whole number is counted from 1, one that is given by name needs a header (the keys of a
    JSON object and the columns of a Parquet file have names anyway). In ``csv`` a cell may stand in double quotes (RFC
    4180); in ``tsv`` quotes are signs like others unless ``quotes`` says otherwise: tables of corpora are written so,
    with quotes inside texts that close nothing.

    Example:
        >>> LabelledSettings(text="1", label="2").format
        'auto'
        >>> LabelledSettings(delimiter="tab").delimiter
        '\\t'
    """

    text: str = setting("text", "column of the text, by name, or by number counted from 1", metavar="COLUMN")
    label: str = setting("label", "column of the label, by name, or by number counted from 1", metavar="COLUMN")
    format: Format = setting("auto", "form of the files; auto: what their names end in")
    header: Literal["auto", "yes", "no"] = setting(
        "auto", "whether a table begins with the names of its columns; auto: yes where a column is given by name"
    )
    delimiter: str = setting("", "the sign between columns, or tab; by default a comma in csv and a tab in tsv")
    quotes: Literal["auto", "yes", "no"] = setting(
        "auto", "whether double quotes enclose cells; auto: yes in csv, no in tsv"
    )
    label_separator: str = setting("", "divides the labels of a text that may have several; by default it has one")
    label_until: str = setting("", "of a label only what stands before this sign counts: with : DESC of DESC:manner")
    label_prefix: str = setting("__label__", "what each label begins with where lines begin with several")
    encoding: Encoding = setting("utf-8", "the encoding of the files")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        for name, column in (("text", self.text), ("label", self.label)):
            if not column or column.strip("0") == "":
                fix = "columns are counted from 1" if column else "give a name or a number"
                raise SettingError(f"{name} must name a column, but {column!r} was given", fix=fix)
        if self.text == self.label:
            raise SettingError(f"text and label must be two columns, but both are {self.text}")
        object.__setattr__(self, "delimiter", {"tab": "\t", "\\t": "\t"}.get(self.delimiter, self.delimiter))
        if len(self.delimiter) > 1 or self.delimiter in ('"', "\n", "\r"):
            raise SettingError(
                f"delimiter must be one sign, no quote and no line end, but {self.delimiter!r} was given",
                fix="give a sign, or tab",
            )
