"""The folder of a run: its name, and that nothing is left of a run that never began."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewise.errors import TrainingError
from gatewise.storage import parse_json, write_atomically

_RECORD = "record.json"


def new_name(kind: str) -> Path:
    """A folder under ``runs`` that is not there yet, named for the kind of model and the time.

    Example:
        >>> new_name("lm").parent.name
        'runs'
    """
    name = time.strftime(f"{kind}-%Y%m%d-%H%M%S")
    taken = [Path("runs") / name, *(Path("runs") / f"{name}-{number}" for number in range(2, 100))]
    return next(path for path in taken if not path.exists())


def check_new(folder: Path, fix: str = "give another --out") -> None:
    """Refuse a folder with something in it.

    Raises:
        TrainingError: it is no folder, or not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError("there is something here already", where=str(folder), fix=fix)


@contextlib.contextmanager
def new_folder(folder: Path, kept: str = "checkpoints/*") -> Iterator[None]:
    """Make ``folder``; what fails before the first checkpoint takes it away again, so that nothing is in the way.

    Args:
        folder: new, or empty.
        kept: what must be in it, as a glob, for it to stay after a failure.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=not new)
    try:
        yield
    except BaseException:
        if not any(folder.glob(kept)):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            with contextlib.suppress(OSError):  # a parent in which another run began meanwhile stays
                for path in new:
                    path.rmdir()
        raise


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write what is known of a run's data, after all else: data without a record were left unfinished.

    Args:
        folder: of the data.
        record: ready for JSON.
    """
    write_atomically(folder / _RECORD, json.dumps(record, indent=1).encode("utf-8"))


def read_record(folder: Path) -> dict[str, Any]:
    """What :func:`write_record` wrote.

    Raises:
        TrainingError: there is nothing, or the data were left unfinished.
        ModelFileError: it is damaged.
    """
    path = folder / _RECORD
    if not path.is_file():
        raise TrainingError("there is no run to resume here", where=str(folder.parent), fix="start it without --resume")
    found: dict[str, Any] = parse_json(path.read_bytes(), str(path))
    return found
