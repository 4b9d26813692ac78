"""The model folder: its files as data, and back after every check."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import ModelFileError
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.rebuild import Network, rebuild
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.scan.program import Program, TraceError, to_json
from gatewise.storage import Content, Folder, pack_pieces, unpack_tensors
from gatewise.tasks.language_model.card import write_card
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
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.tokenizer import Tokenizer

TOKENIZER = "tokenizer.json"
_OWN = {"format": int, "task": str, "text": dict, "batches": dict, "tokenizer": str}


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
        CONFIG: as_json(config),
        WEIGHTS: pack_pieces(parts.network.state_dict(), {"format": "pt"}),
        TOKENIZER: parts.tokenizer.to_bytes(),
        HISTORY: as_json(parts.history),
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
    config = read_config(folder, _OWN)
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
    text = read_settings(TextSettings, config["text"], where)
    batches = read_settings(BatchSettings, config["batches"], where)
    return Parts(network, tokenizer, text, batches, read_history(folder))


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
    return read_program(folder, _program_name(index))


def _check_tokenizer(config: Mapping[str, Any], tokenizer: Tokenizer, where: str) -> None:
    found = {
        "vocabulary_size": tokenizer.vocabulary_size,
        "eos_id": tokenizer.eos_id,
        "tokenizer": tokenizer.fingerprint,
    }
    for name, value in found.items():
        if config[name] != value:
            raise ModelFileError(f"{name} is {config[name]}, but in {TOKENIZER} it is {value}", where=where)
