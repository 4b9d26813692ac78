"""Draws the two pictures of docs/step-program.md: what runs when, and how the engine runs a step.

    python docs/generate.py

The text inside the first picture is a real program's. Told apart by words, places, hatches and edges, never by colour
alone. A picture states from what it was drawn; it is drawn anew when that changes, not when matplotlib does, whose
versions write the same picture in other bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

INK, SOFT, FORWARD, BACKWARD, WHOLE = "#1f2a33", "#6b7780", "#dcebf5", "#f7e3d0", "#f1f3f4"
STYLE = {
    "svg.hashsalt": "gatewise",  # the same names in every run
    "svg.fonttype": "path",  # letters as outlines: boxes fit their text on every screen
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.5,
    "hatch.color": SOFT,
}
MONO = "DejaVu Sans Mono"
LINE = 0.155  # inches from one line of a program to the next


def pictures(program: str) -> dict[str, str]:
    """File name -> SVG.

    Args:
        program: a step program as text, with every section but "backward, once".
    """
    drawn = {"step-program.svg": draw_sections(sections(program)), "step-engine.svg": draw_engine()}
    return {name: f"{svg(figure)}<!-- drawn from {drawn_from(program)} -->\n" for name, figure in drawn.items()}


def drawn_from(program: str) -> str:
    """The mark of what the pictures are drawn from: this file and the program."""
    return hashlib.sha256(Path(__file__).read_bytes() + program.encode()).hexdigest()[:16]


def sections(program: str) -> dict[str, list[str]]:
    """Title -> lines of each section of a program's text.

    Example:
        >>> sections("step program of a\\n  input x\\n\\nforward, once\\n    v1 = 2\\n")
        {'step program of a': ['  input x'], 'forward, once': ['    v1 = 2']}
    """
    parts = (part.split("\n") for part in program.strip().split("\n\n"))
    return {title: lines for title, *lines in parts}


def svg(figure: Figure) -> str:
    """A figure as text, the same in every run."""
    text = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure whose coordinates are inches from its lower left corner."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    return figure, axes


def box(
    axes: Axes, x: float, y: float, width: float, height: float, *, fill: str, hatch: str = "", edge: str = "-"
) -> None:
    """A rectangle; ``edge`` is its line style."""
    axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=INK, lw=0.9, hatch=hatch, ls=edge))


def note(axes: Axes, x: float, y: float, text: str, *, size: float = 8.5, bold: bool = False, **where: str) -> None:
    """Words; a white ground keeps them readable over a hatch."""
    with matplotlib.rc_context(STYLE):
        axes.text(x, y, text, fontsize=size, weight="bold" if bold else "normal", **{"va": "center", **where})


def code(axes: Axes, x: float, top: float, lines: Iterable[str]) -> None:
    """Lines of a program under each other, the first one under ``top``."""
    with matplotlib.rc_context(STYLE):
        for number, line in enumerate(lines, 1):
            axes.text(x, top - number * LINE, line, family=MONO, fontsize=7, va="center")


def arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float], edge: str = "-") -> None:
    """From one point to another."""
    axes.add_patch(FancyArrowPatch(begin, end, arrowstyle="-|>", mutation_scale=10, color=INK, lw=1.1, ls=edge))


# --- what runs when ---

LEFT, RIGHT = 2.75, 9.25  # of the time axis
NARROW = 0.95  # width of the steps that are drawn without their lines


def draw_sections(program: dict[str, list[str]]) -> Figure:
    """The sections of a program over time: forward to the right, then backward to the left."""
    given, kept = (
        stripped(program["forward, step by step"], "keep"),
        stripped(program["backward, step by step"], "keep"),
    )
    forward, backward = loop(program["forward, step by step"]), loop(program["backward, step by step"])
    late = stripped(program["backward, all steps at once"])
    products = [line for line in late if line.startswith("d weight")]
    late = [line for line in late if line not in products]

    figure, axes = canvas(9.5, 9.5)
    y = 9.3
    note(axes, LEFT, y, "forward: time runs to the right", bold=True)
    y = band(axes, y - 0.2, "all steps at once", stripped(program["forward, all steps at once"]), WHOLE)
    once(axes, y, 0.95, "once per call", stripped(program["forward, once"]))
    arrow(axes, (1.35, y), (1.35, y - 0.6))
    note(axes, 1.35, y - 0.75, "read by every step", ha="center", size=8)
    y = steps(axes, y - 0.22, forward, FORWARD, "hidden", to_the_right=True)
    y = band(axes, y - 0.24, "kept, a row for each sequence and step", given, "white", hatch="////")
    y -= 0.28
    note(axes, RIGHT, y, "backward: time runs to the left", bold=True, ha="right")
    sums = [line.split()[0] for line in stripped(backward) if " += " in line]
    y = steps(axes, y - 0.2, backward, BACKWARD, "d hidden", to_the_right=False)
    note(axes, 1.35, y + 0.66, "sums, added up", ha="center", bold=True)
    note(axes, 1.35, y + 0.46, "over rows and steps", ha="center", bold=True)
    note(axes, 1.35, y + 0.24, ", ".join(sums), ha="center", size=7, family=MONO)
    axes.plot([LEFT, 1.35, 1.35], [y + 0.85, y + 0.85, y + 0.78], color=INK, lw=1.1)
    sums_at = y + 0.12
    y = band(axes, y - 0.24, "kept, a row for each sequence and step", kept, "white", hatch="////")
    y = band(axes, y - 0.22, "all steps at once", late, WHOLE)
    y = band(axes, y - 0.12, "one large product each, over all rows", products, WHOLE, edge="--")
    once(axes, y, 1.25, "once after the loop", stripped(program["backward, once after"]))
    arrow(axes, (1.35, sums_at), (1.35, y + 1.25))
    return figure


def stripped(lines: Iterable[str], word: str = "") -> list[str]:
    """Lines without their indent; with a word, only those that begin with it, without it."""
    plain = [line.strip() for line in lines]
    return [line.removeprefix(word).strip() for line in plain if line.startswith(word)]


def loop(lines: Iterable[str]) -> list[str]:
    """The lines of a step, without what is kept; stages stay apart."""
    return [line.removeprefix("  ") for line in lines if not line.strip().startswith("keep")]


def band(
    axes: Axes, top: float, title: str, lines: Sequence[str], fill: str, *, hatch: str = "", edge: str = "-"
) -> float:
    """A box as long as time, with its title and lines; returns its lower edge."""
    height = 0.34 + LINE * len(lines)
    box(axes, LEFT, top - height, RIGHT - LEFT, height, fill=fill, hatch=hatch, edge=edge)
    if hatch:
        axes.add_patch(Rectangle((LEFT + 0.08, top - height + 0.05), 3.6, height - 0.1, facecolor="white", lw=0))
    note(axes, LEFT + 0.15, top - 0.14, title, bold=True)
    code(axes, LEFT + 0.15, top - 0.2, lines)
    return top - height


def once(axes: Axes, y: float, height: float, title: str, lines: Sequence[str]) -> None:
    """The box at the left of the time axis."""
    box(axes, 0.2, y, 2.3, height, fill="white", edge=":")
    note(axes, 0.32, y + height - 0.14, title, bold=True)
    code(axes, 0.32, y + height - 0.22, lines)


def steps(axes: Axes, top: float, lines: Sequence[str], fill: str, state: str, *, to_the_right: bool) -> float:
    """Three steps of the loop, the middle one with its lines, and what goes from one to the next."""
    height = 0.36 + LINE * len(lines)
    gap, middle = 0.72, top - height / 2
    inner = LEFT + NARROW + gap
    wide = RIGHT - LEFT - 2 * (NARROW + gap)
    places = ((LEFT, NARROW, "step t - 1"), (inner, wide, "step t"), (RIGHT - NARROW, NARROW, "step t + 1"))
    for x, width, name in places:
        box(axes, x, top - height, width, height, fill=fill)
        note(axes, x + 0.12, top - 0.14, name, bold=True)
    code(axes, inner + 0.12, top - 0.22, lines)
    for begin, end in ((LEFT + NARROW, inner), (inner + wide, RIGHT - NARROW)):
        ends = (begin, end) if to_the_right else (end, begin)
        arrow(axes, (ends[0], middle), (ends[1], middle))
        note(axes, (begin + end) / 2, middle + 0.14, state, ha="center", size=8)
    return top - height


# --- how the engine runs one step ---

CELL = 0.155  # inches of one unit of one row in the drawing
UNITS, BLOCK, ROWS = 40, 16, 8


def draw_engine() -> Figure:
    """Rows, blocks of units and threads; one product tile and the instructions that follow it."""
    figure, axes = canvas(9.5, 4.75)
    note(axes, 0.3, 4.52, "One stage of one step, 8 sequences, H = 40, two threads", bold=True)
    left, bottom = 1.15, 2.35
    for block in range(3):
        draw_block(axes, left, bottom, block)
    for row in range(ROWS):
        note(axes, left - 0.08, bottom + (ROWS - row - 0.5) * CELL * 1.25, f"row {row}", ha="right", size=7)
    middle = bottom + ROWS / 2 * CELL * 1.25
    axes.plot([left - 0.55, left + 3 * 2.55 - 0.1], [middle, middle], color=INK, lw=2)
    for name, y in (("thread 1", middle + 0.4), ("thread 2", middle - 0.4)):
        note(axes, 0.12, y, name, rotation="vertical", size=8, bold=True)
    tile(axes, left, middle)
    order(axes)
    return figure


def draw_block(axes: Axes, left: float, bottom: float, block: int) -> None:
    """A block of 16 units of every row, pairs of rows apart by a heavier line, the padding hatched."""
    x, height, there = left + block * 2.55, CELL * 1.25, min(BLOCK, UNITS - block * BLOCK)
    unit = 2.3 / BLOCK
    box(axes, x, bottom, BLOCK * unit, ROWS * height, fill="white")
    if there < BLOCK:
        box(axes, x + there * unit, bottom, (BLOCK - there) * unit, ROWS * height, fill="white", hatch="xxxx")
    for row in range(1, ROWS):
        heavy = row % 2 == 0
        axes.plot(
            [x, x + BLOCK * unit], [bottom + row * height] * 2, color=INK if heavy else SOFT, lw=1.2 if heavy else 0.4
        )
    last = f"units {block * BLOCK} to {block * BLOCK + there - 1}"
    note(axes, x + BLOCK * unit / 2, bottom + ROWS * height + 0.13, last, ha="center", size=8)
    if there < BLOCK:
        note(axes, x + BLOCK * unit, bottom - 0.13, "hatched: padding", ha="right", size=7.5)


def tile(axes: Axes, left: float, middle: float) -> None:
    """The tile that is being worked on, and the one that comes next."""
    height = ROWS / 2 * CELL * 1.25
    axes.add_patch(Rectangle((left, middle), 2.3, height, facecolor=FORWARD, edgecolor=INK, lw=2.4, zorder=3))
    with matplotlib.rc_context(STYLE):
        told = "a tile: the rows of a thread\nin one block of units"
        axes.text(left + 1.15, middle + height / 2, told, fontsize=8, ha="center", va="center", zorder=4)
    arrow(axes, (left + 2.32, middle + height / 2), (left + 2.53, middle + height / 2))


def order(axes: Axes) -> None:
    """What is done for a tile, in order."""
    told = (
        ("1  product", "rows of the state times a\npanel of the matrix, packed\nonce per call: depth x 16"),
        ("2  instructions", "at most 8 rows at a time;\nwhat they hand each other\nstays in the nearest cache"),
        ("3  next block", "then the next stage; then,\nwithout waiting for another\nthread, the next step"),
    )
    for number, (title, text) in enumerate(told):
        x = 1.15 + number * 2.55
        box(axes, x, 0.95, 2.3, 0.95, fill=(FORWARD, WHOLE, "white")[number])
        note(axes, x + 0.12, 1.75, title, bold=True)
        note(axes, x + 0.12, 1.3, text, size=8)
        if number:
            arrow(axes, (x - 0.24, 1.42), (x - 0.01, 1.42))
    told_below = (
        "Each number is one sum in the order of its depth, and a row sees no other row: the same bits in any batch.\n"
        "Rows go to threads in pairs, each pair with its own partial sums: the same gradients on any number of threads."
    )
    note(axes, 1.15, 0.5, told_below, size=8)
