"""Whether probabilities mean what they say, and the temperature that mends them.

Letters: n texts, L labels. ``gold`` is either ids [n] (one label for each text: softmax over a row of logits) or bool
[n, L] (any number of labels: sigmoid of each logit). All sums are taken in float64, a part of the texts at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import DataError, SettingError, ShapeError
from gatewise.measures.checks import Flags, Ids, Reals, checked_flags, checked_ids, checked_reals

TEMPERATURES = (0.05, 20.0)
"""Temperatures that :func:`fit_temperature` may find."""

_AT_ONCE = 1 << 20
_EXACT = 1e-10
_ROUNDS = 100


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Reals:
    """p = exp(z / T) / sum exp(z / T) over each row, [n, L] in float64.

    Args:
        logits: z, [n, L].
        temperature: T, above 0; more than 1 makes probabilities more alike.

    Raises:
        DataError: there are none, or one is not finite.
        ShapeError: they are no table of numbers.
        SettingError: the temperature is not above 0.

    Example:
        >>> softmax([[0.0, math.log(3)]]).round(4).tolist()
        [[0.25, 0.75]]
    """
    scores = checked_reals(logits, "logits").astype(np.float64)
    scores -= scores.max(1, keepdims=True)
    scores *= 1 / _checked_temperature(temperature)
    np.exp(scores, out=scores)
    scores /= scores.sum(1, keepdims=True)
    return scores


def sigmoid(logits: ArrayLike, temperature: float = 1.0) -> Reals:
    """p = 1 / (1 + exp(-z / T)) of each logit, [n, L] in float64.

    Args:
        logits: z, [n, L].
        temperature: T, above 0.

    Raises:
        DataError: there are none, or one is not finite.
        ShapeError: they are no table of numbers.
        SettingError: the temperature is not above 0.

    Example:
        >>> sigmoid([[0.0, math.log(3)]]).round(4).tolist()
        [[0.5, 0.75]]
    """
    half = checked_reals(logits, "logits").astype(np.float64) * (0.5 / _checked_temperature(temperature))
    return 0.5 * (1 + np.tanh(half))  # never overflows, unlike exp(-z)


def negative_log_likelihood(logits: ArrayLike, gold: ArrayLike, temperature: float = 1.0) -> float:
    """-log p(gold) in nats, the mean over texts; with several labels, the mean over texts and labels.

    Taken from logits and not from probabilities, so that what is nearly impossible is not infinitely bad.

    Args:
        logits: [n, L].
        gold: ids [n], or bool [n, L].
        temperature: T, above 0.

    Raises:
        DataError: there are no texts, a logit is not finite, or an id is no label.
        ShapeError: the two do not fit.
        SettingError: the temperature is not above 0.

    Example:
        >>> round(negative_log_likelihood([[0.0, 0.0]], [1]), 4), negative_log_likelihood([[0.0, 800.0]], [0])
        (0.6931, 800.0)
    """
    scores, given = _pair(logits, gold)
    inverse = 1 / _checked_temperature(temperature)
    total = sum(float(_log_sums(gaps, inverse).sum()) for gaps in _gaps(scores, given))
    return total / given.size


def brier_score(probabilities: ArrayLike, gold: ArrayLike) -> float:
    """The mean over texts of sum_l (p_l - y_l)^2, with y = 1 for the gold label: from 0 to 2.

    With several labels, the mean over texts and labels of (p - y)^2: from 0 to 1.

    Args:
        probabilities: p, [n, L].
        gold: ids [n], or bool [n, L].

    Raises:
        DataError: there are no texts, or what came are no probabilities.
        ShapeError: the two do not fit.

    Source: Brier 1950, with several classes.

    Example:
        >>> brier_score([[0.5, 0.5], [0.0, 1.0]], [0, 1])
        0.25
    """
    chances, given = _chances(probabilities, gold)
    if given.ndim == 2:
        return float(np.mean((chances - given) ** 2))
    right = chances[np.arange(len(given)), given]
    return float(np.mean((chances**2).sum(1) - 2 * right + 1))


@dataclass(frozen=True, eq=False)
class Reliability:
    """How sure a model was and how often it was right, in M bins of equal width.

    ECE = sum_m (|B_m| / n) |accuracy(B_m) - confidence(B_m)|, where B_m are the answers with a confidence above
    (m - 1) / M and up to m / M (the first takes 0 too).

    Attributes:
        counts: answers in each bin, [M].
        confidence: their mean confidence, [M]; 0 in an empty bin.
        accuracy: the share of them that is right, [M]; 0 in an empty bin.

    Source: Guo, Pleiss, Sun and Weinberger 2017, equation 3.

    Example:
        >>> Reliability(np.array([4, 4]), np.array([0.25, 0.75]), np.array([0.5, 0.5])).error
        0.25
    """

    counts: Ids
    confidence: Reals
    accuracy: Reals

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 to 1."""
        return float((self.counts * np.abs(self.accuracy - self.confidence)).sum() / self.counts.sum())


