"""A mixture of models as one model that can be measured and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewise.lm.mixture import Mixture
from gatewise.models.neural_lm import NeuralLM
from gatewise.models.ngram.ngram_lm import NgramLM

Network = NeuralLM | NgramLM
"""Every kind of language model that is no mixture."""


class MixtureLM(Mixture):
    """p(w | h) = sum_k weights[k] p_k(w | h) of models that a folder can hold; see `gatewise.lm.Mixture`.

    Args:
        models: trained over the same tokens.
        weights: from 0 to 1, together 1; None: all equal.

    Example:
        >>> from gatewise.models.settings import WindowLMSettings
        >>> from gatewise.models.window_lm import WindowLM
        >>> window = WindowLM(WindowLMSettings(embedding_size=2, hidden_size=2), vocabulary_size=5).eval()
        >>> MixtureLM([window, window]).describe()["models"]
        ['window-lm with weight 0.5000', 'window-lm with weight 0.5000']
    """

    models: tuple[Network, ...]

    def __init__(self, models: Sequence[Network], weights: Sequence[float] | None = None) -> None:
        super().__init__(models, weights)

    def config(self) -> dict[str, Any]:
        """The weights, and the config of each model; ready for JSON."""
        return {
            "model_type": "mixture-lm",
            "vocabulary_size": self.vocabulary_size,
            "eos_id": self.eos_id,
            "unit": self.unit,
            "weights": list(self.weights),
            "models": [model.config() for model in self.models],
        }

    def describe(self) -> dict[str, Any]:
        """What it is, for a reader; ready for JSON."""
        pairs = zip(self.models, self.weights, strict=True)
        return {"models": [f"{model.config()['model_type']} with weight {weight:.4f}" for model, weight in pairs]}
