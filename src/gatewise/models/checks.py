"""What every model is checked for when it is made again: its entries, its cell, its tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell
from gatewise.errors import GatewiseError, ModelFileError, VariableError
from gatewise.scan.probe import probe
from gatewise.scan.program.form import Program
from gatewise.scan.stored.cell import stored_cell
from gatewise.settings.nearest import did_you_mean
from gatewise.storage.tensors import check_finite

Tensors = Mapping[str, Tensor]
LARGEST_VOCABULARY = 10_000_000
M = TypeVar("M", bound=nn.Module)
K = TypeVar("K")


def kind_of(config: Mapping[str, Any], kinds: Mapping[str, K], where: str) -> K:
    """The entry of ``kinds`` that ``model_type`` names.

    Raises:
        ModelFileError: it names none.
    """
    name = config.get("model_type")
    if not isinstance(name, str):
        raise ModelFileError(f"model_type is expected as str, but {name!r} came", where=where)
    if name not in kinds:
        raise ModelFileError(f"unknown model_type {name!r}", where=where, fix=did_you_mean(name, kinds))
    return kinds[name]


def check_fields(config: Mapping[str, Any], fields: Mapping[str, type], where: str) -> None:
    """Refuse a config whose entries are not these, each of its type.

    Raises:
        ModelFileError: an entry is missing, unknown, or of another type.
    """
    for name in config:
        if name not in fields:
            fix = did_you_mean(name, fields)
            raise ModelFileError(f"there is no entry {name} in a model", where=where, fix=fix)
    for name, expected in fields.items():
        value = config.get(name)
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise ModelFileError(f"{name} is expected as {expected.__name__}, but {value!r} came", where=where)


def check_range(config: Mapping[str, Any], name: str, least: int, most: int, where: str) -> None:
    """Refuse an entry outside ``least`` to ``most``.

    Raises:
        ModelFileError: it is outside.
    """
    if not least <= config[name] <= most:
        raise ModelFileError(f"{name} must be from {least} to {most}, but {config[name]} came", where=where)


def cell_of(
    config: Mapping[str, Any],
    where: str,
    cell: Cell | type[Cell] | str | None,
    program: Callable[[], Program] | None,
) -> Cell:
    """The cell of the record: a registered one, the one given, or one made of the program; its equation is compared.

    Args:
        config: its entry ``cell`` is the record.
        where: what the config was read from, for the error.
        cell: the user's own cell.
        program: reads the program that stands in where the cell is the user's own and not given.

    Raises:
        ModelFileError: the record is damaged, or the cell is not the one.
    """
    with file_errors(where):
        record = CellRecord.from_dict(config["cell"], where)
        stands_in = program is not None and cell is None and not record.registered
        found = stored_cell(record, program(), where) if program and stands_in else record.restore(cell, where)
        record.check_equation(probe(found), where)
    return found


@contextmanager
def file_errors(where: str) -> Iterator[None]:
    """Whatever is refused inside is told as the fault of the file, but for an environment variable.

    Args:
        where: the file.
    """
    try:
        yield
    except (ModelFileError, VariableError):
        raise
    except GatewiseError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None


def network_of(build: Callable[[str, torch.dtype], M], tensors: Tensors, where: str, weights: str) -> M:
    """The network that ``build`` makes, with these tensors, in evaluation mode.

    Shapes are compared before anything is allocated. Random numbers are left as they were.

    Args:
        build: makes it on a device ("meta" for the shapes), in a type.
        tensors: by name.
        where: what the config was read from, for the error.
        weights: what the tensors were read from, for the error.

    Raises:
        ModelFileError: settings are refused, or the tensors are not those of the network.
        VariableError: an environment variable keeps every model from being made.
    """
    check_finite(tensors, weights)
    with file_errors(where), torch.random.fork_rng(devices=[]):
        dtype = only_type(tensors, where)
        check_shapes(build("meta", dtype).state_dict(), tensors, where)
        network = build("cpu", dtype)
    network.load_state_dict(dict(tensors))
    return network.eval()


def only_type(tensors: Tensors, where: str) -> torch.dtype:
    """The floating type of all tensors but those of whole numbers.

    Raises:
        ModelFileError: they have none, or not all the same.
    """
    found = {tensor.dtype for tensor in tensors.values()}
    types = found - {torch.int64} or found
    if len(types) != 1 or not next(iter(types)).is_floating_point:
        names = ", ".join(sorted(map(str, types))) or "no tensors"
        raise ModelFileError(f"the tensors are expected in one floating type, but {names} came", where=where)
    return types.pop()


def check_shapes(expected: Tensors, tensors: Tensors, where: str) -> None:
    """Refuse tensors that are not these, each of its shape and type.

    Raises:
        ModelFileError: a tensor is missing, unknown, or of another shape or type.
    """
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ModelFileError(f"the tensor {missing[0]} is missing", where=where)
    if unknown := sorted(tensors.keys() - expected.keys()):
        raise ModelFileError(f"there is no tensor {unknown[0]} in this model", where=where)
    for name, tensor in expected.items():
        came = tensors[name]
        if came.shape != tensor.shape:
            message = f"the tensor {name} is {list(came.shape)}, expected {list(tensor.shape)}"
            raise ModelFileError(message, where=where)
        if came.dtype != tensor.dtype:
            raise ModelFileError(f"the tensor {name} is of {came.dtype}, expected {tensor.dtype}", where=where)
