"""How long ``gatewise --help`` takes: the median of eleven fresh processes.

    python benchmarks/help_time.py

Goal: under 0.3 s. The first process is not counted: it may have to write the compiled modules.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import RESULTS, Table

ROUNDS = 11
COMMAND = (sys.executable, "-m", "gatewise", "--help")


def seconds_of_one_process() -> float:
    """Wall time from starting the process to its end."""
    begin = time.perf_counter()
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Measure, print, write the table."""
    parser = argparse.ArgumentParser(description="Time `gatewise --help`.")
    parser.add_argument("--out", type=Path, default=RESULTS / "help_time.csv")
    table = Table(parser.parse_args().out)
    seconds_of_one_process()
    seconds = [seconds_of_one_process() for _ in range(ROUNDS)]
    for round_number, value in enumerate(seconds):
        table.add(round=round_number, seconds=value)
    table.close()
    print(f"gatewise --help: median {statistics.median(seconds):.3f} s, {min(seconds):.3f} to {max(seconds):.3f} s")


if __name__ == "__main__":
    main()
