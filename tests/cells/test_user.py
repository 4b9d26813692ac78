"""A user's own cell: loaded from the file that the user names, with one line for whatever is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatewise.cells import Cell
from gatewise.cells.user import load_cell, read_options, resolve, users_mistake
from gatewise.errors import SettingError

OWN = '''
from __future__ import annotations

from typing import Literal

from gatewise.cells import Cell, Input, Matrix


class Mine(Cell):
    """The plain network again."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    scale: float = 1.0
    kind: Literal["a", "b"] = "a"

    def step(self, x, s, p):
        return s.next(hidden=self.scale * (x + p.R(s.hidden)).new.tanh())


class Unrelated:
    pass
'''


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "my.py"
    file.write_text(OWN)
    return file


def test_a_cell_is_loaded_from_the_file_that_is_named(own):
    cell = load_cell(f"{own}:Mine")
    assert issubclass(cell, Cell)
    assert cell(scale=2).constants() == {"scale": 2.0, "kind": "a"}


def test_the_same_content_is_run_once_and_new_content_again(own):
    first = load_cell(f"{own}:Mine")
    assert load_cell(f"{own}:Mine") is first
    own.write_text(OWN.replace("1.0", "3.0"))
    assert load_cell(f"{own}:Mine")().constants()["scale"] == 3.0


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (OWN, "Mien", "my.py: no class 'Mien' here; did you mean Mine?"),
        (OWN, "Unrelated", "my.py: 'Unrelated' is not a subclass of gatewise.Cell"),
        (OWN, "Cell", "my.py: 'Cell' is not a subclass of gatewise.Cell"),
        ("x = 1\n", "Mine", "my.py: no class 'Mine' here; define a Cell"),
        ("x = 1\ny = x / 0\n", "Mine", "my.py:2: ZeroDivisionError: division by zero"),
        ("x = 1\ny = (\n", "Mine", "my.py:2: SyntaxError: '(' was never closed"),
        (
            "import absent_module_of_mine\n",
            "Mine",
            "my.py:1: ModuleNotFoundError: No module named 'absent_module_of_mine'",
        ),
        (OWN.replace('"H", (', '"K", ('), "Mine", "my.py:9: SettingError: class Mine: unknown width 'K'"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line_with_its_place(own, content, name, words):
    own.write_text(content)
    before = set(sys.modules)
    with pytest.raises(SettingError) as caught:
        load_cell(f"{own}:{name}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    if "Error: " in words:
        assert not [module for module in set(sys.modules) - before if module.startswith("gatewise_user_cell")]


@pytest.mark.parametrize("text", ["my.py", "lstm", "my.txt:Mine", ":Mine", "my.py:"])
def test_anything_but_file_and_class_is_refused(text):
    with pytest.raises(SettingError, match=r"--cell: expected FILE\.py:CLASS, but"):
        load_cell(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"absent\.py: no such file"):
        load_cell(f"{tmp_path}/absent.py:Mine")


def test_a_cell_is_given_by_name_class_instance_or_file(own):
    mine = load_cell(f"{own}:Mine")
    assert resolve("lstm", "forget_bias=none").constants() == {"forget_bias": None}
    assert resolve(mine, "kind=b") == mine(kind="b")
    assert resolve(mine(scale=2), "kind=b") == mine(scale=2.0, kind="b")
    assert resolve(f"{own}:Mine", " scale = 0.5 , ") == mine(scale=0.5)
    with pytest.raises(SettingError, match=r"--cell: expected FILE\.py:CLASS, but '.*my\.py' came"):
        resolve(str(own))
    for wrong in (3, int):
        with pytest.raises(SettingError, match=r"cell: expected a cell, a name or FILE\.py:CLASS, but"):
            resolve(wrong)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("scale", "cell mine: expected name=value, but 'scale' came"),
        ("scael=1", "cell mine: unknown constant 'scael'; did you mean scale?"),
        ("scale=big", "cell mine: scale: expected float, but 'big' came"),
        ("kind=c", "cell mine: kind: expected one of 'a', 'b', but 'c' came"),
    ],
)
def test_wrong_options_are_refused(own, options, words):
    with pytest.raises(SettingError) as caught:
        read_options(load_cell(f"{own}:Mine"), options)
    assert str(caught.value) == words


def test_the_example_file_is_a_cell_of_the_promised_shape():
    example = Path(__file__).resolve().parents[2] / "examples" / "own_cell.py"
    cell = load_cell(f"{example}:SoftsignLSTM")()
    assert cell.name == "softsign_lstm"
    assert list(cell.parameters(2, 3)) == ["weight_ih", "weight_hh", "bias_ih"]


@pytest.mark.slow
def test_the_example_runs_by_itself_and_learns():
    example = Path(__file__).resolve().parents[2] / "examples" / "own_cell.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    losses = [float(loss) for loss in re.findall(r"loss (\d\.\d+)", done.stdout)]
    assert losses[-1] < losses[0] / 3


def test_a_file_named_from_another_folder_has_its_line(own, monkeypatch):
    own.write_text("x = 1\n1 / 0\n")
    (own.parent / "inside").mkdir()
    monkeypatch.chdir(own.parent / "inside")
    with pytest.raises(SettingError, match=r"my\.py:2: ZeroDivisionError"):
        load_cell("../my.py:Mine")


def test_a_mistake_in_another_module_is_not_the_cells():
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert users_mistake(caught.value) is None
