"""Numbers and words as bytes, many at a time, compared with Python's own one at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.models.ngram import arpa_words
from gatewise.models.ngram.arpa_numbers import read_numbers, write_numbers
from gatewise.models.ngram.arpa_words import PAD, WordIndex

SPECIAL = [
    0.0,
    -0.0,
    -1e-9,
    -0.00000005,
    0.00000015,
    -9.99999995,
    -99.0,
    -99.99999999,
    -999.0,
    12345.5,
    -1e22,
    998.9999999,
]
FORMS = ["-1", "+2.5", "0", "-.5", "3.", "-1e-05", "-99", "1E3", "-0.0", "123456789012345", "-1234567890.12345678901"]
WRONG = ["", "-", ".", "+-1", "1.2.3", "1_0", "x", "0x10", "--1", "1e", "1 "]


def spread(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts in one, with where each begins and ends."""
    lengths = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return np.frombuffer(b" ".join(texts) + bytes(PAD), np.uint8), ends - lengths, ends


@given(st.lists(st.floats(-120, 120) | st.sampled_from(SPECIAL), min_size=1))
def test_numbers_are_written_as_python_writes_them(numbers):
    text, begins, lengths = write_numbers(np.array(numbers), b"\n")
    rows = [bytes(text[begin : begin + length]) for begin, length in zip(begins, lengths, strict=True)]
    assert rows == [b"%.7f\n" % number for number in numbers]


@given(st.lists(st.floats(allow_nan=False).map(repr) | st.floats(-99, 1).map("{:.7f}".format) | st.sampled_from(FORMS)))
def test_numbers_are_read_as_python_reads_them(texts):
    found, wrong = read_numbers(*spread([text.encode() for text in texts]))
    assert not len(wrong)
    assert [(number, math.copysign(1, number)) for number in found.tolist()] == [
        (float(text), math.copysign(1, float(text))) for text in texts
    ]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_number_is_told(text):
    found, wrong = read_numbers(*spread([b"-1.5", text.encode(), b"2"]))
    assert wrong.tolist() == ([] if text == "1 " else [1])
    assert found[[0, 2]].tolist() == [-1.5, 2]


WORDS = st.lists(
    st.binary(min_size=1, max_size=20) | st.text("ab", min_size=1, max_size=40).map(str.encode), min_size=1
)


@given(WORDS, WORDS, st.booleans())
def test_words_are_found_as_a_dictionary_finds_them(known, asked, colliding):
    words = list(dict.fromkeys(known))
    with pytest.MonkeyPatch.context() as patch:
        if colliding:
            patch.setattr(arpa_words, "_hashes", lambda text, begins, lengths: np.zeros(len(begins), np.uint64))
        found = WordIndex(words).find(*spread(asked + known))
    expected = {word: index for index, word in enumerate(words)}
    assert found.tolist() == [expected.get(word, -1) for word in asked + known]
