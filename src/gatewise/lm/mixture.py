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

_HALVINGS = 40


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


def mixture_weights(log_probs: Tensor, *, rounds: int = 1000, enough: float = 1e-8) -> tuple[float, ...]:
    """The weights under which held-out tokens are most probable: no others gain more than ``enough`` per token.

    What weights gain at most is known: the log probability is concave in them, with slope g_k = mean over t of
    p_k(t) / p(t) for model k, so that no weights whatever gain more than max_k g_k - 1. Each round moves weight from
    the model of the least slope, among those that have weight, to the one of the largest, as much as is best.

    Args:
        log_probs: [K, T], of each held-out token under each model, in nats.
        rounds: at most so many.
        enough: what other weights may gain per token, in nats.

    Raises:
        SettingError: no tokens, or one that no model allows.

    Source: Boehning 1986 (vertex exchange), on the optimum that expectation maximisation goes to slowly where models
    are alike.

    Example:
        >>> better, worse = torch.tensor([-1.0, -1.0, -5.0]), torch.tensor([-3.0, -3.0, -1.0])
        >>> [round(weight, 2) for weight in mixture_weights(torch.stack([better, worse]))]
        [0.63, 0.37]
    """
    if not log_probs.size(1):
        raise SettingError("weights are found on held-out text, but there is no token")
    most = log_probs.double().max(0).values
    if bool((most == -torch.inf).any()):
        raise SettingError("a held-out token has probability 0 under every model", fix="smooth one of them")
    parts = (log_probs.double() - most).exp()
    weights = torch.full((len(parts),), 1 / len(parts), dtype=torch.float64)
    for _ in range(rounds):
        slopes = (parts / (weights @ parts)).mean(1)
        to = int(slopes.argmax())
        if slopes[to] - 1 <= enough:
            break
        away = int(slopes.where(weights > 0, torch.inf).argmin())
        weights = _moved(parts, weights, away, to)
    return tuple((weights / weights.sum()).tolist())


def _moved(parts: Tensor, weights: Tensor, away: int, to: int) -> Tensor:
    """The weights with as much of one model's moved to another's as makes the tokens most probable, by bisection."""
    both, difference = weights[away] + weights[to], parts[to] - parts[away]

    def after(share: float) -> Tensor:
        found = weights.clone()
        found[to], found[away] = both * share, both * (1 - share)
        return found

    if float((difference / (after(1.0) @ parts)).mean()) >= 0:  # -inf where a token needs the model it is taken from
        return after(1.0)
    low, high = float(weights[to] / both), 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rises = float((difference / (after(middle) @ parts)).mean()) > 0
        low, high = (middle, high) if rises else (low, middle)
    return after(low)
