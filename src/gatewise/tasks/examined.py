"""What examining a model needs in every task: how much of a text is examined, and a network in float64."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import groupby
from typing import Generic, TypeVar

import torch
from torch import nn

from gatewise.text.tokenizer import Tokenizer

LONGEST = 2048
"""Tokens of a text that are examined at most: enough to see behaviour, and measured in seconds."""
TEXTS = 10_000
"""Texts of a file, from its beginning, among which the longest is looked for."""

UNITS = {"word": "word", "char": "character", "byte": "byte", "bpe": "piece", "unigram": "piece"}
"""What a token is called, at each level of a tokenizer."""

_BROKEN = "\N{REPLACEMENT CHARACTER}"

Network = TypeVar("Network", bound=nn.Module)


class InType(Generic[Network]):
    """A network in its own type, and in another once that is asked for: small gradients need float64.

    Args:
        network: in evaluation mode; it is not changed.

    Example:
        >>> layer = InType(nn.Linear(2, 3))
        >>> layer(torch.float64).weight.dtype, layer(torch.float64) is layer(torch.float64)
        (torch.float64, True)
    """

    def __init__(self, network: Network) -> None:
        self._known = {next(network.parameters()).dtype: network}

    def __call__(self, dtype: torch.dtype) -> Network:
        """The network with parameters of this type; the whole of it is copied, so that what is tied stays tied."""
        if dtype not in self._known:
            self._known[dtype] = copy.deepcopy(next(iter(self._known.values()))).to(dtype)
        return self._known[dtype]


def names_of(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[str, ...]:
    """Each token as a reader knows it: a piece with its space, an end of a text by its name.

    Tokens that are parts of a letter in UTF-8 are told by the last of them, which has the letter; the others are empty.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> tokenizer = Tokenizer.train(["so"], TextSettings(level="byte"))
        >>> names_of(tokenizer, [tokenizer.eos_id, *tokenizer.encode("né")])
        ('<eos>', 'n', '', 'é')
    """
    known = {number: tokenizer.decode([number]) for number in set(ids)}
    known[tokenizer.eos_id] = tokenizer.tokens([tokenizer.eos_id])[0]
    found: list[str] = []
    for broken, run in groupby(ids, lambda number: _BROKEN in known[number]):
        names, part = [known[number] for number in run], len(found)
        whole = tokenizer.decode(ids[part : part + len(names)]) if broken else _BROKEN
        found += names if _BROKEN in whole else [*[""] * (len(names) - 1), whole]
    return tuple(found)
