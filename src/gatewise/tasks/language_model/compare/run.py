"""A comparison from its files to its table: every model on the same text, one after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from gatewise.errors import TrainingError
from gatewise.storage import write_atomically
from gatewise.tasks.language_model.compare import page, table
from gatewise.tasks.language_model.compare.budget import Budget
from gatewise.tasks.language_model.compare.plan import ComparePlan, make_compare_plan
from gatewise.tasks.language_model.compare.row import Comparison, Row, measured
from gatewise.tasks.language_model.compare.screen import Screen
from gatewise.tasks.language_model.data import Data, read_data
from gatewise.tasks.language_model.ngram_run import leave_model
from gatewise.tasks.language_model.task import LanguageModelTask
from gatewise.tasks.run_folder import new_folder
from gatewise.text.store import TokenStore
from gatewise.training.loop import fit
from gatewise.training.metrics import read_metrics
from gatewise.training.run_files import METRICS
from gatewise.training.signals import StopSignals
from gatewise.training.tally import NotFinite

_WATCHED = 10_000
"""Tokens of the validation text that are looked at while a network is trained."""
_MODELS = "*/model"
_TOKEN = {"word": "word", "char": "character", "byte": "byte"}


def compare_files(files: Sequence[str], settings: Mapping[str, Any]) -> list[Row]:
    """What ``gatewise.compare(files, **settings)`` does.

    Raises:
        GatewiseError: a name, a value, a file or the folder is refused.
        KeyboardInterrupt: it was stopped; the models that were finished are in the folder.
    """
    given = dict(settings)
    if isinstance(given.get("sizes"), Sequence) and not isinstance(given["sizes"], str):
        given["sizes"] = [str(size) for size in given["sizes"]]
    found = carry_out(make_compare_plan(files, given), Screen(sys.stderr))
    if found.signal is not None:
        raise KeyboardInterrupt(f"stopped; what was finished is in {found.folder}")
    return found.rows


def carry_out(plan: ComparePlan, screen: Screen, stdin: BinaryIO | None = None) -> Comparison:
    """Read the text, train and measure every model, and leave the folder with its table, its picture and its models.

    Args:
        plan: what to do.
        screen: is told what happens.
        stdin: what ``-`` reads.

    Raises:
        GatewiseError: a text, a setting or the disk is refused; models that were finished by then stay.
        KeyboardInterrupt: it was stopped before any model was finished.
    """
    with new_folder(plan.folder, kept=_MODELS):
        data = read_data(plan.files, plan.data, plan.text, plan.folder / "data", screen.said, stdin)
        work = _Work(plan, data, screen)
        work.check()
        with _stoppable(work.found), _reported(work.found):
            work.count_ngrams()
            work.train_networks()
        if not work.found.rows:
            if work.found.signal is None:
                raise TrainingError("no model could be trained", fix="lower --learning-rate")
            raise KeyboardInterrupt
    return work.found


@contextlib.contextmanager
def _stoppable(found: Comparison) -> Iterator[None]:
    """Ctrl-C ends what goes on, and what is finished is kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        found.signal = stop.args[0] if stop.args else int(signal.SIGINT)


@contextlib.contextmanager
def _reported(found: Comparison) -> Iterator[None]:
    """However it ends, the table and the picture of what is finished are written."""
    try:
        yield
    finally:
        shutil.rmtree(found.folder / "data", ignore_errors=True)  # a copy of the text; the models do not need it
        if found.rows:
            page.write(found)


