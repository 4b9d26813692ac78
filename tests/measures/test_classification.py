"""Labels against labels: a case worked by hand, and counting one text at a time."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from gatewise.errors import DataError, ShapeError
from gatewise.measures import accuracy, classification_report, confusion_matrix, majority_label, multi_label_report

# Ten texts with the labels a, b, c; d is in the set of labels only.
#   gold       a a a a b b b c c c
#   predicted  a a b c b b a a a b
# right: a 2, b 2, c 0. Gold: 4, 3, 3. Predicted: a 5, b 4, c 1.
# a: P 2/5, R 2/4, F1 4/9.  b: P 2/4, R 2/3, F1 4/7.  c: P 0/1, R 0/3, F1 0.
GOLD, PREDICTED = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 0, 1, 2, 1, 1, 0, 0, 0, 1]
LABELS = ["a", "b", "c", "d"]


def test_a_case_worked_by_hand():
    report = classification_report(GOLD, PREDICTED, LABELS)
    assert report.matrix.tolist() == [[2, 1, 1, 0], [1, 2, 0, 0], [2, 1, 0, 0], [0, 0, 0, 0]]
    assert [one.precision for one in report.counts] == [2 / 5, 2 / 4, 0, 0]
    assert [one.recall for one in report.counts] == [2 / 4, 2 / 3, 0, 0]
    assert [one.f1 for one in report.counts] == [4 / 9, 4 / 7, 0, 0]
    assert report.accuracy == report.micro.f1 == accuracy(GOLD, PREDICTED) == 4 / 10
    assert report.baseline == 4 / 10
    # c was given once and counts with 0; d neither occurs nor was given, and is no part of the mean.
    assert report.macro["f1"] == pytest.approx((4 / 9 + 4 / 7 + 0) / 3)
    assert report.macro["recall"] == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    assert report.mistakes() == [("c", "a", 2), ("a", "b", 1), ("a", "c", 1), ("b", "a", 1), ("c", "b", 1)]


def test_a_label_that_was_never_predicted_counts_in_the_mean_and_one_predicted_in_vain_too():
    assert classification_report([0, 1], [0, 0], ["a", "b"]).macro["f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert classification_report([0, 0], [0, 1], ["a", "b"]).macro["f1"] == pytest.approx((2 / 3 + 0) / 2)


def one_by_one(gold, predicted, label):
    """Precision, recall and F1 as their definitions say."""
    pairs = list(zip(gold, predicted, strict=True))
    both = sum(g == label and p == label for g, p in pairs)
    said, there = sum(p == label for _, p in pairs), sum(g == label for g, _ in pairs)
    precision, recall = both / said if said else 0.0, both / there if there else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


@pytest.mark.parametrize(("texts", "size"), [(1, 1), (3, 2), (200, 7), (50, 60)])
def test_measures_are_those_of_counting_texts_one_by_one(texts, size):
    random.seed(texts)
    gold, predicted = (random.choices(range(size), k=texts) for _ in range(2))
    report = classification_report(gold, predicted, [str(label) for label in range(size)])
    expected = [one_by_one(gold, predicted, label) for label in range(size)]
    assert [(one.precision, one.recall, one.f1) for one in report.counts] == [
        pytest.approx(measures) for measures in expected
    ]
    occurring = sorted({*gold, *predicted})
    assert report.macro["f1"] == pytest.approx(sum(expected[label][2] for label in occurring) / len(occurring))
    assert report.accuracy == pytest.approx(sum(map(int.__eq__, gold, predicted)) / texts)


def test_one_label_is_always_right():
    report = classification_report([0, 0], [0, 0], ["only"])
    assert (report.accuracy, report.macro["f1"], report.baseline, report.mistakes()) == (1.0, 1.0, 1.0, [])


def test_the_baseline_is_the_label_that_was_most_frequent_in_training():
    assert majority_label([1, 1, 0], 4) == 1
    report = classification_report(GOLD, PREDICTED, LABELS, majority=1)
    assert report.baseline == 3 / 10
    assert 'always saying "b" would be right for 0.3000' in report.table()


def test_the_dict_is_json_and_holds_what_the_report_says():
    report = classification_report(GOLD, PREDICTED, LABELS)
    told = json.loads(json.dumps(report.to_dict()))
    assert told["labels"]["b"] == {
        "precision": 0.5,
        "recall": 2 / 3,
        "f1": 4 / 7,
        "right": 2,
        "predicted": 4,
        "gold": 3,
    }
    assert told["baseline"] == {"label": "a", "accuracy": 0.4}
    assert told["mistakes"][0] == {"gold": "c", "predicted": "a", "texts": 2}


def test_the_table_is_aligned_and_no_label_can_break_it():
    lines = classification_report([0, 1, 0], [0, 1, 1], ["日本\n語", "\x1b[2Jb", "absent"]).table().splitlines()
    assert len(lines) == 7
    assert lines[1].startswith("日本 語 ")
    assert "\x1b" not in "".join(lines)
    assert lines[4] == 'left out, since they neither occur nor were predicted: "absent"'
    assert lines[6] == 'mistakes: "日本 語" taken for "\N{REPLACEMENT CHARACTER}[2Jb" 1'


@pytest.mark.parametrize(
    ("gold", "predicted", "labels", "mistake", "told"),
    [
        ([], [], ["a"], DataError, "there are no gold labels, so nothing can be measured"),
        ([0, 1], [0], ["a", "b"], ShapeError, "2 texts have gold labels, but there are predictions for 1"),
        ([0, 2], [0, 1], ["a", "b"], DataError, "gold labels, number 2: expected an id from 0 to 1, but 2 came"),
        ([0, 1], [-1, 1], ["a", "b"], DataError, "predicted labels, number 1: .* but -1 came"),
        ([0.5], [0], ["a"], ShapeError, r"gold labels are whole numbers \[n\], but float64 \[1\] came"),
        ([[0]], [0], ["a"], ShapeError, r"gold labels are whole numbers \[n\], but int64 \[1, 1\] came"),
        ([0], [0], [], DataError, "at least one label"),
        ([0], [0], ["a", "a"], DataError, "'a' came twice"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(gold, predicted, labels, mistake, told):
    with pytest.raises(mistake, match=told) as caught:
        classification_report(gold, predicted, labels)
    assert "\n" not in str(caught.value)


def test_the_majority_is_that_of_the_gold_labels():
    report = classification_report([0, 0, 1], [1, 1, 1], ["a", "b"])
    assert (report.majority, report.baseline) == (0, 2 / 3)


def test_a_majority_label_that_is_none_is_refused():
    with pytest.raises(DataError, match="majority labels"):
        classification_report([0], [0], ["a"], majority=1)


def test_a_matrix_counts_every_text_once():
    rng = np.random.default_rng(0)
    gold, predicted = rng.integers(0, 5, 1000), rng.integers(0, 5, 1000)
    expected = np.zeros((5, 5), dtype=np.int64)
    np.add.at(expected, (gold, predicted), 1)
    assert (confusion_matrix(gold, predicted, 5) == expected).all()


# Four texts, labels x, y, z and w, which is neither there nor given:
#   gold       {x, y}  {y}  {}  {x, z}
#   predicted  {x}     {y}  {z} {x, z}
# x: 2 of 2 given, 2 there, F1 1.  y: 1 of 1 given, 2 there, F1 2/3.  z: 1 of 2 given, 1 there, F1 2/3.
# micro: right 4, given 5, there 5. Wrong decisions: y in the first text, z in the third: 2 of 16. Exact: 2 of 4.
SEVERAL = [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]]
GIVEN = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0]]


def test_several_labels_worked_by_hand():
    report = multi_label_report(SEVERAL, np.array(GIVEN, dtype=bool), ["x", "y", "z", "w"])
    assert [one.f1 for one in report.counts] == [1, 2 / 3, 2 / 3, 0]
    assert report.micro.f1 == 4 / 5
    assert report.macro["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert (report.exact_match, report.hamming_loss) == (2 / 4, 2 / 16)
    assert json.loads(json.dumps(report.to_dict()))["labels"]["z"]["precision"] == 1 / 2
    assert "exactly right 0.5000 over 4 texts; 0.1250 of all decisions are wrong" in report.table()


def test_texts_without_any_label_are_exactly_right():
    report = multi_label_report([[0, 0]], [[0, 0]], ["a", "b"])
    assert (report.exact_match, report.hamming_loss, report.micro.f1, report.macro["f1"]) == (1.0, 0.0, 0.0, 0.0)
    assert "macro of 0 labels" in report.table()


@pytest.mark.parametrize(
    ("gold", "predicted", "mistake", "told"),
    [
        (np.zeros((0, 2), bool), np.zeros((0, 2), bool), DataError, "there are no gold labels"),
        ([[1, 0]], [[1, 0], [0, 0]], ShapeError, r"predicted labels should be \[1, 2\], but \[2, 2\] came"),
        ([[1, 0, 1]], [[1, 0, 1]], ShapeError, r"gold labels should be \[1, 2\], but \[1, 3\] came"),
        ([[2, 0]], [[1, 0]], ShapeError, "true or false"),
        ([[float("nan"), 0]], [[1, 0]], ShapeError, "true or false"),
    ],
)
def test_several_labels_that_cannot_be_measured(gold, predicted, mistake, told):
    with pytest.raises(mistake, match=told):
        multi_label_report(gold, predicted, ["a", "b"])