def reliability(probabilities: ArrayLike, gold: ArrayLike, bins: int = 15) -> Reliability:
    """Put the answers of a model into bins by their confidence.

    With one label for each text there is an answer for each text: the most probable label (of several, the first),
    with its probability as the confidence. With several labels there is one for each text and label: its confidence
    is the probability of the label, and it is "right" where the text has the label.

    Args:
        probabilities: [n, L].
        gold: ids [n], or bool [n, L].
        bins: M, at least 1.

    Raises:
        DataError: there are no texts, or what came are no probabilities.
        ShapeError: the two do not fit.
        SettingError: there is no bin.

    Example:
        >>> reliability([[0.9, 0.1], [0.3, 0.7]], [0, 0], bins=2).counts.tolist()
        [0, 2]
    """
    if bins < 1:
        raise SettingError(f"bins must be at least 1, but {bins} came")
    chances, given = _chances(probabilities, gold)
    if given.ndim == 2:
        confidence, right = chances.ravel(), given.ravel().astype(np.float64)
    else:
        best = chances.argmax(1)
        confidence, right = chances[np.arange(len(best)), best], (best == given).astype(np.float64)
    # Between edges that are computed as m / M, not by confidence * M, whose rounding moves what lies on an edge.
    places = np.searchsorted(np.arange(1, bins) / bins, confidence, side="left")
    counts = np.bincount(places, minlength=bins)
    held = np.maximum(counts, 1)
    sums = (np.bincount(places, weights=values, minlength=bins) / held for values in (confidence, right))
    return Reliability(counts, *sums)


def expected_calibration_error(probabilities: ArrayLike, gold: ArrayLike, bins: int = 15) -> float:
    """ECE = sum_m (|B_m| / n) |accuracy(B_m) - confidence(B_m)| over bins of equal width; see :func:`reliability`.

    Args:
        probabilities: [n, L].
        gold: ids [n], or bool [n, L].
        bins: M, at least 1.

    Raises:
        DataError: there are no texts, or what came are no probabilities.
        ShapeError: the two do not fit.
        SettingError: there is no bin.

    Source: Guo, Pleiss, Sun and Weinberger 2017, equation 3.

    Example:
        >>> round(expected_calibration_error([[0.75, 0.25], [0.75, 0.25]], [0, 1]), 4)
        0.25
    """
    return reliability(probabilities, gold, bins).error


def fit_temperature(logits: ArrayLike, gold: ArrayLike) -> float:
    """The temperature T under which the gold labels of held-out texts are most probable.

    The loss is convex in b = 1 / T, with slope E_p[z] - z_gold and curvature Var_p[z] in each text: Newton's method
    inside an interval that shrinks around the minimum, until b is exact to a part in 10^10 of itself.

    T lies from 0.05 to 20. Its lower end comes out where every gold label has the largest logit of its row (then less
    is always better), its upper end where labels have nothing to do with the logits, and 1 where no temperature changes
    anything since the logits of each row are all equal. No label ever changes: T > 0 keeps their order.

    Args:
        logits: of texts that the model was not trained on, [n, L].
        gold: ids [n] (softmax), or bool [n, L] (sigmoid, one T for all labels).

    Raises:
        DataError: there are no texts, a logit is not finite, or an id is no label.
        ShapeError: the two do not fit.

    Source: Guo, Pleiss, Sun and Weinberger 2017, section 4.2.

    Example:
        Three of four are right, and each was given odds of 9 to 1, where 3 to 1 would be true: T = log 9 / log 3.

        >>> logits = [[math.log(9), 0.0]] * 4
        >>> round(fit_temperature(logits, [0, 0, 0, 1]), 6)
        2.0
    """
    scores, given = _pair(logits, gold)
    if not any(gaps.any() for gaps in _gaps(scores, given)):
        return 1.0
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if _slope(scores, given, high)[0] <= 0:
        return TEMPERATURES[0]
    if _slope(scores, given, low)[0] >= 0:
        return TEMPERATURES[1]
    at, last = 1.0, math.inf
    for _ in range(_ROUNDS):
        slope, curvature = _slope(scores, given, at)
        low, high = (at, high) if slope < 0 else (low, at)
        to = at - slope / curvature if curvature > 0 else math.inf
        if min(abs(to - at), high - low) <= _EXACT * at:
            break
        if not low <= to <= high or abs(to - at) > last / 2:  # it leaves the interval, or creeps: the middle is safe
            to = math.sqrt(low * high)
        at, last = to, abs(to - at)
    return 1 / at


