"""Benchmarks of classification and tagging: their presets are shipped, and rows have the measures they are made for."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewise.tasks.declaration import resolve
from gatewise.tasks.discovery import find_tasks

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {"hidden_size": 4, "embedding_size": 4, "max_steps": 2}


@pytest.fixture(scope="module")
def benchmarks():
    sys.path.insert(0, str(BENCHMARKS))
    import tagging
    import text_classification

    sys.path.remove(str(BENCHMARKS))
    return SimpleNamespace(tagging=tagging, classification=text_classification)


def shipped(task):
    return set(resolve(find_tasks()[task].kind).found_presets())


def test_their_presets_are_shipped(benchmarks):
    named = {settings["preset"] for *_, settings in benchmarks.tagging.SETS.values() if "preset" in settings}
    assert named <= shipped("tag")
    assert benchmarks.classification.SENTENCES["preset"] in shipped("classify")


def test_a_row_of_classification_has_the_measures_of_dev_and_test(benchmarks, tmp_path):
    file = tmp_path / "texts.tsv"
    file.write_text("so good\tpos\nso bad\tneg\n" * 6)
    for test in (str(file), None):
        chosen = benchmarks.classification.Set(str(file), str(file), test, {"text": "1", "label": "2"}, SMALL)
        row = benchmarks.classification.network(chosen, 0, tmp_path)
        assert 0 <= row["dev"] <= 1
        assert 0 <= row["calibration_error"] <= 1
        assert row["test"] == (row["dev"] if test else "")


def test_a_row_of_tagging_has_the_measures_of_dev_and_test(benchmarks, tmp_path, monkeypatch):
    file = tmp_path / "tags.conll"
    file.write_text("Ann\tB-PER\nran\tO\n\n" * 6)
    monkeypatch.setitem(benchmarks.tagging.SETS, "small", (str(file), str(file), str(file), SMALL))
    row = benchmarks.tagging.measured("small", 0, tmp_path)
    assert 0 <= row["dev_accuracy"] == row["test_accuracy"] <= 1
    assert row["dev_f1"] == row["test_f1"] != ""
