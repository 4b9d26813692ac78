"""The programs in the package: those of today's cells, and never used for a cell that is another."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from architecture.source import REPOSITORY
from gatewise.cells import find, variants
from gatewise.cells.lstm import LSTM
from gatewise.scan.stored import definition, shipped
from gatewise.scan.stored.definition import by_source
from gatewise.scan.trace import trace

EVERY = [(cell, bias) for cell in variants() for bias in (True, False)]
every_program = pytest.mark.parametrize(("cell", "bias"), EVERY, ids=lambda part: repr(part))


@pytest.fixture(scope="module")
def today():
    return shipped.files()


def test_the_files_are_those_that_tracing_would_write_now(today):
    there = {path.name: path.read_bytes() for path in shipped.FOLDER.iterdir()}
    assert there.keys() == today.keys(), "run: python docs/generate.py"
    assert there == today, "run: python docs/generate.py"


@every_program
def test_every_variant_has_its_program(cell, bias):
    assert shipped.shipped(cell, bias) == trace(cell, bias=bias)


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("lstm", {"forget_bias": None}),
        ("lstm", {"forget_bias": 2.5}),
        ("coupled_lstm", {"forget_bias": None}),
        ("peephole_lstm", {"forget_bias": 0.0, "output_sees": "previous"}),
        ("layer_norm_lstm", {"forget_bias": None}),
    ],
)
def test_a_constant_that_the_step_does_not_read_needs_no_other_file(name, constants):
    cell = find(name, **constants)
    found = shipped.shipped(cell, True)
    assert found == trace(cell)
    assert str(constants["forget_bias"]) in found.cell


def test_a_users_cell_has_none_whatever_its_name():
    class LSTM(type(find("lstm"))):
        pass

    assert LSTM.name == "lstm"
    assert shipped.shipped(LSTM(), True) is None


def changed_step(self, x, s, p):
    gate = x + p.R(s.hidden)
    memory = gate.forget.sigmoid() * s.memory + gate.input.sigmoid() * gate.cell.relu()
    return s.next(hidden=gate.output.sigmoid() * memory.tanh(), memory=memory)


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(LSTM, "step", changed_step),
        lambda patch: patch.setattr("gatewise.cells.lstm.tanh", lambda a: a.relu()),
        lambda patch: patch.setattr(LSTM, "declarations", {**LSTM.declarations, "W": LSTM.declarations["R"]}),
        lambda patch: patch.setattr(LSTM, "state", {"hidden": "H", "memory": "P"}),
        lambda patch: patch.setattr(definition, "VERSION", 2),
    ],
    ids=["step", "a function of the step", "declarations", "states", "version of the form"],
)
def test_a_changed_cell_is_not_given_the_old_program(change, monkeypatch):
    before = by_source(LSTM(), True)
    change(monkeypatch)
    assert by_source(LSTM(), True) not in (None, before)
    assert shipped.shipped(LSTM(), True) is None


def test_without_the_source_nothing_is_known_to_be_the_same(monkeypatch):
    monkeypatch.setattr("linecache.getlines", lambda *_: [])
    assert by_source(LSTM(), True) is None
    assert shipped.shipped(LSTM(), True) is None


@pytest.mark.parametrize("name", ["gru.json", shipped.DEFINITIONS])
@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 100, b'{"format":"gatewise step program","version":9}'])
def test_a_damaged_file_is_said_and_not_used(name, damage, tmp_path, monkeypatch):
    shutil.copytree(shipped.FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    (tmp_path / name).write_bytes(damage)
    if name == shipped.DEFINITIONS and damage.endswith(b"}"):
        assert shipped.shipped(find("gru"), True) is None
        return
    with pytest.warns(UserWarning, match=f"{name}: .*traced anew"):
        assert shipped.shipped(find("gru"), True) is None


def test_files_stay_small(today):
    assert max(map(len, today.values())) < 12_000
    assert sum(map(len, today.values())) < 120_000
    assert all(json.loads(data) for data in today.values())


def test_a_layer_of_a_shipped_cell_needs_no_tracer():
    script = """
        import sys, torch, gatewise.nn
        from gatewise.scan.stored.find import program_of
        program_of(gatewise.nn.LSTM(3, 4).cell)
        sys.exit("gatewise.scan.trace" in sys.modules)
    """
    lines = "\n".join(line.strip() for line in script.splitlines())
    subprocess.run([sys.executable, "-c", lines], check=True, cwd=REPOSITORY, timeout=60)
