"""What a training run wrote down of itself, read back strictly: a verdict is worth what its numbers are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.errors import DataError, ModelFileError
from gatewise.storage import parse_json
from gatewise.training.health import NOT_FINITE
from gatewise.training.run_files import CONFIG, METRICS, SUMMARY

_NUMBERS = ("loss", "gradient_norm", "learning_rate", "clipped", "skipped", "validation_loss")
_BY_LAYER = ("gradient_norm_by_layer", "update_ratio_by_layer")


@dataclass(frozen=True)
class RunRecord:
    """The lines of a run, and what it was asked to do.

    Attributes:
        folder: of the run.
        rows: the lines of ``metrics.jsonl``, of which there is at least one;
            :mod:`gatewise.training.metrics` says what they hold.
        training: the table ``[training]`` of its settings; empty where there is no ``config.toml``.
        batches: the table ``[batches]``, the same.
        stopped: why it ended; "" where it has not.

    Example:
        >>> record = RunRecord(Path("run"), ({"step": 1, "loss": 3.0}, {"step": 2, "loss": None}), {}, {}, "")
        >>> record.numbers("loss")
        [(1, 3.0)]
    """

    folder: Path
    rows: tuple[Mapping[str, Any], ...]
    training: Mapping[str, Any]
    batches: Mapping[str, Any]
    stopped: str

    def numbers(self, name: str) -> list[tuple[int, float]]:
        """Step and value of every line that has a number under this name."""
        return [(row["step"], float(row[name])) for row in self.rows if _is_number(row.get(name))]

    def by_layer(self, name: str) -> dict[str, list[tuple[int, float]]]:
        """The same of a field that holds a number for each layer."""
        found: dict[str, list[tuple[int, float]]] = {}
        for row in self.rows:
            for layer, value in (row.get(name) or {}).items():
                if _is_number(value):
                    found.setdefault(layer, []).append((row["step"], float(value)))
        return found

    @property
    def died(self) -> bool:
        """Whether it ended since its gradients stayed NaN or infinite."""
        return self.stopped == "not finite" or any(
            alarm["cause"] == NOT_FINITE for alarm in self.rows[-1].get("alarms", ())
        )

    def alarms(self) -> list[Mapping[str, Any]]:
        """What was said during the run: objects with ``cause``, ``step`` and ``line``."""
        return [alarm for row in self.rows for alarm in row.get("alarms", ())]


def is_run(folder: Path) -> bool:
    """Whether this is the folder of a training run, with or without what it should have written down."""
    return (folder / "checkpoints").is_dir() or (folder / METRICS).exists()


def read_record(folder: str | Path) -> RunRecord:
    """The record of a run.

    Raises:
        DataError: there is no ``metrics.jsonl``, or no line in it yet.
        ModelFileError: a file is damaged.
    """
    folder = Path(folder)
    path = folder / METRICS
    if not path.is_file():
        fix = f"name the model instead: {folder}/model" if (folder / "model").is_dir() else "name another folder"
        raise DataError(f"this run has no {METRICS}, so nothing is known of its training", where=str(folder), fix=fix)
    rows = tuple(_row(line, f"{path}:{number}") for number, line in enumerate(_whole_lines(path), 1))
    if not rows:
        message = f"{METRICS} has no line yet, as the run has not come to its first --log-every steps"
        raise DataError(message, where=str(folder), fix="let it go on: train with --resume")
    settings, summary = _settings(folder / CONFIG), folder / SUMMARY
    ended = parse_json(summary.read_bytes(), str(summary)) if summary.is_file() else {}
    if not isinstance(ended, dict):
        raise ModelFileError("an object is expected, but something else came", where=str(summary))
    return RunRecord(folder, rows, settings.get("training", {}), settings.get("batches", {}), ended.get("stopped", ""))


def _whole_lines(path: Path) -> list[bytes]:
    """The lines, without a last one that a killed run left unfinished."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _row(line: bytes, where: str) -> Mapping[str, Any]:
    row = parse_json(line, where)
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        message = f"an object with a step is expected on each line of {METRICS}, but {line[:40].decode()!r} came"
        raise ModelFileError(message, where=where)
    wrong = next((name for name in row if not _is_as_written(name, row[name])), None)
    if wrong is not None:
        message = f"{wrong} holds {str(row[wrong])[:40]!r}, which no training run writes there"
        raise ModelFileError(message, where=where, fix="restore the file as the run wrote it")
    return row


def _is_as_written(name: str, value: Any) -> bool:
    """Whether a field holds what :mod:`gatewise.training.metrics` writes into it; fields not read here may hold all."""
    if name in _NUMBERS:
        return value is None or _is_number(value)
    if name in _BY_LAYER:
        return value is None or (
            isinstance(value, dict) and all(one is None or _is_number(one) for one in value.values())
        )
    if name == "alarms":
        return isinstance(value, list) and all(_is_alarm(one) for one in value)
    return True


def _is_alarm(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("step"), int) and {"cause", "line"} <= value.keys()


def _settings(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"is not valid TOML: {error}", where=str(path)) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
