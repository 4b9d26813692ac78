"""Probabilities and temperatures, against sums taken one text at a time and cases with a closed form."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from gatewise.errors import DataError, SettingError, ShapeError
from gatewise.measures import (
    brier_score,
    calibration,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    sigmoid,
    softmax,
)


def some(texts, labels, several=False, scale=3.0):
    """Logits, and gold labels that follow them loosely."""
    rng = np.random.default_rng(texts * labels)
    logits = rng.normal(size=(texts, labels)) * scale
    noisy = logits / scale + rng.normal(size=logits.shape)
    return logits, (noisy > 0) if several else noisy.argmax(1)


def log_chance(row, label, inverse):
    """log p(label) of one text, from the definition."""
    most = max(row)
    return inverse * (row[label] - most) - math.log(math.fsum(math.exp(inverse * (z - most)) for z in row))


def decisions(logits, gold):
    """Rows of logits with their gold label; each decision about one of several labels is a row (0, z) of its own."""
    if np.ndim(gold) == 1:
        return list(zip(np.asarray(logits).tolist(), np.asarray(gold).tolist(), strict=True))
    return [((0.0, z), int(y)) for z, y in zip(np.ravel(logits).tolist(), np.ravel(gold).tolist(), strict=True)]


@pytest.mark.parametrize("several", [False, True])
def test_losses_are_those_of_one_text_at_a_time(several):
    logits, gold = some(60, 4, several)
    rows = decisions(logits, gold)
    for temperature in (0.5, 1.0, 3.0):
        expected = -math.fsum(log_chance(row, label, 1 / temperature) for row, label in rows) / len(rows)
        assert negative_log_likelihood(logits, gold, temperature) == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_are_those_of_the_definition(temperature):
    logits, _ = some(20, 3)
    for row, chances in zip(logits.tolist(), softmax(logits, temperature).tolist(), strict=True):
        expected = [math.exp(log_chance(row, label, 1 / temperature)) for label in range(3)]
        assert chances == pytest.approx(expected)
    expected = [1 / (1 + math.exp(-z / temperature)) for z in logits.ravel().tolist()]
    assert sigmoid(logits, temperature).ravel().tolist() == pytest.approx(expected)


def test_large_logits_neither_overflow_nor_become_infinitely_bad():
    logits = np.array([[0.0, 5000.0], [5000.0, 0.0]], dtype=np.float32)
    assert negative_log_likelihood(logits, [0, 0]) == 2500.0
    assert softmax(logits).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert sigmoid(logits - 2500).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_brier_worked_by_hand():
    # (0.6 - 1)^2 + 0.3^2 + 0.1^2 = 0.26 and 0.2^2 + (0.5 - 1)^2 + 0.3^2 = 0.38
    assert brier_score([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], [0, 1]) == pytest.approx((0.26 + 0.38) / 2)
    # (0.9 - 1)^2 = 0.01 and (0.4 - 0)^2 = 0.16
    assert brier_score([[0.9, 0.4]], [[True, False]]) == pytest.approx((0.01 + 0.16) / 2)
    assert brier_score([[0.0, 1.0]], [0]) == 2.0


def test_expected_calibration_error_worked_by_hand():
    # Five bins. 0.5 and 0.55 lie in (0.4, 0.6]: 1 of 2 right, confidence 0.525. 0.9 and 1.0 lie in (0.8, 1]: both
    # right, confidence 0.95. 2/4 * |0.5 - 0.525| + 2/4 * |1 - 0.95| = 0.0375
    chances = [[0.5, 0.5], [0.45, 0.55], [0.9, 0.1], [0.0, 1.0]]
    assert expected_calibration_error(chances, [0, 0, 0, 1], bins=5) == pytest.approx(0.0375)
    bins = reliability(chances, [0, 0, 0, 1], bins=5)
    assert bins.counts.tolist() == [0, 0, 2, 0, 2]
    assert bins.accuracy.tolist() == [0, 0, 0.5, 0, 1]


def error_one_by_one(answers, bins):
    """The definition of Guo et al.: each bin goes over all answers."""
    total = 0.0
    for m in range(1, bins + 1):
        held = [(c, right) for c, right in answers if (m - 1) / bins < c <= m / bins or (m == 1 and c == 0)]
        if held:
            share = math.fsum(right for _, right in held) / len(held)
            total += len(held) / len(answers) * abs(share - math.fsum(c for c, _ in held) / len(held))
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_expected_calibration_error_is_that_of_going_over_every_bin(bins):
    logits, gold = some(300, 5)
    chances = softmax(logits)
    answers = [
        (max(row), float(row.index(max(row)) == label)) for row, label in zip(chances.tolist(), gold, strict=True)
    ]
    assert expected_calibration_error(chances, gold, bins) == pytest.approx(error_one_by_one(answers, bins))
    logits, given = some(100, 3, several=True)
    chances = sigmoid(logits)
    answers = list(zip(chances.ravel().tolist(), map(float, given.ravel()), strict=True))
    assert expected_calibration_error(chances, given, bins) == pytest.approx(error_one_by_one(answers, bins))


@pytest.mark.parametrize("bins", [10, 15, 49])
def test_a_confidence_on_an_edge_belongs_to_the_bin_below(bins):
    chances = [[m / bins] for m in range(1, bins + 1)] + [[0.0]]
    assert reliability(chances, [[True]] * (bins + 1), bins).counts.tolist() == [2] + [1] * (bins - 1)


def slope(rows, inverse):
    """The derivative of the loss by 1 / T, one text at a time."""
    parts = []
    for row, label in rows:
        parts += [math.exp(log_chance(row, other, inverse)) * (row[other] - row[label]) for other in range(len(row))]
    return math.fsum(parts)


@pytest.mark.parametrize("scale", [0.3, 3.0, 12.0])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("labels", [2, 6])
def test_the_loss_falls_before_the_temperature_that_was_found_and_rises_after_it(scale, several, labels):
    logits, gold = some(80, labels, several, scale)
    found = fit_temperature(logits, gold)
    assert calibration.TEMPERATURES[0] < found < calibration.TEMPERATURES[1]
    rows = decisions(logits, gold)
    assert slope(rows, (1 - 1e-9) / found) < 0 < slope(rows, (1 + 1e-9) / found)


def test_a_model_that_is_too_sure_gets_the_temperature_that_makes_it_right():
    """3 of 4 are right: log 3 are their odds; the model says log 81, which is four times as much."""
    logits = np.array([[math.log(81), 0.0]] * 4)
    found = fit_temperature(logits, [0, 0, 1, 0])
    assert found == pytest.approx(4.0)
    assert softmax(logits, found)[0, 0] == pytest.approx(0.75)
    assert fit_temperature(logits[:, :1], [[True], [True], [False], [True]]) == pytest.approx(4.0)


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_scaled_logits_get_a_scaled_temperature(factor):
    logits, gold = some(80, 3)
    assert fit_temperature(logits * factor, gold) == pytest.approx(fit_temperature(logits, gold) * factor)


def test_where_everything_is_right_the_lower_end_comes_out():
    assert fit_temperature([[2.0, 0.0], [0.0, 2.0]], [0, 1]) == 0.05
    assert fit_temperature([[5000.0, 0.0], [0.0, 5000.0]], [0, 1]) == 0.05
    assert fit_temperature([[2.0, -1.0]], [[True, False]]) == 0.05


def test_where_logits_say_nothing_the_upper_end_comes_out():
    assert fit_temperature([[2.0, 0.0], [0.0, 2.0]], [1, 0]) == 20.0
    assert fit_temperature([[2.0, 0.0], [2.0, 0.0]], [0, 1]) == 20.0


def test_where_no_temperature_changes_anything_it_stays_one():
    assert fit_temperature([[0.3, 0.3], [7.0, 7.0]], [0, 1]) == 1.0
    assert fit_temperature([[4.0], [5.0]], [0, 0]) == 1.0
    assert fit_temperature([[0.0]], [[True]]) == 1.0


def one_far_off(size):
    """A hundred texts, of which the last is wrong by far."""
    random.seed(1)
    return [[random.uniform(0.5, 1) * size, 0.0] for _ in range(99)] + [[size, 0.0]], [0] * 99 + [1]


@pytest.mark.parametrize("size", [1.0, 30.0, 70.0])
def test_a_loss_with_a_sharp_bend_is_followed_to_its_lowest_point(size):
    """Newton's steps alone would overshoot or creep: most slopes there are nearly 0."""
    logits, gold = one_far_off(size)
    found, rows = fit_temperature(logits, gold), decisions(logits, gold)
    assert slope(rows, (1 - 1e-9) / found) < 0 < slope(rows, (1 + 1e-9) / found)


