"""Whole training steps at equal settings: gatewise and the plain script in turns.

    python benchmarks/throughput.py

Both train two LSTM layers of 200 units with an untied full softmax over the 33,278 words of WikiText-2: 20 streams,
windows of 35, dropout 0.2 of single numbers, plain gradient descent, norm clipped at 0.25, float32. A step is
everything from fetching the batch to the new weights. The two take turns within each round, so that whatever else the
machine does meets both; the figure is the ratio of the medians. Goal: at least 1.0.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from machine import RESULTS, Table, data_folder
from plain_lstm import PlainLanguageModel, corpus, streams, training_step, windows

from gatewise.tasks.language_model.data import read_data
from gatewise.tasks.language_model.plan import make_plan
from gatewise.tasks.language_model.task import LanguageModelTask
from gatewise.training.optimizers import build
from gatewise.training.stepping import Stepper

EQUAL = {
    "level": "word",
    "pretokenised": True,
    "batch_size": 20,
    "bptt": 35,
    "embedding_size": 200,
    "hidden_size": 200,
    "num_layers": 2,
    "locked_masks": False,
    "input_dropout": 0.2,
    "hidden_dropout": 0.2,
    "output_dropout": 0.2,
    "optimizer": "sgd",
    "learning_rate": 20.0,
    "schedule": "constant",
    "weight_decay": 0.0,
    "clip_norm": 0.25,
}
TOKENS = 20 * 35


def plain_steps(folder: Path) -> Iterator[None]:
    """The plain script's steps, one for each ``next``."""
    splits, vocabulary = corpus(folder)
    print(f"plain: vocabulary {vocabulary:,}")
    model = PlainLanguageModel(vocabulary)
    text = streams(splits["train"], 20)
    state = model.start(20)
    for inputs, targets in itertools.cycle(windows(text, 35)):
        _, state = training_step(model, inputs, targets, state, rate=20.0)
        yield


def gatewise_steps(folder: Path, run: Path) -> Iterator[None]:
    """The steps of gatewise's training loop on the same text."""
    valid = str(folder / "valid.txt")
    plan = make_plan([str(folder / "train.txt.gz")], {**EQUAL, "valid": valid, "out": str(run)})
    task = LanguageModelTask(plan, read_data(plan.files, plan.data, plan.text, run / "data", print))
    network = task.network().train()
    print(f"gatewise: vocabulary {network.vocabulary_size:,}, {network.recurrent}")
    stepper = Stepper(task, network, task.train_batches(), build(network, plan.training), plan.training)
    while True:
        stepper.step(20.0)
        yield


def seconds(step: Callable[[], None], count: int) -> float:
    """Wall time of one step, as the mean of ``count``."""
    begin = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - begin) / count


def main() -> None:
    """Measure in turns, write the table, tell the medians."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=4, help="of each, in every round")
    parser.add_argument("--data", type=Path, default=data_folder("wikitext2"))
    parser.add_argument("--out", type=Path, default=RESULTS / "throughput.csv")
    asked = parser.parse_args()
    torch.manual_seed(1111)
    with tempfile.TemporaryDirectory() as place:
        sides = {"plain": plain_steps(asked.data), "gatewise": gatewise_steps(asked.data, Path(place) / "run")}
        for side in sides.values():
            for _ in range(3):  # not counted: first calls choose kernels and touch memory
                next(side)
        found: dict[str, list[float]] = {name: [] for name in sides}
        table = Table(asked.out)
        for number in range(asked.rounds):
            for name in sorted(sides, reverse=bool(number % 2)):
                taken = seconds(lambda side=sides[name]: next(side), asked.steps)
                found[name].append(taken)
                table.add(
                    round=number,
                    side=name,
                    seconds_per_step=taken,
                    tokens_per_second=TOKENS / taken,
                    threads=torch.get_num_threads(),
                )
        table.close()
    middle = {name: statistics.median(values) for name, values in found.items()}
    for name, value in middle.items():
        print(f"{name}: {value * 1000:.1f} ms a step, {TOKENS / value:,.0f} tokens/s")
    ratios = sorted(plain / ours for plain, ours in zip(found["plain"], found["gatewise"], strict=True))
    print(f"gatewise / plain: {middle['plain'] / middle['gatewise']:.3f} (rounds {ratios[0]:.3f} to {ratios[-1]:.3f})")


if __name__ == "__main__":
    main()
