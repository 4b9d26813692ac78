"""The command that shows what n-grams cost and miss."""

from __future__ import annotations

import csv

import pytest

from gatewise.errors import TrainingError
from gatewise.tasks.language_model import ngram_growth
from gatewise.tasks.language_model.ngram_settings import AllWordsTextSettings

TEXT = "the cat sat on the mat\nthe dog sat on the cat\n" * 40
OTHER = "the cat sat on the dog\na bird sat\n"


@pytest.fixture
def found(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(OTHER)
    settings = AllWordsTextSettings(unit="sentences")
    files, other = [str(tmp_path / "text.txt")], str(tmp_path / "other.txt")
    return ngram_growth.course(files, settings, 3, lambda line: None, other)


def test_the_whole_text_is_the_last_of_its_beginnings(found):
    assert [row.tokens for row in found.growths] == [140, 280, 560]
    assert found.other[1] == 11
    assert found.growths[-1].ngrams == (7, 10, 11)  # with the end of a sentence


def test_words_that_were_never_seen_are_new(found):
    assert found.growths[-1].unseen[0] == pytest.approx(2 / 11)  # a, bird
    assert found.growths[-1].unseen[1] == pytest.approx(5 / 11)  # dog </s>, <s> a, a bird, bird sat, sat </s>


def test_table_and_files_say_the_same(found, tmp_path):
    ngram_growth.write(found, tmp_path / "out")
    with (tmp_path / "out" / ngram_growth.TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = ngram_growth.table(found)
    assert len(rows) == 3 * 3
    for row in rows:
        growth = next(growth for growth in found.growths if str(growth.tokens) == row["tokens"])
        place = int(row["order"]) - 1
        assert int(row["ngrams"]) == growth.ngrams[place]
        assert int(row["bytes"]) == growth.bytes[place]
        assert float(row["unseen"]) == pytest.approx(growth.unseen[place], abs=1e-6)
        assert f"{growth.unseen[place]:.1%}" in shown
    for name in (ngram_growth.STORAGE, ngram_growth.SPARSITY):
        assert "order 3" in (tmp_path / "out" / name).read_text()


def test_a_folder_with_something_in_it_is_left_alone(found, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(TrainingError, match="something here already"):
        ngram_growth.write(found, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_text_too_short_for_an_order_has_no_share(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "short.txt").write_text("the\n")
    settings = AllWordsTextSettings(unit="sentences")
    short = ngram_growth.course([str(tmp_path / "text.txt")], settings, 4, [].append, str(tmp_path / "short.txt"))
    assert short.growths[-1].unseen[3] is None
    ngram_growth.write(short, tmp_path / "out")
    with (tmp_path / "out" / ngram_growth.TABLE).open(newline="") as file:
        assert {row["unseen"] for row in csv.DictReader(file) if row["order"] == "4"} == {""}
    assert "–" in ngram_growth.table(short)
    assert "nan" not in ngram_growth.table(short)
