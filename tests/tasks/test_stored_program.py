"""The program in a model folder: with it a model of a user's own cell does everything but go on training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import gatewise
from gatewise.errors import ModelFileError, SettingError
from gatewise.scan.program import from_json
from gatewise.scan.stored.cell import program_in
from gatewise.scan.stored.find import program_of
from tasks import tiny

TEXTS = ["the cat is small", "a dog", ""]
CELL = """
import torch
from gatewise.cells.spec import Cell, Input, Matrix

class Mine(Cell):
    state = {"hidden": "H"}
    W = Input(("candidate",))
    R = Matrix("H", ("candidate",))
    slope: float = 1.0

    def step(self, x, s, p):
        gate = (x + p.R(s.hidden)).candidate * self.slope
        return s.next(hidden=LAST)
"""
EXPRESSED, NOT_EXPRESSED = "gate / (1 + gate.abs())", "torch.cumsum(gate, 1).tanh()"


def trained(place: Path, last: str = EXPRESSED) -> tuple[Path, str]:
    """A run of a user's cell, and how to name the cell; its file is gone afterwards."""
    place.mkdir(exist_ok=True)
    code = CELL.replace("LAST", last)
    (place / "mine.py").write_text(code)
    run = tiny.run(place, cell=f"{place}/mine.py:Mine", cell_options="slope=2")
    (place / "mine.py").write_text("raise SystemExit('imported')")
    (place / "kept.py").write_text(code)
    return run, f"{place}/kept.py:Mine"


def log_probs(model) -> list[float]:
    """What a model makes of the texts; the first step of each is another runner's with and without code."""
    return [scored.log_prob for scored in model.score(TEXTS)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("stored"))


@pytest.fixture
def folder(run, tmp_path):
    """A copy of the model folder, free to be damaged."""
    return shutil.copytree(run[0] / "model", tmp_path / "model")


def test_it_does_what_it_does_with_its_code(run, tmp_path):
    bare, whole = gatewise.load(run[0]), gatewise.load(run[0], cell=run[1])
    assert program_in(bare.network.cell) == program_of(whole.network.cell)
    assert log_probs(bare) == pytest.approx(log_probs(whole), rel=1e-5)
    assert [text for text, _ in bare.rank(TEXTS)] == [text for text, _ in whole.rank(TEXTS)]
    text = tiny.text_file(tmp_path)
    assert bare.evaluate(text).measure.nats == pytest.approx(whole.evaluate(text).measure.nats, rel=1e-5)
    assert bare.generate("the", length=20, seed=1) == whole.generate("the", length=20, seed=1)
    assert bare.network.recurrent.runner_used == "fused"
    told = bare.info()
    assert told["code"] == "none: it runs from the program that the model holds (to train on, give --cell)"
    assert told["cell"] == "mine(slope=2.0)"
    assert "code" not in whole.info()


