"""Runs of the toy that are killed at random moments and resumed; a script, started once by ``test_crash``.

Each run is a child forked from this process, which has torch loaded already, so that a kill costs no start of torch.
One thread only, and no parallel work before the fork: a forked child of a process with threads may hang.

Usage: killed_runs.py FOLDER TRIALS KILLS_PER_TRIAL
"""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import torch

from gatewise.training.monitor import Silent
from gatewise.training.settings import TrainingSettings
from training.toy import Toy
from training.watching import everything, quick_fit

SETTINGS = TrainingSettings(
    epochs=8, learning_rate=0.02, log_every=5, checkpoint_every=3, validate_every=4, keep=2, rate_decay=2.0,
    unfreeze_every=2.5,
)  # fmt: skip


def start(folder: Path) -> int:
    """The number of a child that trains in ``folder``, from the newest checkpoint if there is one."""
    child = os.fork()
    if child == 0:
        resume = any((folder / "checkpoints").glob("step-*"))
        quick_fit(Toy(), SETTINGS, folder, Silent(), resume)
        # Loading dynamo takes as long as loading torch; the optimisers are our own for that reason.
        os._exit("torch._dynamo" in sys.modules)
    return child


def finish(folder: Path) -> float:
    """Train to the end; returns the seconds that took."""
    began = time.monotonic()
    code = os.waitstatus_to_exitcode(os.waitpid(start(folder), 0)[1])
    assert code == 0, code
    return time.monotonic() - began


def killed(folder: Path, most: float, chooser: random.Random) -> None:
    """Train in ``folder`` and kill that within ``most`` seconds; where it ended before, go back and try again."""
    before = folder.with_suffix(".before")
    while True:
        if folder.exists():
            shutil.copytree(folder, before)
        child = start(folder)
        time.sleep(chooser.uniform(0, most))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL:
            shutil.rmtree(before, ignore_errors=True)
            return
        shutil.rmtree(folder)
        if before.exists():
            before.rename(folder)


def main(folder: Path, trials: int, kills: int) -> None:
    """Print how many of the trials ended like the run that was never killed."""
    torch.set_num_threads(1)
    seconds = min(finish(folder / name) for name in ("whole", "again"))
    expected = everything(folder / "whole")
    assert everything(folder / "again") == expected
    chooser, equal = random.Random(0), 0
    for number in range(trials):
        trial = folder / str(number)
        for _ in range(kills):
            killed(trial, seconds / kills, chooser)
        finish(trial)
        left = [path.name for path in trial.rglob(".gatewise-*")]
        if everything(trial) == expected and not left:
            equal += 1
            shutil.rmtree(trial)  # a trial that failed stays to be looked at
    print(equal)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
