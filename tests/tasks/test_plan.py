"""Where a run's settings come from: default < preset < config file < flag; and what a resumed run may not change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatewise.errors import SettingError, TrainingError
from gatewise.tasks.language_model.ngram_run import make_ngram_plan
from gatewise.tasks.language_model.plan import make_plan, presets
from gatewise.tasks.language_model.run_settings import KINDS
from gatewise.training.run_files import CONFIG


@pytest.fixture
def out(tmp_path):
    return str(tmp_path / "run")


@pytest.fixture
def preset(tmp_path, monkeypatch):
    """A preset by name ``small`` that sets two things."""
    (tmp_path / "small.toml").write_text("[model]\nhidden_size = 11\nembedding_size = 12\n[training]\nseed = 5\n")
    monkeypatch.setitem(KINDS, "lm", replace(KINDS["lm"], presets=tmp_path))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("[model]\nembedding_size = 22\n[training]\nseed = 6\n")
    return str(path)


def begun(plan):
    """What a run leaves in its folder at its beginning, as far as the plan of resuming it reads it."""
    plan.folder.mkdir()
    (plan.folder / CONFIG).write_text(plan.config())
    return str(plan.folder)


@pytest.mark.usefixtures("preset")
def test_flags_win_over_the_file_over_the_preset_over_the_default(out, config):
    plan = make_plan(["a.txt"], {"out": out, "preset": "small", "config": config, "seed": 7})
    assert (plan.model.hidden_size, plan.model.embedding_size, plan.training.seed) == (11, 22, 7)
    assert plan.model.num_layers == 1


@pytest.mark.usefixtures("preset")
def test_without_a_preset_there_is_none(out):
    assert make_plan(["a.txt"], {"out": out}).model.hidden_size == KINDS["lm"].saved.tables["model"]().hidden_size


@pytest.mark.parametrize("name", presets())
def test_every_preset_makes_a_plan(name, out):
    plan = make_plan([], {"out": out, "preset": name})
    assert plan.model.hidden_size >= 1


def test_without_files_the_documentation_is_the_preset(out):
    assert make_plan([], {"out": out}) == make_plan([], {"out": out, "preset": "documentation"})
    assert make_plan(["a.txt"], {"out": out}).config() != make_plan([], {"out": out}).config()


def test_a_rule_over_two_settings_looks_at_all_layers(out, config):
    with pytest.raises(SettingError, match="hidden_dropout acts between layers"):
        make_plan(["a.txt"], {"out": out, "hidden_dropout": 0.5})
    assert make_plan(["a.txt"], {"out": out, "hidden_dropout": 0.5, "num_layers": 2}).model.hidden_dropout == 0.5
    with open(config, "a", encoding="utf-8") as file:
        file.write("[text]\nlowercase = true\n")
    assert make_plan(["a.txt"], {"out": out, "config": config, "lowercase": False}).text.lowercase is False


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"preset": "documentatoin"}, "--preset: there is no preset documentatoin; did you mean documentation?"),
        ({"config": "none.toml"}, "none.toml: the config file cannot be read (No such file or directory)"),
        ({"hiden_size": 3}, "there is no setting hiden_size; did you mean hidden_size?"),
        ({"cell": "lsmt"}, "did you mean lstm?"),
        ({"cell": "nowhere.py:Cell"}, "nowhere.py: no such file"),
        ({"cell_options": "forget_bais=1"}, "forget_bias"),
        ({"level": "byte", "softmax": "adaptive"}, "but bytes are numbered by their value; give softmax=full"),
        ({"resume": True, "out": None}, "--resume needs the run folder"),
    ],
)
def test_what_cannot_be_is_refused(out, given, words):
    with pytest.raises(SettingError) as refused:
        make_plan(["a.txt"], {"out": out} | given)
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_left_alone(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine").write_text("mine")
    with pytest.raises(TrainingError, match="there is something here already; give another --out, or --resume"):
        make_plan(["a.txt"], {"out": str(path)})


def test_an_empty_folder_may_be_used(tmp_path):
    assert make_plan(["a.txt"], {"out": str(tmp_path)}).folder == tmp_path


def test_without_out_the_folder_is_new(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "lm-now")
    first = make_plan(["a.txt"], {}).folder
    assert str(first) == "runs/lm-now"
    first.mkdir(parents=True)
    assert str(make_plan(["a.txt"], {}).folder) == "runs/lm-now-2"


def test_a_resumed_run_keeps_its_settings(out):
    before = make_plan(["a.txt"], {"out": out, "hidden_size": 9, "cell": "gru"})
    folder = begun(before)
    for given in ({}, {"hidden_size": 9}, {"cell": "gru", "seed": 0}):
        plan = make_plan([], {"out": folder, "resume": True, **given})
        assert (plan.model, plan.training, plan.cell, plan.resume) == (before.model, before.training, before.cell, True)


def test_a_resumed_run_refuses_changes_by_name(out, config):
    folder = begun(make_plan(["a.txt"], {"out": out, "hidden_size": 9}))
    with pytest.raises(TrainingError, match="but hidden_size was 9 and is 10, bptt was 64 and is 7"):
        make_plan([], {"out": folder, "resume": True, "hidden_size": 10, "bptt": 7})
    with pytest.raises(TrainingError, match="but embedding_size was 128 and is 22, seed was 0 and is 6"):
        make_plan([], {"out": folder, "resume": True, "config": config})


def test_there_must_be_a_run_to_resume(tmp_path):
    with pytest.raises(TrainingError, match="there is no run to resume here"):
        make_plan([], {"out": str(tmp_path), "resume": True})


@pytest.mark.parametrize(("kind", "other"), [("lm", "window"), ("window", "lm")])
def test_a_run_of_another_command_is_not_resumed(out, kind, other):
    folder = begun(make_plan(["a.txt"], {"out": out}, kind))
    with pytest.raises(TrainingError) as refused:
        make_plan([], {"out": folder, "resume": True}, other)
    assert str(refused.value) == (
        f"{folder}: it holds a run of `train {kind}`; go on with: gatewise train {kind} --resume --out {folder}"
    )
    assert make_plan([], {"out": folder, "resume": True}, kind).kind == kind


@pytest.mark.parametrize("kind", ["lm", "window"])
def test_counting_is_not_resumed(out, kind):
    folder = begun(make_ngram_plan(["a.txt"], {"out": out}))
    with pytest.raises(TrainingError, match="it holds a run of `train ngram`; counting is not resumed: count again"):
        make_plan([], {"out": folder, "resume": True}, kind)


def test_a_users_cell_is_named_again_to_resume(tmp_path, out):
    (tmp_path / "my.py").write_text(
        "from gatewise.cells import CELLS\nclass Mine(CELLS['gru']):\n    'A cell of my own.'\n"
    )
    named = f"{tmp_path}/my.py:Mine"
    folder = begun(make_plan(["a.txt"], {"out": out, "cell": named}))
    with pytest.raises(SettingError, match=r"this run trains your own cell .*my\.py:Mine; give --cell"):
        make_plan([], {"out": folder, "resume": True})
    assert make_plan([], {"out": folder, "resume": True, "cell": named}).cell.name == "mine"
