"""The sentences of a run: checked with file and line, encoded, held out, and the same when a run is resumed."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.errors import DataError, TrainingError
from gatewise.tasks.tagging.data import read_data, reopen_data
from gatewise.tasks.tagging.plan import make_plan
from tasks.tagging import tiny_tags as tiny


def read(folder, text, said=lambda _: None, **settings):
    plan = make_plan([tiny.write(folder, text)], {**tiny.SIZES, "out": str(folder / "run"), **settings})
    plan.folder.mkdir()
    return plan, read_data(plan, said)


def test_the_data_of_a_run_are_the_same_when_they_are_reopened(tmp_path):
    vectors = tiny.write(tmp_path, "".join(f"{word} {'0.5 ' * 8}\n" for word in ("the", "cow")), "vec.txt")
    dev, test = (tiny.write(tmp_path, tiny.columns(tiny.pos(4)) + "\ncow\tNOUN\n", f"{name}.conll") for name in "ab")
    plan, first = read(tmp_path, tiny.columns(tiny.pos()), dev=dev, test=test, vectors=vectors)
    again = reopen_data(plan.folder / "data")
    assert (again.record, again.tags, again.trained) == (first.record, first.tags, first.trained)
    assert again.lexicon.fingerprint == first.lexicon.fingerprint
    for name in ("train", "dev", "test"):
        assert getattr(again, name).texts.digest() == getattr(first, name).texts.digest()
    assert first.lexicon.words[first.trained :] == ("cow",)
    assert all((one == other).all() for one, other in zip(again.vectors, first.vectors, strict=True))


def test_words_and_tags_are_numbered_as_they_stand(tmp_path):
    _, data = read(tmp_path, "so\tA\nit\tB\n\nso\tA\n\nwas\tB\n", validation_share=0.3)
    assert (data.tags.names, len(data.train.texts), len(data.dev.texts)) == (("A", "B"), 2, 1)
    assert data.train.tags.tolist() == [0, 1, 0]
    types = data.train.texts.types.word_ids[data.train.texts.ids]
    assert [data.lexicon.words[number] for number in types] == ["so", "it", "so"]
    assert data.dev.texts.unknown == 1


def test_nothing_to_resume_is_told(tmp_path):
    with pytest.raises(TrainingError, match="there is no run to resume here"):
        reopen_data(tmp_path)


@pytest.mark.parametrize(
    ("train", "dev", "line"),
    [
        ("a\tX\nb\tY\n", "a\tX\n\nb\tY\na\tXX\n", r"dev.conll:4: the tag XX is in dev, .* did you mean X"),
        ("a\tB-X\nb\tO\n", "a\tO\nb\tI-Z\n", r"dev.conll:2: the tag I-Z is in dev, but no sentence to train on has it"),
        ("a\tB-X\nb\tO\n", "a\tO\nb\tNOUN\n", r"dev.conll:2: tags of entities are needed, as in B-X, but 'NOUN' was"),
        ("a\tX\nb\tX\n", "a\tX\n", r"train.conll:1: two tags or more are needed .* every word has the tag X"),
        ("a\tX\nb\tY\n" + "b\tX\n" * 9, "a\tX\n", r"train.conll:1: a sentence may have 8 words, but this one has 11"),
        ("a\tX\n\n" + "b\tX\n" * 2 + "\n" + "a\tY\n" * 9, "a\tX\n", r"train.conll:6: a sentence may have 8 words"),
        ("a\tX\nb\n", "a\tX\n", r"train.conll:2: 2 columns are expected, as in line 1, but this line has 1"),
        ("a\tX\nb\t\n", "a\tX\n", r"train.conll:2: every word needs a tag, but column 2 of 'b' is empty"),
        ("a\tX\n\tY\n", "a\tX\n", r"train.conll:2: a word is needed in column 1, but it is empty"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tmp_path, train, dev, line):
    with pytest.raises(DataError, match=line):
        read(tmp_path, train, dev=tiny.write(tmp_path, dev, "dev.conll"), longest_sentence=8)


def test_tags_that_are_not_trained_on_may_count_as_mistakes(tmp_path):
    said = []
    dev = tiny.write(tmp_path, "a\tX\n\nb\tZ\na\tX\n", "dev.conll")
    _, data = read(tmp_path, "a\tX\nb\tY\n", said.append, dev=dev, unseen_tags="wrong")
    assert data.dev.beside == ("Z",)
    assert data.dev.tags.tolist() == [0, 2, 0]
    assert "dev: 1 words have a tag that no sentence to train on has: Z" in said


def test_invalid_tags_are_counted_and_read_as_conlleval_reads_them(tmp_path):
    said = []
    text = "a\tB-X\nb\tI-X\n\nc\tI-X\nd\tO\ne\tI-Y\nf\tI-Y\n\nb\tO\nc\tB-Y\n\n" + "b\tO\n\n" * 3
    _, data = read(tmp_path, text, said.append, validation_share=0.2)
    place = f"{tmp_path}/train.conll:4"
    assert f"train: 2 tags do not follow BIO (the first at {place}); they are read as conlleval reads them" in said
    names = [data.tags.names[number] for number in data.train.tags[:6]]
    assert names == ["B-X", "E-X", "S-X", "O", "B-Y", "E-Y"]


def test_the_last_sentences_are_held_out(tmp_path):
    _, data = read(tmp_path, tiny.columns(tiny.pos()), validation_share=0.25)
    assert (len(data.train.texts), len(data.dev.texts)) == (30, 10)
    assert data.test is None


def test_sentences_that_are_trained_on_too_are_told(tmp_path):
    said = []
    dev = tiny.write(tmp_path, "so\tADV\n\n" + tiny.columns([*tiny.pos(1), tiny.LONG, tiny.LONG]), "dev.conll")
    read(tmp_path, tiny.columns(tiny.pos()) + "\nso\tADV\n\nso\tADV\n" * 3, said.append, dev=dev)
    told = f"dev: sentences of 5 words or more that are trained on too: 2, such as {tmp_path}/dev.conll:8"
    assert [line for line in said if "trained on" in line] == [told]


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_windows_line_ends_and_a_missing_last_line_end_change_nothing(tmp_path, ends):
    text = tiny.columns(tiny.pos())
    _, first = read(tmp_path / "a", text)
    _, other = read(tmp_path / "b", text.removesuffix("\n").replace("\n", ends))
    assert np.array_equal(first.train.tags, other.train.tags)
    assert first.lexicon.words == other.lexicon.words
