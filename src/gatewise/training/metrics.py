"""``metrics.jsonl``: one JSON object per line, from the first step to the last.

Every line has ``step``, ``epoch``, ``loss`` (mean per unit since the line before; null where all steps were skipped),
``learning_rate`` (of the last layer group), ``gradient_norm`` (mean before clipping), ``gradient_norm_max`` (the
greatest), ``gradient_norm_by_layer`` (a mean for each layer that had a gradient; :mod:`gatewise.training.layer_names`
says what layers are called), ``clipped`` and ``skipped`` (shares of the steps since the line before), ``units``
(trained on so far), ``units_per_second`` (of training alone, since the line before), ``seconds`` (of training alone,
so far) and ``memory`` (MiB in use); under ``unfreeze_every`` also ``layer_groups`` (how many are trained).

About every fiftieth step is measured, and the line after it has ``update_ratio_by_layer``: by how much that step
changed the weights of each layer, as a share of their length; null where that is no number. ``alarms`` is there where
something was said since the line before: objects with ``cause``, ``step`` and ``line``
(:mod:`gatewise.training.health`).

The line of a validation also has ``validation_loss``, ``validation_NAME`` for each other measure of the task, and
``best`` (the best so far, by the measure that the task selects by).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.storage.atomic import not_written


class MetricsFile:
    """The file, appended to line by line.

    Args:
        path: the file.
        size: how many of its bytes to keep; what a killed run wrote after its last checkpoint goes.

    Attributes:
        size: its length in bytes.

    Raises:
        GatewiseError: the system refuses a write.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise not_written(path, error) from error
        self.size = min(size, os.fstat(self._descriptor).st_size)
        os.ftruncate(self._descriptor, self.size)
        os.lseek(self._descriptor, self.size, os.SEEK_SET)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a line; numbers in it that are not finite become null."""
        line = json.dumps(_plain(record), allow_nan=False).encode() + b"\n"
        try:
            while line:
                done = os.write(self._descriptor, line)
                self.size, line = self.size + done, line[done:]
        except OSError as error:
            raise not_written(self.path, error) from error

    def sync(self) -> None:
        """Wait until the lines are on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise not_written(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; a last line that a killed run left unfinished is left out."""
    text = Path(path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
