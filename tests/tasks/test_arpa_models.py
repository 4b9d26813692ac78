"""ARPA files as models in Python: loaded, scored, measured, written, mixed, and what cannot be is refused."""

from __future__ import annotations

import gzip
import math
import re
from pathlib import Path

import pytest

import gatewise
from gatewise.errors import GatewiseError, ModelFileError, SettingError
from gatewise.tasks.language_model.mixing import mix
from gatewise.text.readers import read
from models.ngram.test_arpa import GOOD
from tasks import tiny

TEXT = "the cat is small\n\nthe zebra is a cat\n" + "the dog " * 700 + "\n"
"""With a blank line, an unknown word, and a line longer than what a table is asked for at once."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arpa")
    settings = {"order": 3, "pretokenised": True, "reset_at": "line", "out": str(folder / "run")}
    return gatewise.train("ngram", tiny.text_file(folder), **settings)


@pytest.fixture(scope="module")
def loaded(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("loaded") / "model.arpa.gz"
    model.save(path)
    return gatewise.load(path)


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.arpa").write_text(GOOD)
    return gatewise.load(tmp_path / "good.arpa")


def close(one, other):
    """Log probabilities, each from numbers of 7 decimals."""
    assert one == pytest.approx(other, abs=1e-5 * math.log(10))


def test_a_loaded_file_is_the_model_that_was_saved(model, loaded):
    lines = TEXT.splitlines()
    for one, other in zip(loaded.score(lines), model.score(lines), strict=True):
        close(one.tokens, other.tokens)
    assert loaded.tokenizer.fingerprint == model.tokenizer.fingerprint
    assert loaded.rank(["small the is cat", "the cat is small"])[0][0] == "the cat is small"
    assert loaded.generate("the cat", length=8, seed=1).startswith("the cat ")
    assert loaded.info()["verified"] is None
    assert loaded.info()["smoothing"] == "not known"


def test_a_text_is_measured_line_by_line(loaded, tmp_path):
    found = loaded.evaluate(tiny.text_file(tmp_path, TEXT))
    scores = loaded.score(TEXT.splitlines())
    assert found.measure.nats == pytest.approx(-math.fsum(one.log_prob for one in scores), rel=1e-6)
    assert found.measure.tokens == sum(len(one.tokens) for one in scores) == 4 + 0 + 5 + 1400 + 4
    known = [value for one, line in zip(scores, TEXT.splitlines(), strict=True) for value in without_zebra(one, line)]
    assert found.known is not None
    assert found.known.tokens == found.measure.tokens - 1 == len(known)
    assert found.known.nats == pytest.approx(-math.fsum(known), rel=1e-6)


def without_zebra(score, line):
    words = [*line.split(), "</s>"]
    return [value for value, word in zip(score.tokens, words, strict=True) if word != "zebra"]


def test_a_file_without_the_unknown_word_is_infinitely_wrong_where_one_comes_and_says_so(tmp_path):
    (tmp_path / "closed.arpa").write_text(GOOD.replace("ngram 1=4", "ngram 1=3").replace("-1\t<unk>\t0\n", ""))
    closed = gatewise.load(tmp_path / "closed.arpa")
    found = closed.evaluate(tiny.text_file(tmp_path, "a b\na\n"))
    told = found.to_dict()
    assert (found.measure.nats, told["loss"], told["perplexity_per_token"]) == (math.inf, None, None)
    assert told["without_unknown"]["tokens"] == 4
    expected = (-0.2 - 0.5 - 0.2 - 0.3) * math.log(10)  # <s> a, [<unk>] </s>; <s> a, a </s>
    assert -told["without_unknown"]["loss"] * 4 == pytest.approx(expected, rel=1e-6)
    assert closed.rank(["a b", "a"]) == [("a", pytest.approx(-0.5 * math.log(10))), ("a b", -math.inf)]
    assert "<unk>" not in closed.generate("a", length=50)


def test_a_folder_made_of_a_file_is_the_same_model(loaded, tmp_path):
    loaded.save(tmp_path / "folder")
    again = gatewise.load(tmp_path / "folder")
    lines = TEXT.splitlines()
    assert [one.tokens for one in again.score(lines)] == [one.tokens for one in loaded.score(lines)]
    assert again.info() == {**loaded.info(), "verified": True}
    again.save(tmp_path / "again.arpa")
    loaded.save(tmp_path / "first.arpa")
    assert (tmp_path / "again.arpa").read_bytes() == (tmp_path / "first.arpa").read_bytes()


def test_it_is_mixed_with_the_model_that_it_was_written_from(model, loaded, tmp_path):
    mixture = mix([model, loaded], read(tiny.text_file(tmp_path)))
    for one, other in zip(mixture.score(["the cat"]), model.score(["the cat"]), strict=True):
        close(one.tokens, other.tokens)
    with pytest.raises(GatewiseError, match="an ARPA file holds an n-gram model, but this is a mixture-lm"):
        mixture.save(tmp_path / "mixture.arpa")


def test_a_place_that_is_taken_is_not_written(loaded, tmp_path):
    (tmp_path / "there.arpa").write_text("mine")
    with pytest.raises(GatewiseError, match=r"there.arpa: there is a file already; choose another name"):
        loaded.save(tmp_path / "there.arpa")
    assert (tmp_path / "there.arpa").read_text() == "mine"
    loaded.save(tmp_path / "there.arpa", replace=True)
    assert gatewise.load(tmp_path / "there.arpa").tokenizer.vocabulary_size == loaded.tokenizer.vocabulary_size
    (tmp_path / "folder.arpa").mkdir()
    with pytest.raises(GatewiseError, match="a file cannot be written here: a folder has this name"):
        loaded.save(tmp_path / "folder.arpa", replace=True)
    with pytest.raises(GatewiseError, match="make the folder first"):
        loaded.save(tmp_path / "nowhere" / "model.arpa")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smoothing": "add-delta"}, "add-delta shares what is left"),
        ({"level": "char"}, "the token ' ' holds it"),
        ({"reset_at": "document", "order": 3}, "goes on from one text into the next"),
    ],
)
def test_what_arpa_cannot_say_is_refused(settings, words, tmp_path):
    settings = {"order": 2, "reset_at": "line", "out": str(tmp_path / "run"), **settings}
    made = gatewise.train("ngram", tiny.text_file(tmp_path), **settings)
    with pytest.raises(GatewiseError, match=words):
        made.save(tmp_path / "model.arpa")
    assert not (tmp_path / "model.arpa").exists()


def test_a_neural_model_is_refused(tiny_run, tmp_path):
    with pytest.raises(GatewiseError, match="an ARPA file holds an n-gram model, but this is a recurrent-lm"):
        gatewise.load(tiny_run).save(tmp_path / "model.arpa")


def test_an_arpa_file_of_running_text_is_refused_before_anything_is_counted(tmp_path):
    with pytest.raises(SettingError, match=r"go on from one line into the next, .* give --reset-at line"):
        gatewise.train("ngram", "nowhere.txt", arpa=str(tmp_path / "model.arpa"), out=str(tmp_path / "run"))


def test_what_cannot_be_loaded_is_refused(good, tmp_path):
    with pytest.raises(SettingError, match="an ARPA file holds n-grams and has no cell"):
        gatewise.load(tmp_path / "good.arpa", cell="my.py:Mine")
    (tmp_path / "eos.arpa").write_text(
        GOOD.replace("a\t-0.1", "<eos>\t-0.1")
        .replace("a\n", "<eos>\n")
        .replace("a <", "<eos> <")
        .replace("a <eos>", "<eos> <eos>")
    )
    with pytest.raises(ModelFileError, match=r"eos.arpa: the vocabulary holds '<eos>' already"):
        gatewise.load(tmp_path / "eos.arpa")
    (tmp_path / "cut.arpa.gz").write_bytes(gzip.compress(GOOD.encode())[:-9])
    with pytest.raises(ModelFileError, match=r"cut.arpa.gz: is cut off; copy it or make it again"):
        gatewise.load(tmp_path / "cut.arpa.gz")
    (tmp_path / "model.txt").write_text(GOOD)
    with pytest.raises(ModelFileError, match=r"a model folder is expected, or a file whose name ends in .arpa or"):
        gatewise.load(tmp_path / "model.txt")
    (tmp_path / "folder.arpa").mkdir()
    with pytest.raises(ModelFileError, match=r"folder.arpa: holds no config.json"):
        gatewise.load(tmp_path / "folder.arpa")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"arpa": "text.txt"}, "arpa must end in .arpa or .arpa.gz, but 'text.txt' was given"),
        ({"arpa": "there.arpa"}, "there.arpa: there is a file already; choose another name"),
        (
            {"arpa": "nowhere/a.arpa"},
            "nowhere/a.arpa: cannot be written: its folder is not there; make the folder first",
        ),
        ({"arpa": "a.arpa", "smoothing": "add-delta"}, "arpa: add-delta shares what is left equally"),
        ({"arpa": "a.arpa", "level": "char"}, "arpa: ARPA divides words by white space, which char tokens hold"),
    ],
)
def test_what_cannot_be_an_arpa_file_is_said_before_any_text_is_read(tmp_path, monkeypatch, settings, told):
    monkeypatch.chdir(tmp_path)
    Path("there.arpa").write_text("mine")
    with pytest.raises(GatewiseError, match=re.escape(told)):
        gatewise.train("ngram", "nowhere.txt", order=2, out="run", **settings)
    assert Path("there.arpa").read_text() == "mine"
    assert not Path("run").exists()


def test_a_run_that_fails_leaves_no_arpa_file(tmp_path, monkeypatch):
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.write_folder", _no_space)
    with pytest.raises(OSError, match="no space"):
        gatewise.train(
            "ngram", tiny.text_file(tmp_path), order=2, arpa=str(tmp_path / "a.arpa"), out=str(tmp_path / "r")
        )
    assert not (tmp_path / "a.arpa").exists()
    assert not (tmp_path / "r").exists()


def _no_space(*given):
    raise OSError("no space")
