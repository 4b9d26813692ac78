"""An ARPA file wherever a command takes a model, and what is wrong with one in one line."""

from __future__ import annotations

import gzip
import json

import pytest

from models.ngram.test_arpa import GOOD
from tasks import tiny

CLOSED = GOOD.replace("ngram 1=4", "ngram 1=3").replace("-1\t<unk>\t0\n", "")


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model.arpa").write_text(GOOD)
    return tmp_path / "model.arpa"


def results(gatewise, *argv, stdin=b""):
    code, out, err = gatewise(*argv, stdin=stdin)
    assert (code, err) == (0, "")
    return out


def test_every_verb_takes_a_file(gatewise, model, tmp_path):
    assert results(gatewise, "score", model, "-", stdin=b"a a\n\nb\n") == "-2.0723\ta a\n-1.7269\t\n-4.0295\tb\n"
    told = json.loads(results(gatewise, "eval", model, tiny.text_file(tmp_path, "a a\n\nb\n"), "--json"))
    assert (told["tokens"], told["unknown"], told["without_unknown"]["tokens"]) == (6, 1, 5)
    assert "per token without the 1 unknown ones" in results(gatewise, "eval", model, tmp_path / "text.txt")
    assert results(gatewise, "rank", model, stdin=b"b\na\n").splitlines() == ["-1.1513\ta", "-4.0295\tb"]
    assert results(gatewise, "generate", model, "--prompt", "a", "--length", 5).startswith("a")
    assert json.loads(results(gatewise, "info", model, "--json"))["n-grams"] == {"order 1": 3, "order 2": 3}
    code, out, _ = gatewise("mix", model, model, "--weights", "0.5,0.5", "--out", tmp_path / "mixture")
    assert (code, out.count("ngram-lm with weight 0.5000")) == (0, 2)


def test_convert_goes_there_and_back(gatewise, model, tmp_path):
    assert gatewise("convert", model, tmp_path / "folder")[0] == 0
    code, out, err = gatewise("convert", tmp_path / "folder", tmp_path / "again.arpa.gz")
    assert (code, out, err) == (0, "", f"model: {tmp_path}/again.arpa.gz\n")
    lines = b"a a\nb\n"
    again = results(gatewise, "score", tmp_path / "again.arpa.gz", "-", stdin=lines)
    assert again == results(gatewise, "score", model, "-", stdin=lines)


def test_a_probability_of_0_is_told(gatewise, tmp_path):
    (tmp_path / "closed.arpa").write_text(CLOSED)
    out = results(gatewise, "eval", tmp_path / "closed.arpa", tiny.text_file(tmp_path, "a b\n"))
    assert "inf  infinite: a token has probability 0 under this model" in out
    told = json.loads(results(gatewise, "score", tmp_path / "closed.arpa", "-", "--json", "--tokens", stdin=b"b\n"))
    assert (told["log_prob"], told["tokens"][0]) == (None, ["<unk>", None])
    out = results(gatewise, "rank", tmp_path / "closed.arpa", "--json", stdin=b"b\na\n")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["a", "b"]


def test_a_model_that_gives_held_out_words_no_probability_is_trained(gatewise, tmp_path):
    flags = ["--smoothing", "maximum-likelihood", "--valid", tiny.text_file(tmp_path, "cat the small\n", "other.txt")]
    code, _, err = gatewise("train", "ngram", tiny.text_file(tmp_path), "--out", tmp_path / "run", *flags)
    assert code == 0, err
    assert "validation: loss infinite: a token has probability 0 under this model" in err
    assert "loss infinite" in (tmp_path / "run/model/README.md").read_text()


