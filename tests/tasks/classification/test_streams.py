"""Predictions line for line: in order, whatever stands in the lines, from files and from stdin."""

from __future__ import annotations

import io
import json
import random

import numpy as np
import pytest
from torch import nn

from gatewise.tasks import prediction
from gatewise.tasks.prediction import Meter, computed, parts
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon
from tasks.classification import small


def mixed(count: int) -> list[str]:
    """Lines of very different lengths, some of them empty."""
    drawn = random.Random(1)
    rows = [text for text, _ in small.texts(count)]
    return [" ".join([row] * drawn.choice((0, 1, 1, 2, 30))) for row in rows]


def test_lines_out_are_lines_in_and_in_order(run, model, command, tmp_path):
    lines = mixed(300)
    code, out, err = command("classify", run, stdin="\n".join(lines).encode())
    assert code == 0
    assert out.split("\n") == [*(model.predict([line])[0] for line in lines), ""]
    assert err.startswith("300 texts, ")
    assert err.endswith("tokens/s\n")
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines) + "\n")
    assert command("classify", run, path)[1] == out


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_blank_lines_foreign_signs_and_a_last_line_without_an_end_have_a_label_each(run, command, ending):
    given = "fine\n\n   \n\u2028 \x1c lovely\n日本語 🎬 dull".encode() + ending
    code, out, _ = command("classify", run, "-", stdin=given)
    assert code == 0
    assert len(out.splitlines()) == 5


def test_nothing_in_nothing_out(run, command):
    code, out, err = command("classify", run, stdin=b"")
    assert (code, out) == (0, "")
    assert err.startswith("0 texts, 0 tokens")


@pytest.mark.slow
def test_one_line_of_a_megabyte_costs_no_more_than_its_ends(run, command):
    line = b"the film " * 120_000
    code, out, _ = command("classify", run, "--explain", stdin=line + b"\nfine\n")
    assert code == 0
    assert out.split("\n")[1].startswith("pos\t")


def test_json_has_the_probability_of_every_label(run, model, command):
    code, out, _ = command("classify", run, "--json", stdin=b"fine\ndull\n")
    assert code == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert [line["label"] for line in told] == ["pos", "neg"]
    expected = model.probabilities(["fine", "dull"])
    assert np.array_equal([[line["probabilities"][label] for label in model.labels] for line in told], expected)


def test_a_table_has_its_columns_where_the_training_texts_had_them(run, command, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text('id,text\n1,"fine, fine"\n2,"dull\ntwo lines"\n')
    assert command("classify", run, path)[1] == "pos\nneg\n"
    path.write_text("id,words\n1,fine\n")
    assert command("classify", run, path, "--text", "words")[1] == "pos\n"
    code, _, err = command("classify", run, path)
    assert code == 2
    assert "new.csv:1: there is no column text, the columns are id, words" in err


def test_the_parts_are_small_first_and_end_at_many_characters(monkeypatch):
    assert [len(part) for part in parts(["x"] * 10_000, len)][:4] == [64, 128, 256, 512]
    monkeypatch.setattr(prediction, "CHARACTERS", 10)
    assert [len(part) for part in parts(["x" * 6] * 5, len)] == [2, 2, 1]
    assert list(parts([], len)) == []


def test_results_stand_in_the_order_of_the_texts_however_they_are_computed():
    lines = [line.split() for line in mixed(100)]
    texts = EncodedTexts.of_words(lines, Lexicon.build(lines))
    for batch_size, tokens in ((None, 8192), (1, 0), (7, 30)):
        found = computed(nn.Identity(), texts, lambda batch: batch.lengths.tolist(), batch_size, tokens)
        assert found == [len(line) for line in lines]


def test_progress_moves_where_somebody_looks():
    class Screen(io.StringIO):
        def isatty(self):
            return True

    screen, now = Screen(), iter([0.0, 0.1, 1.0, 1.0, 1.0, 2.0])
    meter = Meter(screen, clock=lambda: next(now))
    meter.add(1, 10)
    assert screen.getvalue() == ""
    meter.add(1, 10)
    assert "2 texts, 20 tokens in 1.0 s" in screen.getvalue()
    meter.clear()
    meter.end()
    assert screen.getvalue().endswith("\x1b[K2 texts, 20 tokens in 2.0 s: 10 tokens/s\n")
