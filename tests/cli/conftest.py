"""A toy task, so that the command line is tested without any model, and the one tiny model where one is needed."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewise.cli import main
from gatewise.errors import DataError
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.declaration import Argument, Declaration, Verb
from tasks import tiny


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
            Verb("tell", "tell a file", "toy_task:train", "toy_task:NONE", (Argument("file", "which", default="-"),)),
        ),
        fit="",
        load="",
        sample="",
    )
    monkeypatch.setattr("gatewise.cli.program.find_tasks", lambda: {"toy": task})


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder; not to be changed."""
    return tiny.the_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def gatewise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: its exit code, what it wrote to stdout, and to stderr."""

    def call(*argv: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with tiny.briefly():
            code = main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return call
