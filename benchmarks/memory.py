"""Resident memory of a training run over time: it must be flat.

    python benchmarks/memory.py

Trains a character model with validations, checkpoints and a metrics line every 25 steps, and reads the memory that each
line states (what is resident, from the system). The figure is how far the median of the last quarter of the run lies
above that of the second quarter; the first is left out, where kernels are chosen and the allocator fills its pools.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from machine import RESULTS, Table, data_folder

import gatewise
from gatewise.training.metrics import read_metrics

SETTINGS = {
    "level": "char",
    "batch_size": 32,
    "bptt": 64,
    "hidden_size": 256,
    "embedding_size": 64,
    "epochs": 1000,
    "validate_every": 250,
    "checkpoint_every": 100,
    "log_every": 25,
    "seed": 1111,
}


def main() -> None:
    """Train, write the table, tell the growth."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--data", type=Path, default=data_folder("tinyshakespeare") / "input.txt")
    parser.add_argument("--out", type=Path, default=RESULTS / "memory.csv")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        gatewise.train("lm", asked.data, out=str(run), max_steps=asked.steps, **SETTINGS)
        lines = read_metrics(run / "metrics.jsonl")
    table = Table(asked.out)
    for line in lines:
        table.add(step=line["step"], seconds=line["seconds"], resident_mib=line["memory"])
    table.close()
    memory = [line["memory"] for line in lines]
    quarter = len(memory) // 4
    early, late = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[3 * quarter :])
    print(f"resident: {early:.1f} MiB in the second quarter, {late:.1f} MiB in the last: {late - early:+.1f} MiB")


if __name__ == "__main__":
    main()
