"""Keys grouped and sorted beyond memory, by DuckDB; the only file that knows it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gatewise.errors import GatewiseError, SettingError
from gatewise.models.ngram.counts import Ids, OrderCounts
from gatewise.models.ngram.room import Room

_A_THREAD = 128 << 20
"""Bytes that DuckDB wants for each thread that groups and sorts."""
_GROUPED = """
    CREATE TABLE grouped AS
    SELECT key, count(*)::BIGINT AS count, sum(begins)::BIGINT AS begins, min(suffix) AS suffix
    FROM places GROUP BY key ORDER BY key
"""


class Grouping:
    """The n-grams of one order from the places where they end, in any order and number.

    It takes half of the room's memory, and goes to the room's folder with what is more.

    Args:
        room: on a disk.

    Raises:
        SettingError: DuckDB is not installed.
        GatewiseError: there is no place left on the disk, or too little memory (at any step).
    """

    def __init__(self, room: Room) -> None:
        self.room, self.engine = room, _engine()
        limit = (room.memory or 0) // 2
        given = {
            "memory_limit": f"{limit}B",
            "temp_directory": str(room.folder),
            "threads": max(1, min(os.cpu_count() or 1, limit // _A_THREAD)),
        }
        self.connection = self.engine.connect(":memory:", config=given)
        self._execute("CREATE TABLE places (key BIGINT, begins TINYINT, suffix BIGINT)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.connection.close()

    def add(self, keys: Ids, begins: Any, suffixes: Ids) -> None:
        """Some places.

        Args:
            keys: [places], of the n-gram that ends there.
            begins: [places], whether it begins a sequence.
            suffixes: [places], the number of the n-gram of the order before that ends there.
        """
        self.connection.register("piece", {"key": keys, "begins": begins.astype(np.int8), "suffix": suffixes})
        self._execute("INSERT INTO places SELECT key, begins, suffix FROM piece")
        self.connection.unregister("piece")

    def finish(self) -> OrderCounts:
        """The n-grams of all places that were added, in arrays of the room."""
        self._execute(_GROUPED)
        self._execute("DROP TABLE places")
        size = int(self._execute("SELECT count(*) AS size FROM grouped")["size"][0])
        found = [self.room.empty(size, np.int64) for _ in range(4)]
        for start, stop in self.room.steps(size):
            some = self._execute(f"SELECT * FROM grouped WHERE rowid >= {start} AND rowid < {stop}")
            for array, name in zip(found, ("key", "count", "begins", "suffix"), strict=True):
                array[start:stop] = some[name]
            if not (np.diff(found[0][max(0, start - 1) : stop]) > 0).all():
                raise RuntimeError("DuckDB returned keys that do not rise")
        return OrderCounts(*found)

    def _execute(self, statement: str) -> Any:
        with _told(self.engine, self.room.folder):
            return self.connection.execute(statement).fetchnumpy()


def _engine() -> Any:
    try:
        import duckdb
    except ImportError:
        raise SettingError(
            "counting beyond the memory needs DuckDB, which is not installed",
            where="memory",
            fix='pip install "gatewise[disk]", or allow more memory, such as --memory 8gb',
        ) from None
    return duckdb


@contextlib.contextmanager
def _told(engine: Any, folder: Path | None) -> Iterator[None]:
    """What DuckDB says, as one line."""
    try:
        yield
    except engine.OutOfMemoryException as error:
        raise GatewiseError(f"n-grams cannot be sorted ({_line(error)})", where=str(folder), fix=_MORE) from None
    except engine.IOException as error:
        raise GatewiseError(f"n-grams cannot be sorted ({_line(error)})", where=str(folder), fix=_LOOK) from None
    except RuntimeError as error:  # so DuckDB tells of Ctrl-C
        if "interrupted" in str(error):
            raise KeyboardInterrupt from None
        raise


_MORE = "free some space on that disk, or allow more memory, such as --memory 8gb"
_LOOK = "free some space on that disk"


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()
