"""Runs of the toy that get signals; a script, started once by ``test_signals``, that forks a child for each run.

Usage: signalled_runs.py FOLDER
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from training.killed_runs import SETTINGS
from training.toy import Toy
from training.watching import Memory, everything, quick_fit


def train(folder: Path, resume: bool = False, at: int = 0, act=lambda: None) -> int:
    """The number of a child that trains in ``folder`` and ends with the run's exit code."""
    child = os.fork()
    if child == 0:
        result = quick_fit(Toy(), SETTINGS, folder, Memory(at, act), resume)
        os._exit(result.exit_code)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def once(folder: Path, number: int, wait: float, expected: object) -> dict:
    """One signal after ``wait`` seconds; how the run ended, and whether resuming it ends as if nothing had been."""
    child = train(folder)
    while not (folder / "checkpoints").exists():
        time.sleep(0.001)
    time.sleep(wait)
    os.kill(child, number)
    sent = time.monotonic()
    code = ended(child)
    seconds = time.monotonic() - sent
    again = ended(train(folder, resume=True))
    return {"code": code, "seconds": seconds, "again": again, "equal": everything(folder) == expected}


def twice(folder: Path, first: int, second: int) -> dict:
    """Two signals while one call lasts a minute; how and how soon the run ended."""
    marker = folder / "waiting"

    def long_call() -> None:
        marker.touch()
        until = time.monotonic() + 60
        while time.monotonic() < until:  # the first signal interrupts no call: that is the point
            time.sleep(until - time.monotonic())

    child = train(folder, at=4, act=long_call)
    while not marker.exists():
        time.sleep(0.001)
    os.kill(child, first)
    time.sleep(0.05)
    alive = os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, second)
    sent = time.monotonic()
    return {"alive": alive, "code": ended(child), "seconds": time.monotonic() - sent}


def main(folder: Path) -> None:
    """Print what became of each run, as JSON."""
    torch.set_num_threads(1)
    assert ended(train(folder / "whole")) == 0
    expected = everything(folder / "whole")
    chooser = random.Random(0)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    told = {
        "once": [once(folder / number.name, number, chooser.uniform(0, 0.05), expected) for number in numbers],
        "twice": [twice(folder / f"{one}{two}", one, two) for one, two in zip(numbers, reversed(numbers), strict=True)],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
