"""The n-grams of labelled texts, and how much each speaks for a label by counts alone.

Letters: n texts, N tokens, V vocabulary, L labels, G n-grams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import SettingError
from gatewise.text.encoders import Ids

LARGEST = 1 << 27
"""Numbers of a table at most, G x L: half a gigabyte."""


@dataclass(frozen=True)
class NgramRatios:
    """n-grams with their log-count ratios.

    Attributes:
        keys: for each length from 2 the n-grams as numbers, rising: the row of the first tokens times V + 1, and the
            last token.
        ratios: [G, L]; a row for each token, one for the sign around a text, one for each key.
    """

    keys: tuple[Ids, ...]
    ratios: NDArray[np.float64]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many n-grams of 2, 3 ... tokens there are."""
        return tuple(map(len, self.keys))


def ngram_ratios(
    ids: NDArray[Any], boundaries: Ids, labels: NDArray[np.bool_], vocabulary_size: int, order: int, minimum: int
) -> NgramRatios:
    """The n-grams that enough texts have, and r_gy = log(p_gy / |p_y|) - log(q_gy / |q_y|) of each.

    p_gy is 1 and how many texts with label y have g, q_gy is 1 and how many of the others have it; |.| is the sum over
    all g. A text has a sign before it and one behind it, the id V, so that there are n-grams of its edges.

    Args:
        ids: [N], from 0 to V - 1, of all texts in a row.
        boundaries: [n + 1]: where each text begins, and N.
        labels: [n, L]: which it has.
        vocabulary_size: V.
        order: tokens of the longest n-grams, at least 1.
        minimum: texts that an n-gram of two tokens or more must be in.

    Raises:
        SettingError: there are more than ``LARGEST`` ratios.

    Source: Wang & Manning 2012, https://aclanthology.org/P12-2018, equation 2, over presence instead of counts.

    Example:
        >>> good = np.array([[False], [False], [True]])
        >>> found = ngram_ratios(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 4]), good, 2, 1, 1)
        >>> found.ratios.shape, found.keys
        ((3, 1), ())
        >>> round(float(np.exp(found.ratios[1, 0])), 9)  # (2 / 5) / (1 / 7): 1 of 1 text, 0 of 2
        2.8
    """
    tokens, texts = _with_signs(ids, boundaries, vocabulary_size)
    rows, known = tokens, vocabulary_size + 1
    keys, pairs = [], [_distinct(texts, rows)]
    for length in range(2, order + 1):
        texts_of, last = texts[: len(tokens) - length + 1], tokens[length - 1 :]
        there = (rows[: len(last)] >= 0) & (texts_of == texts[length - 1 :])
        found, number = np.unique((rows[: len(last)] * (vocabulary_size + 1) + last)[there], return_inverse=True)
        frequent = np.bincount(_distinct(texts_of[there], number)[1], minlength=len(found)) >= minimum
        rows = np.full(len(last), -1, np.int64)
        rows[there] = np.where(frequent[number], known + np.cumsum(frequent)[number] - 1, -1)
        keys.append(found[frequent])
        known += len(keys[-1])
        pairs.append(_distinct(texts_of[rows >= 0], rows[rows >= 0]))
    if known * labels.shape[1] > LARGEST:
        message = f"direct connections of {known:,} n-grams to {labels.shape[1]:,} labels are too many"
        raise SettingError(message, fix="give a higher direct_minimum, a lower direct_order, or a smaller vocabulary")
    text_of, row_of = (np.concatenate(column) for column in zip(*pairs, strict=True))
    ratios = [_ratios(labels[text_of, label], row_of, known) for label in range(labels.shape[1])]
    return NgramRatios(tuple(keys), np.stack(ratios, 1))


def _with_signs(ids: NDArray[Any], boundaries: Ids, sign: int) -> tuple[Ids, Ids]:
    """The tokens of all texts, each between two signs, and the text that each is of."""
    lengths = np.diff(boundaries) + 2
    texts = np.repeat(np.arange(len(lengths)), lengths)
    tokens = np.full(len(texts), sign, np.int64)
    within = np.ones(len(texts), np.bool_)
    ends = np.cumsum(lengths)
    within[ends - 1] = within[ends - lengths] = False
    tokens[within] = ids
    return tokens, texts


def _distinct(texts: Ids, rows: Ids) -> tuple[Ids, Ids]:
    """Each n-gram of each text once: the texts, and the n-grams."""
    count = int(rows.max(initial=0)) + 1
    found = np.unique(texts * count + rows)
    return found // count, found % count


def _ratios(having: NDArray[np.bool_], rows: Ids, known: int) -> NDArray[np.float64]:
    """r of one label, [G], from the n-grams of texts and whether each text has the label."""
    ours = 1.0 + np.bincount(rows[having], minlength=known)
    others = 1.0 + np.bincount(rows[~having], minlength=known)
    found: NDArray[np.float64] = np.log(ours / ours.sum()) - np.log(others / others.sum())
    return found
