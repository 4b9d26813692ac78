"""A tagger in Python: what it learns, says, and refuses."""

from __future__ import annotations

import shutil

import pytest
import torch

import gatewise
from gatewise.errors import DataError, GatewiseError, ModelFileError, SettingError
from gatewise.scan.stored.cell import program_in
from gatewise.tasks.declaration import resolve
from gatewise.text.schemes import repair, to_spans
from tasks.tagging import tiny_tags as tiny
from tolerance import tolerance

WORDS = [[word for word, _ in sentence] for sentence in tiny.pos(12)]


def test_rules_are_learnt_without_a_mistake(pos_model, entity_model):
    assert pos_model.tag_all(WORDS) == [[tag for _, tag in sentence] for sentence in tiny.pos(12)]
    for sentence in tiny.entities(12):
        assert entity_model.tag([word for word, _ in sentence]) == [tag for _, tag in sentence]
    assert pos_model.history["scores"]["dev"]["accuracy"] == 1.0
    assert entity_model.history["scores"]["dev"]["f1"] == 1.0


def test_best_is_chosen_by_f1_of_entities_and_else_by_accuracy(pos_model, entity_model, tmp_path):
    task = resolve("gatewise.tasks.tagging.task:TaggingTask")
    for model, measure in ((pos_model, "accuracy"), (entity_model, "f1")):
        stub = type("Data", (), {"tags": model.tags})()
        assert task(type("Plan", (), {"kind": "tag"})(), stub).selects_by.measure == measure


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_neither_order_nor_batch_changes_a_tag(entity_model, batch_size):
    words = [[word for word, _ in sentence] for sentence in tiny.entities(40)] + [[], ["cow"], []]
    expected = [entity_model.tag(sentence) for sentence in words]
    assert entity_model.tag_all(words, batch_size) == expected
    assert entity_model.tag_all(words[::-1], batch_size) == expected[::-1]
    assert expected[-3:] == [[], expected[-2], []]


def test_texts_have_words_with_their_places(entity_model):
    text = "  ann met bob reed"
    (found,) = entity_model.predict([text])
    assert found["words"] == [text[begin:end] for begin, end in found["offsets"]] == text.split()
    assert found["tags"] == ["B-PER", "O", "B-PER", "I-PER"]
    assert found["entities"] == [
        {"type": "PER", "text": "ann", "begin": 2, "end": 5, "first": 0, "last": 1},
        {"type": "PER", "text": "bob reed", "begin": 10, "end": 18, "first": 2, "last": 4},
    ]


def test_the_n_best_are_all_sequences_where_there_are_so_few(pos_model):
    labels = len(pos_model.tags.names)
    (found, empty) = pos_model.nbest([["the", "cat"], []], labels**2 + 5)
    assert len({tuple(one.tags) for one in found}) == len(found) <= labels**2
    assert found[0].tags == pos_model.tag(["the", "cat"])
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert sum(one.probability for one in found) == pytest.approx(1.0, rel=tolerance(torch.float32, labels**2)["rtol"])
    assert empty == [([], 1.0)]


def test_the_n_best_of_entities_follow_the_scheme(entity_model):
    (found,) = entity_model.nbest([["ann", "met", "new", "york"]], 20)
    assert len({tuple(one.tags) for one in found}) == 20
    assert all(repair(one.tags, "BIO").changed == 0 for one in found)


def test_a_softmax_is_repaired_and_has_no_n_best(tmp_path):
    model = gatewise.load(tiny.run(tmp_path, tiny.columns(tiny.entities()), output="softmax", max_steps=2))
    words = [[word for word, _ in sentence] for sentence in tiny.entities()]
    assert all(repair(tags, "BIO").changed == 0 for tags in model.tag_all(words))
    assert any(to_spans(tags) for tags in model.tag_all(words))
    with pytest.raises(SettingError, match="trained with output softmax; train with --output crf"):
        model.nbest(words, 2)


def test_a_long_sentence_is_tagged_in_parts(tmp_path):
    model = gatewise.load(tiny.run(tmp_path, tiny.columns(tiny.pos()), longest_sentence=6))
    words = [word for sentence in WORDS for word in sentence]
    parts = [words[start : start + 6] for start in range(0, len(words), 6)]
    assert model.tag(words) == [tag for part in parts for tag in model.tag(part)]
    with pytest.raises(DataError, match="the n best are found of at most 6 words"):
        model.nbest([words], 2)


