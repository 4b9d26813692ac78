"""The model folder of classifiers and taggers: network, vocabulary, labels, settings, history, card."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import ModelFileError
from gatewise.models.classifier import Classifier
from gatewise.models.rebuild_text_model import rebuild_text_model
from gatewise.models.tagger import Tagger
from gatewise.scan.program import TraceError, to_json
from gatewise.settings import Settings
from gatewise.storage import Content, Folder, pack_pieces, unpack_tensors
from gatewise.tasks.model_folder import (
    CONFIG,
    FORMAT,
    HISTORY,
    PROGRAM,
    WEIGHTS,
    as_json,
    read_config,
    read_history,
    read_program,
    read_settings,
)
from gatewise.text.lexicon import Lexicon
from gatewise.text.tokenizer import Tokenizer

Vocabulary = Lexicon | Tokenizer
LEXICON, TOKENIZER = "lexicon.json", "tokenizer.json"
_OWN: dict[str, type] = {
    "format": int,
    "task": str,
    "vocabulary": str,
    "label_names": list,
    "tables": dict,
    "numbers": dict,
}


@dataclass(frozen=True)
class TextParts:
    """What the model folder of a classifier or tagger holds.

    Attributes:
        network: with its weights.
        vocabulary: a lexicon where texts come as words, else a tokenizer.
        labels: the names of labels or tags, in the order of the network's numbers.
        tables: the settings that reading a text needs, by name.
        numbers: what was found beside the weights, such as a temperature; finite.
        history: how it was trained, ready for JSON.
    """

    network: Classifier | Tagger
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    tables: Mapping[str, Settings]
    numbers: Mapping[str, float] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)

    def config(self, task: str) -> dict[str, Any]:
        """What ``config.json`` holds."""
        own = {
            "format": FORMAT,
            "task": task,
            "vocabulary": self.vocabulary.fingerprint,
            "label_names": list(self.labels),
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
            "numbers": dict(self.numbers),
        }
        return own | self.network.config()


def to_files(task: str, parts: TextParts, card: str) -> dict[str, Content]:
    """The files of a model folder, by name; that of the tensors in pieces, which share memory with them.

    Args:
        task: the name of the task, which :func:`gatewise.load` finds its reader by.
        parts: what the folder is to hold.
        card: the model card, in Markdown.
    """
    return {
        CONFIG: as_json(parts.config(task)),
        WEIGHTS: pack_pieces(parts.network.state_dict(), {"format": "pt"}),
        vocabulary_file(parts.vocabulary): parts.vocabulary.to_bytes(),
        HISTORY: as_json(parts.history),
        **_program(parts.network),
        "README.md": card.encode("utf-8"),
    }


def vocabulary_file(vocabulary: Vocabulary) -> str:
    """The name of the file of a vocabulary."""
    return LEXICON if isinstance(vocabulary, Lexicon) else TOKENIZER


def read_vocabulary(data: bytes, name: str, where: str) -> Vocabulary:
    """The vocabulary in a file.

    Args:
        data: its content.
        name: ``lexicon.json`` or ``tokenizer.json``.
        where: the file, for the error.

    Raises:
        ModelFileError: it is damaged.
    """
    return Lexicon.from_bytes(data, where) if name == LEXICON else Tokenizer.from_bytes(data, where)


def from_folder(
    folder: Folder,
    tables: Mapping[str, type[Settings]],
    numbers: tuple[str, ...] = (),
    cell: Cell | type[Cell] | str | None = None,
) -> TextParts:
    """The model in a folder whose files were compared with its manifest.

    Args:
        folder: as read.
        tables: the class of each table of settings that must be there.
        numbers: the names of the numbers that must be there.
        cell: the user's own cell, where the model was made with one.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    where = f"{folder.path}/{CONFIG}"
    config = read_config(folder, _OWN)
    name = LEXICON if LEXICON in folder.files else TOKENIZER
    vocabulary = read_vocabulary(bytes(folder.read(name)), name, f"{folder.path}/{name}")
    tensors, _ = unpack_tensors(folder.read(WEIGHTS), f"{folder.path}/{WEIGHTS}")
    network = rebuild_text_model(
        {entry: value for entry, value in config.items() if entry not in _OWN},
        tensors,
        where=where,
        weights=f"{folder.path}/{WEIGHTS}",
        cell=cell,
        program=(lambda: read_program(folder)) if PROGRAM in folder.files else None,
    )
    _check_vocabulary(config, vocabulary, name, where)
    return TextParts(
        network,
        vocabulary,
        _labels(config, where),
        {table: read_settings(kind, _entry(config, "tables", table, where), where) for table, kind in tables.items()},
        {number: _number(config, number, where) for number in numbers},
        read_history(folder),
    )


def sizes_of(vocabulary: Vocabulary) -> dict[str, Any]:
    """What the network must know of a vocabulary: ``vocabulary_size``, ``characters_size`` and ``unk_id``."""
    characters = vocabulary.characters_size if isinstance(vocabulary, Lexicon) else 0
    sizes = {"vocabulary_size": vocabulary.vocabulary_size, "characters_size": characters}
    return {**sizes, "unk_id": vocabulary.unk_id}


def _program(network: Classifier | Tagger) -> dict[str, bytes]:
    """The file of the cell's program; none where no program is the cell's step, whose code is then asked for."""
    with contextlib.suppress(TraceError):
        return {PROGRAM: to_json(network.encoder.recurrent.program())}
    return {}


def _entry(config: Mapping[str, Any], part: str, name: str, where: str) -> Any:
    if name not in config[part]:
        raise ModelFileError(f"{name} is missing among its {part}", where=where, fix="copy the model again")
    return config[part][name]


def _number(config: Mapping[str, Any], name: str, where: str) -> float:
    value = _entry(config, "numbers", name, where)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelFileError(f"{name} is expected as a finite number, but {value!r} came", where=where)
    return float(value)


def _labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    names = config["label_names"]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ModelFileError("label_names are expected as different texts", where=where)
    if len(names) != config["labels"]:
        raise ModelFileError(f"{config['labels']} label_names are expected, but {len(names)} came", where=where)
    return tuple(names)


def _check_vocabulary(config: Mapping[str, Any], vocabulary: Vocabulary, name: str, where: str) -> None:
    found = {**sizes_of(vocabulary), "vocabulary": vocabulary.fingerprint}
    found["unk_id"] = -1 if found["unk_id"] is None else found["unk_id"]
    for entry, value in found.items():
        if config[entry] != value:
            raise ModelFileError(f"{entry} is {config[entry]}, but in {name} it is {value}", where=where)
