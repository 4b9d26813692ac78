"""Pretrained vectors in the network, and a cell of the user's own in a classifier."""

from __future__ import annotations

import pytest
import torch

import gatewise
from gatewise.errors import DataError, SettingError, TrainingError
from gatewise.tasks.classification.plan import make_plan
from gatewise.tasks.classification.run import RECIPE
from gatewise.tasks.run import carry_out
from gatewise.training.monitor import Silent
from tasks.classification import small

CELL = '''
from gatewise.cells import Cell, Input, Matrix

class Leaky(Cell):
    """h = 0.5 h + 0.5 tanh(W x + U h)."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        gate = x + p.R(s.hidden)
        return s.next(hidden=0.5 * s.hidden + 0.5 * gate.new.tanh())
'''


def vectors(folder, width=8):
    """A file with vectors of three words, one of them only in small letters."""
    path = folder / "vec.txt"
    rows = {"lovely": 0.5, "dull": -0.5, "film": 0.25, "nowhere": 9.0, "zebra": 0.75}
    path.write_text("".join(f"{word} {' '.join([str(value)] * width)}\n" for word, value in rows.items()))
    return str(path)


def test_words_begin_with_their_vectors_and_keep_them_where_they_are_frozen(tmp_path):
    dev = small.write(tmp_path, [*small.texts(20, seed=2), ("a zebra", "pos")], "dev.tsv")
    model = small.train(
        small.write(tmp_path, [("Film fine", "pos"), ("Film poor", "neg"), *small.texts(40)]),
        tmp_path / "run",
        vectors=vectors(tmp_path),
        freeze_vectors=True,
        minimum_count=1,
        dev=dev,
        epochs=1,
    )
    weight, words = model.network.encoder.embedder.words.weight, model.reader.vocabulary.words
    found = {word: weight[words.index(word)] for word in ("lovely", "dull", "film", "Film", "zebra")}
    for word, value in {"lovely": 0.5, "dull": -0.5, "film": 0.25, "Film": 0.25, "zebra": 0.75}.items():
        assert torch.equal(found[word], torch.full((8,), value)), word
    assert "nowhere" not in words
    assert weight.abs().max() < 1


def test_vectors_of_another_width_or_of_no_word(tmp_path):
    with pytest.raises(SettingError, match=r"vec.txt: its vectors have 5 numbers, .* give --embedding-size 5"):
        small.train(small.write(tmp_path), tmp_path / "run", vectors=vectors(tmp_path, 5))
    other = tmp_path / "other.txt"
    other.write_text("nothing 1 2 3 4 5 6 7 8\n")
    with pytest.raises(DataError, match="none of the words of the texts has a vector here"):
        small.train(small.write(tmp_path), tmp_path / "run", vectors=str(other))
    assert not (tmp_path / "run").exists()


def test_a_run_with_vectors_is_resumed_without_their_file(tmp_path):
    path = vectors(tmp_path)
    settings = {**small.SIZES, "vectors": path, "freeze_vectors": True, "max_steps": 6, "checkpoint_every": 3}
    carry_out(RECIPE, make_plan([small.write(tmp_path)], {**settings, "out": str(tmp_path / "whole")}), Silent())
    model = gatewise.load(tmp_path / "whole")
    (tmp_path / "vec.txt").unlink()
    again = make_plan([], {"out": str(tmp_path / "whole"), "resume": True})
    carry_out(RECIPE, again, Silent())
    assert gatewise.load(tmp_path / "whole").predict(["lovely", "dull"]) == model.predict(["lovely", "dull"])


def test_a_cell_of_the_users_own(tmp_path):
    (tmp_path / "my.py").write_text(CELL)
    cell = f"{tmp_path / 'my.py'}:Leaky"
    dev = small.write(tmp_path, small.texts(60, seed=9), "dev.tsv")
    model = small.train(small.write(tmp_path, small.texts(150)), tmp_path / "run", cell=cell, dev=dev)
    assert model.history["scores"]["dev"]["accuracy"] == 1.0
    (tmp_path / "my.py").unlink()
    loaded = gatewise.load(tmp_path / "run")  # from the program in the folder
    texts = ["the film lovely and so on", "dull"]
    assert loaded.predict(texts) == model.predict(texts)
    assert torch.allclose(torch.tensor(loaded.logits(texts)), torch.tensor(model.logits(texts)), atol=1e-5)
    assert "program that the model holds" in loaded.info()["code"]


def test_a_mistake_in_a_cell_is_said_before_anything_is_trained(tmp_path):
    (tmp_path / "my.py").write_text(CELL.replace("p.R(", "p.V("))
    with pytest.raises(SettingError, match=r"my.py:\d+"):
        small.train(small.write(tmp_path), tmp_path / "run", cell=f"{tmp_path / 'my.py'}:Leaky")
    assert not (tmp_path / "run").exists()


def test_other_settings_than_before_are_not_resumed(run):
    with pytest.raises(TrainingError, match="a resumed run keeps its settings, but hidden_size was 8 and is 16"):
        make_plan([], {"out": str(run), "resume": True, "hidden_size": 16})
