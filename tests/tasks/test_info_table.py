"""What ``gatewise info`` shows: all that a reader wants, once, in 80 columns, and nothing of Python."""

from __future__ import annotations

import copy

import pytest

import gatewise
from gatewise.tasks.language_model.info_table import info
from gatewise.tasks.language_model.mixing import mix
from gatewise.text.readers import read
from tasks import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each kind, by name."""
    folder = tmp_path_factory.mktemp("info")
    file, given = tiny.text_file(folder), {**tiny.SIZES, "level": "word"}
    test = tiny.text_file(folder, "the zebra is small\n", "test.txt")
    with tiny.briefly():
        made = {
            "ngram": gatewise.train("ngram", file, reset_at="line", test=test, out=str(folder / "ngram")),
            "lm": gatewise.train("lm", file, reset_at="line", **given, out=str(folder / "lm")),
            "window": gatewise.train("window", file, reset_at="line", **given, out=str(folder / "window")),
        }
    made["ngram"].save(folder / "model.arpa")
    made["arpa"] = gatewise.load(folder / "model.arpa")
    made["mixture"] = mix([made["ngram"], made["lm"]], read(file), [1 - 1.2e-7, 1.2e-7])
    return made


@pytest.mark.parametrize("kind", ["ngram", "lm", "window", "arpa", "mixture"])
def test_it_fits_and_is_for_a_reader(models, kind):
    told = models[kind].info()
    before, lines = copy.deepcopy(told), info(told).splitlines()
    assert told == before
    assert max(map(len, lines)) <= 80
    assert not any(sign in line for line in lines for sign in ("['", "{", "None"))
    names = [line.strip().split("  ")[0] for line in lines]
    assert not any("_" in name.replace("x86_64", "") for name in names)
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith(" "):  # a name has a value, or rows below it
            assert "  " in line or after.startswith(" "), line
    assert "other settings" not in names


def test_scores_are_a_row_for_each_text(models):
    told, lines = models["ngram"].info(), info(models["ngram"].info()).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("scores"))
    assert lines[start].split() == ["scores", "nats/token", "perplexity", "tokens", "unknown"]
    test = told["scores"]["test"]
    rows = [line.split("  ") for line in lines[start + 1 : start + 4]]
    found = [[part.strip() for part in row if part.strip()] for row in rows]
    assert [row[0] for row in found] == ["validation", "test", "test, known tokens"]
    assert found[1][1:] == [
        f"{test['nats_per_token']:.4f}", f"{test['perplexity_per_token']:,.2f}", str(test["tokens"]), "1",
    ]  # fmt: skip
    assert found[2][1] == f"{test['without_unknown']['nats_per_token']:.4f}"


def test_sizes_are_said_once(models):
    for kind, words in [("ngram", "  order 2  "), ("lm", "parameters"), ("window", "parameters")]:
        assert info(models[kind].info()).count(words) == 1


def test_a_small_weight_is_told_and_json_holds_every_digit(models):
    told = models["mixture"].info()
    assert "  recurrent-lm with weight 1.2e-07" in info(told).splitlines()
    assert [one["weight"] for one in told["models"]] == [1 - 1.2e-7, 1.2e-7]


def test_an_infinite_loss_is_said():
    score = {"nats_per_token": None, "perplexity_per_token": None, "tokens": 5, "unknown": 1}
    assert info({"scores": {"test": score}}).splitlines()[1].split() == ["test", "infinite", "5", "1"]


def test_a_file_without_manifest_and_a_folder_without_are_told_apart(models):
    assert "not possible: an ARPA file has no manifest" in info(models["arpa"].info())
    assert info({**models["ngram"].info(), "verified": False}).splitlines()[1].split() == ["verified", "no"]