@pytest.mark.parametrize(
    ("words", "line"), [("a text", "words are needed"), (["a", ""], "a word must have a character")]
)
def test_what_is_no_sentence_is_refused(pos_model, words, line):
    with pytest.raises(DataError, match=line):
        pos_model.tag(words)


@pytest.mark.parametrize("characters", ["none", "cnn", pytest.param("rnn", marks=pytest.mark.slow)])
@pytest.mark.parametrize("output", [pytest.param("softmax", marks=pytest.mark.slow), "crf"])
def test_every_network_is_saved_and_loaded(tmp_path, characters, output):
    sizes = dict(tiny.SIZES)
    if characters == "none":
        sizes.pop("character_embedding_size")
        sizes.pop("character_hidden_size")
    path = tiny.write(tmp_path, tiny.columns(tiny.entities()))
    given = {**sizes, "characters": characters, "output": output, "max_steps": 2, "out": str(tmp_path / "run")}
    model = gatewise.train("tag", path, **given)
    model.save(tmp_path / "saved")
    again = gatewise.load(tmp_path / "saved")
    sentences = [[word for word, _ in sentence] for sentence in tiny.entities(9)] + [["cow"]]
    assert again.tag_all(sentences) == model.tag_all(sentences)
    assert again.info() == model.info()
    assert again.tags.names == ("O", *(f"{letter}-{kind}" for kind in ("LOC", "PER") for letter in "BIES"))


CELL = """
from gatewise.cells.spec import Cell, Input, Matrix

class Mine(Cell):
    state = {"hidden": "H"}
    W = Input(("candidate",))
    R = Matrix("H", ("candidate",))

    def step(self, x, s, p):
        gate = (x + p.R(s.hidden)).candidate
        return s.next(hidden=gate / (1 + gate.abs()))
"""


def test_a_cell_of_the_users_own_needs_its_code_for_training_only(tmp_path):
    (tmp_path / "mine.py").write_text(CELL)
    run = tiny.run(tmp_path, tiny.columns(tiny.pos()), cell=f"{tmp_path}/mine.py:Mine")
    with_code = gatewise.load(run, cell=f"{tmp_path}/mine.py:Mine").tag_all(WORDS)
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')")
    without = gatewise.load(run)
    assert program_in(without.network.cell) is not None
    assert without.tag_all(WORDS) == with_code
    with pytest.raises(SettingError, match="this run trains your own cell"):
        gatewise.train("tag", out=str(run), resume=True)


def test_pretrained_vectors_are_taken_and_may_stay(tmp_path):
    vectors = tiny.write(tmp_path, "".join(f"{word} {'0.5 ' * 8}\n" for word in ("the", "cat")), "vec.txt")
    given = {"vectors": vectors, "max_steps": 2}
    model = gatewise.load(tiny.run(tmp_path, tiny.columns(tiny.pos()), freeze_vectors=True, **given))
    weight = model.network.encoder.embedder.words.weight
    rows = [model.lexicon.words.index(word) for word in ("the", "cat", "dog")]
    assert (weight[rows[:2]] == 0.5).all()
    assert not (weight[rows[2]] == 0.5).any()
    with pytest.raises(SettingError, match="8 numbers, but embedding_size is 5; give --embedding-size 8"):
        tiny.run(tmp_path / "b", tiny.columns(tiny.pos()), embedding_size=5, **given)


def test_a_damaged_folder_is_refused(pos_run, tmp_path):
    shutil.copytree(pos_run / "model", tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    (tmp_path / "model" / "manifest.json").unlink()
    config.write_text(config.read_text().replace('"written": ""', '"written": "BIO"'))
    with pytest.raises(ModelFileError, match="no scheme of tags is called '' or 'BIO'"):
        gatewise.load(tmp_path / "model")


def test_there_must_be_files():
    with pytest.raises(SettingError, match="training needs tagged files, but none is given"):
        gatewise.train("tag", out="nowhere")


def test_info_says_what_it_is(entity_model, pos_model):
    told = entity_model.info()
    assert (told["entities"], told["scheme"], told["written"]) == (["LOC", "PER"], "BIOES", "BIO")
    assert pos_model.info()["tags"] == list(pos_model.tags.names)
    assert isinstance(gatewise.errors.ModelFileError("x"), GatewiseError)