BAD = {
    "empty": (b"", "model.arpa: is no ARPA file"),
    "binary": (bytes(range(256)), "model.arpa: is no ARPA file"),
    "not utf-8": (GOOD.replace("a\t-0.1", "\xe9\t-0.1").encode("latin-1"), "model.arpa:8: the word"),
    "cut off": (GOOD[:-30].encode(), "model.arpa:12: the file ends in the middle of a line"),
    "cut gzip": (gzip.compress(GOOD.encode())[:-4], "model.arpa: is cut off"),
    "nan": (GOOD.replace("-0.3", "nan").encode(), "model.arpa:13: the log10 probability is nan"),
    "above 0": (GOOD.replace("-0.3", "0.3").encode(), "model.arpa:13: a log10 probability is at most 0, but 0.3 came"),
}


@pytest.mark.parametrize("verb", ["eval", "generate", "score", "rank", "info", "mix", "convert"])
@pytest.mark.parametrize("mistake", BAD)
def test_a_file_that_cannot_be_used_is_one_line(gatewise, tmp_path, mistake, verb):
    content, words = BAD[mistake]
    path = tmp_path / "model.arpa"
    path.write_bytes(content)
    rest = {
        "eval": [tiny.text_file(tmp_path)],
        "score": [tiny.text_file(tmp_path)],
        "mix": [path, "--weights", "0.5,0.5"],
        "convert": [tmp_path / "folder"],
    }.get(verb, [])
    code, out, err = gatewise(verb, path, *rest)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {tmp_path}/{words}")
    assert err.count("\n") == 1
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("a.arp", "a.arpa"),
        ("a.arpa.zip", "a.arpa.gz"),
        ("a.ARP", "a.arpa"),
        ("a.apra", "a.arpa"),
        ("v1.2.arp.gz", "v1.2.arpa.gz"),
    ],
)
def test_an_ending_that_is_nearly_that_of_an_arpa_file_is_refused(gatewise, model, tmp_path, target, meant):
    code, out, err = gatewise("convert", model, tmp_path / target)
    assert (code, out) == (2, "")
    told = "an ARPA file ends in .arpa or .arpa.gz; did you mean"
    assert err == f"error: {tmp_path / target}: {told} {tmp_path / meant}? (a folder needs another name)\n"
    assert not (tmp_path / target).exists()


@pytest.mark.parametrize("target", ["model", "model-1.2", "model.lm", "arpa", "a.ARPA"])
def test_other_endings_are_taken(gatewise, model, tmp_path, target):
    assert gatewise("convert", model, tmp_path / target)[0] == 0
    assert (tmp_path / target).is_file() == (target == "a.ARPA")
    assert json.loads(results(gatewise, "info", tmp_path / target, "--json"))["order"] == 2


def test_models_that_are_not_mixed_are_named_by_their_paths(gatewise, model, tmp_path):
    plain = tiny.text_file(tmp_path, "so it is\n" * 60)
    assert gatewise("train", "ngram", plain, "--reset-at", "line", "--out", tmp_path / "run")[0] == 0
    gatewise("convert", tmp_path / "run", tmp_path / "run.arpa")
    code, _, err = gatewise("mix", tmp_path / "run", tmp_path / "run.arpa", "--weights", "0.5,0.5")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{tmp_path}/run.arpa has the same words as {tmp_path}/run, but reads text in another way" in err
    _, _, err = gatewise("mix", tmp_path / "run.arpa", model, "--weights", "0.5,0.5")
    assert f"1 of the 3 words of {model} are unknown to {tmp_path}/run.arpa" in err


def test_what_cannot_be_converted_is_one_line(gatewise, tiny_run, model, tmp_path):
    for argv, words in [
        ((tiny_run, tmp_path / "x.arpa"), "an ARPA file holds an n-gram model, but this is a recurrent-lm"),
        ((model, model), "there is a file already; choose another name"),
        ((model, tmp_path), "there is a folder already; choose another name"),
        ((tmp_path / "none.arpa", tmp_path / "x"), "none.arpa: there is no such file"),
        ((tmp_path / "none", tmp_path / "x"), "none: there is no such folder"),
        ((model, tmp_path / "none" / "x.arpa"), "make the folder first"),
    ]:
        code, out, err = gatewise("convert", *argv)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
