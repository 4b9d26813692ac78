"""The window-based neural language model: the vectors of the last tokens, one hidden layer, perhaps a direct way.

Letters: T time, B batch, W window, E embedding, H hidden, F features, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import ShapeError
from gatewise.models.neural_lm import NeuralLM, Unit
from gatewise.models.neural_state import Layers
from gatewise.models.parts import output_layer, projection
from gatewise.models.settings import WindowLMSettings, unusual

CONTEXT = "context"


class WindowLM(NeuralLM):
    """p(w_t | w_{t-W} ... w_{t-1}) = softmax(U tanh(H x + d) + D x + b), x the vectors of the last W tokens in a row.

    U and D are one matrix of the output layer, over features that are tanh(H x + d) followed by x; without ``direct``
    connections there is no D. Before the beginning of a text stands ``<eos>``, W times.

    Args:
        settings: window, sizes, regularisation, output layer.
        vocabulary_size: V, at least 1.
        eos_id: the token that ends a text, and that every text starts after.
        unit: whether it runs over text without end, or over sentences that end with ``eos_id``.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        SettingError: settings that do not go together.

    Source: Bengio et al. 2003, "A neural probabilistic language model".

    Example:
        >>> model = WindowLM(WindowLMSettings(window=2, embedding_size=4, hidden_size=8), vocabulary_size=30).eval()
        >>> model.output.weight.shape                                                       # [V, H + W E]
        torch.Size([30, 16])
        >>> model.next(model.start(3)).exp().sum(1).round(decimals=4).tolist()
        [1.0, 1.0, 1.0]
    """

    settings: WindowLMSettings

    def __init__(
        self,
        settings: WindowLMSettings,
        vocabulary_size: int,
        eos_id: int = 0,
        *,
        unit: Unit = "running",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(settings, vocabulary_size, eos_id, unit, kind)
        width = settings.window * settings.embedding_size
        self.hidden = nn.Linear(width, settings.hidden_size, **kind)
        features = settings.hidden_size + (width if settings.direct else 0)
        self.projection = projection(settings, features, kind)
        self.output = output_layer(settings, self.embedding, features, kind)
        self.reset_parameters()

    def features(
        self, ids: Tensor, state: Layers | None = None, *, lengths: Tensor | None = None, fresh: Tensor | None = None
    ) -> tuple[Tensor, Layers]:
        """What the token after each of ``ids`` is predicted from.

        Args:
            ids: [T, B], int64.
            state: ``context``, the last W tokens, [W, B, 1], int64; None: of the beginning.
            lengths: [B], valid steps of each row, 0 allowed; None: all T.
            fresh: [B], bool: rows that start at the beginning whatever ``state`` holds; None: none does.

        Returns:
            [T, B, F], and the last W tokens up to each row's last valid step.

        Raises:
            ShapeError: a state of another batch size.
        """
        window = self.settings.window
        text = torch.cat([self._context(state, fresh, ids), ids])
        vectors = self._drop(self._embed(text), self.settings.input_dropout)
        rows = vectors.unfold(0, window, 1)[1:].transpose(2, 3).flatten(2)  # [T, B, W E], the oldest token first
        features = torch.tanh(self.hidden(rows))
        if self.settings.direct:
            features = torch.cat([features, rows], -1)
        features = self._drop(features, self.settings.output_dropout)
        return (
            features if self.projection is None else self.projection(features),
            {CONTEXT: _last(text, window, lengths)[..., None]},
        )

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild` makes this model from again, beside its tensors; ready for JSON."""
        return {
            "model_type": "window-lm",
            "settings": self.settings.to_dict(),
            "vocabulary_size": self.vocabulary_size,
            "eos_id": self.eos_id,
            "unit": self.unit,
        }

    def describe(self) -> dict[str, Any]:
        """What it is and its sizes, for a reader; ready for JSON."""
        settings, told = self.settings, ("window", "direct", "embedding_size", "hidden_size")
        return {
            "window": settings.window,
            "direct": settings.direct,
            "embedding_size": settings.embedding_size,
            "hidden_size": settings.hidden_size,
            "parameters": sum(parameter.numel() for parameter in self.parameters()),
            "other_settings": unusual(settings, told),
        }

    def _context(self, state: Layers | None, fresh: Tensor | None, ids: Tensor) -> Tensor:
        """The W tokens before ``ids``, [W, B]."""
        beginning = ids.new_full((self.settings.window, ids.size(1)), self.eos_id)
        if state is None or (fresh is not None and bool(fresh.all())):
            return beginning
        context = state[CONTEXT][..., 0]
        if context.size(1) != ids.size(1):
            message = f"the state is of {context.size(1)} rows, the batch of {ids.size(1)}"
            raise ShapeError(message, where="WindowLM", fix="hand over the state of the batch before, or None")
        return context if fresh is None else torch.where(fresh.to(ids.device), beginning, context)


def _last(text: Tensor, window: int, lengths: Tensor | None) -> Tensor:
    """The last ``window`` tokens of each row of ``text`` [W + T, B], up to its length; [W, B]."""
    if lengths is None:
        return text[text.size(0) - window :]
    return text.gather(0, torch.arange(window, device=text.device)[:, None] + lengths.to(text.device))
