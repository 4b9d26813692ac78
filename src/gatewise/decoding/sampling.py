"""Writing token by token: drawn from the model's distribution, or always the likeliest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.decoding.filters import Filter
from gatewise.decoding.prompt import check_length, check_prompt, read_prompt
from gatewise.errors import SettingError
from gatewise.lm.protocol import LanguageModel, S

Choice = Callable[[Tensor, Tensor, int], Tensor]
"""Log probabilities [m, V], which texts these are [m], and the number of the step -> a token for each [m]."""


@dataclass(frozen=True)
class Step:
    """One more token of each text.

    Attributes:
        ids: the token of each text; None for a text that has ended.
        log_probs: the model's own log probability of it, before any filter; 0 for a text that has ended.

    Example:
        >>> Step((5, None), (-1.2, 0.0)).ids
        (5, None)
    """

    ids: tuple[int | None, ...]
    log_probs: tuple[float, ...]


def sample(
    lm: LanguageModel[S],
    prompt: Sequence[int] = (),
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: Sequence[int] = (),
    seed: int = 0,
    n: int = 1,
) -> Iterator[Step]:
    """Draw texts token by token: w_t ~ p'(. | w_1 ... w_{t-1}).

    Text i depends on the seed, i and the prompt, not on how many texts are drawn (beyond the rounding of the model). A
    model of sentences ends a text with its ``eos_id``, which is given out too.

    Args:
        lm: any language model.
        prompt: token ids that every text goes on from; may be empty.
        length: how many tokens are written at most, at least 1.
        temperature: above 0; below 1 favours the likely tokens, above 1 the unlikely.
        top_k: draw from this many likeliest tokens, at least 1; None: from all.
        top_p: draw from the fewest likeliest tokens that hold this probability together, above 0, at most 1; None: all.
        banned: tokens that are never drawn.
        seed: any whole number.
        n: how many texts, at least 1.

    Yields:
        One step after the other, until the length is reached or every text has ended.

    Raises:
        SettingError: a number out of its range.
        DataError: a token of the prompt is outside the vocabulary.

    Example:
        >>> from gatewise.lm import Uniform
        >>> several = [step.ids for step in sample(Uniform(100), length=3, seed=1, n=2)]
        >>> [ids[0] for ids in several] == [step.ids[0] for step in sample(Uniform(100), length=3, seed=1)]
        True
    """
    filter = Filter(temperature, top_k, top_p, tuple(banned))
    check_length(length)
    check_prompt(lm, prompt)
    if n < 1:
        raise SettingError(f"n must be at least 1, but {n!r} was given")
    chances = torch.stack([_chances(seed, index, length) for index in range(n)])

    def choose(log_probs: Tensor, going: Tensor, step: int) -> Tensor:
        return _draw(filter(log_probs).exp(), chances[going, step])

    return _write(lm, prompt, length, n, choose)


def greedy(
    lm: LanguageModel[S], prompt: Sequence[int] = (), *, length: int, banned: Sequence[int] = ()
) -> Iterator[Step]:
    """The likeliest token at every step, the one of the lowest id where several are.

    Args:
        lm: any language model.
        prompt: token ids that the text goes on from; may be empty.
        length: how many tokens are written at most, at least 1.
        banned: tokens that are never chosen.

    Raises:
        SettingError: a length below 1.
        DataError: a token of the prompt is outside the vocabulary.

    Example:
        >>> from gatewise.lm import Uniform
        >>> [step.ids for step in greedy(Uniform(4), length=2, banned=[0])]
        [(1,), (1,)]
    """
    filter = Filter(banned=tuple(banned))
    check_length(length)
    check_prompt(lm, prompt)

    return _write(lm, prompt, length, 1, lambda log_probs, *_: filter(log_probs).argmax(1))


def _write(lm: LanguageModel[S], prompt: Sequence[int], length: int, n: int, choose: Choice) -> Iterator[Step]:
    """n texts that all go on from the prompt; one that has ended is taken out of the batch."""
    state = read_prompt(lm, prompt).select(torch.zeros(n, dtype=torch.int64))
    going = torch.arange(n)
    for step in range(length):
        log_probs = lm.next(state).cpu()
        chosen = choose(log_probs, going, step)
        yield _step(n, going, chosen, log_probs.gather(1, chosen[:, None]).squeeze(1))
        if lm.unit == "sentences" and bool((chosen == lm.eos_id).any()):
            kept = (chosen != lm.eos_id).nonzero().squeeze(1)
            going, chosen, state = going[kept], chosen[kept], state.select(kept)
            if not len(going):
                return
        if step + 1 < length:
            state = lm.advance(state, chosen[:, None])[1]


def _step(n: int, going: Tensor, chosen: Tensor, log_probs: Tensor) -> Step:
    ids: list[int | None] = [None] * n
    found = [0.0] * n
    for index, token, log_prob in zip(going.tolist(), chosen.tolist(), log_probs.tolist(), strict=True):
        ids[index], found[index] = token, log_prob
    return Step(tuple(ids), tuple(found))


def _chances(seed: int, index: int, length: int) -> Tensor:
    """The random numbers of one text, uniform in [0, 1): they depend on nothing but the seed and its index."""
    digest = hashlib.sha256(f"{seed} {index}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.rand(length, dtype=torch.float64, generator=generator)


def _draw(probabilities: Tensor, chances: Tensor) -> Tensor:
    """The token in whose part of [0, 1) each chance falls, [m], from [m, V] and [m]."""
    reached = probabilities.cumsum(1)
    total = reached[:, -1:]
    drawn = torch.searchsorted(reached, chances[:, None] * total, right=True)
    # A chance so near to 1 that it rounds to it belongs to the last token with any probability.
    return drawn.minimum((reached < total).sum(1, keepdim=True)).squeeze(1)
