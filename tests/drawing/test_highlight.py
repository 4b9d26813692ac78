"""Words in colour: the order of weights is seen, no word can steer a terminal or a page, plain text says as much."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from gatewise.drawing.highlight import highlight_html, highlight_terminal, shows_colour
from gatewise.errors import DataError, ShapeError

EVIL = ["\x1b[2J", "</p><script>", "a&b", "\x9b31m", '"']
FLAT = [0.5, -0.5, 1, -1, 0.2]


class Stream:
    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


class Reader(HTMLParser):
    """The text of a page, and the weight of each marked word."""

    def __init__(self, page):
        super().__init__()
        self.text, self.weights, self.open = "", {}, []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.text += data
        if self.open[-1][0] == "span":
            self.weights[data] = self.open[-1][1]


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),  # as no-color.org says: present and not empty
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": "xterm"}, True),
    ],
)
def test_colour_is_for_terminals_that_want_it(terminal, environment, expected):
    assert shows_colour(Stream(terminal), environment) is expected


def test_the_variables_are_those_of_the_process(monkeypatch):
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shows_colour(Stream(True))
    monkeypatch.delenv("NO_COLOR")
    assert shows_colour(Stream(True))


def test_without_colour_the_weight_stands_behind_the_word():
    assert highlight_terminal(["a", "b", "c"], [0.5, 0.04, -1], colour=False) == "a(+0.50) b c(-1.00)"


def test_without_the_colours_the_words_are_what_they_were():
    words = ["a", "film", "\n", "b"]
    drawn = highlight_terminal(words, [1, -0.3, 0.5, 0], colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", drawn) == " ".join(words)


def test_a_terminal_shows_sign_and_strength():
    marks = [
        highlight_terminal(["w"], [weight], colour=True) for weight in (0.1, 0.3, 0.6, 0.9, -0.1, -0.3, -0.6, -0.9)
    ]
    assert len(set(marks)) == 8
    assert highlight_terminal(["w"], [0.0], colour=True) == "w"
    assert all(mark.endswith("\x1b[0m") for mark in marks)


def test_no_ground_is_left_on_at_the_end_of_a_line():
    for line in highlight_terminal(["a\nb\n"], [1], colour=True).split("\n"):
        assert line.count("\x1b[0m") * 2 == line.count("\x1b[")


@pytest.mark.parametrize("colour", [False, True])
def test_no_word_steers_the_terminal(colour):
    drawn = highlight_terminal(EVIL, FLAT, colour=colour)
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert "\x9b" not in drawn
    assert "[2J" in drawn


def test_the_page_holds_the_words_and_their_weights_and_nothing_else():
    page = Reader(highlight_html(EVIL, FLAT))
    assert page.open == []
    assert page.text == " ".join(EVIL).replace("\x1b", "\N{REPLACEMENT CHARACTER}").replace(
        "\x9b", "\N{REPLACEMENT CHARACTER}"
    )
    assert [marks["title"] for marks in page.weights.values()] == ["+0.50", "-0.50", "+1.00", "-1.00", "+0.20"]
    assert ["dotted" in marks["style"] for marks in page.weights.values()] == [False, True, False, True, False]
    assert "<script" not in highlight_html(EVIL, FLAT, separator="<script>")


def test_a_stronger_weight_has_a_stronger_ground():
    weights = [0.1, 0.4, 0.7, 1.0]
    styles = [marks["style"] for marks in Reader(highlight_html(["a", "b", "c", "d"], weights)).weights.values()]
    strengths = [float(re.search(r"rgba\(47,111,159,([\d.]+)\)", style)[1]) for style in styles]
    assert strengths == sorted(strengths)
    assert strengths[-1] == 0.55


def test_characters_stand_without_gaps():
    assert Reader(highlight_html(list("abc"), [0, 1, 0], separator="")).text == "abc"
    assert highlight_terminal(list("abc"), [0, 0, 0], colour=False, separator="") == "abc"


def test_no_words_are_no_mistake():
    assert highlight_terminal([], [], colour=True) == ""
    assert Reader(highlight_html([], [])).text == ""


def test_rounding_beyond_one_is_forgiven():
    assert highlight_terminal(["a"], [1 + 1e-7], colour=False) == "a(+1.00)"


@pytest.mark.parametrize(
    ("words", "weights", "mistake", "told"),
    [
        (["a"], [0.1, 0.2], ShapeError, "1 words need as many weights, but 2 came"),
        (["a", "b"], [0, 1.5], DataError, "word 2: expected a weight from -1 to 1, but 1.5 came"),
        (["a"], [float("nan")], DataError, "word 1: .* but nan came"),
        (["a"], [float("-inf")], DataError, "word 1: .* but -inf came"),
    ],
)
@pytest.mark.parametrize("draw", [highlight_html, lambda *given: highlight_terminal(*given, colour=False)])
def test_what_cannot_be_shown_is_told_in_one_line(draw, words, weights, mistake, told):
    with pytest.raises(mistake, match=told):
        draw(words, weights)
