"""Parquet files, where pyarrow is installed; written by DuckDB too, which knows nothing of pyarrow."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gatewise.errors import DataError
from gatewise.text.labelled import Labelled, LabelledSettings, read_labelled, stream_texts


@pytest.fixture
def arrow() -> Any:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'gatewise[parquet]'")


def write(arrow: Any, name: str = "a.parquet", **columns: Any) -> None:
    parquet = importlib.import_module("pyarrow.parquet")
    parquet.write_table(arrow.table(columns), name, row_group_size=3)


def test_rows_are_texts_and_labels(arrow: Any):
    write(arrow, id=[7, 8], label=["x", "y"], text=["a\nb", "é"])
    expected = [Labelled("a\nb", ("x",), "a.parquet:1"), Labelled("é", ("y",), "a.parquet:2")]
    assert list(read_labelled("a.parquet")) == expected
    assert list(read_labelled("a.parquet", LabelledSettings(text="3", label="2"))) == expected


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1, 0], [("1",), ("0",)]),
        ([True, False], [("true",), ("false",)]),
        ([["x", "y"], []], [("x", "y"), ()]),
        ([0.5, 2.0], [("0.5",), ("2.0",)]),
    ],
)
def test_kinds_of_labels(arrow: Any, values: list[Any], labels: list[tuple[str, ...]]):
    write(arrow, text=["a", "b"], label=values)
    assert [example.labels for example in read_labelled("a.parquet")] == labels


def test_classes_stored_as_a_dictionary(arrow: Any):
    write(arrow, text=["a", "b"], label=arrow.array(["x", "y"]).dictionary_encode())
    assert [example.labels for example in read_labelled("a.parquet")] == [("x",), ("y",)]


def test_a_file_of_another_writer_and_of_many_rows(arrow: Any):
    query = "select 'text ' || i as text, i % 3 as label from range(1, 10001) t(i)"
    duckdb.sql(f"copy ({query}) to 'a.parquet' (format parquet, row_group_size 3000)")
    expected = [Labelled(f"text {i}", (str(i % 3),), f"a.parquet:{i}") for i in range(1, 10001)]
    assert list(read_labelled("a.parquet")) == expected
    assert list(stream_texts("a.parquet")) == [example.text for example in expected]
    stdin = io.BytesIO(Path("a.parquet").read_bytes())
    assert list(stream_texts("-", LabelledSettings(format="parquet"), stdin)) == [example.text for example in expected]


def test_texts_are_streamed_where_there_are_no_labels(arrow: Any):
    write(arrow, text=["a", "", "b"])
    assert list(stream_texts("a.parquet")) == ["a", "", "b"]


def test_what_is_wrong_is_said(arrow: Any):
    write(arrow, text=["a", None], label=["x", "y"], number=[1, 2])
    with pytest.raises(DataError, match=r"a\.parquet:2: text must be a text, but nothing \(null\) stands there"):
        read_labelled("a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet:1: number must be a text, but the number 1 stands there"):
        read_labelled("a.parquet", LabelledSettings(text="number"))
    with pytest.raises(
        DataError, match=r"a\.parquet: there is no column txt, the columns are text, label, number; did"
    ):
        read_labelled("a.parquet", LabelledSettings(text="txt"))
    whole = Path("a.parquet").read_bytes()
    for name, data in {
        "cut": whole[:-20],
        "text": b"text,label\n",
        "empty": b"",
        "middle": whole[:4] + whole[40:],
    }.items():
        Path(f"{name}.parquet").write_bytes(data)
        with pytest.raises(DataError, match=rf"^{name}\.parquet: this is no Parquet file, or a damaged one[^\n]*$"):
            read_labelled(f"{name}.parquet")


def test_without_pyarrow_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    Path("a.parquet").write_bytes(b"PAR1")

    def refuse(name: str, *_: Any) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("gatewise.text.labelled.parquet.importlib.import_module", refuse)
    with pytest.raises(
        DataError, match=r'^a\.parquet: reading Parquet needs pyarrow, .*; pip install "gatewise\[parquet\]"$'
    ):
        read_labelled("a.parquet")
