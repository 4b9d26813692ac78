"""A mixture of models as one model that can be measured and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any

import torch
from torch import Tensor

from gatewise.lm.measures import Measure
from gatewise.lm.mixture import Mixture, mixture_weights
from gatewise.models.neural_lm import NeuralLM
from gatewise.models.ngram.ngram_lm import NgramLM
from gatewise.text.batch import Batch

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
        >>> MixtureLM([window, window]).describe()["models"][1]
        {'model_type': 'window-lm', 'weight': 0.5}
    """

    models: tuple[Network, ...]

    def __init__(self, models: Sequence[Network], weights: Sequence[float] | None = None) -> None:
        super().__init__(models, weights)

    def evaluate(self, batches: Iterable[Batch], *, characters: int = 0) -> Measure:
        """The loss over all batches.

        Args:
            batches: one pass over a text.
            characters: of the text, where the tokens hold every one of them; 0 where they do not.

        Raises:
            DataError: there is no token.
        """
        nats, tokens = 0.0, 0
        for parts in self.token_log_probs(batches):
            nats, tokens = nats - float(self.mixed(parts).sum(dtype=torch.float64)), tokens + len(parts[0])
        return Measure(nats, tokens, characters)

    def token_log_probs(self, batches: Iterable[Batch]) -> Iterator[list[Tensor]]:
        """For each batch and each model the log probability of each valid target, [tokens] in nats.

        Args:
            batches: one pass over a text.
        """
        copies = tee(batches, len(self.models))
        each = [model.token_log_probs(copy) for model, copy in zip(self.models, copies, strict=True)]
        return map(list, zip(*each, strict=True))

    def fitted(self, batches: Iterable[Batch]) -> MixtureLM:
        """The mixture of these models with the weights under which a held-out text is most probable.

        Args:
            batches: one pass over it.

        Raises:
            SettingError: it has no tokens, or one that no model allows.
        """
        parts = list(self.token_log_probs(batches))
        log_probs = [torch.cat([part[index].double() for part in parts]) for index in range(len(self.models))]
        return MixtureLM(self.models, mixture_weights(torch.stack(log_probs)))

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors of all models; the name of each begins with the model's number and a point."""
        pairs = enumerate(self.models)
        return {f"{index}.{name}": tensor for index, model in pairs for name, tensor in model.state_dict().items()}

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
        return {"models": [{"model_type": model.config()["model_type"], "weight": weight} for model, weight in pairs]}
