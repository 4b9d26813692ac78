"""``gatewise doctor`` as it is typed: the verdict on stdout, what is said of it on stderr, the page in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.refusal import line_of
from gatewise.doctor.lessons.registry import LESSONS
from tasks import tiny

FEW = ["--distance", "10", "--samples", "20", "--positions", "2", "--tokens", "200"]


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time, and are looked at in tests/doctor."""
    for name in ("pictures", "run_pictures"):
        monkeypatch.setattr(f"gatewise.doctor.page.{name}", lambda _measured: [])


@pytest.fixture
def text(tmp_path: Path) -> str:
    return tiny.text_file(tmp_path)


def test_the_verdict_comes_first_then_numbers_and_a_page(gatewise, tiny_run, text, tmp_path):
    code, out, err = gatewise("doctor", tiny_run, text, *FEW, "--out", tmp_path / "out")
    assert code == 0, err
    lines = out.splitlines()
    lead = f"{tiny_run}: lstm, 1 layer of 8 units, on a text of 200 characters, looking back 10"
    assert " ".join(out.partition("\n\n")[0].split()) == lead
    assert out.index("Its gradient") < out.index("norm of the Jacobian") < out.index("What the gates do")
    assert err.splitlines()[-1] == f"page: {tmp_path / 'out' / 'doctor.html'}"
    assert (tmp_path / "out" / "jacobians.csv").read_text().startswith("layer,")
    assert max(map(len, lines)) <= 110


def test_json_holds_every_number(gatewise, tiny_run, text, tmp_path):
    code, out, _ = gatewise("doctor", tiny_run, text, *FEW, "--out", tmp_path / "out", "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told) == {"name", "lead", "healthy", "findings", "notes", "seconds", "numbers"}
    assert {"jacobians", "gates", "behaviour", "loss_gradients", "weight_shares"} <= set(told["numbers"])
    assert all(set(found) >= {"severity", "cause", "sentence", "advice", "value"} for found in told["findings"])


def test_a_unit_that_is_asked_for_colours_the_text(gatewise, tiny_run, text, tmp_path):
    code, out, _ = gatewise("doctor", tiny_run, text, *FEW, "--out", tmp_path / "out", "--unit", "3")
    assert code == 0
    assert "unit 3 of memory, layer 1" in out
    assert "unit 3 of memory, layer 1" in (tmp_path / "out" / "doctor.html").read_text(encoding="utf-8")


def test_the_page_goes_into_the_run_or_beside_a_model_elsewhere(gatewise, tiny_run, text, tmp_path, monkeypatch):
    run = tiny.run(tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    assert gatewise("doctor", run, text, *FEW)[0] == 0
    assert (run / "doctor" / "doctor.html").is_file()
    (run / "doctor" / "doctor.html").unlink()
    assert gatewise("doctor", run / "model", text, *FEW)[0] == 0
    assert (run / "doctor" / "doctor.html").is_file()
    shutil.copytree(run / "model", tmp_path / "mine")
    assert gatewise("doctor", "mine", text, *FEW)[0] == 0
    assert (tmp_path / "doctor-mine" / "doctor.html").is_file()
    assert gatewise("eval", run, text)[0] == 0  # the run and its model are as they were


def test_lessons_are_named_in_the_help(gatewise):
    code, out, _ = gatewise("doctor", "--help")
    assert code == 0
    assert [name for name in LESSONS if name not in out] == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "a model folder or a run folder is needed; give one, or --lesson NAME"),
        (["nowhere"], "nowhere: there is no such folder"),
        (["--lesson", "cliping"], "did you mean clipping?"),
        (["runs/a", "--lesson", "clipping"], "a lesson brings its own networks, but runs/a was given"),
        (["--long"], "long belongs to a lesson, but lesson is none"),
        (["--lesson", "clipping", "--distance", "5"], "--distance is for the examination of a model, and a lesson"),
        (["runs/a", "--distance", "-3"], "distance must be a whole number of at least 0"),
        (["runs/a", "--distanze", "3"], "did you mean --distance?"),
        (["runs/a", "--tokens", "4000"], "tokens must be a whole number of at least 2 and below 2049"),
        (["runs/a", "--out", __file__], "a folder is expected, but"),
    ],
)
def test_a_mistake_is_one_line(gatewise, argv, words):
    assert words in line_of(*gatewise("doctor", *argv))


def test_a_text_that_is_missing_or_short_is_one_line(gatewise, tiny_run, tmp_path):
    assert "no-such.txt" in line_of(*gatewise("doctor", tiny_run, tmp_path / "no-such.txt"))
    short = tiny.text_file(tmp_path, "the cat\n")
    assert "too short to look 99 back" in line_of(*gatewise("doctor", tiny_run, short, "--distance", "99"))
