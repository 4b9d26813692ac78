"""How good a language model is on a text: nats, bits and perplexity, and always per what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.errors import DataError
from gatewise.lm.protocol import LanguageModel, S
from gatewise.lm.scores import perplexity, score


@dataclass(frozen=True)
class Measure:
    """The loss of a model on a text: J = -sum log p / tokens; perplexity = exp(J) = 2^(J in bits), per token.

    Only measures over the same tokens can be compared by their perplexity. Bits per character can be compared over
    any tokens of the same text, as long as the text can be had back from the tokens: where something was lost (an
    unknown word, capitals, spaces) less was predicted than the characters say, and ``characters`` must be 0.

    Args:
        nats: -sum log p over all tokens.
        tokens: how many were predicted, the ends of sentences included.
        characters: how many characters they stand for; 0 where that is not known, or the tokens do not hold them all.

    Raises:
        DataError: no tokens.

    Example:
        >>> measure = Measure(nats=400 * math.log(2), tokens=100, characters=200)
        >>> measure.bits_per_token, measure.perplexity, measure.bits_per_character
        (4.0, 16.0, 2.0)
        >>> print(measure)
        loss 2.7726 nats/token = 4.0000 bits/token, perplexity 16.00 per token, 2.0000 bits/character, 100 tokens
    """

    nats: float
    tokens: int
    characters: int = 0

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise DataError("there is no token to measure the model on", fix="give a text that is not empty")

    def __add__(self, other: Measure) -> Measure:
        """Both texts together; characters stay known only where both know them."""
        known = self.characters and other.characters
        characters = self.characters + other.characters if known else 0
        return Measure(self.nats + other.nats, self.tokens + other.tokens, characters)

    @property
    def nats_per_token(self) -> float:
        """J, the loss that training lowers."""
        return self.nats / self.tokens

    @property
    def bits_per_token(self) -> float:
        """J / ln 2."""
        return self.nats_per_token / math.log(2)

    @property
    def perplexity(self) -> float:
        """2^(J in bits) = exp(J), per token; infinite where that is beyond any number."""
        return perplexity(self.bits_per_token)

    @property
    def nats_per_character(self) -> float | None:
        """-sum log p / characters, or None where the characters are not known."""
        return self.nats / self.characters if self.characters else None

    @property
    def bits_per_character(self) -> float | None:
        """-sum log2 p / characters, or None where the characters are not known."""
        return self.nats / self.characters / math.log(2) if self.characters else None

    def to_dict(self) -> dict[str, float | int | None]:
        """All measures by name, ready for JSON; None for what is not known or infinite.

        Example:
            >>> list(Measure(1.0, 1).to_dict())[:4]
            ['loss', 'nats_per_token', 'bits_per_token', 'perplexity_per_token']
        """
        told = {
            "loss": self.nats_per_token,
            "nats_per_token": self.nats_per_token,
            "bits_per_token": self.bits_per_token,
            "perplexity_per_token": self.perplexity,
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "tokens": self.tokens,
            "characters": self.characters or None,
        }
        return {name: value if value is None or math.isfinite(value) else None for name, value in told.items()}

    def __str__(self) -> str:
        parts = [
            f"loss {self.nats_per_token:.4f} nats/token = {self.bits_per_token:.4f} bits/token",
            f"perplexity {self.perplexity:.2f} per token",
        ]
        if self.bits_per_character is not None:
            parts.append(f"{self.bits_per_character:.4f} bits/character")
        return ", ".join([*parts, f"{self.tokens} tokens"])


def per_token(perplexity: float | None) -> str:
    """A perplexity in words; None is one beyond all numbers, of a loss that is a number still.

    Example:
        >>> per_token(4.481), per_token(None)
        ('perplexity 4.48 per token', 'perplexity beyond all numbers')
    """
    return "perplexity beyond all numbers" if perplexity is None else f"perplexity {perplexity:,.2f} per token"


def measure(
    lm: LanguageModel[S], sequences: Sequence[Sequence[int]], *, characters: int = 0, batch_size: int = 64
) -> Measure:
    """The loss of a model on some texts, each from its beginning.

    Args:
        lm: any language model.
        sequences: the token ids of each text.
        characters: of all texts together, where the ids hold every one of them.
        batch_size: texts at once, at least 1.

    Raises:
        DataError: the texts have no tokens.

    Example:
        >>> from gatewise.lm.uniform import Uniform
        >>> round(measure(Uniform(16), [[1, 2, 3], [4]]).bits_per_token, 4)
        4.0
    """
    scores = score(lm, sequences, batch_size=batch_size)
    nats = -math.fsum(text.log_prob for text in scores)
    return Measure(nats, sum(len(text.tokens) for text in scores), characters)
