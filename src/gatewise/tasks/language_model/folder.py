"""The model folder: its files as data, and back after every check."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from gatewise.cells import Cell
from gatewise.cells.user import GIVE_CELL
from gatewise.errors import ModelFileError, SettingError
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.rebuild import Network, rebuild
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.scan.program import Program, TraceError, from_json, to_json
from gatewise.settings import Settings
from gatewise.storage import Content, Folder, pack_pieces, parse_json, unpack_tensors
from gatewise.tasks.language_model.card import write_card
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.tokenizer import Tokenizer

FORMAT = 2
CONFIG, WEIGHTS, TOKENIZER, HISTORY = "config.json", "model.safetensors", "tokenizer.json", "training.json"
PROGRAM = "program.json"
"""The step program of the cell, with which a model of a user's own cell runs without its code."""
_OWN = {"format": int, "task": str, "text": dict, "batches": dict, "tokenizer": str}
S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Parts:
    """What a model folder holds.

    Attributes:
        network: the model, with its weights or n-grams.
        tokenizer: of its text.
        text: how its text was cut.
        batches: how its text was read.
        history: how it was trained, ready for JSON.
    """

    network: Network
    tokenizer: Tokenizer
    text: TextSettings
    batches: BatchSettings
    history: dict[str, Any]


def to_files(parts: Parts) -> dict[str, Content]:
    """The files of a model folder, by name; that of the tensors in pieces, which share memory with them."""
    own = {
        "format": FORMAT,
        "task": "lm",
        "tokenizer": parts.tokenizer.fingerprint,
        "text": parts.text.to_dict(),
        "batches": parts.batches.to_dict(),
    }
    config = own | parts.network.config()
    return {
        CONFIG: _json(config),
        WEIGHTS: pack_pieces(parts.network.state_dict(), {"format": "pt"}),
        TOKENIZER: parts.tokenizer.to_bytes(),
        HISTORY: _json(parts.history),
        **_program(parts.network),
        "README.md": write_card(config, parts.history).encode("utf-8"),
    }


def from_folder(folder: Folder, cell: Cell | type[Cell] | str | None = None) -> Parts:
    """The model in a folder whose files were compared with its manifest.

    Args:
        folder: as read.
        cell: the user's own cell, where the model was made with one.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    where = f"{folder.path}/{CONFIG}"
    config = parse_json(folder.read(CONFIG), where)
    _check(config, where)
    tokenizer = Tokenizer.from_bytes(bytes(folder.read(TOKENIZER)), f"{folder.path}/{TOKENIZER}")
    tensors, _ = unpack_tensors(folder.read(WEIGHTS), f"{folder.path}/{WEIGHTS}")
    network = rebuild(
        {name: value for name, value in config.items() if name not in _OWN},
        tensors,
        where=where,
        weights=f"{folder.path}/{WEIGHTS}",
        cell=cell,
        program=partial(_read_program, folder) if any(name.startswith("program.") for name in folder.files) else None,
    )
    _check_tokenizer(config, tokenizer, where)
    history = parse_json(folder.read(HISTORY), f"{folder.path}/{HISTORY}") if HISTORY in folder.files else {}
    text, batches = _settings(TextSettings, config["text"], where), _settings(BatchSettings, config["batches"], where)
    return Parts(network, tokenizer, text, batches, history)


def _program(network: Network) -> dict[str, bytes]:
    """The file of the cell's program; none where no program is the cell's step, whose code is then asked for."""
    found: dict[str, bytes] = {}
    for index, model in enumerate(network.models if isinstance(network, MixtureLM) else [network]):
        if isinstance(model, RecurrentLM):
            with contextlib.suppress(TraceError):
                found[_program_name(index)] = to_json(model.recurrent.program())
    return found


def _program_name(index: int) -> str:
    """The file of the program of a model, by its number in a mixture."""
    return f"program.{index}.json" if index else PROGRAM


def _read_program(folder: Folder, index: int) -> Program:
    name = _program_name(index)
    try:
        return from_json(bytes(folder.read(name)), f"{folder.path}/{name}")
    except ModelFileError as error:
        raise ModelFileError(error.message, where=error.where, fix=GIVE_CELL) from None


def _check(config: Any, where: str) -> None:
    if not isinstance(config, dict):
        raise ModelFileError("a table of names and values was expected", where=where)
    if config.get("format", FORMAT) != FORMAT:
        message = f"made by another version of gatewise (format {config['format']}; this one reads {FORMAT})"
        raise ModelFileError(message, where=where, fix="use that version, or train again")
    for name, kind in _OWN.items():
        if not isinstance(config.get(name), kind):
            raise ModelFileError(f"{name} is expected as {kind.__name__}, but {config.get(name)!r} came", where=where)


def _check_tokenizer(config: Mapping[str, Any], tokenizer: Tokenizer, where: str) -> None:
    found = {
        "vocabulary_size": tokenizer.vocabulary_size,
        "eos_id": tokenizer.eos_id,
        "tokenizer": tokenizer.fingerprint,
    }
    for name, value in found.items():
        if config[name] != value:
            raise ModelFileError(f"{name} is {config[name]}, but in {TOKENIZER} it is {value}", where=where)


def _settings(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    try:
        return kind.from_dict(values, where)
    except SettingError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")
