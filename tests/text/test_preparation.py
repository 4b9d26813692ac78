"""From a corpus to what training needs, and back from the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewise.errors import DataError, GatewiseError
from gatewise.text.documents import Corpus
from gatewise.text.preparation import prepare, reopen
from gatewise.text.readers import read
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.streams import stream

TEXT = "one two three\n\nfour five\nsix\n" * 40


def test_what_was_prepared_is_opened_again(settings: TextSettings, tmp_path: Path):
    made = prepare(Corpus.of([TEXT]), settings, tmp_path / "new" / "data")
    again = reopen(tmp_path / "new" / "data")
    assert again.tokenizer.fingerprint == made.tokenizer.fingerprint
    for name in ("train", "valid"):
        left, right = getattr(made, name), getattr(again, name)
        assert left.ids.tolist() == right.ids.tolist()
        assert left.counts == right.counts


def test_the_vocabulary_is_of_the_training_text_alone():
    made = prepare(Corpus.of(["a" * 900 + "\n" + "b" * 99]), TextSettings(level="char"))
    assert "b" not in made.tokenizer.vocabulary
    assert made.valid.counts.unknown == made.valid.counts.characters == 99
    assert made.notes == ("held out for validation: the last 99 of 1,000 characters",)


def test_another_text_may_be_validated_on():
    made = prepare(Corpus.of(["ab" * 50]), TextSettings(level="char"), valid=Corpus.of(["ba", "aa"]))
    assert made.train.counts.characters == 100
    assert made.valid.counts.characters == 4
    assert made.notes == ()


def test_words_do_not_reach_over_documents():
    made = prepare(Corpus.of(["a b", "c d"]), TextSettings(level="word", minimum_count=1), valid=Corpus.of(["b"]))
    assert sorted(made.tokenizer.vocabulary) == ["<eos>", "<unk>", "a", "b", "c", "d"]


def test_lines_without_a_word_are_said():
    made = prepare(Corpus.of([TEXT]), TextSettings(level="char", unit="sentences"))
    assert made.notes[1:] == (
        "left out of the training text: 36 lines without a word",
        "left out of the validation text: 4 lines without a word",
    )
    assert made.train.counts.sequences + made.valid.counts.sequences == 120


WAYS = [TextSettings(level="word", minimum_count=1, reset_at=at) for at in ("never", "document", "paragraph", "line")]
WAYS.append(TextSettings(level="word", minimum_count=1, unit="sentences"))


@pytest.mark.parametrize("settings", WAYS, ids=lambda settings: f"{settings.unit}-{settings.reset_at}")
def test_every_way_of_reading_gives_batches(settings: TextSettings):
    made = prepare(Corpus.of([TEXT, TEXT[5:]]), settings)
    batches = stream(made.train, settings, BatchSettings(batch_size=4, bptt=8))
    assert sum(next(batches).tokens for _ in range(batches.batches_per_epoch)) >= len(made.train) - 32
    assert sum(batch.tokens for batch in batches.one_pass()) == len(made.train)


def test_a_folder_without_a_prepared_text_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="there is no prepared text"):
        reopen(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GatewiseError, match="the folder cannot be made"):
        prepare(Corpus.of([TEXT]), TextSettings(), tmp_path / "file")


def test_tiny_shakespeare_is_cut_after_nine_tenths(shared_data: Path):
    corpus = read(shared_data / "tinyshakespeare" / "input.txt")
    made = prepare(corpus, TextSettings(level="char"))
    assert made.tokenizer.vocabulary_size == 65 + 2
    assert made.train.counts.characters + made.valid.counts.characters == 1_115_394
    assert 0 <= made.train.counts.characters - 1_003_855 < 80
    assert made.valid.counts.unknown == 0
