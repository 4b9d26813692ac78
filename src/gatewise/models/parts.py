"""The parts of a model, as its settings ask for them."""

from __future__ import annotations

from typing import Any

from torch import nn

from gatewise.cells.spec import Cell
from gatewise.cells.user import GIVE_CELL, resolve
from gatewise.errors import SettingError
from gatewise.layers.adaptive_softmax import AdaptiveSoftmax
from gatewise.layers.output import FullSoftmax, OutputLayer
from gatewise.layers.recurrent import Recurrent
from gatewise.models.encoder_settings import EncoderSettings
from gatewise.models.settings import CellSettings, NeuralLMSettings, RecurrentLMSettings
from gatewise.scan.stored.cell import program_in


def cell_of_settings(settings: CellSettings, cell: Cell | None, where: str) -> Cell:
    """The cell; one from a file is run by whoever trains it, never by a model that is loaded.

    Args:
        settings: name and constants of the cell.
        cell: the cell, or None for the one of the settings.
        where: the model, for the error.

    Raises:
        SettingError: an unknown cell or constant, or a cell that has to be given.
    """
    if cell is None and ":" in settings.cell:
        raise SettingError(f"the model has your own cell {settings.cell}", where=where, fix=GIVE_CELL)
    return resolve(settings.cell if cell is None else cell, settings.cell_options)


def recurrent_layers(
    settings: RecurrentLMSettings | EncoderSettings,
    width: int,
    cell: Cell,
    kind: dict[str, Any],
    *,
    bidirectional: bool = False,
) -> Recurrent:
    """The recurrent layers.

    Args:
        settings: sizes and regularisation.
        width: of what the first layer reads.
        cell: of all layers.
        kind: ``device`` and ``dtype`` of the parameters.
        bidirectional: whether a second set of parameters reads from the end.

    Raises:
        SettingError: sizes that do not fit the cell.
    """
    return Recurrent(
        cell,
        width,
        settings.hidden_size,
        settings.num_layers,
        bidirectional=bidirectional,
        dropout=0.0 if settings.locked_masks else settings.hidden_dropout,
        locked_dropout=settings.hidden_dropout if settings.locked_masks else 0.0,
        weight_dropout=settings.weight_dropout,
        zoneout=settings.zoneout,
        residual=settings.residual,
        proj_size=settings.projection_size,
        initial_state=settings.initial_state,
        runner=settings.runner,
        **kind,
    )


def projection(settings: NeuralLMSettings, width: int, kind: dict[str, Any]) -> nn.Linear | None:
    """The map from the layers, ``width`` numbers, to the width of the tied vectors; None where there is none."""
    if not settings.tie_weights or width == settings.embedding_size:
        return None
    return nn.Linear(width, settings.embedding_size, bias=False, **kind)


def output_layer(settings: NeuralLMSettings, embedding: nn.Embedding, width: int, kind: dict[str, Any]) -> OutputLayer:
    """The output layer over what the layers return, ``width`` numbers, or over the vectors of the tokens where tied."""
    owner = embedding if settings.tie_weights else None
    width = settings.embedding_size if settings.tie_weights else width
    if settings.softmax == "full":
        return FullSoftmax(width, embedding.num_embeddings, tied_to=owner, **kind)
    cutoffs, rank = settings.cutoffs, settings.tail_rank
    return AdaptiveSoftmax(width, embedding.num_embeddings, cutoffs, tied_to=owner, rank=rank, **kind)


def without_code(cell: Cell, runner: str) -> dict[str, str]:
    """What there is to say of a model where a user's own cell runs from its program; nothing of other cells.

    Args:
        cell: of the model.
        runner: the name of what runs it.
    """
    if program_in(cell) is None:
        return {}
    speed = "; interpreted, which is slow" if runner == "reference" else ""
    return {"code": f"none: it runs from the program that the model holds{speed} (to train on, give --cell)"}
