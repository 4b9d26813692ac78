"""Thousands of wrong calls of the engine: each works or is refused, and none ends the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("fuzzed_calls.py")


def survive(first: int, last: int) -> None:
    """Make the calls in a process of their own."""
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), str(first), str(last)], capture_output=True, text=True, timeout=600
    )
    lines = ran.stdout.splitlines() or ["none"]
    assert ran.returncode == 0, f"call {lines[-1]} ended the process with {ran.returncode}: {ran.stderr[-2000:]}"
    refused, made = map(int, lines[-1].split())
    assert refused + made == last - first
    assert min(refused, made) > (last - first) // 5  # neither is everything refused, nor is everything right


@pytest.mark.slow
def test_two_thousand_wrong_calls_are_refused_or_harmless():
    survive(0, 2_000)


@pytest.mark.slow
def test_eighteen_thousand_more():
    survive(2_000, 20_000)
