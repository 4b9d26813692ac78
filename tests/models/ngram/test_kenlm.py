"""Our ARPA files, read by KenLM itself: the same log probability for every sentence, unknown words included."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import pytest

import gatewise
from gatewise.models.ngram import METHODS
from tasks import tiny

kenlm = pytest.importorskip(
    "kenlm",
    reason="the package kenlm is not installed (pip install kenlm needs a C++ compiler); harbour.arpa stands in",
)
DISTANCE = 1e-5
"""Of the log10 probability of a sentence: each of its numbers has 7 decimals in the file."""
HARBOUR = Path(__file__).parent / "harbour.txt"
LINES = ["the cat is small", "", "nobody knows zebras", "is the dog", "dog cat mat on", "a boat sails to the zebra ."]
PRUNED = {"prune": (0, 0, 1)}
MODELS = [
    *[(name, order, {}) for name in METHODS if name != "add-delta" for order in range(1, 6)],
    *[(name, 4, PRUNED) for name in ("modified-kneser-ney", "witten-bell", "katz", "stupid-back-off")],
]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    lines = HARBOUR.read_text(encoding="utf-8") + "\n" + tiny.sentences(200)
    return tiny.text_file(tmp_path_factory.mktemp("kenlm"), lines)


def made(text, folder, **settings):
    settings = {"pretokenised": True, "reset_at": "line", "out": str(folder / "run"), **settings}
    return gatewise.train("ngram", text, **settings)


def compare(model, path, lines=LINES):
    theirs = kenlm.Model(str(path))
    for line, score in zip(lines, model.score(lines), strict=True):
        their, our = theirs.score(line, bos=True, eos=True), score.log_prob / math.log(10)
        if math.isinf(our):
            assert their <= -99 + 20 * len(line.split())  # what stands for the logarithm of 0, and back-off weights
        else:
            assert their == pytest.approx(our, abs=DISTANCE, rel=0), line


@pytest.mark.parametrize(("smoothing", "order", "settings"), MODELS)
def test_every_sentence_has_the_probability_that_kenlm_reads(text, tmp_path, smoothing, order, settings):
    model = made(text, tmp_path, smoothing=smoothing, order=order, **settings)
    path = tmp_path / "model.arpa"
    model.save(path)
    if order == 1:
        as_of_order_2(path)
    compare(model, path)


def as_of_order_2(path):
    """KenLM reads no file of words alone: one pair is added that no line has."""
    content = path.read_text(encoding="utf-8").replace("\n\n\\1-grams", "\nngram 2=1\n\n\\1-grams")
    path.write_text(content.replace("\\end\\", "\\2-grams:\n-0.1\tcat cat\n\n\\end\\"), encoding="utf-8")


def test_kenlm_reads_the_compressed_file(text, tmp_path):
    model = made(text, tmp_path, order=3)
    model.save(tmp_path / "model.arpa.gz")
    compare(model, tmp_path / "model.arpa.gz")


def test_what_is_read_again_scores_as_kenlm_does(text, tmp_path):
    made(text, tmp_path, order=3).save(tmp_path / "model.arpa")
    compare(gatewise.load(tmp_path / "model.arpa"), tmp_path / "model.arpa")


def test_a_file_without_the_last_words_of_its_ngrams_scores_as_in_kenlm():
    """As pruning by entropy leaves it: KenLM adds them too."""
    path = Path(__file__).parent / "entropy_pruned.arpa"
    lines = [" ".join(words) for length in range(1, 6) for words in product("abcd", repeat=length)]
    compare(gatewise.load(path), path, lines)
