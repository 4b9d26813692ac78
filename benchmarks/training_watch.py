"""What watching a training costs: its steps with and without, in turns.

    python benchmarks/training_watch.py

Watching is the gradient norm of each layer, the history and its rules after each step, the state of the random numbers
kept for the case that a step is not finite, and about every fiftieth step the change of the weights. The other side is
the step without all that: it takes the norm of the whole gradient, which clipping needs. Both train the same network on
the same batch, again and again, in turns, in an order that is drawn, so that whatever else the machine does meets both
alike. The figure is

    share = (watched - plain + (measured - watched) / 50) / plain

of the median times of a plain step, a watched one, and one whose change is measured. Its interval is that of 1,000
samples drawn with replacement from the times. Where others share the machine, one step differs from the next by more
than that; so what watching does is timed alone as well, many times over, on the gradients of one batch: ``alone`` is
the median of that in a step, with a fiftieth of the change, as a share of a plain step. Goal: at most 2 %.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import RESULTS, Table, data_folder

from gatewise.tasks.classification.run import RECIPE as CLASSIFY
from gatewise.tasks.language_model.run import RECIPES
from gatewise.tasks.tagging.run import RECIPE as TAG
from gatewise.training.clipping import gradient_norms
from gatewise.training.health import EVERY, Alarm, Health
from gatewise.training.loop import Loop
from gatewise.training.monitor import Silent
from gatewise.training.signals import StopSignals
from gatewise.training.stepping import Outcome, Stepper
from gatewise.training.tally import MEASURED_EVERY, tally

WORDS = {"level": "word", "pretokenised": True, "batch_size": 20, "bptt": 35, "embedding_size": 200, "hidden_size": 200}
CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "words, 2 LSTM of 200": (RECIPES["lm"], "wikitext2/valid.txt", {**WORDS, "num_layers": 2}),
    "characters, as it comes": (RECIPES["lm"], "tinyshakespeare/input.txt", {"level": "char"}),
    "characters, 1 LSTM of 64": (RECIPES["lm"], "tinyshakespeare/input.txt", {"level": "char", "hidden_size": 64}),
    "tagger with characters and CRF": (TAG, "ud_english_ewt/en_ewt-ud-train.conllu.gz", {}),
    "classifier of sentences": (CLASSIFY, "sst2/train.tsv", {"text": "1", "label": "2", "cutting": "spaces"}),
}
"""Recipe, file, and settings other than those that a run has by itself."""


class PlainStepper(Stepper):
    """The step as it is without watching."""

    def step(self, rate: float, measured: bool = False) -> Outcome:
        """Train on the next batch; nothing is known of its layers."""
        assert (self.settings.accumulate, measured) == (1, False)
        batch = next(self.stream)
        with self.autocast():
            loss = self.task.loss(self.network, batch, self.carry)
        (loss.total / loss.count).backward()
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm, total = plain_norm(gradients), float(loss.total.detach())
        assert math.isfinite(norm + total)
        clipped = self._clip(gradients, norm)
        self.optimizer.step(rate)
        self.carry = detached(loss.carry)
        for parameter in self.parameters:
            parameter.grad = None
        return Outcome(total, loss.count, norm, clipped, True)


class Again:
    """The same batch without end.

    Args:
        stream: whose tenth batch it is.
    """

    epoch = 0.0

    def __init__(self, stream: Any) -> None:
        for _ in range(10):
            self._batch = next(stream)

    def __next__(self) -> Any:
        return self._batch


class Unwatching(Health):
    """Keeps nothing and says nothing."""

    def stepped(self, *_given: Any) -> list[Alarm]:
        """Nothing."""
        return []


def plain_norm(gradients: list[torch.Tensor]) -> float:
    """The length of all gradients together."""
    return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients, 2))))


def detached(carry: Any) -> Any:
    """What the next batch continues from: a dict of tensors, or None."""
    return carry and {name: value.detach() for name, value in carry.items()}


class Race:
    """One network, and the two ways to train it on.

    Args:
        case: of ``CASES``.
        data: where the corpora lie.
        place: an empty folder for the run.
        settings: others, above those of the case.
    """

    def __init__(self, case: str, data: Path, place: Path, settings: dict[str, Any]) -> None:
        recipe, file, own = CASES[case]
        plan = recipe.plan([str(data / file)], {**own, **settings, "out": str(place / "run")})
        plan.folder.mkdir(parents=True)
        task = recipe.begin(plan, lambda _line: None, None)
        torch.manual_seed(plan.training.seed)
        self.loop = Loop(task, plan.training, plan.folder, Silent(), StopSignals())
        loop = self.loop
        same = Again(loop.stream)
        self.watched, self.plain = (
            kind(task, loop.network, same, loop.optimizer, plan.training) for kind in (Stepper, PlainStepper)
        )
        self.healths = {True: Health(), False: Unwatching()}

    def seconds(self, side: str) -> float:
        """The time of the next step: ``plain``, ``watched`` or ``measured``."""
        loop, watches = self.loop, side != "plain"
        loop.stepper, before = (self.watched, self.plain) if watches else (self.plain, self.watched)
        loop.progress.health = self.healths[watches]
        loop.stepper.carry = before.carry if loop.progress.step else None
        began = time.perf_counter()
        outcome = loop.stepper.step(0.001, side == "measured")
        loop.progress.step += 1
        tally(loop, outcome)
        taken = time.perf_counter() - began
        before.carry = loop.stepper.carry
        return taken

    def alone(self, repeats: int = 300) -> float:
        """The seconds in a step that watching takes, timed by itself."""
        loop, stepper = self.loop, self.watched
        stepper._backward()
        places = [place for place, parameter in enumerate(stepper.parameters) if parameter.grad is not None]
        gradients = [stepper.parameters[place].grad for place in places]
        loop.stepper = stepper

        def watched() -> None:
            torch.get_rng_state()
            norm, norms = gradient_norms(gradients)
            loop.progress.health = self.healths[True]
            loop.progress.step += 1
            tally(loop, Outcome(1.0, 1, norm, False, True, False, stepper._layers.lengths(places, norms)))

        def plain() -> None:
            loop.progress.health = self.healths[False]
            loop.progress.step += 1
            tally(loop, Outcome(1.0, 1, plain_norm(gradients), False, True))

        each, without = (middle(side, repeats, in_a_row=EVERY) for side in (watched, plain))
        change = middle(lambda: stepper._update(0.0, places, True), repeats // 10)
        update = middle(lambda: stepper._update(0.0, places, False), repeats // 10)
        return each - without + (change - update) / MEASURED_EVERY


def middle(work: Callable[[], Any], repeats: int, in_a_row: int = 1) -> float:
    """The median time of some work, each time the mean of a few: the rules are looked at every few steps only."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(in_a_row):
            work()
        times.append((time.perf_counter() - began) / in_a_row)
    return statistics.median(times)


