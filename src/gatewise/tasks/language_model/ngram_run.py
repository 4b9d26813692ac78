"""An n-gram model from its files to its model folder: counted and estimated, with nothing trained step by step."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gatewise.errors import TrainingError
from gatewise.models.ngram import NgramLM, Options, count, estimate, interpolation_weights, write_arpa
from gatewise.models.settings import NgramLMSettings
from gatewise.storage import write_atomically, write_folder
from gatewise.tasks.language_model.data import Data, read_data
from gatewise.tasks.language_model.folder import Parts, to_files
from gatewise.tasks.language_model.model import LanguageModel, evaluate
from gatewise.tasks.language_model.ngram_settings import NGRAM, NGRAM_SAVED, NgramRunSettings
from gatewise.tasks.language_model.run_folder import new_folder, new_name
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.text.encoders import Ids
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore
from gatewise.training.result import versions

CONFIG = "config.toml"
READING = BatchSettings(batch_size=512, bptt=512)
"""A table is asked for many tokens at a time."""
_SAMPLES, _TEMPERATURE, _SAMPLE_TOKENS = 3, 0.8, {"word": 80, "char": 400, "byte": 400, "bpe": 120, "unigram": 120}


@dataclass(frozen=True)
class NgramPlan:
    """A run before it begins.

    Attributes:
        files: what it counts.
        folder: of the run.
        arpa: an ARPA file to write too, or None.
        data: other texts.
        text: how the text is cut.
        model: order and smoothing.
    """

    files: tuple[str, ...]
    folder: Path
    arpa: str | None
    data: DataSettings
    text: TextSettings
    model: NgramLMSettings

    def config(self) -> str:
        """The text of a config file with all settings."""
        return NGRAM_SAVED.write({table: getattr(self, table) for table in NGRAM_SAVED.tables})


def make_ngram_plan(files: Sequence[str], given: Mapping[str, Any]) -> NgramPlan:
    """The plan of a run.

    Args:
        files: as given; none for the default corpus.
        given: settings by name.

    Raises:
        SettingError: a name or a value is refused.
        TrainingError: the run folder is there already.

    Example:
        >>> make_ngram_plan(["notes.txt"], {"out": "my_run", "order": 3}).model.smoothing
        'modified-kneser-ney'
    """
    own = NGRAM.check(given)
    asked = NgramRunSettings(**{name: value for name, value in own.items() if name not in NGRAM_SAVED.home})
    values = NGRAM_SAVED.read(asked.config) if asked.config else {}
    values |= {name: value for name, value in own.items() if name in NGRAM_SAVED.home}
    folder = Path(asked.out) if asked.out else new_name("ngram")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError("there is something here already", where=str(folder), fix="give another --out")
    tables: dict[str, Any] = NGRAM_SAVED.build(values)
    return NgramPlan(tuple(files), folder, asked.arpa, **tables)


def fit_ngram_files(files: Sequence[str], settings: Mapping[str, Any]) -> LanguageModel:
    """What ``gatewise.train("ngram", files, **settings)`` does.

    Raises:
        GatewiseError: a name, a value, a file or the run folder is refused.
    """
    return train_ngram(make_ngram_plan(files, settings), partial(print, file=sys.stderr))


def train_ngram(plan: NgramPlan, said: Callable[[str], None], stdin: BinaryIO | None = None) -> LanguageModel:
    """Count, estimate, measure, and leave the run folder with its model.

    Args:
        plan: what to do.
        said: is told what the user should see.
        stdin: what ``-`` reads.

    Raises:
        GatewiseError: a text, a setting or the disk is refused; a run that failed leaves nothing behind.
    """
    with new_folder(plan.folder):
        return leave_model(read_data(plan.files, plan.data, plan.text, plan.folder / "data", said, stdin), plan, said)


def leave_model(data: Data, plan: NgramPlan, said: Callable[[str], None]) -> LanguageModel:
    """As :func:`train_ngram`, of text that was read already, in a folder that is there."""
    begun = time.perf_counter()
    network, notes = fit_ngram(data, plan)
    seconds = time.perf_counter() - begun
    for note in notes:
        said(note)
    parts = Parts(network, data.tokenizer, plan.text, READING, _history(network, data, plan, notes, seconds))
    model = LanguageModel(parts)
    parts.history["samples"] = _samples(model)
    if plan.arpa is not None:
        write_arpa(plan.arpa, network.table, data.tokenizer.tokens(range(data.tokenizer.vocabulary_size)))
    write_atomically(plan.folder / CONFIG, plan.config().encode("utf-8"))
    write_folder(plan.folder / "model", to_files(parts))
    return model


def fit_ngram(data: Data, plan: NgramPlan) -> tuple[NgramLM, tuple[str, ...]]:
    """The model of the training text, and what there is to say of it."""
    settings, tokenizer = plan.model, data.tokenizer
    ids, boundaries = _sequences(data.train, plan.text)
    counts = count(ids, boundaries, settings.order, tokenizer.vocabulary_size, tokenizer.eos_id)
    weights: tuple[tuple[float, ...], ...] = ()
    if settings.smoothing == "jelinek-mercer":
        weights = interpolation_weights(counts, *_sequences(data.valid, plan.text))
    made = estimate(counts, settings.smoothing, Options(settings.delta, weights), settings.prune)
    return NgramLM(made.table, unit=plan.text.unit, settings=settings), made.notes


def _sequences(store: TokenStore, text: TextSettings) -> tuple[Ids, Ids | None]:
    """The ids, and where contexts begin anew; None where they never do."""
    runs_on = text.unit == "running" and text.reset_at == "never"
    return store.ids.astype(np.int64), None if runs_on else store.boundaries


def _history(network: NgramLM, data: Data, plan: NgramPlan, notes: Sequence[str], seconds: float) -> dict[str, Any]:
    """As a trained model's, with the measures on the held-out and the test text."""
    stores = {"validation": data.valid, "test": data.test}
    sizes = {f"order {order}": len(found.keys) for order, found in enumerate(network.table.orders, start=1)}
    return {
        "data": data.record,
        "settings": {"text": plan.text.to_dict()},
        "training": {"tokens": len(data.train), "n-grams": sizes, "seconds": seconds, "notes": list(notes)},
        "scores": {
            name: evaluate(network, store, plan.text, READING).to_dict()
            for name, store in stores.items()
            if store is not None
        },
        "samples": [],
        "versions": versions(),
    }


def _samples(model: LanguageModel) -> list[str]:
    length = _SAMPLE_TOKENS[model.tokenizer.level]
    return model.generate_many(n=_SAMPLES, length=length, temperature=_TEMPERATURE)
