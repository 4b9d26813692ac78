"""What a person sees of a run."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gatewise.training.bar import Bar
from gatewise.training.monitor import Lines, Run, Silent, describe, duration, watch
from gatewise.training.settings import TrainingSettings
from training.toy import Toy
from training.watching import quick_fit

QUICK = TrainingSettings(epochs=2, learning_rate=0.02, log_every=3)
RUN = Run("lm", "token", True, Path("runs/a"), 0, 2000, 10)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Nats(Toy):
    nats = True


def test_lines_where_there_is_no_terminal(tmp_path):
    out = io.StringIO()
    monitor = watch(out)
    assert isinstance(monitor, Lines)
    quick_fit(Nats(), QUICK, tmp_path, monitor)
    lines = out.getvalue().splitlines()
    assert lines[0] == f"training toy to step 16: 56 parameters, in {tmp_path}"
    assert len(lines) == 1 + 7
    loss = r"loss \d.\d{4}, perplexity \d.\d\d"
    shape = rf"step 8/16, epoch 1.00: {loss}, rate [\d.]+, norm [\d.]+, .*steps/s, \d+ s left; validation {loss}"
    assert re.fullmatch(shape + ", best so far", lines[3])
    assert "\x1b" not in out.getvalue()


def test_where_a_resumed_run_begins(tmp_path):
    out = io.StringIO()
    Lines(out).begin(Run("lm", "token", True, Path("runs/a"), 1500, 2000, 10))
    assert out.getvalue() == "training lm from step 1,500 to step 2,000: 10 parameters, in runs/a\n"


def test_without_perplexity_where_the_loss_is_none():
    record = {"step": 50, "epoch": 0.5, "loss": None, "learning_rate": 0.1, "gradient_norm": None, "clipped": 0.25,
              "skipped": 1.0, "units_per_second": 10.0, "seconds": 10.0}  # fmt: skip
    told = describe(record, RUN).partition(": ")[2]
    assert told == "loss none, rate 0.1, norm none, 25% clipped, 100% skipped, 10 tokens/s, 6 min 30 s left"


DURATIONS = {0: "0 s", 59.6: "1 min 0 s", 3599: "59 min 59 s", 90_000: "25 h 0 min"}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations(seconds):
    assert duration(seconds) == DURATIONS[seconds]


def test_a_bar_on_a_terminal(tmp_path):
    out = Terminal()
    monitor = watch(out)
    assert isinstance(monitor, Bar)
    quick_fit(Nats(), QUICK, tmp_path, monitor)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert re.search(r"step 8, epoch 1.00: validation loss \d.\d{4}, perplexity \d.\d\d, best so far", shown)
    assert re.search(r"toy .*16/16 loss \d.\d{4}, perplexity \d.\d\d, [\d,]+ steps/s, 0 s left", shown)
    assert out.getvalue().endswith("\x1b[?25h")  # the cursor is there again


def test_the_bar_is_drawn_seldom_and_skips_what_is_not_finite():
    out = io.StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=120))
    bar.begin(RUN)
    for step in range(1, 1001):
        bar.stepped(step, float("nan") if step % 2 else 2.0, step * 700, step * 0.5)
    bar.said("[bold]not markup[/bold]")
    bar.ended()
    assert out.getvalue().count("/2,000") < 20
    assert "nan" not in out.getvalue()
    assert "[bold]not markup[/bold]" in out.getvalue()


def test_silence(capsys, tmp_path):
    quick_fit(Toy(), QUICK, tmp_path, Silent())
    assert capsys.readouterr() == ("", "")


def test_settings_and_monitor_load_without_torch():
    script = "import sys, gatewise.training.settings, gatewise.training.monitor; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
