"""What may stand in a picture or a table, how wide it is, and which ink can be read."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest

from gatewise.drawing.colours import contrast, ink_on, mixed
from gatewise.drawing.letters import aligned, columns, cut, on_one_line, printable


def test_every_character_that_xml_forbids_is_replaced():
    everything = "".join(map(chr, range(0x110000)))
    root = ElementTree.fromstring(
        f"<a>{printable(everything).replace('&', '').replace('<', '')}</a>".encode("utf-8", "strict")
    )
    assert "\N{REPLACEMENT CHARACTER}" in root.text
    assert "\x1b" not in root.text
    assert "\x9b" not in root.text


def test_ordinary_text_is_left_as_it_is():
    text = "Straße,\tnaïve\n日本 👍\r"
    assert printable(text[:-1]) == text[:-1]
    assert on_one_line(" a\t b\n\x1bc ") == "a b \N{REPLACEMENT CHARACTER}c"


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("日本", 4, "日本")],
)
def test_what_is_cut_is_never_wider_than_was_asked(text, most, expected):
    assert cut(text, most) == expected
    assert columns(cut(text, most)) <= most


def test_columns_line_up_where_letters_are_wide():
    lines = aligned([["label", "n"], ["日本語", "12"], ["e\u0301", "3"]])
    assert [columns(line) for line in lines] == [10, 10, 10]
    assert lines[1] == "日本語  12"


def test_ink_can_be_read_on_every_colour():
    grounds = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in itertools.product(range(0, 256, 15), repeat=3)]
    assert min(contrast(ink_on(ground), ground) for ground in grounds) >= 4.2


def test_contrast_is_that_of_the_guidelines():
    """#767676 is the lightest grey with 4.5 to 1 on white, as the guidelines' own explanations say."""
    assert contrast("#767676", "#ffffff") >= 4.5 > contrast("#777777", "#ffffff")


def test_a_mixture_begins_and_ends_with_its_colours():
    assert (mixed("#102030", "#405060", 0), mixed("#102030", "#405060", 1)) == ("#102030", "#405060")
    assert mixed("#102030", "#405060", 0.5) == "#283848"
