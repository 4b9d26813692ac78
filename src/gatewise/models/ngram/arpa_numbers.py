"""Numbers as the text of ARPA files and back, many at a time; every one as ``"%.7f"`` writes and ``float`` reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Ids

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
_MINUS, _PLUS, _POINT, _ZERO = b"-+.0"
_DECIMALS = 7
_UNSURE = 1e-4
"""So near to the middle between two decimals the product with 10^7, itself rounded, does not tell which is nearer."""
_LONGEST, _EXACT = 18, 15
"""Bytes of a number that is read at once, and digits of which every whole number is a float64 exactly."""
_TENS = 10.0 ** np.arange(_LONGEST + 1)


def _digits(count: int, before: bytes) -> NDArray[np.uint32]:
    """Every number of ``count`` digits with what comes before it: four bytes, as one number."""
    numbers = np.arange(10**count)[:, None] // 10 ** np.arange(count - 1, -1, -1) % 10 + _ZERO
    start = np.broadcast_to(np.frombuffer(before, np.uint8), (10**count, len(before)))
    return np.concatenate([start, numbers.astype(np.uint8)], axis=1).view(np.uint32)[:, 0]


_BEFORE_POINT, _AFTER_POINT, _LAST = _digits(3, b"-"), _digits(3, b"."), _digits(4, b"")
_ROW, _END = 16, 12
"""A number lies in 16 bytes, -999.9999999 at most, and what ends it in the thirteenth."""


def write_numbers(numbers: Floats, end: bytes) -> tuple[Bytes, Ids, Ids]:
    r"""Numbers with 7 decimals.

    Args:
        numbers: [N], finite.
        end: a byte that comes after each.

    Returns:
        Bytes in which all of them lie; [N], where each begins there; [N], how many bytes it has with its end.

    Example:
        >>> text, begins, lengths = write_numbers(np.array([-0.25, 12.0]), b"\n")
        >>> [bytes(text[begin : begin + length]) for begin, length in zip(begins, lengths)]
        [b'-0.2500000\n', b'12.0000000\n']
    """
    size = np.abs(numbers)
    scaled = np.minimum(size, 999) * 10.0**_DECIMALS
    whole = np.rint(scaled)
    text, lengths = _write_plain(whole.astype(np.int64), np.signbit(numbers), end)
    begins = np.arange(len(numbers)) * _ROW + _END + 1 - lengths
    odd = np.flatnonzero((size >= 999) | (np.abs(np.abs(scaled - whole) - 0.5) < _UNSURE))
    if not len(odd):
        return text, begins, lengths
    texts = [b"%.7f" % number + end for number in numbers[odd].tolist()]
    lengths[odd] = list(map(len, texts))
    begins[odd] = len(text) + np.cumsum(lengths[odd]) - lengths[odd]
    return np.concatenate([text, np.frombuffer(b"".join(texts), np.uint8)]), begins, lengths


def _write_plain(whole: Ids, negative: NDArray[np.bool_], end: bytes) -> tuple[Bytes, Ids]:
    """Numbers below 1000, given as 10^7 times what they are, each at the right of its row; their lengths."""
    before = whole // 10**_DECIMALS
    after = (whole - before * 10**_DECIMALS).astype(np.int32)
    first = after // 10_000
    rows = np.empty((len(whole), _ROW // 4), np.uint32)
    rows[:, 0], rows[:, 1] = _BEFORE_POINT.take(before), _AFTER_POINT.take(first)
    rows[:, 2] = _LAST.take(after - first * 10_000)
    text = rows.view(np.uint8)
    text[:, _END] = ord(end)
    lengths = 10 + (before > 9) + (before > 99).astype(np.int64)
    several = np.flatnonzero(negative & (lengths < 12))
    text[several, _END - lengths[several]] = _MINUS
    return text.reshape(-1), lengths + negative


def read_numbers(text: Bytes, begins: Ids, ends: Ids) -> tuple[Floats, Ids]:
    r"""Numbers in any form that ``float`` takes, without ``_`` between digits.

    Args:
        text: in which they stand.
        begins: [N], where each begins.
        ends: [N], and ends.

    Returns:
        [N], and which of them are no numbers.

    Example:
        >>> read_numbers(np.frombuffer(b"-1.5 2e-3 x", np.uint8), np.array([0, 5, 10]), np.array([4, 9, 11]))
        (array([-1.5  ,  0.002,    nan]), array([2]))
    """
    found, plain = _read_plain(text, begins, ends)
    wrong = []
    for place in np.flatnonzero(~plain).tolist():
        number = _read_one(bytes(text[begins[place] : ends[place]]))
        found[place] = np.nan if number is None else number
        wrong += [place] * (number is None)
    return found, np.array(wrong, np.int64)


def _read_plain(text: Bytes, begins: Ids, ends: Ids) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers that are a sign, digits and a point, at most 15 digits, and which these are.

    Both the digits as a whole number and the power of ten are exact then, so their quotient is the nearest float64.
    """
    lengths = ends - begins
    longest = min(_LONGEST, int(lengths.max(initial=0)))
    whole, decimals, digits = np.zeros(len(begins)), np.zeros(len(begins), np.int64), np.zeros(len(begins), np.int64)
    points = np.zeros(len(begins), np.int64)
    first = text.take(begins)
    for place in range(longest):
        here = text.take(begins + place, mode="clip")
        inside = lengths > place
        digit = (here - np.uint8(_ZERO) < 10) & inside
        whole = np.where(digit, whole * 10 + (here - np.uint8(_ZERO)), whole)
        digits += digit
        decimals += digit & (points > 0)
        points += (here == _POINT) & inside
    signed = (first == _MINUS) | (first == _PLUS)
    plain = (digits > 0) & (digits <= _EXACT) & (points <= 1) & (signed + digits + points == lengths)
    found = whole / _TENS[decimals]
    return np.where(first == _MINUS, -found, found), plain


def _read_one(text: bytes) -> float | None:
    try:
        return None if b"_" in text else float(text)
    except ValueError:
        return None
