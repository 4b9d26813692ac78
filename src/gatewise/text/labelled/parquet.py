"""Parquet files, read by pyarrow, which is asked for only here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from gatewise.errors import DataError
from gatewise.text.labelled.columns import place
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.values import Record, text_of

_ROWS = 4096  # that stand in memory at a time


def records(
    open_bytes: Callable[[], BinaryIO], name: str, settings: LabelledSettings, labelled: bool
) -> Iterator[Record]:
    """The texts of a Parquet file; rows are counted from 1.

    Args:
        open_bytes: opens the file.
        name: of the file, for messages.
        settings: the columns of text and label.
        labelled: whether the label is needed.

    Raises:
        DataError: pyarrow is not installed, the file is damaged, a column is not there, or a text is none.
    """
    library, damage = _library(name)
    with open_bytes() as file:
        try:
            table = library.ParquetFile(file)
            columns = table.schema_arrow.names
            text = columns[place(settings.text, "text", columns, name)]
            label = columns[place(settings.label, "label", columns, name)] if labelled else text
            first = 1
            for batch in table.iter_batches(_ROWS, columns=list({text, label})):
                values = batch.column(label).to_pylist() if labelled else [None] * len(batch)
                for row, (content, value) in enumerate(zip(batch.column(text).to_pylist(), values, strict=True), first):
                    yield Record(row, text_of(content, text, f"{name}:{row}"), value)
                first += len(batch)
        except (damage, OSError) as error:
            what = " ".join(str(error).split())[:200]
            raise DataError(f"this is no Parquet file, or a damaged one ({what})", where=name) from None


def _library(name: str) -> tuple[Any, Any]:
    """The part of pyarrow that reads Parquet, and what it raises."""
    try:
        return importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow").ArrowException
    except ImportError:
        raise DataError(
            "reading Parquet needs pyarrow, which is not installed", where=name, fix='pip install "gatewise[parquet]"'
        ) from None
