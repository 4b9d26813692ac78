"""Curves: every point where it belongs, and nothing left behind."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from gatewise.drawing.curves import Line, chart, smoothed, thinned


def test_the_same_data_give_the_same_chart():
    first, second = (chart("t", "x", "y", [Line("a", [(0, 1), (1, 2)])]) for _ in range(2))
    assert first == second


def test_a_long_run_makes_no_long_page():
    short, long = (chart("t", "x", "y", [Line("", [(x, x % 7) for x in range(n)])]) for n in (600, 60_000))
    assert len(long) < 2 * len(short)


def test_a_chart_draws_each_point_where_it_belongs():
    """Read the path back: the pixels must be the points under one linear map per axis."""
    points = [(0.0, 1.0), (1.0, 4.0), (2.0, 2.0), (4.0, 3.0)]
    svg = ElementTree.fromstring(chart("t", "x", "y", [Line("", points, "#123456")]))
    drawn = [node for node in svg.iter("{http://www.w3.org/2000/svg}path") if "#123456" in node.get("style", "")]
    pixels = [tuple(map(float, pair)) for pair in re.findall(r"[ML] (\S+) (\S+)", drawn[0].get("d"))]
    for axis in (0, 1):
        scale = (pixels[3][axis] - pixels[0][axis]) / (points[3][axis] - points[0][axis])
        for pixel, point in zip(pixels, points, strict=True):
            assert pixel[axis] == pytest.approx(pixels[0][axis] + scale * (point[axis] - points[0][axis]))


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    chart("t", "x", "y", [Line("a", [(0, 1), (1, 2)])], log=True)
    assert dict(matplotlib.rcParams) == before


def test_smoothing_keeps_a_straight_line_and_the_mean_of_a_block():
    line = [(float(x), 2.0 * x) for x in range(101)]
    inner = [y for _, y in smoothed(line, 0.1)][10:91]
    assert inner == pytest.approx([y for _, y in line][10:91])
    assert smoothed(line, 0.0) == line


def test_thinning_keeps_the_mean_and_the_order():
    line = [(float(x), math.sin(x / 50)) for x in range(1000)]
    thin = thinned(line, 100)
    assert len(thin) == 100
    assert [x for x, _ in thin] == sorted(x for x, _ in thin)
    assert sum(y for _, y in thin) / 100 == pytest.approx(sum(y for _, y in line) / 1000)