def share(times: dict[str, list[float]], drawn: Callable[[list[float]], list[float]] = list) -> float:
    """The share of a plain step's time that watching takes, from times as they are or as they are drawn."""
    plain, watched, measured = (statistics.median(drawn(times[side])) for side in ("plain", "watched", "measured"))
    return (watched - plain + (measured - watched) / MEASURED_EVERY) / plain


def interval(times: dict[str, list[float]], draws: int = 1000) -> tuple[float, float]:
    """The 95 % interval of :func:`share`."""
    generator = random.Random(0)
    found = sorted(share(times, lambda one: generator.choices(one, k=len(one))) for _ in range(draws))
    return found[round(0.025 * (draws - 1))], found[round(0.975 * (draws - 1))]


def race(case: str, data: Path, rounds: int, settings: dict[str, Any]) -> tuple[dict[str, list[float]], float]:
    """The times of each side, and the seconds of watching alone.

    A round is ten plain steps, ten watched ones and one measured, in an order drawn.
    """
    times: dict[str, list[float]] = {"plain": [], "watched": [], "measured": []}
    with tempfile.TemporaryDirectory() as place:
        made = Race(case, data, Path(place), settings)
        for side in [*times] * 2:
            made.seconds(side)  # not counted: first calls choose kernels and touch memory
        order = [*["plain"] * 10, *["watched"] * 10, "measured"]
        generator = random.Random(1)
        for _ in range(rounds):
            generator.shuffle(order)
            for side in order:
                times[side].append(made.seconds(side))
        return times, made.alone()


def main() -> None:
    """All cases, a row for each."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="of 21 steps each")
    parser.add_argument("--cases", nargs="*", default=[*CASES], choices=[*CASES])
    parser.add_argument("--data", type=Path, default=data_folder(""))
    parser.add_argument("--out", type=Path, default=RESULTS / "training_watch.csv")
    asked = parser.parse_args()
    table = Table(asked.out)
    for case in asked.cases:
        times, alone = race(case, asked.data, asked.rounds, {})
        low, high = interval(times)
        medians = {f"{side}_ms": 1000 * statistics.median(found) for side, found in times.items()}
        row = {"share": share(times), "low": low, "high": high, "steps": sum(map(len, times.values()))}
        row |= {"alone_ms": 1000 * alone, "alone_share": 1000 * alone / medians["plain_ms"]}
        table.add(case=case, **medians, **row, torch_threads=torch.get_num_threads())
        told = ", ".join(f"{name.removesuffix('_ms')} {value:.2f} ms" for name, value in medians.items())
        beside = f"{row['share']:.2%} ({low:.2%} to {high:.2%}) beside a plain step"
        print(f"{case}: {told}; watching takes {beside}, {row['alone_share']:.2%} timed alone; goal 2 %", flush=True)
    table.close()


if __name__ == "__main__":
    main()
