"""Sentences in which the last word can only be known from names that stand k words back.

    A walked into the room . B walked in too . [k words] S said hi to ___

S is A or B, and the word that is missing is the other. Letters: T time, B batch.
Source: CS224n notes (2019), part V, section 2.3, whose example has k = 0 and k = 17.
"""

from __future__ import annotations

import torch
from torch import Tensor

_NAMES = "Jane John Mary Peter Anna Paul Emma Tom Lucy Mark Sara Ben Clara Hugo Nina Otto"
NAMES = tuple(_NAMES.split())
CLAUSES = tuple(
    clause.split()
    for clause in (
        "it was late in the day ,",
        "and everyone was walking home after a long day at work .",
        "the rain had stopped an hour ago ,",
        "but the street was still wet .",
        "somebody had left a window open ,",
        "and the noise of the city came in .",
        "there was coffee on the table .",
        "nobody had much to say .",
        "the lamp in the corner was on ,",
        "and a clock was ticking .",
    )
)
"""What may stand in between, running on in any order."""
_SCENE = ["walked into the room .", "walked in too .", "said hi to"]
WORDS = tuple(dict.fromkeys((*NAMES, *" ".join(_SCENE).split(), *(word for clause in CLAUSES for word in clause))))
"""Every word, the names first; the number of a word is its place."""
_NUMBER = {word: number for number, word in enumerate(WORDS)}
_RUNNING = 500
"""Clauses of the running text that a batch takes its words in between from."""


def draw(batch: int, between: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sentences up to the missing word, and that word.

    Args:
        batch: B.
        between: k, 0 or more, at most 2000.
        generator: of names and clauses.

    Returns:
        words [T, B] with T = 14 + k, and the answers [B], both as numbers of `WORDS`.

    Example:
        >>> words, answers = draw(2, 5, torch.Generator().manual_seed(0))
        >>> print(spoken(words[:, 0]), "->", WORDS[answers[0]])
        Clara walked into the room . Sara walked in too . after a long day at Clara said hi to -> Sara
    """
    first, speaker = torch.randint(len(NAMES), (2, batch), generator=generator)
    second = (first + 1 + torch.randint(len(NAMES) - 1, (batch,), generator=generator)) % len(NAMES)
    first_speaks = speaker < len(NAMES) // 2
    running = _running(generator)
    places = torch.randint(len(running) - between + 1, (batch,), generator=generator)
    parts = [
        first[None],
        _said(_SCENE[0], batch),
        second[None],
        _said(_SCENE[1], batch),
        running[places + torch.arange(between)[:, None]],
        torch.where(first_speaks, first, second)[None],
        _said(_SCENE[2], batch),
    ]
    return torch.cat(parts), torch.where(first_speaks, second, first)


def spoken(words: Tensor) -> str:
    """Numbers of words [T] as text."""
    return " ".join(WORDS[number] for number in words.tolist())


def _said(text: str, batch: int) -> Tensor:
    return torch.tensor([_NUMBER[word] for word in text.split()])[:, None].expand(-1, batch)


def _running(generator: torch.Generator) -> Tensor:
    """Clauses in a random order, one after another."""
    order = torch.randint(len(CLAUSES), (_RUNNING,), generator=generator).tolist()
    return torch.tensor([_NUMBER[word] for number in order for word in CLAUSES[number]])