def test_it_is_saved_again_and_loads_again(run, tmp_path):
    model = gatewise.load(run[0])
    model.save(tmp_path / "again")
    for name in ("config.json", "program.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (run[0] / "model" / name).read_bytes()
    assert gatewise.load(tmp_path / "again").score(TEXTS) == model.score(TEXTS)


def test_resuming_asks_for_the_cell(run):
    with pytest.raises(SettingError, match=r"this run trains your own cell .*mine\.py:Mine; give --cell"):
        gatewise.train("lm", out=str(run[0]), resume=True)


def test_without_the_engine_the_interpreter_runs_it_and_says_so(run, monkeypatch):
    expected = log_probs(gatewise.load(run[0], cell=run[1]))
    monkeypatch.setattr("gatewise.scan.choice.engine_is_built", lambda: False)
    bare = gatewise.load(run[0])
    assert log_probs(bare) == pytest.approx(expected, rel=1e-5)
    assert bare.network.recurrent.runner_used == "reference"
    assert "interpreted, which is slow" in bare.info()["code"]


def test_a_registered_cell_has_its_program_too(tmp_path):
    run = tiny.run(tmp_path, cell="simple_gru")
    held = from_json((run / "model" / "program.json").read_bytes(), "program.json")
    model = gatewise.load(run)
    assert held == program_of(model.network.cell)
    assert program_in(model.network.cell) is None


def without(folder: Path, *names: str) -> Path:
    """The folder as another writer leaves it: without these files, and without a manifest."""
    for name in (*names, "manifest.json"):
        (folder / name).unlink()
    return folder


@pytest.mark.filterwarnings("ignore:.*the model is unverified")
def test_an_older_folder_without_a_program_loads_with_its_cell(folder, run):
    without(folder, "program.json")
    with pytest.raises(ModelFileError, match="made with your own cell 'mine'; give the cell: --cell"):
        gatewise.load(folder)
    assert log_probs(gatewise.load(folder, cell=run[1])) == pytest.approx(log_probs(gatewise.load(run[0])), rel=1e-5)


def test_a_cell_that_cannot_be_expressed_has_no_program_and_asks_for_its_code(tmp_path):
    run, named = trained(tmp_path / "own", NOT_EXPRESSED)
    assert not (run / "model" / "program.json").exists()
    with pytest.raises(ModelFileError, match="made with your own cell 'mine'; give the cell: --cell"):
        gatewise.load(run)
    assert gatewise.load(run, cell=named).score(TEXTS)


def test_a_program_that_is_not_the_step_at_the_sizes_of_the_model_is_not_kept(tmp_path):
    run, named = trained(tmp_path / "own", "gate.tanh() if gate.size(-1) < 16 else gate.sin()")
    assert not (run / "model" / "program.json").exists()
    with pytest.raises(ModelFileError, match="made with your own cell 'mine'; give the cell: --cell"):
        gatewise.load(run)
    told = gatewise.load(run, cell=named).info()["runner"]
    assert told.startswith("reference (torch has no kernel for mine(slope=2.0); the engine cannot run it: at the sizes")


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_a_changed_byte_is_found_by_the_manifest(place, folder):
    data = bytearray((folder / "program.json").read_bytes())
    data[place] ^= 1
    (folder / "program.json").write_bytes(data)
    with pytest.raises(ModelFileError, match=r"program\.json"):
        gatewise.load(folder)


def test_a_missing_program_is_found_by_the_manifest(folder):
    (folder / "program.json").unlink()
    with pytest.raises(ModelFileError, match=r"program\.json"):
        gatewise.load(folder)


def other_number(data: bytes) -> bytes:
    changed = data.replace(b'["constant","1",2.0]', b'["constant","1",2.5]')
    assert changed != data
    return changed


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", r"program\.json: .*is not valid JSON.*; give the cell: --cell FILE\.py:CLASS, or cell= in"),
        (lambda data: data[:-9], "is not valid JSON"),
        (lambda data: b"\x80\x04cos\nsystem\n", "is not valid JSON"),
        (lambda data: data.replace(b'"version":1', b'"version":2'), "version 1 is expected, but version 2 came; give"),
        (other_number, "the equation of this cell is not the one it was trained with"),
        (lambda data: data.replace(b"weight_hh", b"weight_xx"), "weight_hh|is not|no tensor|missing"),
    ],
    ids=["empty", "cut", "pickle", "other version", "other number", "other name"],
)
@pytest.mark.filterwarnings("ignore:.*the model is unverified")
def test_a_program_of_an_unverified_folder_is_checked(damage, message, folder, run):
    (folder / "program.json").write_bytes(damage((folder / "program.json").read_bytes()))
    without(folder)
    with pytest.raises(ModelFileError, match=message):
        gatewise.load(folder)
    assert gatewise.load(folder, cell=run[1]).score(TEXTS)  # the program is not needed where the code is


@pytest.mark.filterwarnings("ignore:.*the model is unverified")
def test_a_cell_that_calls_itself_registered_is_not_run_from_a_program(folder):
    config = json.loads((folder / "config.json").read_text())
    config["cell"] |= {"name": "rnn", "registered": True}
    (folder / "config.json").write_text(json.dumps(config))
    without(folder)
    with pytest.raises(ModelFileError, match="unknown constant 'slope'"):
        gatewise.load(folder)
