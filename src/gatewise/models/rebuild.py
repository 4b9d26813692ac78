"""A model made again from what was saved: a plain dict and tensors; nothing that the dict names is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell
from gatewise.errors import GatewiseError, ModelFileError, VariableError
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from gatewise.scan.probe import probe
from gatewise.scan.program.form import Program
from gatewise.scan.stored.cell import stored_cell
from gatewise.settings.nearest import did_you_mean

MODELS: dict[str, type[RecurrentLM]] = {"recurrent-lm": RecurrentLM}
"""Model type, as ``config.json`` has it -> class."""

_FIELDS = {"model_type": str, "settings": dict, "vocabulary_size": int, "eos_id": int, "unit": str, "cell": dict}
_LARGEST_VOCABULARY = 10_000_000


def rebuild(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    where: str = "config.json",
    cell: Cell | type[Cell] | str | None = None,
    program: Callable[[], Program] | None = None,
) -> RecurrentLM:
    """The model that ``model.config()`` and ``model.state_dict()`` describe, in evaluation mode.

    Shapes are compared before anything is allocated. Random numbers are left as they were.

    Args:
        config: plain values, such as JSON gives.
        tensors: by name, all of one floating type, which becomes the model's.
        where: what they were read from, for the error.
        cell: the user's own cell, where the model was made with one.
        program: reads the program of the cell, which stands in where the cell is the user's own and not given.

    Raises:
        ModelFileError: a value or a tensor is missing, unknown, of another kind or shape; or the cell is not the one.
        VariableError: an environment variable keeps every model from being made.

    Example:
        >>> model = RecurrentLM(RecurrentLMSettings(embedding_size=4, hidden_size=4), vocabulary_size=10)
        >>> twin = rebuild(model.config(), model.state_dict())
        >>> torch.equal(twin.embedding.weight, model.embedding.weight), twin.training
        (True, False)
    """
    _check_config(config, where)
    try:
        with torch.random.fork_rng(devices=[]):
            model = _build(config, tensors, where, _cell(config, where, cell, program))
    except (ModelFileError, VariableError):
        raise
    except GatewiseError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None
    model.load_state_dict(dict(tensors))
    return model.eval()


def _cell(
    config: Mapping[str, Any],
    where: str,
    cell: Cell | type[Cell] | str | None,
    program: Callable[[], Program] | None,
) -> Cell:
    """The cell of the record: a registered one, the one given, or one made of the program; its equation is compared."""
    record = CellRecord.from_dict(config["cell"], where)
    stands_in = program is not None and cell is None and not record.registered
    found = stored_cell(record, program(), where) if program and stands_in else record.restore(cell, where)
    record.check_equation(probe(found), where)
    return found


def _build(config: Mapping[str, Any], tensors: Mapping[str, Tensor], where: str, cell: Cell) -> RecurrentLM:
    """A model of the right shapes, newly initialised."""
    settings = RecurrentLMSettings.from_dict(config["settings"])
    # The record holds the constants, whatever options they came from.
    bare = settings.replace(cell_options="")
    dtype = _only_type(tensors, where)

    def build(given: RecurrentLMSettings, device: str) -> RecurrentLM:
        sizes = config["vocabulary_size"], config["eos_id"]
        return MODELS[config["model_type"]](given, *sizes, unit=config["unit"], cell=cell, device=device, dtype=dtype)

    # On the meta device there are shapes only: nothing runs there, the runner that was asked for neither.
    shapes = build(bare.replace(runner="auto"), "meta").state_dict()
    _check_shapes({name: tensor.shape for name, tensor in shapes.items()}, tensors, where)
    model = build(bare, "cpu")
    model.settings = settings
    return model


def _check_config(config: Mapping[str, Any], where: str) -> None:
    for name in config:
        if name not in _FIELDS:
            raise ModelFileError(f"there is no entry {name} in a model", where=where, fix=did_you_mean(name, _FIELDS))
    for name, kind in _FIELDS.items():
        value = config.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ModelFileError(f"{name} is expected as {kind.__name__}, but {value!r} came", where=where)
    if config["model_type"] not in MODELS:
        fix = did_you_mean(config["model_type"], MODELS)
        raise ModelFileError(f"unknown model_type {config['model_type']!r}", where=where, fix=fix)
    if config["unit"] not in ("running", "sentences"):
        raise ModelFileError(f"unit must be running or sentences, but {config['unit']!r} came", where=where)
    if not 1 <= config["vocabulary_size"] <= _LARGEST_VOCABULARY:
        message = f"vocabulary_size must be from 1 to {_LARGEST_VOCABULARY}, but {config['vocabulary_size']} came"
        raise ModelFileError(message, where=where)


def _only_type(tensors: Mapping[str, Tensor], where: str) -> torch.dtype:
    types = {tensor.dtype for tensor in tensors.values()}
    if len(types) != 1 or not next(iter(types)).is_floating_point:
        names = ", ".join(sorted(map(str, types))) or "no tensors"
        raise ModelFileError(f"the tensors are expected in one floating type, but {names} came", where=where)
    return types.pop()


def _check_shapes(expected: Mapping[str, torch.Size], tensors: Mapping[str, Tensor], where: str) -> None:
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ModelFileError(f"the tensor {missing[0]} is missing", where=where)
    if unknown := sorted(tensors.keys() - expected.keys()):
        raise ModelFileError(f"there is no tensor {unknown[0]} in this model", where=where)
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            came = list(tensors[name].shape)
            raise ModelFileError(f"the tensor {name} is {came}, expected {list(shape)}", where=where)
