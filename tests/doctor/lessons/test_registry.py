"""The lessons by name, and what a lesson is handed."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from gatewise.doctor.lessons.lesson import Lesson, Plan
from gatewise.doctor.lessons.page import Page
from gatewise.doctor.lessons.registry import LESSONS, find_lesson, run_lesson
from gatewise.errors import GatewiseError, SettingError


def lesson_that_keeps(plans: list[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a lesson into the registry that notes its plan."""

    def run(_lesson: Lesson, plan: Plan) -> Page:
        plans.append(plan)
        plan.say("half way")
        return Page("quick", "Quick", "nothing.", ())

    monkeypatch.setattr(Lesson, "run", run)
    monkeypatch.setitem(LESSONS, "quick", Lesson("quick", "Quick?", "nowhere"))


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_has_its_code(name: str):
    run = importlib.import_module(LESSONS[name].module).run
    assert list(inspect.signature(run).parameters) == ["plan"]
    assert LESSONS[name].name == name
    assert LESSONS[name].question.endswith("?")


def test_registry_imports_neither_torch_nor_matplotlib_nor_numpy():
    code = "import sys, gatewise.doctor.lessons.registry; print({'torch', 'matplotlib', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_unknown_lesson_is_one_line_with_the_nearest():
    with pytest.raises(SettingError, match=r"^--lesson: unknown lesson 'cliping'; did you mean clipping\?$"):
        find_lesson("cliping")


@pytest.mark.parametrize("seeds", [(), (1, -1), (1, 1), (2**31,)])
def test_seeds_are_checked(seeds: tuple[int, ...], tmp_path: Path):
    with pytest.raises(SettingError, match="at least one seed, each from 0 to 2147483647 and none twice"):
        run_lesson("clipping", tmp_path, seeds=seeds)


def test_plan_arrives_and_the_page_says_how_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plans: list[Plan] = []
    lesson_that_keeps(plans, monkeypatch)
    said: list[str] = []
    page = run_lesson("quick", tmp_path, long=True, seeds=[5, 6], say=said.append)
    assert (plans[0].seeds, plans[0].long, said) == ((5, 6), True, ["half way"])
    written = (tmp_path / "quick.md").read_text(encoding="utf-8")
    assert written == page.markdown()
    assert "gatewise doctor --lesson quick --long` (gatewise" in written
    assert "seeds 5, 6)" in written


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plans: list[Plan] = []
    lesson_that_keeps(plans, monkeypatch)
    (tmp_path / "taken").write_text("")
    with pytest.raises(GatewiseError, match="cannot be written"):
        run_lesson("quick", tmp_path / "taken")
    assert plans == []
