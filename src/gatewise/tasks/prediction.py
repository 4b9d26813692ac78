"""Predicting for more texts than memory holds: read in parts, computed by length, given back in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO, TypeVar

from torch import nn

from gatewise.layers.steady import steady
from gatewise.text.encoded import EncodedTexts
from gatewise.text.text_batches import TextBatch, in_order, one_pass

T = TypeVar("T")
R = TypeVar("R")

FIRST, MOST, CHARACTERS = 64, 4096, 1 << 21
"""Texts of the first part and of the largest, and the characters after which a part ends in any case."""
TEXTS, TOKENS = 64, 1 << 13
"""Texts and tokens, padding counted, that are computed at once."""
_PERIOD = 0.5  # seconds between two lines of progress


def parts(items: Iterable[T], characters: Callable[[T], int], *, waiting: bool = False) -> Iterator[list[T]]:
    """The items in lists, small ones first so that the first results come soon.

    Args:
        items: read as they are needed.
        characters: how long an item is.
        waiting: whether somebody types and waits for an answer: every item is a list by itself.

    Example:
        >>> [len(part) for part in parts(["a"] * 300, len)]
        [64, 128, 108]
        >>> [len(part) for part in parts(["a"] * 3, len, waiting=True)]
        [1, 1, 1]
    """
    most, held, size = 1 if waiting else FIRST, list[T](), 0
    for item in items:
        held.append(item)
        size += characters(item)
        if len(held) >= most or size >= CHARACTERS:
            yield held
            most = most if waiting else min(2 * most, MOST)
            held, size = [], 0
    if held:
        yield held


def computed(
    network: nn.Module,
    texts: EncodedTexts,
    compute: Callable[[TextBatch], Sequence[R]],
    batch_size: int | None = None,
    tokens: int = TOKENS,
) -> list[R]:
    """What ``compute`` says of each text, in the order of the set; texts of like length are computed together.

    Args:
        network: what ``compute`` asks, in evaluation mode.
        texts: the set.
        compute: gives one result for each text of a batch.
        batch_size: texts that are computed together at most; None: as many as ``tokens`` allows, up to ``TEXTS``.
        tokens: that are computed together, padding counted; 0: no limit.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> words = [["it", "is"], [], ["so"]]
        >>> texts = EncodedTexts.of_words(words, Lexicon.build(words))
        >>> computed(nn.Identity(), texts, lambda batch: batch.lengths.tolist())
        [2, 0, 1]
    """
    batches = one_pass(texts, batch_size or TEXTS, tokens=tokens)
    with steady(network):
        return in_order((batch, compute(batch)) for batch in batches)


class Meter:
    """Counts texts and tokens, shows how far a prediction is where somebody looks, and how quick it was at its end.

    Args:
        stream: such as ``sys.stderr``.
        clock: gives seconds.

    Example:
        >>> import io
        >>> out, seconds = io.StringIO(), iter([0.0, 2.0])
        >>> meter = Meter(out, clock=lambda: next(seconds))
        >>> meter.add(3, 40)
        >>> meter.end()
        >>> out.getvalue()
        '3 texts, 40 tokens in 2.0 s: 20 tokens/s\\n'
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
        self.stream, self.clock = stream, clock
        self.texts = self.tokens = 0
        self._watched = stream.isatty()
        self._began = clock()
        self._shown = self._began

    def add(self, texts: int, tokens: int) -> None:
        """Count what was computed."""
        self.texts += texts
        self.tokens += tokens
        if self._watched and self.clock() - self._shown >= _PERIOD:
            self._shown = self.clock()
            self.stream.write(f"\r\x1b[K{self._told()}")
            self.stream.flush()

    def end(self) -> None:
        """Say what there was, on a line of its own."""
        self.stream.write(("\r\x1b[K" if self._watched else "") + self._told() + "\n")
        self.stream.flush()

    def clear(self) -> None:
        """Take the line of progress away, before results are written to the same terminal."""
        if self._watched and self._shown > self._began:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _told(self) -> str:
        seconds = max(self.clock() - self._began, 1e-9)
        texts = "1 text" if self.texts == 1 else f"{self.texts:,} texts"
        return f"{texts}, {self.tokens:,} tokens in {seconds:,.1f} s: {self.tokens / seconds:,.0f} tokens/s"


def tokens_of(texts: EncodedTexts) -> int:
    """How many tokens a set has."""
    return len(texts.ids)


def rows(scores: Any) -> list[Any]:
    """The rows of a tensor [B, ...] as arrays, one for each text of a batch."""
    return list(scores.detach().cpu().numpy())
