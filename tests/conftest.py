"""What every test runs under: fixed seeds, one thread, and NaN in memory that nobody has written."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy
import pytest
import torch

REPOSITORY = Path(__file__).resolve().parent.parent

# Examples are drawn from a fixed seed, so that a red suite is red again on the next machine.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def no_cache() -> Iterator[None]:
    """Nothing is read from, or left in, the cache of whoever runs the tests."""
    before = os.environ.get("GATEWISE_CACHE")
    os.environ["GATEWISE_CACHE"] = "off"
    yield
    if before is None:
        del os.environ["GATEWISE_CACHE"]
    else:
        os.environ["GATEWISE_CACHE"] = before


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """SIGINT interrupts, also where the suite was started in the background: a shell has it ignored there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def same_start_for_every_test() -> Iterator[None]:
    """Seeds, threads and poisoned memory, set before each test whatever the one before it did.

    One thread: the tensors of the tests are small; a second would only slow two suites on one machine.
    Under deterministic algorithms torch fills what ``torch.empty`` returns with NaN (integers with their
    largest value), so that reading memory nobody wrote is seen in the result.
    """
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public corpora that some tests read: ``GATEWISE_SHARED_DATA``, or ``../shared/data`` beside the checkout."""
    named = os.environ.get("GATEWISE_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder}; set GATEWISE_SHARED_DATA to the folder that holds them")
    return folder
