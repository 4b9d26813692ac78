"""What all pictures look like: matplotlib's settings, and dashes and markers that tell lines apart in grey too."""

from __future__ import annotations

from typing import Any

INK, GRID = "#39434b", "#e4e8ea"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "gatewise",  # the same picture has the same ids
    "font.size": 9.5,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""For ``matplotlib.rc_context``."""
CIRCLES: dict[str, Any] = {"linestyle": "-", "marker": "o"}
SQUARES: dict[str, Any] = {"linestyle": (0, (5, 2)), "marker": "s"}
TRIANGLES: dict[str, Any] = {"linestyle": (0, (6, 2, 1, 2)), "marker": "^"}
DIAMONDS: dict[str, Any] = {"linestyle": (0, (1, 1.3)), "marker": "D"}
