"""The files of a run's checkpoints: written as a whole, the newest kept, found again after any crash.

Nothing here needs torch: a checkpoint is a tree of values for :mod:`gatewise.training.tree`, and a file here.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError, ModelFileError, TrainingError
from gatewise.storage import make_folder, pack_pieces, parse_json, unpack_tensors, write_atomically
from gatewise.storage.atomic import Buffer

FORMAT = "gatewise-checkpoint-1"
_SUFFIX = ".safetensors"
_TRANSIENT = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ESTALE, errno.EMFILE, errno.ENFILE}
_WAITS = (0.1, 0.5, 2.0)  # seconds before the second, third and fourth try


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie; made when the first is written.
        keep: how many of the newest to keep, at least 1.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def found(self) -> list[Path]:
        """The files there are, the newest last."""
        return sorted(self.folder.glob(f"step-*{_SUFFIX}"))

    def write(self, step: int, pieces: Iterable[Buffer], say: Callable[[str], None]) -> Path:
        """Put a checkpoint on the disk, then remove those that are too many, never the one just written.

        Errors that may pass (EIO and such) are said, and the write is tried three times more.

        Raises:
            GatewiseError: the system refuses; the earlier checkpoints are as before.
        """
        path = self.folder / f"step-{step:09d}{_SUFFIX}"
        pieces = list(pieces)
        for wait in (*_WAITS, None):
            try:
                make_folder(self.folder)
                write_atomically(path, pieces)
                break
            except GatewiseError as error:
                if wait is None or getattr(error.__cause__, "errno", None) not in _TRANSIENT:
                    raise
                say(f"{error}; trying again in {wait:g} s")
                time.sleep(wait)
        others = [found for found in self.found() if found != path]
        for old in others[: max(0, len(others) + 1 - self.keep)]:
            try:
                old.unlink()
            except OSError as error:
                say(f"{old}: cannot be removed ({error.strerror})")
        return path


def pack(tensors: dict[str, Any], skeleton: Any) -> list[Buffer]:
    """A checkpoint as the pieces of one safetensors file with its own SHA-256 inside."""
    text = json.dumps(skeleton, allow_nan=False, separators=(",", ":"))
    return pack_pieces(tensors, {"format": FORMAT, "state": text}, sealed=True)


def unpack(source: Path | Buffer, where: str) -> tuple[dict[str, Any], Any]:
    """What :func:`pack` took.

    Raises:
        ModelFileError: it is damaged, truncated, or no checkpoint.
    """
    tensors, metadata = unpack_tensors(source, where, sealed=True)
    if metadata.get("format") != FORMAT or "state" not in metadata:
        found = metadata.get("format", "none")
        raise ModelFileError(f"a checkpoint of the format {FORMAT} was expected, but {found} came", where=where)
    return tensors, parse_json(metadata["state"].encode(), where)


def newest(checkpoints: Checkpoints, say: Callable[[str], None]) -> tuple[dict[str, Any], Any]:
    """The newest checkpoint that is whole; a damaged one is said, and the one before it is taken.

    The damaged one is then renamed, or it would stand among the newest ones and push out those that are whole; where
    none is whole, all stay as they are.

    Raises:
        TrainingError: there is none.
    """
    damaged: list[Path] = []
    for path in reversed(checkpoints.found()):
        try:
            taken = unpack(path, str(path))
        except ModelFileError as error:
            say(f"{error}; going back to the checkpoint before it")
            damaged.append(path)
            continue
        for other in damaged:
            _move_aside(other, say)
        return taken
    raise TrainingError("there is no checkpoint to resume from", where=str(checkpoints.folder), fix="start a new run")


def _move_aside(path: Path, say: Callable[[str], None]) -> None:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as error:
        say(f"{path}: is damaged, and cannot be renamed ({error.strerror})")
    else:
        say(f"{path}: is kept as {aside.name}")
