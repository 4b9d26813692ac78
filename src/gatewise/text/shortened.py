"""Long texts without their middle.

Letters: n texts, N tokens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gatewise.text.encoded import EncodedTexts
from gatewise.text.encoders import Ids


def shortened(texts: EncodedTexts, longest: int) -> EncodedTexts:
    """The texts with ``longest`` tokens each at most: of a longer one the first half of these and the last half.

    What a text says of itself stands at its beginning and at its end more than in its middle: of the ways to cut that
    Sun et al. 2019, arXiv:1905.05583, section 5.3.1, compare for reviews, keeping both was the best.

    Args:
        texts: without tags.
        longest: at least 1; of an odd number the first half is the larger.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> texts = EncodedTexts.of_words([["a", "b", "c", "d", "e"], ["b"]], Lexicon.build([["a"]]))
        >>> found = shortened(texts, 3)
        >>> found.ids.tolist(), found.boundaries.tolist()
        ([0, 1, 4, 1], [0, 3, 4])
    """
    lengths = texts.lengths
    if lengths.max(initial=0) <= longest:
        return texts
    whole = np.repeat(lengths, lengths)
    place = np.arange(len(texts.ids)) - np.repeat(texts.boundaries[:-1], lengths)
    first = (longest + 1) // 2
    kept = (whole <= longest) | (place < first) | (whole - place <= longest - first)
    ends = np.concatenate([[0], np.cumsum(np.minimum(lengths, longest))])
    return replace(texts, ids=texts.ids[kept], boundaries=ends)


def kept_places(length: int, longest: int) -> Ids:
    """Which tokens of a text of ``length`` :func:`shortened` keeps.

    Example:
        >>> kept_places(5, 3).tolist(), kept_places(2, 3).tolist()
        ([0, 1, 4], [0, 1])
    """
    if length <= longest:
        return np.arange(length)
    first = (longest + 1) // 2
    return np.concatenate([np.arange(first), np.arange(length - (longest - first), length)])
