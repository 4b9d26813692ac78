"""The machine a figure was measured on, and the CSV file the figure goes to.

Every row names the machine, so that two files can be put side by side and nobody compares different computers
unawares. Nothing here imports torch: the start-up benchmark must not pay for it.
"""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
TOLD_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "bf16")


def machine() -> dict[str, str]:
    """What decides the speed: processor, cores we may use, instruction sets, versions.

    Example:
        >>> sorted(machine())
        ['cores', 'cpu', 'isa', 'python', 'system', 'threads', 'torch']
    """
    facts = cpu_facts()
    flags = facts.get("flags", facts.get("Features", "")).split()
    return {
        "cpu": facts.get("model name", platform.processor() or platform.machine()),
        "cores": str(usable_cores()),
        "threads": os.environ.get("OMP_NUM_THREADS", str(usable_cores())),  # as torch reads it
        "isa": " ".join(flag for flag in TOLD_FLAGS if flag in flags) or platform.machine(),
        "torch": importlib.metadata.version("torch"),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def cpu_facts() -> dict[str, str]:
    """The first processor in ``/proc/cpuinfo``; empty where there is no such file."""
    source = Path("/proc/cpuinfo")
    if not source.exists():
        return {}
    first = source.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def usable_cores() -> int:
    """Cores this process may run on (a container may have fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Table:
    """A CSV file that gets its rows one by one, each on disk at once and each with the machine in it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("w", encoding="utf-8", newline="")
        self._machine = machine()
        self._writer: csv.DictWriter[str] | None = None

    def add(self, **row: object) -> None:
        """Write one row; the first one fixes the columns."""
        whole: Mapping[str, object] = {**row, **self._machine}
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, fieldnames=list(whole))
            self._writer.writeheader()
        self._writer.writerow({key: short(value) for key, value in whole.items()})
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def data_folder(name: str) -> Path:
    """A corpus folder inside ``GATEWISE_SHARED_DATA``, or inside ``../shared/data`` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("GATEWISE_SHARED_DATA", beside)) / name


def short(value: object) -> object:
    """A float with six digits, anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else value
