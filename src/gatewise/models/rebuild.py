"""A model made again from what was saved: a plain dict and tensors; nothing that the dict names is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from gatewise.cells.spec import Cell
from gatewise.errors import GatewiseError, ModelFileError
from gatewise.models.checks import LARGEST_VOCABULARY, Tensors, cell_of, check_fields, check_range, kind_of, network_of
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.neural_lm import NeuralLM
from gatewise.models.ngram.ngram_lm import NgramLM
from gatewise.models.ngram.smoothing import METHODS
from gatewise.models.ngram.stored import from_tensors
from gatewise.models.ngram.table import BackoffTable
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import NgramLMSettings, RecurrentLMSettings, WindowLMSettings
from gatewise.models.window_lm import WindowLM
from gatewise.scan.program.form import Program

_COMMON = {"model_type": str, "settings": dict, "vocabulary_size": int, "eos_id": int, "unit": str}
_SHARED = ("vocabulary_size", "eos_id", "unit")
_MIXTURE = {"model_type": str, "vocabulary_size": int, "eos_id": int, "unit": str, "weights": list, "models": list}
Network = NeuralLM | NgramLM | MixtureLM
"""Every kind of language model that a folder may hold."""


def rebuild(
    config: Mapping[str, Any],
    tensors: Tensors,
    *,
    where: str = "config.json",
    weights: str = "",
    cell: Cell | type[Cell] | str | None = None,
    program: Callable[[int], Program] | None = None,
) -> Network:
    """The model that ``model.config()`` and ``model.state_dict()`` describe, in evaluation mode.

    Shapes are compared before anything is allocated. Random numbers are left as they were.

    Args:
        config: plain values, such as JSON gives.
        tensors: by name; those of a neural model all of one floating type, which becomes the model's.
        where: what the config was read from, for the error.
        weights: what the tensors were read from, for the error; "" for the same.
        cell: the user's own cell, where the model was made with one.
        program: reads the program of the cell, which stands in where the cell is the user's own and not given; it is
            called with the number of the model in a mixture, and with 0 for a model by itself.

    Raises:
        ModelFileError: a value or a tensor is missing, unknown, of another kind or shape; or the cell is not the one.
        VariableError: an environment variable keeps every model from being made.

    Example:
        >>> model = RecurrentLM(RecurrentLMSettings(embedding_size=4, hidden_size=4), vocabulary_size=10)
        >>> twin = rebuild(model.config(), model.state_dict())
        >>> torch.equal(twin.embedding.weight, model.embedding.weight), twin.training
        (True, False)
    """
    if config.get("model_type") == "mixture-lm":
        return _mixture(config, tensors, where, weights or where, cell, program)
    return _single(config, tensors, where, weights or where, cell, program)


def _mixture(
    config: Mapping[str, Any],
    tensors: Tensors,
    where: str,
    weights: str,
    cell: Cell | type[Cell] | str | None,
    program: Callable[[int], Program] | None,
) -> MixtureLM:
    check_fields(config, _MIXTURE, where)
    _check_weights(config["weights"], where)
    inner, models = config["models"], []
    known = {name: name.partition(".") for name in tensors}
    for index, own in enumerate(inner):
        if not isinstance(own, dict):
            raise ModelFileError(f"models[{index}] is expected as dict, but {own!r} came", where=where)
        mine = {rest: tensors[name] for name, (number, _, rest) in known.items() if number == str(index)}
        models.append(_single(own, mine, where, weights, cell, program, index))
    if wrong := [name for name, (number, _, _) in known.items() if number not in map(str, range(len(inner)))]:
        raise ModelFileError(f"the tensor {wrong[0]} belongs to no model of the mixture", where=weights)
    try:
        mixture = MixtureLM(models, config["weights"])
    except GatewiseError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None
    if (mixture.vocabulary_size, mixture.eos_id, mixture.unit) != tuple(config[name] for name in _SHARED):
        raise ModelFileError("the models of the mixture are not over the tokens that it names", where=where)
    return mixture


def _single(
    config: Mapping[str, Any],
    tensors: Tensors,
    where: str,
    weights: str,
    cell: Cell | type[Cell] | str | None,
    program: Callable[[int], Program] | None,
    index: int = 0,
) -> NeuralLM | NgramLM:
    kind = kind_of(config, KINDS, where)
    _check_config(config, kind, where)
    if kind.build is None:
        return _ngram(config, tensors, where, weights)
    made = partial(program, index) if program else None
    found = cell_of(config, where, cell, made) if "cell" in kind.fields else None
    return network_of(partial(kind.build, config, found), tensors, where, weights)


def _recurrent(config: Mapping[str, Any], cell: Cell | None, device: str, dtype: torch.dtype) -> NeuralLM:
    settings = RecurrentLMSettings.from_dict(config["settings"])
    # The record holds the constants, whatever options they came from; a model of shapes only asks for no runner.
    bare = settings.replace(cell_options="", **({"runner": "auto"} if device == "meta" else {}))
    sizes = config["vocabulary_size"], config["eos_id"]
    model = RecurrentLM(bare, *sizes, unit=config["unit"], cell=cell, device=device, dtype=dtype)
    model.settings = settings
    return model


def _window(config: Mapping[str, Any], _cell: Cell | None, device: str, dtype: torch.dtype) -> NeuralLM:
    settings = WindowLMSettings.from_dict(config["settings"])
    return WindowLM(
        settings, config["vocabulary_size"], config["eos_id"], unit=config["unit"], device=device, dtype=dtype
    )


def _ngram(config: Mapping[str, Any], tensors: Tensors, where: str, weights: str) -> NgramLM:
    try:
        settings = NgramLMSettings.from_dict(config["settings"]) if config["settings"] else None
    except GatewiseError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None
    table = from_tensors(tensors, config["vocabulary_size"], config["eos_id"], weights, uniform=config["uniform"])
    if settings is not None:
        _check_estimate(settings, table, where)
    return NgramLM(table, unit=config["unit"], settings=settings)


def _check_estimate(settings: NgramLMSettings, table: BackoffTable, where: str) -> None:
    """Refuse a table that is not of these settings."""
    if settings.order != table.order:
        message = f"settings say order {settings.order}, but the n-grams are of order 1 to {table.order}"
        raise ModelFileError(message, where=where)
    if table.uniform != (METHODS[settings.smoothing].rule == "uniform"):
        came = str(table.uniform).lower()
        raise ModelFileError(f"uniform is {came}, which is not so with smoothing {settings.smoothing}", where=where)


Build = Callable[[Mapping[str, Any], Cell | None, str, torch.dtype], NeuralLM]


@dataclass(frozen=True)
class _Kind:
    """A kind of model.

    Attributes:
        fields: the entries of its config with their types.
        build: makes it on a device, newly initialised; None where there is nothing to initialise.
    """

    fields: dict[str, type]
    build: Build | None


KINDS = {
    "recurrent-lm": _Kind(_COMMON | {"cell": dict}, _recurrent),
    "window-lm": _Kind(_COMMON, _window),
    "ngram-lm": _Kind(_COMMON | {"uniform": bool}, None),
}
"""Model type, as ``config.json`` has it -> what it needs."""


def _check_config(config: Mapping[str, Any], kind: _Kind, where: str) -> None:
    check_fields(config, kind.fields, where)
    if config["unit"] not in ("running", "sentences"):
        raise ModelFileError(f"unit must be running or sentences, but {config['unit']!r} came", where=where)
    check_range(config, "vocabulary_size", 1, LARGEST_VOCABULARY, where)
    check_range(config, "eos_id", 0, config["vocabulary_size"] - 1, where)


def _check_weights(weights: list[Any], where: str) -> None:
    for index, weight in enumerate(weights):
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            message = f"weights[{index}] must be a number from 0 to 1, but {weight!r} came"
            raise ModelFileError(message, where=where)
