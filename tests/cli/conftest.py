"""A toy task, so that the command line is tested without any model."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import pytest

from gatewise.errors import DataError
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.declaration import Argument, Declaration, Verb


@dataclass(frozen=True)
class ToySettings(Settings):
    hidden_size: int = setting(8, "units of each layer", minimum=1, maximum=65536, unit="units")
    rate: float | None = setting(None, "learning rate", above=0)
    cell: str = setting("lstm", "the cell", choices=("lstm", "gru"))
    tied: bool = setting(True, "one matrix for both ends")
    loud: bool = setting(False, "say more")
    cutoffs: tuple[int, ...] = setting((), "ranks", minimum=1)


def train(console, arguments, given):
    console.json({"arguments": arguments, "given": given})


def fail(console, arguments, given):
    raise {
        "user": DataError("this is no text", where="a.txt:3", fix="convert it"),
        "own": KeyError("nothing\nhere"),
        "interrupt": KeyboardInterrupt(),
        "disk": OSError(28, "No space left on device", "model"),
        "pipe": BrokenPipeError(),
    }[arguments["how"]]


def leave(console, arguments, given):
    console.note("a note")
    return 143


@pytest.fixture
def toy(monkeypatch):
    """The command line with one task ``toy`` and the verbs ``fail`` and ``leave``."""
    module = types.ModuleType("toy_task")
    module.TOY, module.NONE, module.train, module.fail, module.leave = (
        Group(model=ToySettings),
        Group(),
        train,
        fail,
        leave,
    )
    monkeypatch.setitem(sys.modules, "toy_task", module)
    task = Declaration(
        name="toy",
        help="a toy",
        train=Verb("train", "train a toy", "toy_task:train", "toy_task:TOY", (Argument("files", "texts", many=True),)),
        verbs=(
            Verb("fail", "fail in a way", "toy_task:fail", "toy_task:NONE", (Argument("how", "which"),)),
            Verb("leave", "end with a code", "toy_task:leave", "toy_task:NONE"),
        ),
        fit="",
        load="",
    )
    monkeypatch.setattr("gatewise.cli.program.find_tasks", lambda: {"toy": task})
