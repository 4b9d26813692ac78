"""What a classifier and a tagger have in common beside their encoder: labels, config, groups, what computes them.

Letters: V vocabulary, K characters, L labels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell
from gatewise.errors import GatewiseError, SettingError
from gatewise.layers.characters import CharacterRNN
from gatewise.layers.errors import InputError
from gatewise.models.encoder import Encoder
from gatewise.models.encoder_settings import EncoderSettings
from gatewise.models.parts import without_code
from gatewise.models.settings import unusual
from gatewise.scan.choice import Choice
from gatewise.scan.probe import probe
from gatewise.text.text_batches import TextBatch


class TextModel(nn.Module, ABC):
    """An encoder, and what is said of its features: a label of each text, or of each token.

    Args:
        settings: sizes and regularisation.
        vocabulary_size: V, at least 1.
        labels: L, at least 1.
        characters_size: K; 0 without.
        unk_id: the id of ``<unk>``; None where nothing is unknown.
        cell: a cell of your own; None: what the settings say.
        kind: ``device`` and ``dtype`` of the parameters.

    Raises:
        SettingError: settings that do not go together, an unknown cell, or a cell that has to be given.
    """

    model_type: ClassVar[str]

    def __init__(
        self,
        settings: EncoderSettings,
        vocabulary_size: int,
        labels: int,
        characters_size: int,
        unk_id: int | None,
        cell: Cell | None,
        kind: dict[str, Any],
    ) -> None:
        super().__init__()
        where = type(self).__name__
        if labels < 1:
            raise SettingError(f"labels must be at least 1, but {labels} was given", where=where)
        self.settings: EncoderSettings = settings
        self.vocabulary_size, self.labels = vocabulary_size, labels
        self.characters_size, self.unk_id = characters_size, unk_id
        self.encoder = Encoder(settings, vocabulary_size, characters_size, unk_id, cell=cell, where=where, kind=kind)

    @property
    def cell(self) -> Cell:
        """The cell of the recurrent layers."""
        return self.encoder.recurrent.cell

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.encoder.embedder.words.weight.device

    def set_settings(self, settings: EncoderSettings) -> None:
        """Have the settings told as they were given, where the model was made with others of the same meaning."""
        self.settings = self.encoder.settings = self.encoder.embedder.settings = settings

    @abstractmethod
    def loss(self, batch: TextBatch) -> tuple[Tensor, int]:
        """The sum of the losses of a batch, and how many units it is of."""

    @abstractmethod
    def head(self) -> list[nn.Parameter]:
        """The parameters above the encoder."""

    def groups(self) -> list[list[nn.Parameter]]:
        """The parameters from the input to the output: vectors and characters, layer by layer, what is above them."""
        return [*self.encoder.groups(), self.head()]

    def computed_by(self) -> dict[str, str]:
        """What carries out the layers that can be computed in more than one way: part -> how, in words."""
        parts = {"recurrent layers": self.encoder.recurrent}
        characters = self.encoder.embedder.characters
        if isinstance(characters, CharacterRNN):
            parts["characters"] = characters.recurrent
        return {name: _told(layers.choice()) for name, layers in parts.items()}

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild_text_model` makes this model from again, beside its tensors; ready for JSON."""
        return {
            "model_type": self.model_type,
            "settings": self.settings.to_dict(),
            "vocabulary_size": self.vocabulary_size,
            "characters_size": self.characters_size,
            "unk_id": -1 if self.unk_id is None else self.unk_id,
            "labels": self.labels,
            "cell": CellRecord.of(self.cell, probe(self.cell)).to_dict(),
        }

    def describe(self) -> dict[str, Any]:
        """What it is, its sizes and what runs it, for a reader; ready for JSON."""
        choice, settings = self.encoder.choice(), self.settings
        told = ("cell", "cell_options", "embedding_size", "hidden_size", "num_layers", "bidirectional", "characters")
        return {
            "cell": repr(self.cell),
            **without_code(self.cell, choice.name),
            **{name: getattr(settings, name) for name in told[2:]},
            "labels": self.labels,
            "parameters": sum(parameter.numel() for parameter in self.parameters()),
            "other_settings": unusual(settings, told),
            "runner": f"{choice.name} ({choice.reason})",
        }

    def check_evaluating(self) -> None:
        """Refuse to go on in training mode.

        Raises:
            GatewiseError: it is in training mode.
        """
        if self.training:
            raise GatewiseError("the model is in training mode", where=type(self).__name__, fix="call .eval() first")

    def targets_of(self, batch: TextBatch, shape: tuple[int, ...], dtype: torch.dtype, noun: str) -> Tensor:
        """The targets of a batch, on the device of the parameters.

        Raises:
            InputError: there are none, or of another shape or type.
        """
        where, found = type(self).__name__, batch.targets
        if found is None:
            raise InputError(f"the batch has no {noun}s", where=where, fix=f"give the texts their {noun}s")
        if found.shape != shape or found.dtype != dtype:
            message = f"the {noun}s are {found.dtype} {list(found.shape)}, expected {dtype} {list(shape)}"
            raise InputError(message, where=where)
        return found.to(self.device)

    def check_targets(self, targets: Tensor, noun: str) -> None:
        """Refuse labels or tags that are not from 0 to L - 1; looked at on the CPU only.

        Raises:
            InputError: a number outside.
        """
        if targets.device.type != "cpu" or not targets.numel():
            return
        for extreme in map(int, targets.aminmax()):
            if not 0 <= extreme < self.labels:
                message = f"a {noun} is {extreme}, but the model has {self.labels}, 0 to {self.labels - 1}"
                raise InputError(message, where=type(self).__name__)


def _told(choice: Choice) -> str:
    return f"{choice.name} ({choice.reason})" + (", which is slow" if choice.name == "reference" else "")
