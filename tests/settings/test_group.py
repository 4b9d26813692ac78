"""Several tables of settings side by side, and the TOML files that fill them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewise.errors import SettingError
from gatewise.settings import Group, Settings, nearest, setting


@dataclass(frozen=True)
class Model(Settings):
    hidden_size: int = setting(8, "units", minimum=1)


@dataclass(frozen=True)
class Training(Settings):
    learning_rate: float = setting(1e-3, "rate", above=0)
    clip: float | None = setting(0.25, "clip", above=0)
    name: str | None = setting(None, "name")
    cutoffs: tuple[int, ...] = setting((), "ranks")
    loud: bool = setting(False, "say more")


GROUP = Group(model=Model, training=Training)


def written(folder, text):
    path = folder / "c.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_fills_the_tables(tmp_path):
    path = written(tmp_path, "[model]\nhidden_size = 512\n[training]\nlearning_rate = 1\n")
    built = GROUP.build(GROUP.read(path))
    assert built == {"model": Model(512), "training": Training(1.0)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clip": None, "name": 'a "quoted" \\ name, \x7f\n', "cutoffs": (1, 2), "loud": True},
        {"learning_rate": 1e-30, "name": "none", "clip": 5},
        {"learning_rate": 1e22},
    ],
)
def test_what_is_written_is_read_back(tmp_path, changes):
    settings = {"model": Model(512), "training": Training(**changes)}
    assert GROUP.build(GROUP.read(written(tmp_path, GROUP.write(settings)))) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[model]\nhiden_size = 1", "c.toml [model]: there is no setting hiden_size; did you mean hidden_size?"),
        ("[modle]\nhidden_size = 1", "c.toml: unknown table modle; did you mean model?"),
        ("hidden_size = 1", "c.toml: unknown key outside a table hidden_size"),
        ("model = 1", "c.toml: model must be a table, written [model]"),
        ("[model]\nhidden_size = 0", "c.toml [model]: hidden_size must be a whole number of at least 1, but 0"),
        ("[model", "c.toml: this is no TOML file"),
    ],
)
def test_a_refused_file_says_which_part(tmp_path, text, words):
    with pytest.raises(SettingError) as refused:
        GROUP.read(written(tmp_path, text))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"none\.toml: the config file cannot be read \(No such file"):
        GROUP.read(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "b.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="no TOML file"):
        GROUP.read(path)


def test_an_unknown_keyword_names_the_nearest_over_all_tables():
    with pytest.raises(SettingError, match=r"there is no setting learning_rat; did you mean learning_rate\?"):
        GROUP.build({"learning_rat": 1})


def test_one_name_in_two_tables_is_a_programming_error():
    with pytest.raises(TypeError, match=r"hidden_size is declared by \[a\] and by \[b\]"):
        Group(a=Model, b=Model)


@pytest.mark.parametrize(
    ("name", "found"),
    [("--hiden-size", "hidden_size"), ("HIDDEN_SIZE", "hidden_size"), ("rate", "learning_rate"), ("zq", None)],
)
def test_the_nearest_name(name, found):
    assert nearest(name, ["hidden_size", "learning_rate"]) == found
