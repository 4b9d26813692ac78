"""The picture of a confusion matrix: every number in its place, shades by the share of the row, nothing foreign."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gatewise.drawing.colours import contrast
from gatewise.drawing.confusion import confusion_chart
from gatewise.errors import ShapeError

NAME = "{http://www.w3.org/2000/svg}"


def fields(svg):
    """(gold, predicted), from the title of a field -> (x, y, colour of the ground, number, colour of the number)."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{NAME}g"):
        title = group.find(f"{NAME}title")
        if title is not None:
            gold, given = re.match(r"gold (.*), predicted (.*): ", title.text).groups()
            rect, text = group.find(f"{NAME}rect"), group.find(f"{NAME}text")
            place = float(rect.get("x")), float(rect.get("y"))
            found[gold, given] = (*place, rect.get("fill"), text.text, text.get("fill"))
    return found


def random_matrix(size, texts=4000):
    rng = np.random.default_rng(size)
    return rng.multinomial(texts, rng.dirichlet(np.full(size * size, 0.3))).reshape(size, size)


@pytest.mark.parametrize("size", [1, 2, 13, 26, 60])
def test_every_number_stands_in_its_row_and_column(size):
    matrix, names = random_matrix(size), [f"label{place}" for place in range(size)]
    drawn = fields(confusion_chart(matrix, names))
    expected = {(names[g], names[p]): int(matrix[g, p]) for g in range(size) for p in range(size) if matrix[g, p]}
    assert drawn.keys() == expected.keys()
    places = {pair: drawn[pair][:2] for pair in drawn}
    for axis, side in ((0, 1), (1, 0)):
        lines = sorted({(names.index(pair[side]), place[axis]) for pair, place in places.items()})
        assert len(lines) == len({label for label, _ in lines})
        assert [place for _, place in lines] == sorted(place for _, place in lines)
    short = {pair: texts for pair, texts in expected.items() if texts < 1000}
    assert {pair: drawn[pair][3] for pair in short} == {pair: str(texts) for pair, texts in short.items()}


def test_the_shade_is_the_share_of_the_row():
    drawn = fields(confusion_chart([[90, 10], [1, 9]], ["a", "b"]))
    assert drawn["a", "a"][2] == drawn["b", "b"][2]
    assert drawn["a", "b"][2] == drawn["b", "a"][2]
    darker = fields(confusion_chart([[70, 30], [0, 10]], ["a", "b"]))
    assert contrast(darker["a", "b"][2], "#000000") < contrast(drawn["a", "b"][2], "#000000")


def test_numbers_can_be_read_on_their_ground_and_letters_on_white_and_black():
    svg = confusion_chart(random_matrix(30), [str(place) for place in range(30)])
    assert min(contrast(ground, ink) for _, _, ground, _, ink in fields(svg).values()) >= 4.2
    letters = re.search(r'color="(#\w{6})"', svg)[1]
    assert min(contrast(letters, "#ffffff"), contrast(letters, "#121212")) >= 4


@pytest.mark.parametrize("size", [2, 8, 60])
def test_nothing_is_drawn_outside_of_the_picture(size):
    names = [f"a label with a long name {place}" for place in range(size)]
    root = ElementTree.fromstring(confusion_chart(random_matrix(size), names))
    _, _, width, height = map(float, root.get("viewBox").split())
    for rect in root.iter(f"{NAME}rect"):
        assert float(rect.get("x")) + float(rect.get("width")) <= width
        assert float(rect.get("y")) + float(rect.get("height")) <= height
    for text in root.iter(f"{NAME}text"):
        long = 7.2 * len("".join(text.itertext()).removeprefix(text.findtext(f"{NAME}title") or ""))
        x, y = float(text.get("x")), float(text.get("y"))
        if "-45" in text.get("transform", ""):
            assert x + 0.7 * long <= width + 1
            assert y - 0.7 * long >= 40  # below the title
        elif text.get("text-anchor") == "end":
            assert x - long >= 0


def test_long_names_are_cut_and_told_whole():
    name = "a name that is much too long for a picture"
    svg = confusion_chart([[1, 0], [0, 1]], [name, "b"])
    assert "a name that is much too…" in svg
    assert svg.count(f"<title>{name}</title>") == 2


def test_of_many_labels_those_with_the_most_mistakes_are_drawn():
    matrix = np.diag(np.full(70, 5))
    matrix[3, 65] = matrix[66, 4] = 2
    svg = confusion_chart(matrix, [f"label{place}" for place in range(70)])
    assert "60 of 70 labels: those with the most mistakes" in svg
    drawn = fields(svg)
    assert ("label3", "label65") in drawn
    assert ("label66", "label4") in drawn
    assert len({gold for gold, _ in drawn}) == 60
    assert "gold label3, predicted label65: 2 of 7 (28.6%)" in svg


def test_shares_are_of_all_texts_of_a_label_even_of_those_that_are_not_drawn():
    matrix = np.diag(np.full(61, 10))
    matrix[:60, :60] += 1
    matrix[0, 60] = 1  # the one label that is left out
    svg = confusion_chart(matrix, [str(place) for place in range(61)])
    assert "gold 0, predicted 0: 11 of 71 (15.5%)" in svg


@pytest.mark.parametrize(("texts", "shown"), [(999_999, "999999"), (1_234_567, "1.2M"), (123_456_789, "123M")])
def test_large_numbers_are_short(texts, shown):
    assert fields(confusion_chart([[texts]], ["a"]))["a", "a"][3] == shown


def test_foreign_text_is_escaped():
    evil = "</svg><script>&\"'\x00\x1b\n"
    svg = confusion_chart([[1, 0], [0, 0]], [evil, ""], evil)
    ElementTree.fromstring(svg)
    assert not [bad for bad in ("<script", "\x00", "\x1b") if bad in svg]
    assert "(empty)" in svg


@pytest.mark.parametrize(
    ("matrix", "labels", "told"),
    [
        ([], [], "0 labels need a square of as many rows, but 0 rows of no numbers came"),
        ([[1, 2]], ["a", "b"], "2 labels need a square of as many rows, but 1 rows of 2 numbers came"),
        ([[1, 2], [3]], ["a", "b"], "2 rows of 1, 2 numbers came"),
    ],
)
def test_what_is_no_square_is_refused(matrix, labels, told):
    with pytest.raises(ShapeError, match=told):
        confusion_chart(matrix, labels)
