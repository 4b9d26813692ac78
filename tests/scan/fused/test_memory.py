"""What the engine keeps for the next call stays near what torch's own layers keep."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import random, resource, sys, torch
import gatewise.nn

def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def call(steps, rows):
    layer(torch.randn(steps, rows, 256))[0].sum().backward()
    layer.zero_grad()

layer = {"torch": torch.nn, "gatewise": gatewise.nn}[sys.argv[1]].LSTM(256, 256)
random.seed(0)
call(2, 2)
before = resident()
for _ in range(150):
    call(random.randint(1, 120), random.randint(1, 24))
print(resident() - before)
"""


def growth(package: str) -> int:
    """By how much the largest size of a process grows while it trains on batches of all sizes."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, package], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.slow
def test_training_on_batches_of_all_sizes_keeps_no_more_than_twice_what_torch_keeps():
    assert growth("gatewise") <= 2 * growth("torch")
