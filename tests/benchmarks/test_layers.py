"""The race of layers is fair: all sides of a case compute the same, and what is told is what was measured."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gatewise.scan.choice import engine_is_built
from tolerance import tolerance

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = (4, 3, 5, 6)

needs_engine = pytest.mark.skipif(not engine_is_built(), reason="the engine is not built here")


@pytest.fixture(scope="module")
def benchmarks():
    sys.path.insert(0, str(BENCHMARKS))
    import layer_process
    import layer_sides
    import layer_table

    layers = program("layers")
    sys.path.remove(str(BENCHMARKS))
    return SimpleNamespace(process=layer_process, sides=layer_sides, table=layer_table, layers=layers)


def program(name):
    """A benchmark under a name of its own: the tests have a folder of the same name."""
    spec = importlib.util.spec_from_file_location(f"{name}_benchmark", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def here(benchmarks, monkeypatch):
    """Cases are measured in this process: a fresh one takes seconds to import torch."""
    answers = benchmarks.process.answers
    monkeypatch.setattr(benchmarks.layers, "child", lambda case: answers(json.loads(json.dumps(case))))
    return benchmarks


def results(benchmarks, what, side, cell, calls=1):
    one = benchmarks.sides.call(what, side, cell, benchmarks.sides.Size(*TINY))
    return [one() for _ in range(calls)][-1]


def assert_close(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **tolerance(torch.float32, 50))


@needs_engine
@pytest.mark.parametrize("what", ["training", "scoring"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_our_layer_and_torchs_compute_the_same(benchmarks, what, cell):
    assert_close(results(benchmarks, what, "fused fp32", cell), results(benchmarks, what, "torch fp32", cell))


@needs_engine
@pytest.mark.parametrize("cell", ["peephole_lstm", "own_cell", "cho_gru"])
def test_engine_and_reference_loop_compute_the_same(benchmarks, cell):
    assert_close(results(benchmarks, "cells", "fused fp32", cell), results(benchmarks, "cells", "reference fp32", cell))


@needs_engine
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("side", ["torch cell fp32", "torch layer fp32"])
def test_a_stream_of_steps_is_the_same_on_all_sides(benchmarks, cell, side):
    ours, theirs = (results(benchmarks, "streaming", name, cell, calls=3) for name in ("fused fp32", side))
    assert_close(ours, theirs)


@needs_engine
def test_ragged_side_leaves_out_what_lies_beyond_the_lengths_and_nothing_else(benchmarks):
    lengths = benchmarks.sides.lengths(benchmarks.sides.Size(*TINY)).tolist()
    ragged, padded = (results(benchmarks, "ragged", f"{name} fp32", "lstm")[0] for name in ("ragged", "padded"))
    assert max(lengths) <= TINY[0] < sum(lengths) < TINY[0] * TINY[1]
    for row, length in enumerate(lengths):
        assert ragged[:length, row].equal(padded[:length, row])
        assert ragged[length:, row].abs().sum() == 0


def test_sides_that_the_goals_name_are_measured(benchmarks):
    for what, figures in benchmarks.table.FIGURES.items():
        cells = benchmarks.layers.CELLS[what]
        known = {side for cell in cells for side in benchmarks.sides.sides(what, cell, ("fp32", "bf16"))}
        assert {side for figure in figures for side in (figure.over, figure.under)} - {""} <= known


def test_figure_is_the_ratio_of_the_medians_and_bold_where_it_misses_its_goal(benchmarks):
    row, head = benchmarks.table.row, benchmarks.table.head
    middle = {"fused fp32": 4.0, "torch fp32": 5.0}
    sides = benchmarks.sides.sides("training", "gru", ("fp32",))
    assert row("training", sides, "gru", (1, 2, 3, 256), "default", middle) == (
        "| gru | 1, 2, 3, 256 | default | 4 | 5 | **1.25** (1.5) | – | – |"
    )
    assert "1.25 (1.1)" in row("training", sides, "gru", (1, 2, 3, 512), "default", middle)
    assert "1.25 (1.15)" in row("training", sides, "lstm", (1, 2, 3, 200), "default", middle)
    assert "| 0.80 (1) |" in row("memory", sides, "lstm", (1, 2, 3, 200), "default", middle)
    larger = {"fused fp32": 6.0, "torch fp32": 5.0}
    assert "| **1.20** (1) |" in row("memory", sides, "lstm", (1, 2, 3, 200), "default", larger)
    columns, line = (text.count("|") for text in head("training", sides).split("\n"))
    assert columns == line == row("training", sides, "gru", TINY, "default", middle).count("|")


@needs_engine
def test_measure_writes_a_row_for_each_side_with_its_median_and_the_machine(here, tmp_path, monkeypatch, capsys):
    asked = ["--what", "training", "cells", "--cells", "gru", "own_cell", "--sizes", "2,2,3,4", "3,1,2,5"]
    asked += ["--rounds", "3", "--precision", "fp32", "--malloc", "default", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["layers.py", *asked])
    here.layers.main()
    printed = capsys.readouterr().out
    with (tmp_path / "layers_training.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["cell"], row["hidden"], row["side"]) for row in rows] == [
        ("gru", hidden, side) for hidden in ("4", "5") for side in ("fused fp32", "torch fp32")
    ]
    for row in rows:
        assert 0 < float(row["least"]) <= float(row["median"]) <= float(row["most"])
        assert (row["unit"], row["rounds"], row["torch"]) == ("ms", "3", torch.__version__)
        assert row["cpu"]
    assert printed.count("| gru |") == 2
    assert printed.count("| own_cell |") == 2
    assert (tmp_path / "layers_cells.csv").exists()


def test_what_cannot_run_is_told_and_left_out(here, monkeypatch):
    def refuse(_):
        raise here.process.SettingError("the engine has no such thing")

    monkeypatch.setattr(here.process, "made", lambda case, side: lambda: refuse(side) if "fused" in side else None)
    case = {"what": "training", "cell": "lstm", "size": TINY, "malloc": "default", "rounds": 2}
    found, refused = here.layers.samples(case, ("fused fp32", "torch fp32"))
    assert list(found) == ["torch fp32"]
    assert refused == {"fused fp32": "the engine has no such thing"}


def test_calls_take_turns_and_a_short_one_is_called_more_often(benchmarks, monkeypatch):
    order = []
    clock = {"now": 0.0}

    def one(name, length):
        def run():
            order.append(name)
            clock["now"] += length

        return run

    monkeypatch.setattr(benchmarks.process.time, "perf_counter", lambda: clock["now"])
    found = benchmarks.process.race({"long": one("long", 1.0), "short": one("short", 0.008)}, rounds=2)
    assert found == {"long": [1.0, 1.0], "short": [pytest.approx(0.008)] * 2}
    assert order == ["long", "short", "long", "short", "short", "short", "short", "long"]


def test_peak_of_memory_sees_what_is_allocated_and_freed_again(benchmarks, monkeypatch):
    def allocate():
        torch.ones(64 * 2**18)  # 64 MiB, touched

    torch.ones(128 * 2**18)  # an earlier peak, which must not count
    monkeypatch.setattr(benchmarks.process, "made", lambda case, side, size=None: allocate if size is None else int)
    assert 60 < benchmarks.process.peak({}, "fused fp32") < 80


def test_malloc_threshold_that_was_not_heard_ends_the_process(benchmarks):
    with pytest.raises(SystemExit, match="was not heard"):
        benchmarks.process.check_malloc()


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,0", "1,2,3,x", ""])
def test_size_of_another_form_is_refused(benchmarks, text):
    with pytest.raises(ArgumentTypeError, match="four numbers"):
        benchmarks.layers.size(text)


@needs_engine
@pytest.mark.slow
def test_command_measures_in_processes_of_its_own(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "layers.py"), "--sizes", "2,2,3,4", "--rounds", "2", "--cells", "lstm"]
    command += ["--malloc", "large", "--precision", "fp32", "--out", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    for what in ("training", "scoring", "ragged", "memory", "first_call", "streaming"):
        lines = (tmp_path / f"layers_{what}.csv").read_text(encoding="utf-8").splitlines()
        assert len(lines) >= 3, done.stdout
