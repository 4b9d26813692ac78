"""Curves of several runs in one picture, from the CSV files that the benchmarks write.

python benchmarks/plot.py "validation perplexity" out.svg gatewise=a.csv plain=b.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from gatewise.drawing.colours import BLUE, GREEN, GREY, ORANGE
from gatewise.drawing.curves import Line, chart

COLOURS = (BLUE, ORANGE, GREEN, GREY)


def curve(path: Path, measure: str) -> list[tuple[float, float]]:
    """(minutes, measure) of the validation rows of a table."""
    with path.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "valid"]
    return [(float(row["seconds"]) / 60, float(row[measure])) for row in rows]


def draw(title: str, measure: str, tables: dict[str, Path], out: Path) -> None:
    """One line for each table, over minutes of training."""
    lines = [
        Line(name, curve(path, measure), colour, "marked")
        for (name, path), colour in zip(tables.items(), COLOURS, strict=False)
    ]
    out.write_text(chart(title, "minutes of training", measure, lines, log=measure == "perplexity"), encoding="utf-8")
    print(f"wrote {out}")


if __name__ == "__main__":
    title, out, *named = sys.argv[1:]
    measure = "perplexity" if "perplexity" in title else "loss"
    draw(title, measure, {name: Path(path) for name, path in (pair.split("=", 1) for pair in named)}, Path(out))
