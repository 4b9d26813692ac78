"""What the binding owes its caller: memory that it still reads stays, and no number of threads is too large."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from gatewise.cells import find
from gatewise.scan import _engine
from gatewise.scan.fused.encode import encode
from gatewise.scan.trace import trace


def arguments(threads: int = 1):
    """A small GRU for the engine, by name."""
    encoded = encode(trace(find("gru")))
    draw = np.random.default_rng(0).standard_normal
    units = {"H": 5, "X": 3}
    return {
        "program": _engine.Program.read(encoded.codes, encoded.numbers),
        "widths": [units.get(width) or int(width) for width in encoded.widths],
        "batch_sizes": [2, 2, 1],
        "reverse": False,
        "threads": threads,
        "isa": "",
        "low": False,
        "x": draw((5, 3)).astype(np.float32),
        "initial": [draw((2, 5)).astype(np.float32)],
        "vectors": [draw(15).astype(np.float32) for _ in range(2)],
        "matrices": [draw((15, size)).astype(np.float32) for size in (3, 5)],
        "save": True,
        "sequences": [],
        "seed": 0,
        "start": 0,
    }


@pytest.mark.parametrize("part", ["x", "initial", "vectors", "matrices"])
def test_an_array_stays_until_the_forward_pass_has_read_it(part):
    given = arguments()
    array = given[part] if part == "x" else given[part][0]
    seen = weakref.ref(array)
    scan = _engine.Scan32(*given.values())
    del given, array
    gc.collect()
    assert seen() is not None
    scan.forward([None], [np.empty((2, 5), np.float32)])


TESTS = Path(__file__).resolve().parents[2]
MANY_THREADS = """
import os
from scan.fused.test_binding import arguments, _engine, np
given = arguments(threads=500)
try:
    scan = _engine.Scan32(*given.values())
    final = [np.zeros((2, 5), np.float32)]
    scan.forward([None], final)
    like = [[np.zeros_like(one) for one in given[part]] for part in ("initial", "vectors", "matrices")]
    scan.backward([None], final, np.zeros_like(given["x"]), *like)
except ValueError as error:
    print(error)
assert len(os.listdir("/proc/self/task")) < 100, "threads were made that have no work"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_number_of_threads_beyond_reason_is_refused_or_harmless():
    ran = subprocess.run([sys.executable, "-c", MANY_THREADS], cwd=TESTS, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr[-500:]


KEPT = "import torch; from gatewise.nn import GRU; kept = GRU(3, 4, runner='fused')(torch.zeros(2, 1, 3))"


def test_nothing_is_written_when_python_ends_with_a_graph_that_is_still_there():
    ran = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert ran.stderr == ""