def test_what_no_temperature_in_the_range_can_mend_gets_the_end_of_the_range():
    assert fit_temperature(*one_far_off(300.0)) == calibration.TEMPERATURES[1]


@pytest.mark.parametrize("several", [False, True])
def test_a_part_at_a_time_is_the_same(several, monkeypatch):
    logits, gold = some(50, 4, several)
    whole = fit_temperature(logits, gold), negative_log_likelihood(logits, gold)
    monkeypatch.setattr(calibration, "_AT_ONCE", 12)
    assert (fit_temperature(logits, gold), negative_log_likelihood(logits, gold)) == pytest.approx(whole)


def test_what_was_given_is_left_as_it_was():
    logits, gold = some(20, 3)
    before = logits.copy()
    for measure in (softmax, sigmoid):
        measure(logits, 2.0)
    for measure in (fit_temperature, negative_log_likelihood):
        measure(logits, gold)
        measure(logits, logits > 0.5)
    assert (logits == before).all()


NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "mistake", "told"),
    [
        (
            lambda: fit_temperature([[0.0, NAN]], [0]),
            DataError,
            "logits, text 1, label 1: expected a finite number, but n",
        ),
        (
            lambda: negative_log_likelihood([[0.0], [math.inf]], [0, 0]),
            DataError,
            "logits, text 2, label 0: .* but inf",
        ),
        (lambda: softmax(np.zeros((0, 3))), DataError, "there are no logits"),
        (lambda: fit_temperature([], []), DataError, "there are no logits"),
        (lambda: fit_temperature([[1.0]], []), DataError, "there are no gold labels"),
        (lambda: fit_temperature([[1.0, 2.0]], [2]), DataError, "expected an id from 0 to 1, but 2 came"),
        (lambda: fit_temperature([[1.0, 2.0]], [0, 1]), ShapeError, r"\[1, 2\] need gold labels \[1\], but \[2\] came"),
        (lambda: fit_temperature([[1.0, 2.0]], [[True]]), ShapeError, r"need gold labels \[1, 2\], but \[1, 1\] came"),
        (lambda: softmax([1.0, 2.0]), ShapeError, r"logits are numbers \[n, L\], but float64 \[2\] came"),
        (lambda: brier_score([[1.5, -0.5]], [0]), DataError, "text 1, label 0: expected a probability .* but 1.5 came"),
        (lambda: reliability([[NAN]], [0]), DataError, "probabilities, text 1, label 0"),
        (lambda: reliability([[1.0]], [0], bins=0), SettingError, "bins must be at least 1, but 0 came"),
        (lambda: softmax([[1.0]], 0.0), SettingError, "temperature must be above 0 and finite, but 0 came"),
        (lambda: sigmoid([[1.0]], NAN), SettingError, "temperature must be above 0 and finite, but nan came"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(call, mistake, told):
    with pytest.raises(mistake, match=told) as caught:
        call()
    assert "\n" not in str(caught.value)
