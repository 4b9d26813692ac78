"""Lesson: the loss of a network of one unit has a wall; descent is thrown off it, descent with clipping is not.

The unit runs T = 50 steps without input from h_0 = 0.5 and is to end at 0.7:

    h_t = sigmoid(w h_{t-1} + b),   L(w, b) = (h_T - 0.7)^2

Source: Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks (arXiv:1211.5063v2),
figure 6 and algorithm 1; CS224n notes (2019), part V, figure 7.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib import patheffects
from matplotlib.figure import Figure
from torch import Tensor

from gatewise.cells.registry import find
from gatewise.doctor.lessons.figures import REFERENCE, figure, look
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page, Picture, Row, Table
from gatewise.layers.recurrent import Recurrent

STEPS, START, GOAL = 50, 0.5, 0.7
RATE, THRESHOLD, UPDATES = 0.1, 0.5, 200
SHOWN = (4.5, -2.2)
"""Where the descent of the picture starts: on the right side of the wall."""
STARTS = 200
_ALGORITHM = f"""
## The algorithm

```text
g = dL/d(w, b)
if |g| >= threshold:
    g = g * threshold / |g|
(w, b) = (w, b) - rate * g
```

The direction of the gradient stays; only its length is bounded. Here the rate is {RATE} and the threshold
{THRESHOLD}. The network is `gatewise.layers.recurrent.Recurrent` with one sigmoid unit, T = {STEPS} steps without
input from h = {START}; its loss is (h_T - {GOAL})². This is algorithm 1 and the setting of figure 6 of Pascanu,
Mikolov & Bengio 2013 ([arXiv:1211.5063](https://arxiv.org/abs/1211.5063)).
""".strip()
_WHY = """
Along a line the 50 steps change from ending near 0 to ending near 1. There the gradient is a product of 50 factors
that are all above 1: the wall. Beside it the surface is nearly flat. A gradient taken on the wall says how steep it is
there and nothing about how far it goes: a step of rate times gradient leaves the valley altogether, and where it
lands, the gradient may be too small to come back.
""".strip()

_DESCENTS = f"The two descents of the picture, {UPDATES} updates from w = {SHOWN[0]}, b = {SHOWN[1]}:"
_STARTS = (
    f"The same from {STARTS} random starts for each seed (w from 4.2 to 5.2, b from -w/2 to -w/2 + 0.3, "
    "which is the right side of the wall):"
)


@dataclass(frozen=True)
class Descent:
    """The course of gradient descent from n starts.

    Attributes:
        places: (w, b) before each update and after the last, [updates + 1, n, 2].
        losses: L there, [updates + 1, n].
        norms: the gradient's Euclidean length before clipping, [updates + 1, n].
    """

    places: Tensor
    losses: Tensor
    norms: Tensor


def loss(w: Tensor, b: Tensor) -> Tensor:
    """L(w, b) of the equation above, for tensors of any one shape.

    Example:
        >>> round(loss(torch.tensor(0.0), torch.tensor(0.0)).item(), 4)     # ends at 0.5
        0.04
    """
    h = torch.full_like(w, START)
    for _ in range(STEPS):
        h = torch.sigmoid(w * h + b)
    return (h - GOAL).square()


def network(w: float, b: float) -> Recurrent:
    """The same as a layer of one unit, whose recurrent weight and bias are w and b.

    Example:
        >>> round(network(4.5, -2.2).weight_hh_l0.item(), 4)
        4.5
    """
    layer = Recurrent(find("rnn", nonlinearity="sigmoid"), 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_({"weight_hh_l0": w, "bias_hh_l0": b}.get(name, 0.0))
    return layer


def descend(w: Tensor, b: Tensor, threshold: float | None, updates: int = UPDATES) -> Descent:
    """Gradient descent at ``RATE``, each start by itself.

    g <- g min(1, threshold / |g|),   (w, b) <- (w, b) - rate g

    Args:
        w: [n].
        b: [n].
        threshold: the greatest length of g, or None: without clipping.
        updates: how many.

    Example:
        >>> course = descend(torch.tensor([4.5]), torch.tensor([-2.2]), THRESHOLD, updates=3)
        >>> tuple(course.places.shape), bool((course.losses >= 0).all())
        ((4, 1, 2), True)
    """
    place = torch.stack([w, b], -1)
    places, losses, norms = [], [], []
    for update in range(updates + 1):
        place = place.detach().requires_grad_()
        value = loss(place[:, 0], place[:, 1])
        (gradient,) = torch.autograd.grad(value.sum(), place)
        norm = gradient.norm(dim=-1)
        places.append(place.detach())
        losses.append(value.detach())
        norms.append(norm)
        if update < updates:
            share = torch.ones_like(norm) if threshold is None else (threshold / norm).clamp(max=1.0)
            place = place - RATE * share[:, None] * gradient
    return Descent(torch.stack(places), torch.stack(losses), torch.stack(norms))


def starts(seed: int, count: int = STARTS) -> tuple[Tensor, Tensor]:
    """Places on the right side of the wall: w from U(4.2, 5.2), and b above the line -w / 2 by U(0, 0.3).

    Example:
        >>> w, b = starts(0)
        >>> bool((b >= -w / 2).all())
        True
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(2, count, generator=generator, dtype=torch.float64)
    w = 4.2 + drawn[0]
    return w, -w / 2 + 0.3 * drawn[1]


def run(plan: Plan) -> Page:
    """The surface, two descents on it, and many more from random starts."""
    w, b = (torch.tensor([number], dtype=torch.float64) for number in SHOWN)
    free, clipped = descend(w, b, None), descend(w, b, THRESHOLD)
    plan.say("clipping: the two descents of the picture are done")
    rows = [row for seed in plan.seeds for row in _many(seed)]
    return Page(
        "clipping",
        "Clipping: the wall and the long gradient",
        _finding(free, clipped, rows),
        (
            _WHY,
            Picture("surface", _caption(free), _surface(free, clipped)),
            Picture("course", "Loss and length of the gradient before each update.", _course(free, clipped)),
            _ALGORITHM,
            "## In numbers",
            Table("descents", _DESCENTS, [_ended("without", free), _ended(f"at {THRESHOLD}", clipped)]),
            Table("starts", _STARTS, rows),
            Table("steps", "Every update of the two descents:", _steps(free, clipped), on_page=False),
        ),
    )


def _many(seed: int) -> list[Row]:
    w, b = starts(seed, STARTS)
    ended = {"without": descend(w, b, None), f"at {THRESHOLD}": descend(w, b, THRESHOLD)}
    return [
        {
            "seed": seed,
            "clipping": name,
            "median loss": course.losses[-1].median().item(),
            "worst loss": course.losses[-1].max().item(),
            "share that end below 0.01": (course.losses[-1] < 0.01).double().mean().item(),
            "longest gradient": course.norms.max().item(),
        }
        for name, course in ended.items()
    ]


def _ended(name: str, course: Descent) -> Row:
    return {
        "clipping": name,
        "w at the end": course.places[-1, 0, 0].item(),
        "b at the end": course.places[-1, 0, 1].item(),
        "loss at the end": course.losses[-1, 0].item(),
        "lowest loss on the way": course.losses[:, 0].min().item(),
        "longest gradient": course.norms[:, 0].max().item(),
        "longest step": (course.places[1:, 0] - course.places[:-1, 0]).norm(dim=-1).max().item(),
    }


def _steps(free: Descent, clipped: Descent) -> list[Row]:
    return [
        {
            "clipping": name,
            "update": update,
            "w": course.places[update, 0, 0].item(),
            "b": course.places[update, 0, 1].item(),
            "loss": course.losses[update, 0].item(),
            "gradient norm": course.norms[update, 0].item(),
        }
        for name, course in (("without", free), (f"at {THRESHOLD}", clipped))
        for update in range(UPDATES + 1)
    ]


def _finding(free: Descent, clipped: Descent, rows: list[Row]) -> str:
    far = (free.places[1:, 0] - free.places[:-1, 0]).norm(dim=-1).max().item()
    share = {
        name: statistics.mean(float(row["share that end below 0.01"] or 0) for row in rows if row["clipping"] == name)
        for name in ("without", f"at {THRESHOLD}")
    }
    return (
        f"from the same start, descent without clipping makes one step of length {far:.2g} off the wall and ends at a "
        f"loss of {free.losses[-1, 0].item():.2g}; with the gradient clipped at {THRESHOLD} no step is longer than "
        f"{RATE * THRESHOLD:g}, and it ends at {clipped.losses[-1, 0].item():.2g}. Of {STARTS} random starts for each "
        f"seed, {share['without']:.0%} end below 0.01 without clipping and {share[f'at {THRESHOLD}']:.0%} with it."
    )


def _caption(free: Descent) -> str:
    longest = free.norms[:, 0].max().item()
    return (
        "The loss over w and b, darker where it is higher. Descent without clipping (dashed, squares) meets the wall, "
        f"where the gradient is {longest:.0f} long, and is thrown onto the plain beyond; with clipping (solid, "
        "circles) it crosses the wall in small steps, comes back, and goes down the valley."
    )


def _surface(free: Descent, clipped: Descent) -> Figure:
    w, b = torch.linspace(3.8, 5.0, 241, dtype=torch.float64), torch.linspace(-2.7, -0.7, 241, dtype=torch.float64)
    grid = loss(*torch.meshgrid(w, b, indexing="xy"))
    levels = [0.0, 0.003, 0.02, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5]
    with figure(height=4.4) as (drawing, (axes,)):
        filled = axes.contourf(w.numpy(), b.numpy(), grid.numpy(), levels, cmap="Greys", vmin=0, vmax=0.7)
        drawing.colorbar(filled, ax=axes, label="loss (h_T − 0.7)², no unit", ticks=levels[2:])
        for name, course, kind in _paths(free, clipped):
            outline = patheffects.withStroke(linewidth=3.4, foreground="white")
            axes.plot(*course.places[:, 0].T.numpy(), label=name, path_effects=[outline], **kind)
        star: dict[str, Any] = {
            "marker": "*",
            "markersize": 15,
            "color": "white",
            "markeredgecolor": "black",
            "linestyle": "none",
        }
        axes.plot(*SHOWN, label="start", **star)
        axes.grid(visible=False)
        axes.set_xlabel("recurrent weight w (no unit)")
        axes.set_ylabel("bias b (no unit)")
        axes.set_title("Loss of one sigmoid unit after 50 steps")
        axes.legend(loc="upper left", frameon=True)
    return drawing


def _course(free: Descent, clipped: Descent) -> Figure:
    with figure(2, height=3.0) as (drawing, axes):
        for name, course, kind in _paths(free, clipped):
            axes[0].plot(course.losses[:, 0].numpy(), label=name, **kind)
            axes[1].plot(course.norms[:, 0].numpy(), label=name, **kind)
        axes[1].axhline(THRESHOLD, **REFERENCE, label="threshold")
        labels = (("Loss", "(h_T − 0.7)²"), ("Length of the gradient", "|dL/d(w, b)|"))
        for one, (title, label) in zip(axes, labels, strict=True):
            one.set_yscale("log")
            one.set_title(title)
            one.set_ylabel(f"{label}, no unit")
            one.set_xlabel("updates")
            one.legend()
    return drawing


def _paths(free: Descent, clipped: Descent) -> Iterator[tuple[str, Descent, dict[str, Any]]]:
    yield "clipped", clipped, look(0, linewidth=1.2, markevery=25)
    yield "not clipped", free, look(1, markevery=10)
