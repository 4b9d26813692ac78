"""The header of a safetensors file, checked before anything is believed or allocated.

A file is 8 bytes (the header's length, little-endian), the header (JSON: name -> dtype, shape, offsets), and the
data. Format: https://github.com/huggingface/safetensors; its reader has no limits on names and counts, ours has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewise.errors import ModelFileError
from gatewise.storage.atomic import Buffer
from gatewise.storage.reading import looks_like
from gatewise.storage.strict_json import parse_json

ITEM_SIZES = {
    "F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
METADATA = "__metadata__"
MOST_HEADER_BYTES = 16 << 20
MOST_METADATA_BYTES = 1 << 20
MOST_TENSORS = 65_536
MOST_NAME_BYTES = 512
MOST_DIMENSIONS = 8
ALIGNMENT = 64


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies: ``data[start:stop]``, counted from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def write_header(entries: Iterable[Entry], metadata: Mapping[str, str]) -> bytes:
    """The length and the header, padded with spaces so that the data begins at a multiple of 64.

    Raises:
        ModelFileError: a name or the metadata is one that :func:`read_header` would refuse.
    """
    _check_metadata(metadata, "metadata")
    table: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    for entry in entries:
        _check_name(entry.name, "tensor")
        table[entry.name] = {
            "dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [entry.start, entry.stop],
        }  # fmt: skip
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def read_header(data: Buffer, where: str) -> tuple[list[Entry], dict[str, str], int]:
    """The tensors in the order of their data, the metadata, and where the data begins.

    Raises:
        ModelFileError: anything about the header is not as the format and the limits above demand.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= min(MOST_HEADER_BYTES, len(data) - 8) or data[8] != ord("{"):
        raise ModelFileError(f"is not a safetensors file: {looks_like(data)}", where=where)
    table = parse_json(data[8 : 8 + size], f"{where} (header)")
    metadata = table.pop(METADATA, {})
    _check_metadata(metadata, where)
    if len(table) > MOST_TENSORS:
        raise ModelFileError(f"holds {len(table)} tensors; at most {MOST_TENSORS} are read", where=where)
    entries = sorted((_entry(name, row, where) for name, row in table.items()), key=lambda e: (e.start, e.stop))
    _check_cover(entries, len(data) - 8 - size, where)
    return entries, metadata, 8 + size


def _entry(name: str, row: Any, where: str) -> Entry:
    _check_name(name, where)
    if not isinstance(row, dict) or set(row) != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"the tensor {name} must have a dtype, a shape and data_offsets", where=where)
    dtype, shape, offsets = row["dtype"], row["shape"], row["data_offsets"]
    if dtype not in list(ITEM_SIZES):
        raise ModelFileError(f"the tensor {name} has the unknown dtype {dtype!r}", where=where)
    if not _are_sizes(shape) or len(shape) > MOST_DIMENSIONS or not _are_sizes(offsets) or len(offsets) != 2:
        raise ModelFileError(f"the tensor {name} has no valid shape and offsets", where=where)
    size = ITEM_SIZES[dtype]
    for length in shape:
        size *= length
    if offsets[1] - offsets[0] != size:
        raise ModelFileError(
            f"the tensor {name} needs {size} bytes, but lies at {offsets[0]} to {offsets[1]}", where=where
        )
    return Entry(name, dtype, tuple(shape), offsets[0], offsets[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**53 for value in values)


def _check_name(name: str, where: str) -> None:
    if not 1 <= len(name.encode("utf-8", "replace")) <= MOST_NAME_BYTES or not name.isprintable() or name == METADATA:
        raise ModelFileError(
            f"the tensor name {name[:40]!r} is not of 1 to {MOST_NAME_BYTES} printable bytes", where=where
        )


def _check_metadata(metadata: Any, where: str) -> None:
    if not isinstance(metadata, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in metadata.items()
    ):
        raise ModelFileError("the metadata must be texts by name", where=where)
    size = sum(len(key) + len(value) for key, value in metadata.items())
    if size > MOST_METADATA_BYTES:
        raise ModelFileError(f"the metadata has {size} characters; at most {MOST_METADATA_BYTES} are read", where=where)


def _check_cover(entries: list[Entry], size: int, where: str) -> None:
    end = 0
    for entry in entries:
        if entry.start != end:
            raise ModelFileError(f"the tensor {entry.name} begins at {entry.start} instead of {end}", where=where)
        end = entry.stop
    if end != size:
        raise ModelFileError(f"the tensors need {end} bytes of data, but there are {size}", where=where)
