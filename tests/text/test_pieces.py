"""Cutting text into blocks never changes its tokens."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.text.pieces import LONGEST, blocks, chunks
from gatewise.text.tokenizer import Tokenizer

TEXTS = st.lists(st.sampled_from(["word", " ", "\n", "  ", "x" * 300, " " * 600, ".", "é"]), max_size=60).map("".join)


@given(TEXTS, st.lists(st.integers(0, 4000), max_size=6))
def test_blocks_depend_on_the_text_alone(text: str, cuts: list[int]):
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    parts = [text[start:end] for start, end in pairwise(places)]
    assert list(blocks(parts, size=2 * LONGEST)) == list(blocks([text], size=2 * LONGEST))
    assert "".join(blocks(parts, size=2 * LONGEST)) == text


@given(TEXTS)
def test_blocks_end_where_chunks_end(text: str):
    divided = [chunk for block in blocks([text], size=2 * LONGEST) for chunk in chunks(block)]
    assert divided == chunks(text)
    assert max(map(len, divided), default=0) <= LONGEST + 1


def test_encoding_by_blocks_is_encoding_the_whole(tokenizer: Tokenizer):
    text = ("some words, and  more\n" * 9 + "one long line without end " * 40 + "y" * 300 + "  .") * 4
    divided = [index for block in blocks([text], size=2 * LONGEST) for index in tokenizer.encode(block)]
    assert divided == tokenizer.encode(text)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a word and ", "aé", " ", "\n", "e\u0301\u0301", "aab"])
def test_time_is_linear_in_the_length_of_a_line(tokenizer: Tokenizer, unit: str):
    def seconds(characters: int) -> float:  # of the processors: what else the machine does is not counted
        text = unit * (characters // len(unit))
        start = time.process_time()
        tokenizer.encode(text)
        return time.process_time() - start

    seconds(100_000)  # everything is imported and remembered
    # Ten times the length: ten times the time, or a hundred times where each character looks at all before it.
    assert seconds(5_000_000) < 30 * min(seconds(500_000) for _ in range(3)) + 0.5
