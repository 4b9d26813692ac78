"""A classifier or tagger made again from what was saved; nothing that the config names is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.models.allowed import Allowed
from gatewise.models.checks import (
    LARGEST_VOCABULARY,
    Tensors,
    cell_of,
    check_fields,
    check_range,
    kind_of,
    network_of,
)
from gatewise.models.classifier import Classifier
from gatewise.models.encoder_settings import ClassifierSettings, TaggerSettings
from gatewise.models.tagger import Tagger
from gatewise.scan.program.form import Program
from gatewise.text.ngram_ratios import LARGEST

_COMMON = {
    "model_type": str,
    "settings": dict,
    "vocabulary_size": int,
    "characters_size": int,
    "unk_id": int,
    "labels": int,
    "cell": dict,
}
S = TypeVar("S", ClassifierSettings, TaggerSettings)
_LARGEST_ALPHABET = 0x110000 + 1
_MOST_LABELS = 1_000_000


def rebuild_text_model(
    config: Mapping[str, Any],
    tensors: Tensors,
    *,
    where: str = "config.json",
    weights: str = "",
    cell: Cell | type[Cell] | str | None = None,
    program: Callable[[], Program] | None = None,
) -> Classifier | Tagger:
    """The model that ``model.config()`` and ``model.state_dict()`` describe, in evaluation mode.

    Shapes are compared before anything is allocated. Random numbers are left as they were.

    Args:
        config: plain values, such as JSON gives.
        tensors: by name, all of one floating type, which becomes the model's.
        where: what the config was read from, for the error.
        weights: what the tensors were read from, for the error; "" for the same.
        cell: the user's own cell, where the model was made with one.
        program: reads the program of the cell, which stands in where the cell is the user's own and not given.

    Raises:
        ModelFileError: a value or a tensor is missing, unknown, of another kind or shape; or the cell is not the one.
        VariableError: an environment variable keeps every model from being made.

    Example:
        >>> model = Tagger(TaggerSettings(embedding_size=4, hidden_size=4), vocabulary_size=10, labels=3)
        >>> twin = rebuild_text_model(model.config(), model.state_dict())
        >>> torch.equal(twin.output.weight, model.output.weight), twin.training
        (True, False)
    """
    fields, build = kind_of(config, KINDS, where)
    check_fields(config, fields, where)
    check_range(config, "vocabulary_size", 1, LARGEST_VOCABULARY, where)
    check_range(config, "characters_size", 0, _LARGEST_ALPHABET, where)
    check_range(config, "unk_id", -1, config["vocabulary_size"] - 1, where)
    check_range(config, "labels", 1, _MOST_LABELS, where)
    found = cell_of(config, where, cell, program)
    return network_of(partial(build, config, found), tensors, where, weights or where)


def _classifier(config: Mapping[str, Any], cell: Cell, device: str, dtype: torch.dtype) -> Classifier | Tagger:
    settings = ClassifierSettings.from_dict(config["settings"])
    made: dict[str, Any] = {"ngrams": _ngrams(config, settings), "cell": cell, "device": device, "dtype": dtype}
    model = Classifier(_bare(settings, device), **_sizes(config), **made)
    model.set_settings(settings)
    return model


def _ngrams(config: Mapping[str, Any], settings: ClassifierSettings) -> list[int]:
    """How many n-grams of each length have direct connections: of 2 to ``direct_order`` tokens."""
    sizes: list[Any] = config["ngrams"]
    lengths = max(0, settings.direct_order - 1)
    if len(sizes) != lengths or any(type(size) is not int or not 0 <= size <= LARGEST for size in sizes):
        raise SettingError(f"ngrams must be {lengths} whole numbers from 0 to {LARGEST}, but {sizes} came")
    return sizes


def _tagger(config: Mapping[str, Any], cell: Cell, device: str, dtype: torch.dtype) -> Classifier | Tagger:
    settings = TaggerSettings.from_dict(config["settings"])
    allowed = Allowed.from_dict(config["allowed"]) if config["allowed"] else None
    model = Tagger(_bare(settings, device), allowed=allowed, cell=cell, **_sizes(config), device=device, dtype=dtype)
    model.set_settings(settings)
    return model


def _bare(settings: S, device: str) -> S:
    """The record holds the constants, whatever options they came from; a model of shapes only asks for no runner."""
    return settings.replace(cell_options="", **({"runner": "auto"} if device == "meta" else {}))


def _sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    unk_id = None if config["unk_id"] == -1 else config["unk_id"]
    return {**{name: config[name] for name in ("vocabulary_size", "characters_size", "labels")}, "unk_id": unk_id}


Build = Callable[[Mapping[str, Any], Cell, str, torch.dtype], Classifier | Tagger]
KINDS: dict[str, tuple[dict[str, type], Build]] = {
    "classifier": (_COMMON | {"ngrams": list}, _classifier),
    "tagger": (_COMMON | {"allowed": dict}, _tagger),
}
"""Model type, as ``config.json`` has it -> the entries of its config with their types, and what makes it."""
