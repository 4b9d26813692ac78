"""How far back a network remembers, seen in what it does: by how much the loss worsens when a token is another.

Letters: T steps of the text, D distances, n samples, B samples at once, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from gatewise.gradients.errors import MeasureError
from gatewise.gradients.reading import readings, start_of, walk
from gatewise.gradients.subject import Subject

ALPHA = 0.05
"""The chance that in any of the distances noise is taken for memory."""
SHARE = 0.01
"""A worsening below this share of the largest one is none to speak of, however surely it is there."""
STEPS, TEXTS = 512, 32
"""Samples for each distance where none are asked for: of losses of steps, and of a whole text."""
_95 = NormalDist().inv_cdf(0.975)
_ROWS = 16_384  # time steps that are computed at once


@dataclass(frozen=True)
class BehaviouralMemory:
    """By how much the loss worsens when the token so many steps before is another, in nats.

    ::

        worsening_d = mean over samples of  loss_t(... x' at t - d ...) - loss_t(...)

    Attributes:
        distances: D of them, d, in steps.
        worsening: [D], nats.
        error: [D], the standard error of each mean.
        samples: n, for each distance.
        unit: what a token is.
        of_text: whether it is the loss of the whole text, at the distance from its last token; else that of a step.
    """

    distances: tuple[int, ...]
    worsening: Tensor
    error: Tensor
    samples: int
    unit: str
    of_text: bool

    @property
    def low(self) -> Tensor:
        """[D], the lower end of the 95 % interval of each mean."""
        return self.worsening - _95 * self.error

    @property
    def high(self) -> Tensor:
        """[D], the upper end of the 95 % interval of each mean."""
        return self.worsening + _95 * self.error

    @property
    def length(self) -> int:
        """How far back it remembers: the largest distance that counts, 0 where none does.

        A distance counts where ``worsening > z error`` with ``P(Z > z) = 0.05 / D`` of a normal Z, so that where
        nothing is remembered the chance is about 5 % that any of the D distances counts (with 100 samples and more; of
        few the mean is no normal number, and chance counts more often); and where the worsening is at least 1 % of that
        at the distance where it is largest.
        """
        limit = NormalDist().inv_cdf(1 - ALPHA / len(self.distances))
        counts = (self.worsening > limit * self.error) & (self.worsening >= SHARE * self.worsening.max())
        return max((d for d, one in zip(self.distances, counts.tolist(), strict=True) if one), default=0)

    @property
    def reaches_end(self) -> bool:
        """Whether the largest distance counts, so that it remembers at least as far."""
        return self.length == self.distances[-1]

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each distance."""
        columns = {"worsening": self.worsening, "low": self.low, "high": self.high}
        lists = {name: values.tolist() for name, values in columns.items()}
        return [
            {"distance": distance, **{name: values[place] for name, values in lists.items()}, "samples": self.samples}
            for place, distance in enumerate(self.distances)
        ]


def distances_up_to(most: int) -> tuple[int, ...]:
    """1, 2, 3, 5, 8, 13 ... as far as ``most``, and ``most`` itself.

    Example:
        >>> distances_up_to(20)
        (1, 2, 3, 5, 8, 13, 20)
    """
    found, following = [1], 2
    while following < most:
        found, following = [*found, following], found[-1] + following
    return tuple(dict.fromkeys([*found, most]))


def behavioural_memory(
    subject: Subject, *, most: int = 100, samples: int | None = None, seed: int = 0
) -> BehaviouralMemory:
    """How much worse the loss becomes when one token of the text is replaced, as a function of how far back it stands.

    What takes its place is what another token of the same text, one that is not the same, gives the layers to read.
    With losses of steps, places are drawn at random from the text; the layers go on from the state that the whole text
    before had left, and the loss of the step d later is compared. With the loss of the whole text, the token d before
    its last one is replaced again and again. A distance of 0 would be the token that is read last.

    Args:
        subject: the layers and the text.
        most: the largest distance, at least 1; the text must be longer.
        samples: n, for each distance, at least 2; fewer where the text has not so many places. None: 512 of losses of
            steps, 32 of the loss of a text.
        seed: of what is drawn.

    Raises:
        MeasureError: the text is too short, is one token again and again, or has a loss that is not finite.

    Source: Khandelwal, He, Qi & Jurafsky 2018, Sharp Nearby, Fuzzy Far Away (arXiv:1805.04623), section 4, where the
    whole context beyond a distance is perturbed; here it is one token.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("helo!"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> behavioural_memory(subject, most=3).distances
        (1, 2, 3)
    """
    steps = len(subject.tokens)
    if most < 1 or (samples is not None and samples < 2):
        raise MeasureError(f"a distance of at least 1 and 2 samples are expected, but {most} and {samples} came")
    if steps <= most + 1:
        message = f"the text has {steps:,} {subject.unit}s, expected at least {most + 2:,} for a distance of {most:,}"
        fix = f"give a longer text, or a distance of at most {steps - 2}" if steps > 2 else "give a longer text"
        raise MeasureError(message, fix=fix)
    distances, drawing = distances_up_to(most), _Drawing(subject, seed)
    of_text = subject.text_loss is not None
    found = (_of_text if of_text else _of_steps)(subject, distances, samples or (TEXTS if of_text else STEPS), drawing)
    if not found.isfinite().all():
        raise MeasureError("a loss is not finite", where="text", fix="look for NaN in the weights")
    error = found.std(1) / found.size(1) ** 0.5
    return BehaviouralMemory(distances, found.mean(1), error, found.size(1), subject.unit, of_text)


def step_losses(subject: Subject) -> Tensor:
    """The loss of every step of a text, [T] in nats: how surprised the model is by what follows, or how unsure.

    Args:
        subject: with losses of steps.

    Raises:
        MeasureError: it has only the loss of the whole text.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), step_loss=lambda out, steps: out.sum(-1))
        >>> step_losses(subject).shape
        torch.Size([5])
    """
    if subject.step_loss is None:
        raise MeasureError("what is predicted is one thing of the whole text, so there is no loss of each step")
    return _losses(subject, _outputs(subject)[:, 0], torch.arange(len(subject.tokens)))


class _Drawing:
    """Draws places of a text, and what takes the place of a token."""

    def __init__(self, subject: Subject, seed: int) -> None:
        numbers = {token: number for number, token in enumerate(dict.fromkeys(subject.tokens))}
        if len(numbers) == 1:
            message = f"the text is {next(iter(numbers))!r} again and again, so that no token could be another"
            raise MeasureError(message, fix="give another text")
        self._ids = torch.tensor([numbers[token] for token in subject.tokens])
        self._inputs = subject.inputs.detach()
        self._generator = torch.Generator().manual_seed(seed)

    def places(self, count: int, of: int) -> Tensor:
        """``count`` different numbers below ``of``; all of them where there are no more."""
        return torch.randperm(of, generator=self._generator)[:count]

    def others(self, places: Tensor) -> Tensor:
        """[n, X], for each place what another token gives to read."""
        chosen = places.clone()
        while (same := self._ids[chosen] == self._ids[places]).any():
            drawn = torch.randint(len(self._ids), places.shape, generator=self._generator)
            chosen = torch.where(same, drawn, chosen)
        return self._inputs[chosen]


def _outputs(subject: Subject) -> Tensor:
    """[T, 1, F], of the text as it is."""
    inputs = subject.inputs.detach()[:, None]
    return walk(subject.stack, inputs, start_of(subject.stack, inputs, 1)).outputs


@torch.no_grad()
def _losses(subject: Subject, outputs: Tensor, steps: Tensor) -> Tensor:
    assert subject.step_loss is not None
    return subject.step_loss(outputs, steps).double()


def _of_steps(subject: Subject, distances: tuple[int, ...], samples: int, drawing: _Drawing) -> Tensor:
    """[D, n], by how much the loss worsens at each distance behind each place."""
    places = drawing.places(samples, len(subject.tokens) - distances[-1])
    others, usual = drawing.others(places), step_losses(subject)
    if subject.stack.bidirectional:
        replaced: Callable[[Tensor, Tensor], Tensor] = partial(_with, subject)
    else:
        replaced = _FromStates(subject, distances[-1])
    found = []
    for part, other in _together(places, others, _at_once(subject, distances)):
        steps = part + torch.tensor(distances)[:, None]
        rows = steps if subject.stack.bidirectional else steps - part
        outputs = replaced(part, other)[rows, torch.arange(len(part))]
        found.append(_losses(subject, outputs.flatten(0, 1), steps.flatten()).view_as(steps) - usual[steps])
    return torch.cat(found, dim=1)


def _together(places: Tensor, others: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """So many places at a time, with what stands there instead."""
    return zip(torch.split(places, size), torch.split(others, size), strict=True)


def _at_once(subject: Subject, distances: tuple[int, ...]) -> int:
    length = len(subject.tokens) if subject.stack.bidirectional else distances[-1] + 1
    return max(1, _ROWS // length)


class _FromStates:
    """The outputs from replaced tokens on, out of the states that the text had left before them.

    Layers that read forward only need no more than that: what stands before a token is as it was.
    """

    def __init__(self, subject: Subject, most: int) -> None:
        self._stack, self._inputs, self._most = subject.stack, subject.inputs.detach(), most
        self._before = [one.before for one in readings(self._stack, self._inputs)]

    def __call__(self, places: Tensor, others: Tensor) -> Tensor:
        """[most + 1, B, F], that of the replaced token first."""
        rows = self._inputs[places + torch.arange(self._most + 1)[:, None]]
        rows[0] = others
        start = [{name: state[places] for name, state in before.items()} for before in self._before]
        return walk(self._stack, rows, start).outputs


def _with(subject: Subject, places: Tensor, others: Tensor) -> Tensor:
    """[T, B, F], the outputs of the whole text with another token at each of B places."""
    texts = subject.inputs.detach()[:, None].repeat(1, len(places), 1)
    texts[places, torch.arange(len(places))] = others
    return walk(subject.stack, texts, start_of(subject.stack, texts, len(places))).outputs


@torch.no_grad()
def _of_text(subject: Subject, distances: tuple[int, ...], samples: int, drawing: _Drawing) -> Tensor:
    """[D, n], by how much the loss of the text worsens with another token at each distance from its last one."""
    assert subject.text_loss is not None
    last = len(subject.tokens) - 1
    places = (last - torch.tensor(distances)).repeat_interleave(samples)
    others, size = drawing.others(places), max(1, _ROWS // (last + 1))
    losses = [
        subject.text_loss(_with(subject, part, other)).double() for part, other in _together(places, others, size)
    ]
    return torch.cat(losses).view(len(distances), samples) - subject.text_loss(_outputs(subject)).double()
