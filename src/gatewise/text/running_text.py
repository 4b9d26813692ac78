"""Running text in B parallel streams for truncated backpropagation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from gatewise.errors import DataError
from gatewise.text.batch import Batch, gather, same_stream
from gatewise.text.store import TokenStore
from gatewise.text.windows import Queue, Ring, Walk, once, stretches


class RunningText:
    """Windows of running text, B side by side; a row of a batch goes on where the same row of the last one ended.

    With ``reset_at="never"`` the rows start at equal distances and go round the text: every window is full, and every
    token is given out once an epoch (at most B x bptt of them once more). Otherwise a row reads one document,
    paragraph or line to its end (the window is cut there), then takes the next in an order drawn for each epoch, and
    starts it from the initial state; sequences longer than a row's share of the text are divided, since otherwise
    a few long documents would keep only a few rows busy.

    Args:
        store: the text; its division is ``reset_at`` ("document" for "never").
        batch_size: rows, B.
        bptt: the longest window, T, in tokens.
        reset_at: where a row starts again from the initial state.
        seed: of the order of documents, paragraphs or lines.

    Raises:
        DataError: the store is divided otherwise; or, when the first batch is asked for, the text is shorter than it.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> from gatewise.text.tokenizer import Tokenizer
        >>> store = TokenStore.build(["abcdefg"], Tokenizer.train(["any"], TextSettings(level="byte")))
        >>> stream = RunningText(store, batch_size=2, bptt=3)
        >>> next(stream).inputs.T.tolist(), next(stream).inputs.T.tolist()
        ([[0, 98, 99], [0, 102, 103]], [[100, 101, 102], [104, 0, 98]])
    """

    def __init__(
        self,
        store: TokenStore,
        batch_size: int,
        bptt: int,
        reset_at: Literal["never", "document", "paragraph", "line"] = "never",
        seed: int = 0,
    ) -> None:
        needed = "document" if reset_at == "never" else reset_at
        if store.division != needed:
            raise DataError(
                f"the token ids must be divided at every {needed}, but they are divided at every {store.division}",
                fix=f'build the store with division="{needed}"',
            )
        self.store, self.batch_size, self.bptt, self.reset_at, self.seed = store, batch_size, bptt, reset_at, seed

    @cached_property
    def _walk(self) -> Walk:
        tokens, needed = len(self.store), self.batch_size * self.bptt
        if tokens < needed:
            raise DataError(
                f"one batch needs {self.batch_size} x {self.bptt} = {needed} tokens, but the text has {tokens}",
                fix=f"give more text, or lower --batch-size (to {max(1, tokens // self.bptt)}) or --bptt",
            )
        if self.reset_at == "never":
            return Ring(tokens, self.batch_size, self.bptt)
        starts, ends = stretches(self.store.boundaries, longest=max(self.bptt, tokens // self.batch_size))
        return Queue(starts, ends, self.batch_size, self.bptt, self.seed)

    @property
    def epoch(self) -> float:
        """Epochs given out so far, with the fraction of the one that goes on."""
        return self._walk.done / self._walk.per_epoch

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which every token is given out once."""
        return self._walk.per_epoch

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """The next batch."""
        return gather(self.store, *self._walk.next())

    def state(self) -> dict[str, Any]:
        """Where the stream stands, in a form that JSON can hold."""
        return self._identity() | {"place": self._walk.place()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream over the same text and with the same settings stood.

        Raises:
            DataError: the state belongs to another text or to other settings.
        """
        same_stream(state, self._identity())
        self._walk.go_to(state["place"])

    def _identity(self) -> dict[str, Any]:
        return {
            "stream": "running text",
            "tokens": len(self.store),
            "tokenizer": self.store.fingerprint,
            "batch_size": self.batch_size,
            "bptt": self.bptt,
            "reset_at": self.reset_at,
            "seed": self.seed,
        }

    def one_pass(self) -> Iterator[Batch]:
        """Every token once, for evaluation; a text of any length.

        The text is divided into as many equal parts as there are rows that can be filled, at most B, each read from
        the initial state; with ``reset_at`` every document, paragraph or line is. A document or paragraph longer than
        such a part is divided, a line never. Rows that are done have length 0.
        """
        tokens = len(self.store)
        rows = max(1, min(self.batch_size, tokens // self.bptt))
        parts = np.arange(rows + 1) * tokens // rows
        boundaries = parts if self.reset_at == "never" else self.store.boundaries
        longest = tokens if self.reset_at == "line" else max(self.bptt, -(-tokens // rows))
        starts, ends = stretches(boundaries, longest)
        for window in once(starts, ends, rows, self.bptt):
            yield gather(self.store, *window)
