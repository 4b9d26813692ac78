"""A mixture of language models is a language model.

Letters: K models, n texts, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gatewise.errors import SettingError
from gatewise.lm.protocol import LanguageModel


@dataclass(frozen=True, eq=False)
class MixtureState:
    """Where each model of a mixture stands in each of n texts.

    Attributes:
        states: one of each model.

    Example:
        >>> from gatewise.lm.uniform import NoState
        >>> len(MixtureState((NoState(2), NoState(2))).select(torch.tensor([0])))
        1
    """

    states: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.states[0])

    def select(self, index: Tensor) -> MixtureState:
        """The rows ``index`` [m], in any order, repeated or left out."""
        return MixtureState(tuple(state.select(index) for state in self.states))


class Mixture:
    """p(w | h) = sum_k weights[k] p_k(w | h): at least as good as the best of its models, with weights that fit.

    Args:
        models: language models over the same tokens.
        weights: from 0 to 1, together 1; None: all equal.

    Raises:
        SettingError: no models, models over other tokens or units, or weights that are none.

    Source: Jelinek and Mercer 1980; Mikolov et al. 2011 for n-grams with recurrent networks.

    Example:
        >>> from gatewise.lm.uniform import Uniform
        >>> mixture = Mixture([Uniform(4), Uniform(4)], [0.25, 0.75])
        >>> mixture.next(mixture.start(1)).exp().round(decimals=6).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self, models: Sequence[LanguageModel[Any]], weights: Sequence[float] | None = None) -> None:
        if not models:
            raise SettingError("a mixture needs at least one model")
        self.models = tuple(models)
        self.weights = tuple(weights) if weights is not None else (1 / len(models),) * len(models)
        if len(self.weights) != len(self.models):
            raise SettingError(_weights_needed(len(self.models), len(self.weights)))
        if not all(0 <= weight <= 1 for weight in self.weights) or abs(math.fsum(self.weights) - 1) > 1e-6:
            told = ", ".join(f"{weight:g}" for weight in self.weights)
            raise SettingError(f"weights are from 0 to 1 and add up to 1, but {told} came")
        self._same_tokens()

    def _same_tokens(self) -> None:
        first = self.models[0]
        for index, model in enumerate(self.models[1:], start=2):
            for name in ("vocabulary_size", "eos_id", "unit"):
                here, there = getattr(model, name), getattr(first, name)
                if here != there:
                    message = f"model {index} has {name} {here}, but the first has {there}"
                    raise SettingError(message, fix="mix models that were trained with the same tokenizer and unit")

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return self.models[0].vocabulary_size

    @property
    def eos_id(self) -> int:
        """The token that ends a text, and that every text starts after."""
        return self.models[0].eos_id

    @property
    def unit(self) -> Literal["running", "sentences"]:
        """Whether it runs over text without end, or over sentences that end with ``eos_id``."""
        return self.models[0].unit

    def start(self, n: int) -> MixtureState:
        """The state of n texts before their first token."""
        return MixtureState(tuple(model.start(n) for model in self.models))

    def advance(self, state: MixtureState, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, MixtureState]:
        """Read some tokens of each text; see `gatewise.lm.LanguageModel.advance`."""
        parts, states = self.advance_each(state, ids, lengths)
        found = self.mixed(parts)
        if lengths is not None:  # log 1 = 0 there, but for the rounding of the weights' sum
            found = found.masked_fill(torch.arange(ids.size(1)) >= lengths[:, None], 0.0)
        return found, states

    def advance_each(
        self, state: MixtureState, ids: Tensor, lengths: Tensor | None = None
    ) -> tuple[list[Tensor], MixtureState]:
        """As :meth:`advance`, but the log probabilities of each model, K of [n, T]."""
        found = [model.advance(own, ids, lengths) for model, own in zip(self.models, state.states, strict=True)]
        return [log_probs for log_probs, _ in found], MixtureState(tuple(after for _, after in found))

    def next(self, state: MixtureState) -> Tensor:
        """The log probability of every token that may come next, [n, V] in nats."""
        return self.mixed([model.next(own) for model, own in zip(self.models, state.states, strict=True)])

    def mixed(self, parts: list[Tensor]) -> Tensor:
        """log sum_k weights[k] exp(parts[k]): added in float64, returned in the type of the least precise of them."""
        logs = torch.tensor(self.weights, dtype=torch.float64).log()
        found = torch.stack([part.double() + log for part, log in zip(parts, logs, strict=True)]).logsumexp(0)
        return found.to(min((part.dtype for part in parts), key=lambda dtype: dtype.itemsize))


def _weights_needed(models: int, given: int) -> str:
    told = f"{given} {'was' if given == 1 else 'were'} given"
    return f"{models} models need {models} weights, but {told}" if models > 1 else f"1 model needs 1 weight, but {told}"


def mixture_weights(log_probs: Tensor, *, rounds: int = 200, enough: float = 1e-8) -> tuple[float, ...]:
    """The weights under which held-out tokens are most probable, by expectation maximisation.

    Each round gives a model the mean share that it has in the probability of a token:
    weights[k] <- mean over t of weights[k] p_k(t) / sum_j weights[j] p_j(t).

    Args:
        log_probs: [K, T], of each held-out token under each model, in nats.
        rounds: at most so many, at least 1.
        enough: a round that gains less than this per token, in nats, is the last.

    Raises:
        SettingError: no tokens, or one that no model allows.

    Example:
        >>> better, worse = torch.tensor([-1.0, -1.0, -5.0]), torch.tensor([-3.0, -3.0, -1.0])
        >>> [round(weight, 2) for weight in mixture_weights(torch.stack([better, worse]))]
        [0.63, 0.37]
    """
    if not log_probs.size(1):
        raise SettingError("weights are found on held-out text, but there is no token")
    if bool((log_probs.max(0).values == -torch.inf).any()):
        raise SettingError("a held-out token has probability 0 under every model", fix="smooth one of them")
    parts = log_probs.double()
    logs = torch.full((len(parts), 1), -math.log(len(parts)), dtype=torch.float64)
    before = -math.inf
    for _ in range(rounds):
        whole = (parts + logs).logsumexp(0)
        logs = (parts + logs - whole).logsumexp(1, keepdim=True) - math.log(parts.size(1))
        if (found := float(whole.mean())) - before < enough:
            break
        before = found
    weights = logs.exp().flatten()
    return tuple((weights / weights.sum()).tolist())