class _Work:
    """A comparison that goes on.

    Args:
        plan: what to do.
        data: the whole text.
        screen: is told what happens.
    """

    def __init__(self, plan: ComparePlan, data: Data, screen: Screen) -> None:
        self.plan, self.screen = plan, screen
        self.watched = data.valid.beginning(_WATCHED, data.tokenizer)
        self.data = dataclasses.replace(data, watched=self.watched)
        measured_on = data.test or data.valid
        self.found = Comparison(
            folder=plan.folder,
            text="test" if data.test else "validation",
            text_tokens=len(measured_on),
            token=_TOKEN.get(data.tokenizer.level, f"{data.tokenizer.level} piece"),
            watched_tokens=len(self.watched),
            train_tokens=len(data.train),
        )
        self.parts = [self._part(store) for store in self._stores()]
        self.budget = Budget(60 * plan.asked.minutes, len(self.parts) * len(plan.networks))

    def _stores(self) -> list[TokenStore]:
        """The beginnings of the training text, the shortest first."""
        whole, sizes = self.data.train, self.plan.asked.tokens()
        if beyond := [size for size in sizes if size > len(whole)]:
            told = ", ".join(f"{size:,}" for size in beyond)
            self.screen.said(f"the training text has {len(whole):,} tokens only: all of them stand for {told}")
        cut = [whole.beginning(size, self.data.tokenizer) for size in sizes if size < len(whole)]
        return [*cut, whole] if len(cut) < len(sizes) or not sizes else cut

    def _part(self, store: TokenStore) -> Data:
        record, texts = self.data.record, self.data.record["texts"]
        train = {**texts["train"], **dataclasses.asdict(store.counts)}
        return dataclasses.replace(self.data, train=store, record={**record, "texts": {**texts, "train": train}})

    def check(self) -> None:
        """Refuse what a model would refuse, before anything is trained.

        Raises:
            GatewiseError: too little text for one batch, or settings that do not go together.
        """
        for name in self.plan.networks:
            for part in self.parts:
                task = LanguageModelTask(self._plan_of(name, part, 1.0, 1), part)
                _ = task.train_batches().batches_per_epoch
            task.network()

    def count_ngrams(self) -> None:
        """Count and estimate an n-gram model on each part."""
        for part in self.parts if "ngram" in self.plan.asked.models else []:
            folder = self._folder("ngram", part)
            self.screen.said(f"ngram, {len(part.train):,} tokens: counting")
            with _removed_on_failure(folder):
                leave_model(part, self.plan.ngram(folder), self.screen.said)
            row = self._measure("ngram", part, folder, [])
            self.budget.used(row.seconds)

    def train_networks(self) -> None:
        """Train every network on each part, the shortest first."""
        for part in self.parts:
            for name in self.plan.networks:
                with StopSignals() as signals:
                    self._train(name, part, signals)
                    if signals.received is not None:
                        raise KeyboardInterrupt(signals.received)

    def _train(self, name: str, part: Data, signals: StopSignals) -> None:
        folder, share = self._folder(name, part), self.budget.share()
        task = LanguageModelTask(self._plan_of(name, part, share, 1), part)
        plan = self._plan_of(name, part, share, task.train_batches().batches_per_epoch)
        monitor = self.screen.begin(name, len(part.train), share)
        try:
            with _removed_on_failure(folder):
                result = fit(LanguageModelTask(plan, part), plan.training, folder, monitor, signals=signals)
        except NotFinite as error:
            self.screen.said(f"{name}, {len(part.train):,} tokens: left out, since {error}")
            self.budget.used(share, networks=1)
            return
        self.budget.used(result.seconds + result.validation_seconds, networks=1)
        if result.stopped == "signal":
            shutil.rmtree(folder)  # a run that cannot be resumed would only be in the way
            self.screen.said(f"{name}, {len(part.train):,} tokens: stopped, and left out")
            return
        self._measure(name, part, folder, _course(folder))

    def _measure(self, name: str, part: Data, folder: Path, course: list[tuple[float, float]]) -> Row:
        row, watched = measured(name, len(part.train), folder, self.watched)
        found, order = self.found, self.plan.asked.models
        found.rows.append(row)
        found.rows.sort(key=lambda other: (other.tokens, order.index(other.model)))
        found.courses[row.folder] = course or [(row.seconds, watched)]
        write_atomically(found.folder / "compare.csv", table.as_csv(found.rows).encode())
        self.screen.end(row)
        return row

    def _plan_of(self, name: str, part: Data, seconds: float, steps_per_epoch: int) -> Any:
        return self.plan.network(name, self._folder(name, part), seconds, steps_per_epoch)

    def _folder(self, name: str, part: Data) -> Path:
        """Of a run; what is trained on the whole text is named for the model alone."""
        tokens = len(part.train)
        return self.plan.folder / (name if tokens == len(self.data.train) else f"{name}-{short(tokens)}")


def short(tokens: int) -> str:
    """A number of tokens as a user writes it.

    Example:
        >>> short(10_000), short(1_500_000), short(1_234), short(2_000_000)
        ('10k', '1500k', '1234', '2m')
    """
    for letter, times in (("m", 1_000_000), ("k", 1000)):
        if tokens % times == 0:
            return f"{tokens // times}{letter}"
    return str(tokens)


@contextlib.contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    """Nothing is left of a model that was not finished."""
    folder.mkdir()
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _course(folder: Path) -> list[tuple[float, float]]:
    """Seconds of training and perplexity of each validation."""
    rows = [row for row in read_metrics(folder / METRICS) if "validation_loss" in row]
    losses = [(row["seconds"], row["validation_loss"]) for row in rows]
    return [(seconds, math.exp(loss)) for seconds, loss in losses if loss is not None and loss < 50]
