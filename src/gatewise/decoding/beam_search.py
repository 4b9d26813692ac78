"""Beam search: the most probable texts that a search of some width finds.

Letters: m unfinished texts, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.decoding.prompt import check_length, check_prompt, read_prompt
from gatewise.errors import SettingError
from gatewise.lm.protocol import LanguageModel, S


@dataclass(frozen=True)
class Hypothesis:
    """A text that beam search found.

    Attributes:
        ids: its tokens after the prompt, the end included.
        log_prob: of these tokens after the prompt, in nats.
        score: log_prob / length^length_penalty, by which texts are compared.
        finished: whether it ended by itself, not by the limit.

    Example:
        >>> Hypothesis((3, 0), -2.0, -1.0, True).score
        -1.0
    """

    ids: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool


def beam(
    lm: LanguageModel[S],
    prompt: Sequence[int] = (),
    *,
    width: int,
    length: int,
    length_penalty: float = 0.0,
    banned: Sequence[int] = (),
    count: int | None = None,
) -> list[Hypothesis]:
    """The texts of the highest score = log p / tokens^length_penalty that a beam of some width finds, best first.

    At every step each unfinished text is continued by every token; of all continuations the ``width`` most probable
    that are not finished go on. A model of sentences finishes a text with its ``eos_id``; others go on to the length.
    The search ends when no unfinished text can still reach the finished ones. From a width of V^(length - 1) on,
    nothing is missed.

    Args:
        lm: any language model.
        prompt: token ids that the texts go on from; may be empty.
        width: at least 1.
        length: the most tokens of a text, its end included, at least 1.
        length_penalty: 0 compares probabilities, which favours short texts; 1 the mean of the tokens; at least 0.
        banned: tokens that are never used.
        count: how many texts are wanted, 1 to ``width``; None: as many as the width. Fewer come where fewer exist.

    Raises:
        SettingError: a number out of its range, or every text that the model allows holds a banned token.
        DataError: a token of the prompt is outside the vocabulary.

    Example:
        >>> from gatewise.lm import Uniform
        >>> best = beam(Uniform(3, unit="sentences"), width=4, length=5)[0]    # to end at once is most probable
        >>> best.ids, best.finished
        ((0,), True)
    """
    count = width if count is None else count
    for name, value, least in (("width", width, 1), ("count", count, 1), ("length_penalty", length_penalty, 0)):
        if not value >= least:
            raise SettingError(f"{name} must be at least {least}, but {value!r} was given")
    if count > width:
        raise SettingError(f"count must be at most the width, {width}, but {count} was given", fix="widen the beam")
    check_length(length)
    check_prompt(lm, prompt)
    ends = lm.eos_id if lm.unit == "sentences" else None
    search = _Search(ends, width, length, length_penalty, tuple(banned), count)
    state = read_prompt(lm, prompt)
    while (parents := search.grow(lm.next(state).cpu().double())) is not None:
        state = lm.advance(state.select(parents), search.ids[:, -1:])[1]
    if not search.done:
        raise SettingError(f"no text is left: banned are {', '.join(map(str, banned))}", fix="ban fewer")
    return search.best()


class _Search:
    """The unfinished texts of a search, ids [m, t] and log_probs [m], and the finished ones."""

    def __init__(
        self, ends: int | None, width: int, length: int, penalty: float, banned: tuple[int, ...], count: int
    ) -> None:
        self.ends, self.width, self.length, self.penalty, self.count = ends, width, length, penalty, count
        self.banned = torch.tensor(banned, dtype=torch.int64)
        self.ids = torch.empty(1, 0, dtype=torch.int64)
        self.log_probs = torch.zeros(1, dtype=torch.float64)
        self.done: list[Hypothesis] = []

    def grow(self, log_probs: Tensor) -> Tensor | None:
        """Continue by one token, from log probabilities [m, V]; the row each text comes from, or None at the end."""
        totals = (self.log_probs[:, None] + log_probs).index_fill_(1, self.banned, -torch.inf)
        # Each of at most ``width`` texts can finish in one way, so that ``width`` that go on are among twice as many.
        found, places = totals.flatten().topk(min(2 * self.width, totals.numel()))
        places, found = places[found > -torch.inf], found[found > -torch.inf]
        parents, tokens = places // totals.size(1), places % totals.size(1)
        self.ids, self.log_probs = torch.cat([self.ids[parents], tokens[:, None]], dim=1), found
        going = self._put_aside()[: self.width]
        self.ids, self.log_probs = self.ids[going], self.log_probs[going]
        return None if not len(going) or self._settled() else parents[going]

    def _put_aside(self) -> Tensor:
        """Move the texts that are done to their place; the rows of those that go on."""
        finished = torch.zeros_like(self.log_probs, dtype=torch.bool)
        if self.ends is not None:
            finished = self.ids[:, -1] == self.ends
        over = finished | (self.ids.size(1) == self.length)
        for row in over.nonzero().flatten().tolist():
            ids, log_prob = tuple(self.ids[row].tolist()), self.log_probs[row].item()
            self.done.append(Hypothesis(ids, log_prob, log_prob / len(ids) ** self.penalty, bool(finished[row])))
        return (~over).nonzero().flatten()

    def _settled(self) -> bool:
        """Whether no unfinished text can still be among the wanted: log p only falls, and the length is limited."""
        reachable = self.log_probs[0].item() / self.length**self.penalty
        return len(self.done) >= self.count and reachable <= self.best()[-1].score

    def best(self) -> list[Hypothesis]:
        """The wanted texts, best first."""
        return sorted(self.done, key=lambda found: -found.score)[: self.count]
