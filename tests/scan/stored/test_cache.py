"""The cache of programs: found again by the same cell, by no other, and never trusted."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

from gatewise.cells.functions import tanh
from gatewise.cells.spec import Cell, Input, Matrix
from gatewise.scan.program import to_json
from gatewise.scan.stored import find
from gatewise.scan.stored.cache import cached, folder, keep
from gatewise.scan.stored.definition import by_bytecode
from gatewise.scan.trace import trace

FACTOR = 0.5
TABLE = SimpleNamespace(factor=0.25)


class Scaled(Cell):
    """A cell of the user's own."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    scale: float = 1.0

    def step(self, x, s, p):
        return s.next(hidden=self.scale * tanh((x + p.R(s.hidden)).new) * FACTOR)


class FromTable(Scaled):
    """Reads what no hash sees."""

    def step(self, x, s, p):
        return s.next(hidden=tanh((x + p.R(s.hidden)).new) * TABLE.factor)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    find._program_or_obstacle.cache_clear()
    yield tmp_path / "programs"
    find._program_or_obstacle.cache_clear()


@pytest.fixture
def untraced(monkeypatch):
    """Tracing is refused from here on."""

    def refuse(cell, bias=True):
        raise AssertionError("traced")

    monkeypatch.setattr("gatewise.scan.trace.trace", refuse)


def the_file(place):
    (path,) = place.iterdir()
    return path


def test_the_second_process_finds_what_the_first_has_traced(place, untraced, monkeypatch):
    with monkeypatch.context() as first:
        first.setattr("gatewise.scan.trace.trace", trace)
        program = find.program_of(Scaled(scale=2))
    find._program_or_obstacle.cache_clear()
    assert find.program_of(Scaled(scale=2)) == program
    assert the_file(place).name.startswith("scaled-")


def test_it_is_traced_once_for_each_definition(place):
    keep(Scaled(), True, trace(Scaled()))
    assert cached(Scaled(), True) == trace(Scaled())
    assert cached(Scaled(scale=2), True) is None
    assert cached(Scaled(), False) is None


def no_tanh(self, x, s, p):
    return s.next(hidden=self.scale * (x + p.R(s.hidden)).new * FACTOR)


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(Scaled, "step", no_tanh),
        lambda patch: patch.setitem(globals(), "FACTOR", 0.25),
        lambda patch: patch.setitem(globals(), "tanh", torch.relu),
        lambda patch: patch.setattr(Scaled, "state", {"memory": "H"}),
        lambda patch: patch.setattr("gatewise.__version__", "99"),
        lambda patch: patch.setattr("torch.__version__", "99"),
        lambda patch: patch.setattr("gatewise.scan.stored.definition.VERSION", 99),
    ],
    ids=["step", "global number", "global function", "states", "gatewise", "torch", "version of the form"],
)
def test_what_the_program_follows_from_is_in_the_name(change, monkeypatch):
    before = by_bytecode(Scaled(), True)
    assert by_bytecode(Scaled(), True) == before
    change(monkeypatch)
    assert by_bytecode(Scaled(), True) != before


def test_a_function_that_a_method_calls_is_in_the_name():
    def made(factor):
        def inner(a):
            return a * factor

        class Mine(Scaled):
            def bent(self, a):
                return inner(a)

            def step(self, x, s, p):
                return s.next(hidden=self.bent((x + p.R(s.hidden)).new))

        return Mine()

    assert by_bytecode(made(1.0), True) == by_bytecode(made(1.0), True)
    assert by_bytecode(made(1.0), True) != by_bytecode(made(2.0), True)


def test_what_no_hash_sees_is_seen_by_running_it(place, monkeypatch):
    keep(FromTable(), True, trace(FromTable()))
    assert cached(FromTable(), True) is not None
    with monkeypatch.context() as later:
        later.setattr(TABLE, "factor", 0.75)
        with pytest.warns(UserWarning, match=r"is not the program of from_table .*another value.*traced anew"):
            assert cached(FromTable(), True) is None
        with pytest.warns(UserWarning, match="traced anew"):
            assert find.program_of(FromTable()) == trace(FromTable())
        assert cached(FromTable(), True) == trace(FromTable())  # and the file is the new one


