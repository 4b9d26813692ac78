"""Lines out of pieces: each once, in order, in time that grows with the text and not with its square."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewise.tasks.language_model.verbs import _joined


@given(st.lists(st.text("a \n", max_size=6), max_size=8))
def test_the_lines_are_those_of_the_whole(pieces):
    lines = "".join(pieces).split("\n")
    assert list(_joined(pieces)) == (lines if lines[-1] else lines[:-1])


class Piece(str):
    """A piece that refuses to be added to what came before it."""

    def __radd__(self, before):
        raise AssertionError("the line was copied for every piece of it")


def test_a_line_of_many_pieces_is_not_copied_for_each():
    assert list(_joined([Piece("a"), Piece("b"), Piece("c\nd"), Piece("e")])) == ["abc", "de"]
