"""One process of benchmarks/layers.py: measures a case, told as JSON, and answers with a line of JSON for each side.

A case has a process of its own, so that no other has filled its memory or warmed its caches; peak memory and first
calls can be measured in no other way. ``samples`` are seconds, of "memory" MiB.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from layer_sides import Call, Size, call, cell_of

from gatewise.errors import SettingError

LEAST = 0.02  # seconds of one sample: what is faster is called several times
REFUSALS = {"ours": SettingError, "torch": RuntimeError}
"""What a layer raises that cannot run so: ours where the engine cannot, torch's where oneDNN has no such kernel."""
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def answers(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For each side its samples, or why it has none."""
    if case["malloc"] == "large":
        check_malloc()
    measured = {"memory": peak, "first call": first}.get(case["what"])
    calls = {}
    for side in case["sides"]:
        try:
            if measured:
                yield {"side": side, "samples": [measured(case, side)]}
                continue
            calls[side] = made(case, side)
            calls[side]()  # not counted: first calls choose kernels and touch memory
        except REFUSALS["torch" if side.startswith("torch") else "ours"] as error:
            calls.pop(side, None)
            yield {"side": side, "refused": str(error).partition("\n")[0]}
    yield from ({"side": side, "samples": samples} for side, samples in race(calls, case.get("rounds", 1)).items())


def made(case: dict[str, Any], side: str, size: Size | None = None) -> Call:
    """The call of a side."""
    return call(case["what"], side, case["cell"], size or Size(*case["size"]))


def first(case: dict[str, Any], side: str) -> float:
    """Seconds of making a layer and calling it once, in a process that has run no layer yet."""
    cell_of(case["cell"])  # the file of a user's cell is an import
    return seconds(lambda: made(case, side)(), 1)


def peak(case: dict[str, Any], side: str) -> float:
    """MiB by which the memory rises, at most, over what was resident before the layer was made; three calls of it."""
    made(case, side, Size(2, 2, 2, 2))()  # threads and libraries are there before
    CLEAR.write_text("5", encoding="ascii")  # the peak begins anew
    before = resident("VmRSS")
    one = made(case, side)
    for _ in range(3):
        one()
    return resident("VmHWM") - before


def race(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round; the calls take turns, so that whatever else the machine does meets all."""
    counts = {name: max(1, int(LEAST / seconds(one, 1))) for name, one in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        for name in sorted(calls, reverse=bool(number % 2)):
            found[name].append(seconds(calls[name], counts[name]))
    return found


def seconds(one: Call, count: int) -> float:
    """Wall time of one call, as the mean of ``count``."""
    begin = time.perf_counter()
    for _ in range(count):
        one()
    return (time.perf_counter() - begin) / count


def resident(name: str) -> float:
    """A line of ``/proc/self/status`` in MiB; C++ memory is in it too."""
    lines = dict(line.partition(":")[::2] for line in STATUS.read_text(encoding="ascii").splitlines())
    return int(lines[name].split()[0]) / 1024


class MallocInfo(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns."""

    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]


def check_malloc() -> None:
    """End the process if a large tensor still gets pages of its own: the environment was not heard."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        raise SystemExit("a large malloc threshold needs glibc 2.33 or later; leave it out with --malloc default")
    library.mallinfo2.restype = MallocInfo
    before = library.mallinfo2().hblks
    large = torch.empty(100 * 2**20, dtype=torch.uint8)
    if library.mallinfo2().hblks != before:
        raise SystemExit(f"malloc still maps {large.numel()} bytes anew: MALLOC_MMAP_THRESHOLD_ was not heard")


if __name__ == "__main__":
    for answer in answers(json.loads(sys.argv[1])):
        print(json.dumps(answer), flush=True)