def test_a_program_of_other_parameters_is_refused(place):
    keep(Scaled(), True, trace(Scaled(), bias=False))
    with pytest.warns(UserWarning, match=r"is not the program of scaled \(.*bias_ih.*traced anew"):
        assert cached(Scaled(), True) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"version":1', b'"version":2'),
        lambda data: data.replace(b'"tanh"', b'"sigmoid"'),
        lambda data: data.replace(b'["constant","1",0.5]', b'["constant","1",0.5001]'),
        lambda data: b"\x80\x04cos\nsystem\n",
        lambda data: b"[" * 100_000,
    ],
    ids=["empty", "cut", "other version", "other function", "other number", "pickle", "deep"],
)
def test_a_damaged_file_is_said_and_replaced(damage, place):
    keep(Scaled(), True, trace(Scaled()))
    good = the_file(place).read_bytes()
    the_file(place).write_bytes(damage(good))
    assert the_file(place).read_bytes() != good
    with pytest.warns(UserWarning, match="scaled-.*traced anew"):
        assert find.program_of(Scaled()) == trace(Scaled())
    assert the_file(place).read_bytes() == good == to_json(trace(Scaled()))


def test_something_else_in_its_place_is_no_crash(place):
    keep(Scaled(), True, trace(Scaled()))
    path = the_file(place)
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="traced anew|cannot be written") as said:
        assert find.program_of(Scaled()) == trace(Scaled())
    assert "cannot be written" in str(said[1].message)


def test_a_place_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"cannot be written .*set GATEWISE_CACHE to another folder, or to off"):
        keep(Scaled(), True, trace(Scaled()))
    assert cached(Scaled(), True) is None


def test_it_can_be_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWISE_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep(Scaled(), True, trace(Scaled()))
    assert folder() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("named", "base", "expected"),
    [("/c", "/x", "/c/programs"), ("", "/x", "/x/gatewise/programs"), ("", "x", "/h/.cache/gatewise/programs")],
    ids=["GATEWISE_CACHE", "XDG_CACHE_HOME", "a relative one does not count"],
)
def test_where_it_lies(named, base, expected, monkeypatch):
    for name, value in {"GATEWISE_CACHE": named, "XDG_CACHE_HOME": base, "HOME": "/h"}.items():
        monkeypatch.setenv(name, value)
    assert str(folder()) == expected


SCRIPT = """
import sys
from gatewise.cells.user import load_cell
from gatewise.scan.stored.find import program_of
import gatewise.scan.trace as tracer
real, traced = tracer.trace, []
tracer.trace = lambda cell, bias: traced.append(cell) or real(cell, bias=bias)
program_of(load_cell(sys.argv[1])())
print(len(traced))
"""


@pytest.mark.slow
def test_two_processes_trace_a_file_once_until_it_is_edited(tmp_path):
    mine = tmp_path / "my.py"
    text = """
from gatewise.cells.functions import tanh
from gatewise.cells.spec import Cell, Input, Matrix

def bounded(a):
    return a.clamp(-50.0, 50.0)

class Mine(Cell):
    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        return s.next(hidden=bounded((x + p.R(s.hidden)).new))
"""

    def traced():
        place = {**os.environ, "GATEWISE_CACHE": str(tmp_path), "PYTHONWARNINGS": "error"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, f"{mine}:Mine"], capture_output=True, text=True, env=place, timeout=60
        )
        return done.stdout.strip() + done.stderr

    mine.write_text(text)
    assert [traced(), traced()] == ["1", "0"]
    mine.write_text(text.replace("50.0, 50.0", "40.0, 40.0"))  # random input is never so far out
    assert [traced(), traced()] == ["1", "0"]


def test_no_warning_where_all_is_well(place):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find.program_of(Scaled())
        find._program_or_obstacle.cache_clear()
        find.program_of(Scaled())
