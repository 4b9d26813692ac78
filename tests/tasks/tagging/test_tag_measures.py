"""How good a tagger is: beside counts by hand, beside the measures of tags as text, and beside training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gatewise
from gatewise.errors import DataError
from gatewise.measures import entity_report
from gatewise.tasks.tagging.measures import one_line
from gatewise.text.conll import read_tagged
from tasks.tagging import tiny_tags as tiny
from tolerance import tolerance


def test_accuracy_is_counted_by_hand(pos_model, tmp_path):
    # The model tags by rule; here three tags of eight words are other ones, one of them on a word it does not know.
    text = "the\tDET\ncat\tVERB\nsat\tVERB\n.\tPUNCT\n\na\tDET\ndog\tNOUN\nran\tADJ\n"
    found = pos_model.evaluate(tiny.write(tmp_path, text))
    assert (found.sentences, found.words, found.right, found.unknown) == (2, 7, 5, 0)
    assert (found.accuracy, found.unknown_accuracy) == (5 / 7, None)
    unknown = pos_model.tag(["the", "cow", "sat", "."])[1]
    other = "NOUN" if unknown != "NOUN" else "VERB"
    text = f"the\tDET\ncow\t{unknown}\nsat\tVERB\n.\tPUNCT\n\nthe\tDET\ncow\t{other}\nsat\tVERB\n.\tPUNCT\n"
    found = pos_model.evaluate(tiny.write(tmp_path, text))
    assert (found.unknown, found.right_unknown, found.unknown_accuracy) == (2, 1, 0.5)
    counts = dict(zip(found.report.labels, found.report.counts, strict=True))
    assert (counts["DET"].right, counts["DET"].gold) == (2, 2)


def test_entities_are_counted_as_by_conlleval(entity_model, tmp_path):
    gold = [["B-PER", "O", "B-LOC", "O", "I-LOC"], ["O", "I-PER"]]
    words = [["ann", "met", "rome", "so", "rome"], ["in", "ann"]]
    text = tiny.columns([list(zip(*pair, strict=True)) for pair in zip(words, gold, strict=True)])
    found = entity_model.evaluate(tiny.write(tmp_path, text))
    right = [["B-PER", "O", "B-LOC", "O", "B-LOC"], ["O", "B-PER"]]
    assert found.report == entity_report(right, entity_model.tag_all(words))
    assert found.to_dict()["f1"] == found.report.micro.f1
    assert found.conlleval() == found.report.conlleval()


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_the_loss_is_that_of_training(tmp_path, output):
    model = gatewise.load(tiny.run(tmp_path, tiny.columns(tiny.entities(20)), output=output, max_steps=3))
    corpus = read_tagged(str(tmp_path / "train.conll"))
    found, _ = model.evaluate_corpus(corpus)
    total, count = 0.0, 0
    from gatewise.tasks.tagging.parts import Read
    from gatewise.text.text_batches import draw

    part, _ = Read(corpus, "all").encode(model.tags, model.lexicon, "error")
    for number in range(len(part.texts)):
        loss, words = model.network.loss(draw(part.texts, np.array([number])))
        total, count = total + loss.double(), count + words
    assert count == found.words
    expected = total / count
    torch.testing.assert_close(torch.tensor(found.loss).double(), expected.detach(), **tolerance(torch.float32, count))


def test_sentences_with_a_tag_of_no_number_are_measured_but_have_no_loss(pos_model, tmp_path):
    text = "the\tDET\ncat\tNOUN\n"
    known = pos_model.evaluate(tiny.write(tmp_path, text))
    path = tiny.write(tmp_path, text + "\nthe\tDET\ncat\tFOO\n\nthe\tFOO\n", "more.conll")
    with pytest.raises(DataError, match=r"more.conll:5: the tag FOO is in the file"):
        pos_model.evaluate(path)
    found = pos_model.evaluate(path, unseen_tags="wrong")
    assert (found.words, found.right) == (5, 3)
    assert found.loss == pytest.approx(known.loss, rel=tolerance(torch.float32, 4)["rtol"])
    path = tiny.write(tmp_path, "the\tFOO\n", "none.conll")
    assert pos_model.evaluate(path, unseen_tags="wrong").loss is None


def test_an_unknown_type_of_entity_counts_as_missed(entity_model, tmp_path):
    path = tiny.write(tmp_path, "ann\tB-PER\nsaw\tO\nit\tB-FOO\n\nin\tO\nrome\tB-LOC\n")
    found = entity_model.evaluate(path, unseen_tags="wrong")
    assert found.report.counts["FOO"].gold == 1
    assert found.report.counts["FOO"].right == 0
    assert found.report.counts["LOC"].f1 == 1.0


def test_conlleval_is_for_entities(pos_model, tmp_path):
    found = pos_model.evaluate(tiny.write(tmp_path, "the\tDET\n"))
    with pytest.raises(DataError, match="conlleval measures entities"):
        found.conlleval()
    assert "F1" not in one_line(found.to_dict())
    assert "of 1 words" in str(found)
