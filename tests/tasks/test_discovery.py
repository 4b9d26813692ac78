"""Tasks of other packages: found by their entry points; what is wrong with one is a line, and ours stay."""

from __future__ import annotations

import dataclasses
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from gatewise.cli.program import main
from gatewise.tasks import discovery
from gatewise.tasks.declaration import Argument, Verb, eval_verb, info_verb
from gatewise.tasks.discovery import find_tasks, look

LM = find_tasks()["lm"]
OURS = list(find_tasks())
PLACES = ("nowhere:run", "gatewise.tasks.language_model.settings:EVAL")
MODEL_FIRST = (eval_verb(*PLACES, "a file", ""), info_verb(*PLACES, ""))
TASK = dataclasses.replace(LM, name="rating", help="rates", verbs=MODEL_FIRST)


@pytest.fixture
def offered(monkeypatch):
    """Makes another package offer something as its tasks: what is found then."""

    def offer(found: object, place: str = "another_package:TASKS") -> discovery.Found:
        module = types.ModuleType("another_package")
        module.TASKS = found
        monkeypatch.setitem(sys.modules, "another_package", module)
        entry = EntryPoint("rating", place, discovery.GROUP)
        monkeypatch.setattr(discovery, "entry_points", lambda group: [entry] if group == discovery.GROUP else [])
        look.cache_clear()
        return look()

    yield offer
    monkeypatch.undo()
    look.cache_clear()


def test_a_task_of_another_package_stands_after_ours(offered):
    found = offered((TASK,))
    assert list(found.tasks) == [*OURS, "rating"]
    assert found.problems == []


def test_our_own_folders_are_held_to_the_same_rules(offered, monkeypatch):
    declared = {"lm": (LM,), "other": (dataclasses.replace(TASK, verbs=(Verb("ngrams", "", *PLACES),)),)}
    declared["other"] += (dataclasses.replace(TASK, name="third", verbs=(Verb("ngrams", "", *PLACES),)),)
    monkeypatch.setattr(discovery, "_folders", lambda: iter(declared))
    monkeypatch.setattr(discovery, "_declared", declared.__getitem__)
    with pytest.raises(ValueError, match="there is a command ngrams already"):
        offered(())


WRONG = {
    "no declaration": (("rating",), "a Declaration is expected, but str came"),
    "a name that is taken": ((LM,), "there is a task lm already"),
    "a command with other arguments": (
        (dataclasses.replace(TASK, verbs=(Verb("eval", "", *PLACES, (Argument("model", ""),)),)),),
        "there is a command eval already, which takes model, file",
    ),
    "a command that is for no model": (
        (dataclasses.replace(TASK, verbs=(Verb("ngrams", "", *PLACES, (Argument("files", ""),)),)),),
        "there is a command ngrams already, which takes files",
    ),
    "the command that trains": (
        (dataclasses.replace(TASK, verbs=(Verb("train", "", *PLACES, MODEL_FIRST[1].arguments),)),),
        "the command train is that of all tasks; what follows it is the name of a task",
    ),
    "nothing to go through": (None, "'NoneType' object is not iterable"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_it_is_a_line_and_ours_stay(offered, wrong, capsys):
    content, line = WRONG[wrong]
    found = offered(content)
    assert list(found.tasks) == OURS
    assert found.problems == [f"the task rating of another_package:TASKS is left out: {line}"]
    assert main(["--version"]) == 0
    assert f"warning: {found.problems[0]}\n" in capsys.readouterr().err


def test_a_package_that_cannot_be_imported_is_a_line(offered):
    found = offered((TASK,), place="no_such_package:TASKS")
    assert found.problems == ["the task rating of no_such_package:TASKS is left out: No module named 'no_such_package'"]
