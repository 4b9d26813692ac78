"""The first signal ends a run at the next step with a checkpoint, the second at once."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from gatewise.training.settings import TrainingSettings
from gatewise.training.signals import StopSignals
from training.toy import Toy
from training.watching import Memory, everything, quick_fit, run, terminate

QUICK = TrainingSettings(epochs=2, learning_rate=0.02)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    done = subprocess.run(
        [sys.executable, "-m", "training.signalled_runs", str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_one_signal(told):
    """Exit codes as of a shell; within two seconds and a step; resumed, the run ends bit-equal."""
    assert [end["code"] for end in told["once"]] == [130, 143, 129]
    assert all(end["seconds"] < 2 for end in told["once"])
    assert all(end["again"] == 0 and end["equal"] for end in told["once"])


def test_a_second_signal_ends_even_a_long_call_at_once(told):
    assert all(end["alive"] for end in told["twice"])
    assert [end["code"] for end in told["twice"]] == [-signal.SIGHUP, -signal.SIGTERM, -signal.SIGINT]
    assert all(end["seconds"] < 1 for end in told["twice"])


def test_the_handlers_are_put_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    for stop in (3, 0):
        run(tmp_path, QUICK, stop_at=stop, resume=stop == 0)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_the_handler_only_sets_a_flag():
    with StopSignals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_outside_the_main_thread_a_run_is_possible(tmp_path):
    results = []
    thread = threading.Thread(target=lambda: results.append(run(tmp_path, QUICK)[2]))
    thread.start()
    thread.join()
    assert results[0].stopped == "done"


class LongValidation(Toy):
    """Calls the network three hundred times in validation, and gets a signal at the third call of the last one.

    With nt-asgd the weights are averages by then.
    """

    def __init__(self, signalled: bool):
        super().__init__([1.0, 2.0, 3.0, 0.5])
        self.signalled, self.calls = signalled, []

    def validate(self, network):
        self.calls.append(0)
        with torch.no_grad():
            network.calls.zero_()  # what a task must not do, but the averaged or cut-short weights would show it
        for _ in range(300):
            if self.signalled and len(self.calls) == 4 and self.calls[-1] == 3:
                terminate()
            self.calls[-1] += 1
            network(torch.zeros(1, 1, 3), torch.zeros(1, 5))
        return super().validate(network)


@pytest.mark.parametrize("optimizer", ["adamw", "nt-asgd"])
def test_a_signal_during_validation_cuts_it_short_and_it_is_done_again(tmp_path, optimizer):
    settings = QUICK.replace(optimizer=optimizer, nonmonotone=1, epochs=4, log_every=9)
    quick_fit(LongValidation(False), settings, tmp_path / "whole", Memory())
    task, memory = LongValidation(True), Memory()
    result = quick_fit(task, settings, tmp_path / "cut", memory)
    assert any("averaged" in line for line in memory.lines) == (optimizer == "nt-asgd")
    assert task.calls == [300, 300, 300, 4]
    assert (result.stopped, result.signal, result.steps) == ("signal", signal.SIGTERM, 32)
    assert [record["step"] for record in memory.records] == [8, 9, 16, 18, 24, 27]
    again = LongValidation(False)
    quick_fit(again, settings, tmp_path / "cut", Memory(), resume=True)
    assert again.calls == [300]
    assert everything(tmp_path / "cut") == everything(tmp_path / "whole")


def test_a_signal_in_the_last_step(tmp_path):
    """The run is not over before it has been validated: it ends as stopped, and is finished when resumed."""
    toy, memory, result = run(tmp_path, QUICK, stop_at=16)
    assert (result.stopped, result.steps, toy.results) == ("signal", 16, [])
    assert memory.lines == ["stopped after step 16; resume it to go on"]
    toy, memory, result = run(tmp_path, QUICK, resume=True)
    assert (result.stopped, memory.steps, len(toy.results)) == ("done", [], 1)
