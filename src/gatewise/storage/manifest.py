"""The list of a folder's files with their sizes and SHA-256, sealed with its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewise.errors import ModelFileError
from gatewise.storage import seal
from gatewise.storage.atomic import Buffer, Content
from gatewise.storage.strict_json import parse_json

NAME = "manifest.json"
CARD = "README.md"  # a person may edit it, so nothing is promised about it
FORMAT = "gatewise-manifest-1"
_PIECE = 64 << 20  # between two of them a key press is heard
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")


@dataclass(frozen=True)
class Line:
    """What the manifest says of one file."""

    size: int
    sha256: str


def is_plain(name: str) -> bool:
    """Whether a file name is a plain one: no separators, no leading dot, nothing a system could take for a path.

    Example:
        >>> is_plain("model.safetensors"), is_plain("../model"), is_plain("C:\\\\x"), is_plain("")
        (True, False, False, False)
    """
    return _PLAIN.fullmatch(name) is not None


def write_manifest(files: Mapping[str, Content]) -> bytes:
    """The manifest of ``files``, itself and the card left out."""
    lines = {
        name: _entry([data] if isinstance(data, Buffer) else data)
        for name, data in sorted(files.items())
        if name != CARD
    }
    table = {"format": FORMAT, seal.KEY: seal.BLANK, "files": lines}
    return seal.sealed(json.dumps(table, indent=1).encode() + b"\n")


def read_manifest(data: Buffer, where: str) -> dict[str, Line]:
    """What the manifest says of each file.

    Raises:
        ModelFileError: it is damaged, of another format, or names a file in another folder.
    """
    table = parse_json(data, where)
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        found = table.get("format") if isinstance(table, dict) else type(table).__name__
        raise ModelFileError(f"the format {FORMAT!r} was expected, but {found!r} came", where=where)
    if not seal.is_sealed(data):
        raise ModelFileError("is damaged: its SHA-256 is not the one written in it", where=where, fix="copy it again")
    rows = table.get("files")
    if set(table) != {"format", seal.KEY, "files"} or not isinstance(rows, dict):
        raise ModelFileError("must hold a format, its own SHA-256 and files, and nothing else", where=where)
    return {name: _line(name, row, where) for name, row in rows.items()}


def check_content(data: Buffer, line: Line, where: str) -> None:
    """Refuse a file whose content is not the one listed.

    Raises:
        ModelFileError: another size or SHA-256.
    """
    view = memoryview(data)
    digest = hashlib.sha256()
    for start in range(0, len(view), _PIECE):
        digest.update(view[start : start + _PIECE])
    if len(view) != line.size or digest.hexdigest() != line.sha256:
        raise ModelFileError(
            "is damaged: its SHA-256 is not the one in manifest.json", where=where, fix="copy it again"
        )


def _entry(pieces: Iterable[Buffer]) -> dict[str, Any]:
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += memoryview(piece).nbytes
        digest.update(piece)
    return {"size": size, "sha256": digest.hexdigest()}


def _line(name: str, row: Any, where: str) -> Line:
    if not is_plain(name) or name in (NAME, CARD):
        raise ModelFileError(f"lists {name[:80]!r}, which is no plain file name", where=where)
    if not isinstance(row, dict) or set(row) != {"size", "sha256"}:
        raise ModelFileError(f"must give a size and a sha256 for {name}", where=where)
    if type(row["size"]) is not int or row["size"] < 0 or not isinstance(row["sha256"], str):
        raise ModelFileError(f"must give a size and a sha256 for {name}", where=where)
    return Line(row["size"], row["sha256"])
