"""The recurrent language model: vectors of tokens, recurrent layers, and a distribution over the next token.

Letters: T time, B batch, n texts, E embedding, H hidden, F features, V vocabulary, S layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError
from gatewise.models.neural_lm import NeuralLM, Unit
from gatewise.models.neural_state import Layers
from gatewise.models.parts import cell_of_settings, output_layer, projection, recurrent_layers, without_code
from gatewise.models.settings import RecurrentLMSettings, unusual
from gatewise.scan.probe import probe


class RecurrentLM(NeuralLM):
    """p(w_t | w_1 ... w_{t-1}) = softmax(W P f(e_1 ... e_{t-1}) + b): embedding, recurrent layers, output layer.

    e is the vector of a token, f the recurrent layers; P is there only where tied vectors are not as wide as f. It is
    a `gatewise.lm.LanguageModel`: call ``eval()`` before it scores or writes.

    Args:
        settings: cell, sizes, regularisation, output layer.
        vocabulary_size: V, at least 1.
        eos_id: the token that ends a text, and that every text starts after.
        unit: whether it runs over text without end, or over sentences that end with ``eos_id``.
        cell: a cell of your own, or a registered one with other constants; None: what the settings say.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        SettingError: settings that do not go together, an unknown cell, or a cell that has to be given.

    Sources: Mikolov et al. 2010; Zaremba et al. 2014, arXiv:1409.2329v5; tying Press & Wolf 2017, arXiv:1608.05859v3;
    embedding dropout Gal & Ghahramani 2016, arXiv:1512.05287v5; the family of dropouts Merity et al. 2018,
    arXiv:1708.02182v1.

    Example:
        >>> from gatewise.text.batch import Batch
        >>> model = RecurrentLM(RecurrentLMSettings(cell="gru", embedding_size=8, hidden_size=16), vocabulary_size=30)
        >>> batch = Batch(torch.zeros(5, 2).long(), torch.ones(5, 2).long(), None, torch.tensor([True, True]), 10)
        >>> total, count, state = model.loss(batch, None)
        >>> count, tuple(state["hidden"].shape)
        (10, (1, 2, 16))
        >>> model.eval().next(model.start(3)).exp().sum(1).round(decimals=4).tolist()
        [1.0, 1.0, 1.0]
    """

    settings: RecurrentLMSettings

    def __init__(
        self,
        settings: RecurrentLMSettings,
        vocabulary_size: int,
        eos_id: int = 0,
        *,
        unit: Unit = "running",
        cell: Cell | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(settings, vocabulary_size, eos_id, unit, kind)
        own = cell_of_settings(settings, cell, "RecurrentLM")
        self.recurrent = recurrent_layers(settings, settings.embedding_size, own, kind)
        self.projection = projection(settings, self.recurrent.output_size, kind)
        self.output = output_layer(settings, self.embedding, self.recurrent.output_size, kind)
        self.reset_parameters()

    @property
    def cell(self) -> Cell:
        """The cell of the recurrent layers."""
        return self.recurrent.cell

    def features(
        self, ids: Tensor, state: Layers | None = None, *, lengths: Tensor | None = None, fresh: Tensor | None = None
    ) -> tuple[Tensor, Layers]:
        """What the token after each of ``ids`` is predicted from.

        Args:
            ids: [T, B], int64.
            state: of the layers, [S, B, width] each; None: the initial state.
            lengths: [B], valid steps of each row, 0 allowed; None: all T.
            fresh: [B], bool: rows that start from the initial state whatever ``state`` holds; None: none does.

        Returns:
            [T, B, F], and the state of the layers after each row's last valid step.

        Raises:
            ShapeError: a state of another batch size.
        """
        vectors = self._drop(self._embed(ids), self.settings.input_dropout)
        outputs, final = self.recurrent(vectors, self._begin(state, fresh, ids.size(1)), lengths=lengths)
        outputs = self._drop(outputs, self.settings.output_dropout)
        return outputs if self.projection is None else self.projection(outputs), final

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild` makes this model from again, beside its tensors; ready for JSON."""
        return {
            "model_type": "recurrent-lm",
            "settings": self.settings.to_dict(),
            "vocabulary_size": self.vocabulary_size,
            "eos_id": self.eos_id,
            "unit": self.unit,
            "cell": CellRecord.of(self.cell, probe(self.cell)).to_dict(),
        }

    def describe(self) -> dict[str, Any]:
        """What it is, its sizes and what runs it, for a reader; ready for JSON."""
        settings, runner = self.settings, self.recurrent.choice()
        told = ("cell", "cell_options", "embedding_size", "hidden_size", "num_layers")
        return {
            "cell": repr(self.cell),
            **without_code(self.cell, runner.name),
            "embedding_size": settings.embedding_size,
            "hidden_size": settings.hidden_size,
            "num_layers": settings.num_layers,
            "parameters": sum(parameter.numel() for parameter in self.parameters()),
            "other_settings": unusual(settings, told),
            "runner": f"{runner.name} ({runner.reason})",
        }

    def _begin(self, state: Layers | None, fresh: Tensor | None, batch: int) -> Layers | None:
        """The state that the layers start from; None for the initial one in every row."""
        if state is None or (fresh is not None and bool(fresh.all())):
            return None
        size = next(iter(state.values())).size(1)
        if size != batch:
            fix = "hand over the state of the batch before, or None"
            raise ShapeError(f"the state is of {size} rows, the batch of {batch}", where="RecurrentLM", fix=fix)
        if fresh is None or not bool(fresh.any()):
            return state
        rows = fresh.to(self.embedding.weight.device)[None, :, None]
        return {name: torch.where(rows, first, state[name]) for name, first in self.recurrent.start(batch).items()}
