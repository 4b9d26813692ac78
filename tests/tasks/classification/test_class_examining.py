"""A classifier as the doctor examines it: on the longest text of a file, by the loss of its own prediction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.errors import DataError, SettingError
from gatewise.tasks.declaration import resolve
from gatewise.tasks.discovery import find_task
from tasks.classification import small
from tolerance import tolerance

examine = resolve(find_task("classify").examine)
TEXT = "the film and so on it was long lovely"


def loss_of(subject):
    with torch.no_grad():
        return subject.text_loss(subject.stack(subject.inputs[:, None])[0])


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(f"dull\n{TEXT}\nso fine\n", encoding="utf-8")
    return str(path)


def test_the_loss_is_that_of_the_most_probable_label_of_the_longest_text(model, lines):
    subject = examine(model, lines)
    assert subject.tokens == tuple(TEXT.split())
    assert subject.unit == "word"
    exact = torch.from_numpy(model.logits([TEXT]))
    expected = -functional.log_softmax(exact, dim=1).max(1).values
    torch.testing.assert_close(loss_of(subject), expected, **tolerance(torch.float32, 20))


@pytest.mark.parametrize("settings", [{"direct_order": 2, "pooling": "all"}, {"level": "char", "bidirectional": False}])
def test_the_loss_with_other_heads_and_tokens(tmp_path, lines, settings):
    found = small.train(small.write(tmp_path), tmp_path / "run", **{**settings, "epochs": 2})
    subject = examine(found, lines)
    expected = -functional.log_softmax(torch.from_numpy(found.logits([TEXT])), dim=1).max(1).values
    torch.testing.assert_close(loss_of(subject), expected, **tolerance(torch.float32, 60))
    if "level" in settings:
        assert subject.tokens == ("<eos>", *TEXT)
        assert subject.unit == "character"


def test_of_several_labels_each_counts(tmp_path, lines):
    path = tmp_path / "train.tsv"
    path.write_text("text\tlabel\n" + "so fine\tgood,short\nvery dull\tbad\n" * 20, encoding="utf-8")
    found = small.train(str(path), tmp_path / "run", label_separator=",", multi_label=True, epochs=2)
    logits = found.logits([TEXT])[0].astype(np.float64)
    expected = np.log1p(np.exp(-np.abs(logits))).sum()  # -log p of what is more probable than not, of each label
    torch.testing.assert_close(
        loss_of(examine(found, lines)).double(), torch.tensor([expected]), **tolerance(torch.float32, 20)
    )


def test_a_middle_that_is_not_read_is_not_examined(tmp_path, lines):
    found = small.train(small.write(tmp_path), tmp_path / "run", longest_text=4, epochs=1)
    subject = examine(found, lines)
    assert subject.tokens == ("the", "film", "long", "lovely")
    expected = -functional.log_softmax(torch.from_numpy(found.logits([TEXT])), dim=1).max(1).values
    torch.testing.assert_close(loss_of(subject), expected, **tolerance(torch.float32, 20))


def test_in_float64_the_loss_is_float64(model, lines):
    subject = examine(model, lines)
    layers, inputs = subject.double()
    loss = subject.text_loss(layers(inputs[:, None])[0])
    assert loss.dtype == torch.float64
    torch.testing.assert_close(loss.float(), loss_of(subject), **tolerance(torch.float32, 20))


def test_without_a_text_one_is_asked_for(model):
    with pytest.raises(SettingError, match="give a file with texts"):
        examine(model, None)


def test_empty_texts_are_refused(model, tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("\n \n", encoding="utf-8")
    with pytest.raises(DataError, match=r"empty\.txt: a text is needed"):
        examine(model, str(path))
