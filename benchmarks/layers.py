"""Recurrent layers on the engine against torch's, against the reference loop and against each other.

    python benchmarks/layers.py
    python benchmarks/layers.py --what training scoring --cells lstm gru --sizes 35,20,200,200 --precision fp32

Measures (``--what``):

- training: forward and backward, to the gradients of the input and of every parameter, against torch.nn.
- scoring: forward only, in inference mode, against torch.nn.
- cells: training of cells that torch has no kernel for, one of them from examples/own_cell.py, against the reference
  loop and against our own LSTM.
- ragged: training with lengths uniform between 1 and T, against the same batch padded.
- memory: by how much the peak of resident memory rises over three training calls, each sample in its own process.
- first call: making a layer and training it once, in a fresh process each time; imports are not counted.
- streaming: one step of one sequence, its state handed on.

Sizes are T,B,I,H: time steps, sequences, input, hidden units. Precision bf16 is torch.autocast("cpu", torch.bfloat16).
All sides of a case take turns in one process; the figure is the median of the rounds. Everything is measured twice,
with malloc as it comes and with a threshold so large that no tensor gets fresh pages (--malloc default, large). What
cannot run on this machine is told and left out. Each measure writes results/layers_<measure>.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from layer_sides import sides
from layer_table import FACTORS, FIGURES, OTHERS, TWINS, head, row, unit
from machine import RESULTS, Table

SIZES = "35,20,200,200 200,16,128,128 50,32,256,256 100,64,512,512 35,20,650,650 70,80,400,1150"
STEP_SIZES, FIRST_SIZES = "1,1,128,128 1,1,512,512", "35,20,200,200"
LARGE_UNITS = 600
"""Hidden units from which --rounds-large counts."""
FRESH = ("memory", "first call")
"""Measures that need a process for each sample."""
MALLOC = {"default": {}, "large": {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}}
CELLS = {
    "training": TWINS,
    "scoring": TWINS,
    "cells": OTHERS,
    "ragged": ("lstm", "gru"),
    "memory": TWINS,
    "first call": ("lstm", "peephole_lstm", "own_cell"),
    "streaming": ("lstm", "gru"),
}
ENTRY = Path(__file__).with_name("layer_process.py")


def main() -> None:
    """Measure, write the tables, print them."""
    asked = options()
    for what in asked.what:
        measure(what, asked)


def measure(what: str, asked: argparse.Namespace) -> None:
    """One measure: its CSV file and its Markdown table."""
    cells = [cell for cell in CELLS[what] if not asked.cells or cell in asked.cells]
    if not cells:
        print(f"\n{what}: none of its cells ({', '.join(CELLS[what])}) was asked for")
        return
    columns = tuple(dict.fromkeys(side for cell in cells for side in sides(what, cell, tuple(asked.precision))))
    print(f"\n{what}\n\n{head(what, columns)}", flush=True)
    table = Table(asked.out / f"layers_{what.replace(' ', '_')}.csv")
    left_out: dict[str, None] = {}
    for cell in cells:
        for size in sizes(what, asked.sizes):
            for malloc in asked.malloc:
                rounds = asked.rounds_large if size[-1] >= LARGE_UNITS else asked.rounds
                case = {"what": what, "cell": cell, "size": size, "malloc": malloc, "rounds": rounds}
                found, refused = samples(case, sides(what, cell, tuple(asked.precision)))
                write(table, case, found)
                middle = {side: statistics.median(values) for side, values in found.items()}
                print(row(what, columns, cell, size, malloc, middle), flush=True)
                left_out |= {f"{cell}, {side}: {reason}": None for side, reason in refused.items()}
    table.close()
    print("".join(f"\nnot measured: {line}" for line in left_out))


def sizes(what: str, given: list[tuple[int, ...]] | None) -> list[tuple[int, ...]]:
    """The sizes of a measure; a step has one time step and one sequence whatever was asked for."""
    usual = {"streaming": STEP_SIZES, "first call": FIRST_SIZES}.get(what, SIZES)
    chosen = given or [size(text) for text in usual.split()]
    return list(dict.fromkeys((1, 1, *one[2:]) for one in chosen)) if what == "streaming" else chosen


def samples(case: dict[str, Any], names: tuple[str, ...]) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Side -> samples in the measure's unit; side -> why there are none."""
    factor = FACTORS[unit(case["what"])]
    found: dict[str, list[float]] = {}
    refused: dict[str, str] = {}
    for answer in answers(case, names):
        if "refused" in answer:
            refused[answer["side"]] = answer["refused"]
        else:
            found.setdefault(answer["side"], []).extend(factor * value for value in answer["samples"])
    return {side: found[side] for side in names if side in found}, refused


def answers(case: dict[str, Any], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """What one process says of all sides, or one for each side and round."""
    if case["what"] not in FRESH:
        yield from child({**case, "sides": names})
        return
    for number in range(case["rounds"]):
        for side in sorted(names, reverse=bool(number % 2)):
            yield from child({**case, "sides": [side]})


def child(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A fresh process measures a case."""
    command = [sys.executable, str(ENTRY), json.dumps(case)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | MALLOC[case["malloc"]])
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr.strip()}")
    yield from map(json.loads, done.stdout.splitlines())


def write(table: Table, case: dict[str, Any], found: dict[str, list[float]]) -> None:
    """A row for each side."""
    places = dict(zip(("time", "batch", "input", "hidden"), case["size"], strict=True))
    for side, values in found.items():
        table.add(
            what=case["what"], cell=case["cell"], **places, malloc=case["malloc"], side=side, unit=unit(case["what"]),
            median=statistics.median(values), least=min(values), most=max(values), rounds=len(values), seed=1111,
            gatewise_isa=os.environ.get("GATEWISE_ISA", "best"),
        )  # fmt: skip


def size(text: str) -> tuple[int, ...]:
    """``35,20,200,200`` as numbers.

    Raises:
        argparse.ArgumentTypeError: these are not four numbers of at least 1.
    """
    parts = text.split(",")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"a size is T,B,I,H, four numbers of at least 1, but {text!r} came")
    return tuple(map(int, parts))


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--what", nargs="+", choices=FIGURES, default=list(FIGURES), help="measures")
    parser.add_argument(
        "--cells", nargs="+", choices=sorted({*TWINS, *OTHERS}), help="of each measure, those among its own"
    )
    parser.add_argument("--sizes", nargs="+", type=size, help=f"T,B,I,H; the default is {SIZES}")
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--malloc", nargs="+", choices=MALLOC, default=list(MALLOC))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--rounds-large", type=int, default=11, help=f"rounds from H = {LARGE_UNITS} on")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
