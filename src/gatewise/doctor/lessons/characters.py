"""A small language model of characters, and the text that lessons train it on: the documentation inside Python.

Letters: T time, B batch, X vector of a character, H hidden, V characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.doctor.lessons.practice import Budget, Learner
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from gatewise.text.default_corpus import default_corpus

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_SELDOM = 200
"""Characters that come less often are read as `UNKNOWN`."""
_HELD_OUT = 20
"""One part in so many, the last, is not trained on."""
WINDOW = 64
"""Characters that a gradient reaches back in training."""


@dataclass(frozen=True)
class Text:
    """A text as numbers.

    Attributes:
        alphabet: V characters, the first of them `UNKNOWN`.
        training: numbers of the characters [N].
        held_out: the same of the part that is not trained on.

    Example:
        >>> text = Text.of("abc" * 400)
        >>> text.alphabet, text.spoken(text.held_out[:4])
        ('\N{REPLACEMENT CHARACTER}abc', 'abca')
    """

    alphabet: str
    training: Tensor
    held_out: Tensor

    @classmethod
    def of(cls, text: str) -> Text:
        """A text, cut where the last part begins."""
        alphabet = UNKNOWN + "".join(sorted(char for char, count in Counter(text).items() if count >= _SELDOM))
        number = {char: place for place, char in enumerate(alphabet)}
        numbers = torch.tensor([number.get(char, 0) for char in text])
        cut = len(numbers) - len(numbers) // _HELD_OUT
        return cls(alphabet, numbers[:cut], numbers[cut:])

    def spoken(self, numbers: Tensor) -> str:
        """Numbers of characters [T] as text."""
        return "".join(self.alphabet[number] for number in numbers.tolist())


def documentation() -> Text:
    """The docstrings of the standard library of the Python that runs this; the last twentieth is held out."""
    return Text.of("\n".join("".join(document) for document in default_corpus()))


class CharacterModel(nn.Module):
    """p(next character) = softmax(W h_t + b).

    Args:
        cell: of the one layer.
        characters: V.
        width: X.
        hidden: H.

    Example:
        >>> from gatewise.cells.registry import find
        >>> model = CharacterModel(find("gru"), 10, 4, 8)
        >>> scores, state = model(torch.zeros(5, 2, dtype=torch.long))
        >>> tuple(scores.shape)
        (5, 2, 10)
    """

    def __init__(self, cell: Cell, characters: int, width: int, hidden: int) -> None:
        super().__init__()
        self.vectors, self.layer = nn.Embedding(characters, width), Recurrent(cell, width, hidden)
        self.out = nn.Linear(hidden, characters)

    def forward(self, numbers: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """[T, B] -> scores [T, B, V], and the state after the last."""
        output, final = self.layer(self.vectors(numbers), state)
        return self.out(output), final

    def subject(self, text: Text, first: int, length: int) -> Subject:
        """The layer reading a part of the held-out text; the loss is that of the next character.

        Args:
            text: whose held-out part is read.
            first: the place of the first character.
            length: T.
        """
        numbers = text.held_out[first : first + length + 1]
        weight, bias = self.out.weight.detach(), self.out.bias.detach()

        def step_loss(outputs: Tensor, steps: Tensor) -> Tensor:
            scores = functional.linear(outputs, weight.to(outputs.dtype), bias.to(outputs.dtype))
            return functional.cross_entropy(scores, numbers[1:][steps], reduction="none")

        inputs = self.vectors.weight.detach()[numbers[:-1]]
        return Subject(self.layer.eval(), inputs, tuple(text.spoken(numbers[:-1])), step_loss, unit="character")


def train(model: CharacterModel, text: Text, seed: int, budget: Budget) -> Iterator[int]:
    """Train on windows of parallel streams, the state carried from each window to the next.

    Args:
        model: trained in place.
        text: what is read.
        seed: where in the text the first window begins.
        budget: updates, batch, rate, threshold.

    Yields:
        the number of updates made, after each.
    """
    streams = len(text.training) // budget.batch
    shift = int(torch.randint(streams, (), generator=torch.Generator().manual_seed(seed)))
    rolled = text.training.roll(-shift)[: streams * budget.batch].view(budget.batch, streams).t().contiguous()
    learner, state, at = Learner(model, budget), None, 0
    for update in range(budget.updates):
        if at + WINDOW >= streams:
            state, at = None, 0
        scores, final = model(rolled[at : at + WINDOW], state)
        learner.update(functional.cross_entropy(scores.flatten(0, 1), rolled[at + 1 : at + WINDOW + 1].flatten()))
        state, at = {name: value.detach() for name, value in final.items()}, at + WINDOW
        yield update + 1


@torch.no_grad()
def loss(model: CharacterModel, text: Text, length: int = 20_000) -> float:
    """Mean loss in nats per character over the beginning of the held-out text, read in one piece.

    Args:
        model: what reads.
        text: whose held-out part is read.
        length: characters, at most.
    """
    numbers = text.held_out[: length + 1]
    scores, _ = model(numbers[:-1, None])
    return functional.cross_entropy(scores[:, 0], numbers[1:]).item()
