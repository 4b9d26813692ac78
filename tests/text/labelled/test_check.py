"""What is said of parts that do not fit together."""

from __future__ import annotations

import pytest

from gatewise.errors import DataError
from gatewise.text.labelled import Labelled, check_labels


def part(name: str, *labels: str) -> list[Labelled]:
    """Texts of their own, with the labels; several are divided by spaces."""
    return [Labelled(f"{name} {n}", tuple(ours.split()), f"{name}.csv:{n}") for n, ours in enumerate(labels, 2)]


TRAIN = part("train", "positive", "negative", "positive", "negative")


def test_parts_that_fit_are_not_spoken_of():
    assert check_labels(TRAIN) == []
    assert check_labels(TRAIN, part("dev", "positive", "negative"), part("test", "negative", "positive")) == []


def test_a_label_that_is_not_learnt_is_refused_with_its_place():
    with pytest.raises(
        DataError,
        match=r"^dev\.csv:3: the label postive is in dev, but no text to train on has it; did you mean positive\?$",
    ):
        check_labels(TRAIN, part("dev", "negative", "postive"))
    with pytest.raises(DataError, match=r"^test\.csv:2: the label xyz is in test, .*; known are: negative, positive$"):
        check_labels(TRAIN, part("dev", "negative"), part("test", "xyz"))
    with pytest.raises(DataError, match=r"^test\.csv:2: the label other"):
        check_labels(TRAIN, test=part("test", "positive other"))


@pytest.mark.parametrize(
    ("train", "what"),
    [
        (part("train", "x", "x"), r"train\.csv: texts of two classes or more are needed to train on, but all have x"),
        (part("train", "x y", "y x"), "but all have x, y"),
        (part("train", "", ""), "but none has a label"),
        ([], "but there is no text"),
    ],
)
def test_one_class_cannot_be_learnt(train: list[Labelled], what: str):
    with pytest.raises(DataError, match=what):
        check_labels(train)


def test_texts_with_and_without_a_label_are_two_classes():
    assert check_labels(part("train", "x", "x", "", "")) == []


def test_what_should_be_seen_is_noted():
    train = [*TRAIN, *part("more", "rare", "unique"), Labelled("train 2", ("negative",), "again.csv:1")]
    dev = [Labelled("train 3", ("positive",), "dev.csv:9"), Labelled("train 5", ("negative",), "dev.csv:10")]
    assert check_labels(train, dev) == [
        "classes with one text to train on: rare, unique",
        "texts to train on that stand there before with another label: 1, such as again.csv:1 (as train.csv:2)",
        "labels that no text of dev has: rare, unique",
        "texts of dev that are also texts to train on: 2, such as dev.csv:9 (as train.csv:3)",
    ]
