"""Lines, however the text was divided before."""

from __future__ import annotations

import random

from gatewise.text.lines import lines


def test_lines_are_the_same_for_any_pieces():
    source = random.Random(0)
    for _ in range(300):
        text = "".join(source.choices(["a", "\n", "é", "\u2028", "\x85", "\x0b", " "], k=source.randrange(30)))
        places = sorted(source.choices(range(len(text) + 1), k=source.randrange(6)))
        pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        expected = [line + "\n" for line in text.split("\n")]
        expected[-1] = expected[-1][:-1]
        assert list(lines(pieces)) == [line for line in expected if line]
