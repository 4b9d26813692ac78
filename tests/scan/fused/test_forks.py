"""A process that is forked does not wait for the threads that only its parent has."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORKED = """
import os, signal, torch, gatewise.nn
torch.set_num_threads(2)
layer, x = gatewise.nn.LSTM(64, 64), torch.randn(5, 16, 64)
{before}
child = os.fork()
if child == 0:
    signal.alarm(20)
    layer(x)[0].sum().backward()
    os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""
BEFORE = {
    "nothing": "",
    "torch": "torch.randn(2000, 2000).sigmoid().sum()",
    "the engine": "layer(x)",
}


@pytest.mark.parametrize(
    "before", [pytest.param(one, marks=pytest.mark.slow if one == "nothing" else []) for one in BEFORE]
)
def test_a_child_computes_whatever_its_parent_used(before):
    done = subprocess.run([sys.executable, "-c", FORKED.format(before=BEFORE[before])], timeout=60)
    assert done.returncode == 0
