"""Shaded texts: the colour follows the value, and the value can be read."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from gatewise.drawing.shading import shaded_html, shaded_terminal
from gatewise.errors import DataError, ShapeError


def spans(page):
    """(word, title, red, green, blue, strength, whether a line is below) of each mark of the text."""
    found = []
    text = ET.fromstring(f"<div>{page}</div>").findall("p")[1]
    for span in text.iter("span"):
        *colour, strength = re.findall(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)", span.get("style"))[0]
        found.append((span.text, span.get("title"), *map(int, colour), float(strength), "dotted" in span.get("style")))
    return found


def test_the_strength_grows_with_the_value_and_the_value_is_shown():
    found = spans(shaded_html(["so", "it", "is", "now"], [0.0, 1.0, 2.0, 4.0], what="surprise", unit="nats"))
    assert [one[0] for one in found] == ["so", "it", "is", "now"]
    assert [one[1] for one in found] == ["0.00 nats", "1.00 nats", "2.00 nats", "4.00 nats"]
    strengths = [one[5] for one in found]
    assert strengths == [
        0.0,
        pytest.approx(strengths[3] / 4, abs=0.01),
        pytest.approx(strengths[3] / 2, abs=0.01),
        0.55,
    ]


def test_below_zero_it_differs_without_colour_too():
    found = spans(shaded_html(["a", "b", "c"], [-3.0, 3.0, 0.0], what="unit 7 of memory"))
    assert [one[6] for one in found] == [True, False, False]
    assert found[0][2:5] != found[1][2:5]
    assert found[0][5] == found[1][5]


def test_the_legend_says_what_the_shades_mean():
    page = shaded_html(["a", "b"], [-3.0, 1.0], what="unit 7 of <memory>", unit="nats")
    legend = ET.fromstring(f"<div>{page}</div>").findall("p")[0]
    told = "".join(legend.itertext()).replace("\N{NO-BREAK SPACE}", "")
    assert told == "unit 7 of <memory>: -3.00 nats -1.50 nats 0.00 nats 1.50 nats 3.00 nats"
    above = "".join(ET.fromstring(f"<div>{shaded_html(['a'], [1.0], what='x')}</div>").findall("p")[0].itertext())
    assert "-" not in above


def test_beyond_the_limit_the_colour_is_the_strongest():
    found = spans(shaded_html(["a", "b", "c"], [1.0, 2.0, 9.0], what="surprise", limit=2.0))
    assert [one[5] for one in found][1:] == [0.55, 0.55]
    assert found[2][1] == "9.00"


def test_all_zero_and_no_word_are_texts_too():
    assert [one[5] for one in spans(shaded_html(["a", "b"], [0.0, 0.0], what="x"))] == [0.0, 0.0]
    assert spans(shaded_html([], [], what="x")) == []
    assert shaded_terminal([], [], what="x", colour=False) == "x, 1.00 = 1.00\n"


def test_what_a_text_holds_cannot_leave_its_place():
    page = shaded_html(["<script>", "a\x1b[2J", '"&'], [1.0, 2.0, 3.0], what="<b>", unit='"nats"')
    assert "<script>" not in page
    assert "\x1b" not in page
    assert [one[0] for one in spans(page)] == ["<script>", "a\N{REPLACEMENT CHARACTER}[2J", '"&']
    assert "\x1b[2J" not in shaded_terminal(["a\x1b[2J"], [1.0], what="x\x1b[2J", colour=True)


def test_a_terminal_has_its_legend_and_colours():
    told = shaded_terminal(["a", "b"], [-2.0, 2.0], what="unit 7", colour=True)
    legend, text = told.split("\n")
    assert legend.startswith("unit 7: ")
    assert all(number in legend for number in ("-2.00", "-1.00", "1.00", "2.00"))
    assert text == "\x1b[1;48;5;166;38;5;16ma\x1b[0m \x1b[1;48;5;32;38;5;16mb\x1b[0m"
    assert (
        shaded_terminal(list("ab"), [-2.0, 1.0], what="u", colour=False, separator="")
        == "u, 1.00 = 2.00\na(-1.00)b(+0.50)"
    )


@pytest.mark.parametrize(
    ("values", "options", "kind", "said"),
    [
        ([1.0], {}, ShapeError, "2 words need as many values, but 1 came"),
        ([1.0, math.nan], {}, DataError, "word 2: expected a finite value, but nan came"),
        ([1.0, math.inf], {}, DataError, "word 2: expected a finite value, but inf came"),
        ([1.0, 2.0], {"limit": 0.0}, DataError, "limit: expected a limit above 0, but 0 came"),
        ([1.0, 2.0], {"limit": math.nan}, DataError, "limit: expected a limit above 0, but nan came"),
    ],
)
def test_values_that_cannot_be_shown_are_refused(values, options, kind, said):
    for shaded in (shaded_html, lambda *args, **kwargs: shaded_terminal(*args, colour=True, **kwargs)):
        with pytest.raises(kind, match=said):
            shaded(["a", "b"], values, what="x", **options)
