"""An n-gram model from its files to its model folder: counted and estimated, with nothing trained step by step."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gatewise.models.ngram import NgramLM, Options, count, estimate, interpolation_weights
from gatewise.models.ngram.count_on_disk import count_on_disk
from gatewise.models.ngram.memory import free_memory, needed, needed_for_words
from gatewise.models.ngram.room import Room, room_on_disk
from gatewise.models.settings import NgramLMSettings
from gatewise.settings.size import read_size, write_size
from gatewise.storage import read_folder, write_atomically, write_folder
from gatewise.tasks.kind import config_of
from gatewise.tasks.language_model.arpa import check_settings, write
from gatewise.tasks.language_model.data import Data, read_data
from gatewise.tasks.language_model.folder import Parts, to_files
from gatewise.tasks.language_model.model import LanguageModel, evaluate, load
from gatewise.tasks.language_model.ngram_settings import LEAST_MEMORY, NGRAM, NGRAM_SAVED, READING, NgramRunSettings
from gatewise.tasks.language_model.reading import text_of
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.mapped import mapped
from gatewise.tasks.run_folder import check_new, new_folder, new_name
from gatewise.text.settings import TextSettings
from gatewise.training.result import versions
from gatewise.training.run_files import CONFIG

_NOTABLE = 1.1  # times what is allowed: a line says that it is not enough
_SAMPLES, _TEMPERATURE, _SAMPLE_TOKENS = 3, 0.8, {"word": 80, "char": 400, "byte": 400, "bpe": 120, "unigram": 120}


@dataclass(frozen=True)
class NgramPlan:
    """A run before it begins.

    Attributes:
        files: what it counts.
        folder: of the run.
        arpa: an ARPA file to write too, or None.
        memory: how many bytes counting may take; None: half of what is free.
        data: other texts.
        text: how the text is cut.
        model: order and smoothing.
    """

    files: tuple[str, ...]
    folder: Path
    arpa: str | None
    memory: int | None
    data: DataSettings
    text: TextSettings
    model: NgramLMSettings

    def config(self) -> str:
        """The text of a config file with all settings."""
        return config_of("ngram", NGRAM_SAVED, {table: getattr(self, table) for table in NGRAM_SAVED.tables})


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
    check_new(folder)
    tables: dict[str, Any] = NGRAM_SAVED.build(values)
    if asked.arpa is not None:
        check_settings(asked.arpa, tables["text"], tables["model"])
    memory = None if asked.memory is None else read_size(asked.memory, "memory", LEAST_MEMORY)
    return NgramPlan(tuple(files), folder, asked.arpa, memory, **tables)


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
    with _room(data, plan, said) as room:
        begun = time.perf_counter()
        network, note = fit_ngram(data, plan, room)
        seconds = time.perf_counter() - begun
        if note:
            said(note)
        parts = Parts(network, data.tokenizer, plan.text, READING, _history(network, data, plan, note, seconds))
        model = LanguageModel(parts)
        parts.history["samples"] = _samples(model)
        write_atomically(plan.folder / CONFIG, plan.config().encode("utf-8"))
        write_folder(plan.folder / "model", to_files(parts))
        if plan.arpa is not None:  # the last: it lies outside the run folder, which a failure clears
            write(plan.arpa, parts)
        if room.folder is not None:  # the room ends here: the model goes on from its own file
            model = load(read_folder(plan.folder / "model", mapped))
    return model


def fit_ngram(data: Data, plan: NgramPlan, room: Room) -> tuple[NgramLM, str]:
    """The model of the training text, and what there is to say of it."""
    settings, tokenizer = plan.model, data.tokenizer
    text = text_of(data.train, plan.text, tokenizer.vocabulary_size)
    if room.folder is None:
        ids = text.ids.astype(np.int64)
        counts = count(ids, text.boundaries, settings.order, text.vocabulary_size, text.eos_id)
    else:
        counts = count_on_disk(text, settings.order, room)
    weights: tuple[tuple[float, ...], ...] = ()
    if settings.smoothing == "jelinek-mercer":
        held_out = text_of(data.valid, plan.text, tokenizer.vocabulary_size)
        weights = interpolation_weights(counts, held_out.ids, held_out.boundaries, room)
    made = estimate(counts, settings.smoothing, Options(settings.delta, weights), settings.prune, room)
    return NgramLM(made.table, unit=plan.text.unit, settings=settings), made.note


@contextlib.contextmanager
def _room(data: Data, plan: NgramPlan, said: Callable[[str], None]) -> Iterator[Room]:
    """In memory where counting may take so much, else in the run folder, with what the words leave for sorting."""
    held_out = len(data.valid) if plan.model.smoothing == "jelinek-mercer" else 0
    sequences, size = data.train.counts.sequences, data.tokenizer.vocabulary_size
    wanted = needed(len(data.train), sequences, plan.model.order, size, held_out)
    allowed = free_memory() // 2 if plan.memory is None else plan.memory
    if wanted <= allowed:
        yield Room()
        return
    told = f"counting on the disk: it may take {write_size(wanted)}, but {write_size(allowed)} of memory are allowed"
    words, least = needed_for_words(size), min(allowed, read_size(LEAST_MEMORY, "memory"))
    rest = max(allowed - words, least)
    if words + rest > _NOTABLE * allowed:
        told += f"; its vocabulary of {size:,} words takes {write_size(words)} of memory more"
    said(told)
    with room_on_disk(plan.folder / "counting", rest) as room:
        yield room


def _history(network: NgramLM, data: Data, plan: NgramPlan, note: str, seconds: float) -> dict[str, Any]:
    """As a trained model's, with the measures on the held-out and the test text."""
    stores = {"validation": data.valid, "test": data.test}
    sizes = {f"order {order}": len(found.keys) for order, found in enumerate(network.table.orders, start=1)}
    return {
        "data": data.record,
        "settings": {"text": plan.text.to_dict()},
        "training": {
            "tokens": len(data.train),
            "n-grams": sizes,
            "seconds": seconds,
            **({"note": note} if note else {}),
        },
        "scores": {
            name: evaluate(network, store, plan.text, READING, data.tokenizer.unk_id).to_dict()
            for name, store in stores.items()
            if store is not None
        },
        "samples": [],
        "versions": versions(),
    }


def _samples(model: LanguageModel) -> list[str]:
    length = _SAMPLE_TOKENS[model.tokenizer.level]
    return model.generate_many(n=_SAMPLES, length=length, temperature=_TEMPERATURE)