def _slope(scores: NDArray[Any], given: Ids | Flags, inverse: float) -> tuple[float, float]:
    """The first and second derivative of the loss by b = 1 / T, up to the number of texts."""
    slope = curvature = 0.0
    for gaps in _gaps(scores, given):
        chances = np.exp(gaps * inverse - _log_sums(gaps, inverse)[:, None])
        means = (chances * gaps).sum(1)
        slope += float(means.sum())
        curvature += float((chances * (gaps - means[:, None]) ** 2).sum())
    return slope, curvature


def _log_sums(gaps: Reals, inverse: float) -> Reals:
    """log sum_l exp(b gap_l) = -log p(gold), [n]."""
    scaled = gaps * inverse
    most = scaled.max(1)
    found: Reals = most + np.log(np.exp(scaled - most[:, None]).sum(1))
    return found


def _gaps(scores: NDArray[Any], given: Ids | Flags) -> Iterator[Reals]:
    """How far each logit lies above that of the gold label, some rows [m, L] at a time.

    A decision about one of several labels is a row of two: z against 0, of which z is the gold one if the text has
    the label.
    """
    if given.ndim == 2:
        signed, flags = scores.reshape(-1, 1), given.reshape(-1)
        for start in range(0, len(signed), _AT_ONCE):
            part = signed[start : start + _AT_ONCE].astype(np.float64)
            part[flags[start : start + _AT_ONCE]] *= -1
            yield np.concatenate([np.zeros_like(part), part], 1)
        return
    rows = max(1, _AT_ONCE // scores.shape[1])
    for start in range(0, len(scores), rows):
        part = scores[start : start + rows].astype(np.float64)
        yield part - part[np.arange(len(part)), given[start : start + rows]][:, None]


def _pair(values: ArrayLike, gold: ArrayLike, what: str = "logits") -> tuple[NDArray[Any], Ids | Flags]:
    """Logits or probabilities [n, L], and the gold labels as ids [n] or bool [n, L]."""
    scores = checked_reals(values, what)
    several = np.ndim(gold) == 2
    given = checked_flags(gold, "gold labels") if several else checked_ids(gold, "gold labels", scores.shape[1])
    expected = list(scores.shape) if several else [len(scores)]
    if list(given.shape) != expected:
        raise ShapeError(f"{what} {list(scores.shape)} need gold labels {expected}, but {list(given.shape)} came")
    return scores, given


def _chances(probabilities: ArrayLike, gold: ArrayLike) -> tuple[Reals, Ids | Flags]:
    values, given = _pair(probabilities, gold, "probabilities")
    wrong = (values < 0) | (values > 1 + 1e-6)  # float32 sums may round to a little more than 1
    if wrong.any():
        text, label = divmod(int(wrong.argmax()), values.shape[1])
        message = f"expected a probability from 0 to 1, but {values[text, label]:g} came"
        raise DataError(message, where=f"probabilities, text {text + 1}, label {label}", fix="take softmax or sigmoid")
    return values.astype(np.float64, copy=False), given


def _checked_temperature(temperature: float) -> float:
    if not 0 < temperature < math.inf:
        raise SettingError(f"temperature must be above 0 and finite, but {temperature:g} came")
    return temperature
