"""A confusion matrix as a picture: how many texts of each label were taken for which.

Letters: L labels.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewise.drawing.colours import BLUE, ORANGE, ink_on, mixed
from gatewise.drawing.letters import columns, cut, on_one_line
from gatewise.errors import ShapeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_LABELS = 60
"""As many labels are drawn; of more, those with the most mistakes."""

_PAPER, _LINE, _INK = (
    "#f3f5f6",
    "#d3d9dd",
    "#757d84",
)  # the ink stands out from white and from black alike, by about 4.2 to 1
_RIGHT, _WRONG = mixed(BLUE, "#000000", 0.15), ORANGE
_LETTERS, _SMALL, _WIDTH = 11, 9.5, 0.6  # sizes of letters, and how wide a letter is at most beside its size
_LONGEST, _MANY = 24, 12
_STEPS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def confusion_chart(
    matrix: NDArray[np.int64] | Sequence[Sequence[int]],
    labels: Sequence[str],
    title: str = "Gold labels and predicted labels",
) -> str:
    """A confusion matrix as an ``<svg>`` element that needs nothing outside itself; the same data give the same text.

    A row for each gold label, a column for each predicted one, with the number of texts in each field; where it is
    empty there are none. A field is the darker the larger its share of the row, blue where the label is right, orange
    where it is not. The shade grows with the root of the share, so that one text in a hundred can be seen.

    It can be read on a light and on a dark ground. Letters outside the fields have the colour that the page gives to
    ``svg``, or else a grey. It is never shown larger than in its natural size, 44 pixels for each of 10
    labels and 24 for each of 60; a place that is narrower makes it smaller.

    Args:
        matrix: [L, L], the gold label first.
        labels: their names, L of them; long ones are cut, and are whole where the mouse points.
        title: stands above it.

    Raises:
        ShapeError: it is not square, does not fit the labels, or there is no label.

    Example:
        >>> picture = confusion_chart([[8, 1], [0, 9]], ["no", "yes"])
        >>> picture.startswith("<svg"), "gold no, predicted yes: 1 of 9 (11.1%)" in picture
        (True, True)
    """
    rows = [[int(texts) for texts in row] for row in matrix]
    if not labels or len(rows) != len(labels) or any(len(row) != len(labels) for row in rows):
        shape = f"{len(rows)} rows of {', '.join(map(str, sorted({len(row) for row in rows}))) or 'no'} numbers"
        raise ShapeError(f"{len(labels)} labels need a square of as many rows, but {shape} came")
    kept = _kept(rows)
    names = [on_one_line(labels[place]) or "(empty)" for place in kept]
    fields = [[rows[gold][given] for given in kept] for gold in kept]
    note = f"{len(kept)} of {len(labels)} labels: those with the most mistakes" if len(kept) < len(labels) else ""
    layout = _Layout.of(names)
    drawn = [
        _heads(layout, title, note),
        _labels(layout, names),
        _totals(layout, [sum(rows[gold]) for gold in kept]),
        _fields(layout, names, fields, [sum(rows[gold]) for gold in kept]),
        _legend(layout),
    ]
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    style = f'style="max-width: {width}px" color="{_INK}" fill="currentColor"'
    font = f'font-family="system-ui, DejaVu Sans, sans-serif" font-size="{_LETTERS}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style} {font} role="img">'
    return "\n".join([head, f"<title>{_text(title)}</title>", *drawn, "</svg>"])


@dataclass(frozen=True)
class _Layout:
    """Where everything lies, in pixels.

    Attributes:
        count: of labels.
        field: the side of a field.
        left: where the fields begin.
        top: the same.
        flat: whether the labels of the columns lie, instead of leaning.
        digits: the size of the numbers.
        width: of the picture.
        height: of the picture.
    """

    count: int
    field: float
    left: float
    top: float
    flat: bool
    digits: float
    width: float
    height: float

    @classmethod
    def of(cls, names: Sequence[str]) -> _Layout:
        count = len(names)
        field, digits = (44.0, _LETTERS) if count <= _MANY else (32.0, _LETTERS) if count <= 25 else (24.0, _SMALL)
        longest = max(_wide(cut(name, _LONGEST)) for name in names)
        flat = longest <= field - 4
        left = longest + 36
        leaning = 0.75 * longest
        top = 74 + (_LETTERS if flat else leaning)
        side = count * field
        right = max(60.0, 0 if flat else leaning - field / 2 + 8)
        width = max(left + side + right, 380.0)
        return cls(count, field, left, top, flat, digits, width, top + side + 74)

    def across(self, place: float) -> float:
        return self.left + place * self.field

    def down(self, place: float) -> float:
        return self.top + place * self.field


def _kept(rows: Sequence[Sequence[int]]) -> list[int]:
    """The labels that are drawn, in their order."""
    each = range(len(rows))
    if len(rows) <= MOST_LABELS:
        return list(each)
    columns_sums = [sum(column) for column in zip(*rows, strict=True)]
    mistakes = [sum(rows[place]) + columns_sums[place] - 2 * rows[place][place] for place in each]
    return sorted(sorted(each, key=lambda place: -mistakes[place])[:MOST_LABELS])


def _heads(layout: _Layout, title: str, note: str) -> str:
    middle_x, middle_y = layout.across(layout.count / 2), layout.down(layout.count / 2)
    turned = f'transform="rotate(-90 14 {middle_y:.1f})"'
    return "\n".join(
        [
            f'<text x="8" y="20" font-size="13.5" font-weight="bold">{_text(title)}</text>',
            f'<text x="8" y="38">{_text(note)}</text>' if note else "",
            f'<text x="{middle_x:.1f}" y="{58:.1f}" text-anchor="middle">predicted</text>',
            f'<text x="14" y="{middle_y:.1f}" text-anchor="middle" {turned}>gold</text>',
        ]
    )


def _labels(layout: _Layout, names: Sequence[str]) -> str:
    drawn = []
    for place, name in enumerate(names):
        told, shown = f"<title>{_text(name)}</title>", _text(cut(name, _LONGEST))
        x, y = layout.across(place + 0.5), layout.down(place + 0.5) + _middle(_LETTERS)
        drawn.append(f'<text x="{layout.left - 8:.1f}" y="{y:.1f}" text-anchor="end">{told}{shown}</text>')
        if layout.flat:
            at = f'x="{x:.1f}" y="{layout.top - 7:.1f}" text-anchor="middle"'
        else:
            x, y = x + 3, layout.top - 6
            at = f'x="{x:.1f}" y="{y:.1f}" transform="rotate(-45 {x:.1f} {y:.1f})"'
        drawn.append(f"<text {at}>{told}{shown}</text>")
    return "\n".join(drawn)


def _totals(layout: _Layout, totals: Sequence[int]) -> str:
    """How many texts each row is made of."""
    x = layout.across(layout.count) + 8
    y = layout.down(layout.count) + _LETTERS + 4
    rows = [
        f'<text x="{x:.1f}" y="{layout.down(place + 0.5) + _middle(layout.digits):.1f}">{_brief(total, 9)}</text>'
        for place, total in enumerate(totals)
    ]
    return "\n".join([f'<g font-size="{layout.digits}">', *rows, f'<text x="{x:.1f}" y="{y:.1f}">texts</text>', "</g>"])


def _fields(layout: _Layout, names: Sequence[str], fields: Sequence[Sequence[int]], totals: Sequence[int]) -> str:
    side, room = layout.field - 1, int((layout.field - 3) / (_WIDTH * layout.digits))
    paper = [
        f'<rect x="{layout.left:.1f}" y="{layout.top:.1f}" width="{layout.count * layout.field:.1f}" '
        f'height="{layout.count * layout.field:.1f}" fill="{_PAPER}"/>',
        *_guides(layout),
        f'<g text-anchor="middle" font-size="{layout.digits}">',
    ]
    for gold, row in enumerate(fields):
        for given, texts in enumerate(row):
            if not texts:
                continue
            share = texts / totals[gold]
            colour = _shade(share, gold == given)
            x, y = layout.across(given) + 0.5, layout.down(gold) + 0.5
            told = f"gold {names[gold]}, predicted {names[given]}: {texts:,} of {totals[gold]:,} ({100 * share:.1f}%)"
            paper.append(
                f"<g><title>{_text(told)}</title>"
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{colour}"/>'
                f'<text x="{x + side / 2:.1f}" y="{y + side / 2 + _middle(layout.digits):.1f}" '
                f'fill="{ink_on(colour)}">{_brief(texts, room)}</text></g>'
            )
    return "\n".join([*paper, "</g>"])


def _guides(layout: _Layout) -> list[str]:
    """Lines after every fifth label, where there are so many that the eye loses its row."""
    drawn, side = [], layout.count * layout.field
    for place in range(5, layout.count if layout.count > _MANY else 0, 5):
        x, y = layout.across(place), layout.down(place)
        drawn.append(f'<path d="M{x:.1f} {layout.top:.1f}v{side:.1f}M{layout.left:.1f} {y:.1f}h{side:.1f}"/>')
    return [f'<g stroke="{_LINE}" stroke-width="1">', *drawn, "</g>"] if drawn else []


def _legend(layout: _Layout) -> str:
    """A row of shades for what is right, and one for mistakes."""
    x, y = 8.0, layout.down(layout.count) + 30
    drawn = [f'<g font-size="{_SMALL}">', f'<text x="{x}" y="{y:.1f}">share of the texts with the gold label</text>']
    for row, (word, right) in enumerate((("right", True), ("mistakes", False))):
        at = y + 6 + 16 * row
        drawn.append(f'<text x="{x}" y="{at + 7 + _middle(_SMALL):.1f}">{word}</text>')
        for place, share in enumerate(_STEPS):
            colour, left = _shade(share, right), x + 52 + 38 * place
            drawn.append(
                f'<rect x="{left:.1f}" y="{at:.1f}" width="37" height="14" fill="{colour}"/>'
                f'<text x="{left + 18.5:.1f}" y="{at + 7 + _middle(_SMALL):.1f}" text-anchor="middle" '
                f'fill="{ink_on(colour)}">{100 * share:.0f}%</text>'
            )
    return "\n".join([*drawn, "</g>"])


def _shade(share: float, right: bool) -> str:
    return mixed(_PAPER, _RIGHT if right else _WRONG, share**0.5)


def _brief(texts: int, room: int) -> str:
    """A number in at most so many letters, as long as four are enough.

    Example:
        >>> _brief(1234, 4), _brief(12345, 4), _brief(1234567, 4), _brief(99999, 3), _brief(999_950, 4)
        ('1234', '12k', '1.2M', '100k', '1.0M')
    """
    if len(str(texts)) <= max(room, 3):
        return str(texts)
    for size, letter in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        value = texts / size
        if value < 9.95:
            return f"{value:.1f}{letter}"
        if value < 999.5:
            return f"{value:.0f}{letter}"
    return f"{texts:.0e}"


def _wide(text: str) -> float:
    return _WIDTH * _LETTERS * columns(text)


def _middle(size: float) -> float:
    """How far below the middle of a line of letters they stand."""
    return 0.36 * size


def _text(value: str) -> str:
    return html.escape(on_one_line(value))
