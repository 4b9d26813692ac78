"""What is measured of each model of a comparison, and all of it together."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.models.ngram import NgramLM
from gatewise.models.rebuild import Network
from gatewise.storage import read_folder
from gatewise.tasks.language_model.model import LanguageModel, evaluate, load
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore

_LONG_ENOUGH = 0.5


@dataclass(frozen=True)
class Row:
    """A model of a comparison.

    Attributes:
        model: "ngram", "window", or the cell.
        tokens: how many it was trained on.
        perplexity: per token, on the text that the comparison names.
        bits_per_character: on the same text; None where the tokens do not hold every character of it.
        parameters: numbers that were trained; None for n-grams.
        ngrams: how many n-grams it holds; None for networks.
        bytes: of its model folder.
        seconds: of training alone, or of counting and estimating.
        tokens_per_second: when it scores.
        epochs: how often it read its text.
        ended: why its training ended: "time", "patience" (validation stopped improving) or "done".
        folder: its run folder.
    """

    model: str
    tokens: int
    perplexity: float
    bits_per_character: float | None
    parameters: int | None
    ngrams: int | None
    bytes: int
    seconds: float
    tokens_per_second: float
    epochs: float
    ended: str
    folder: str

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        return dataclasses.asdict(self)


@dataclass
class Comparison:
    """The models of a comparison that are finished.

    Attributes:
        folder: where they lie.
        text: what perplexity is measured on: "test" or "validation".
        text_tokens: how long that is.
        token: what a token is, in a word.
        watched_tokens: how much of the validation text is looked at while a network is trained.
        train_tokens: how long the whole training text is.
        rows: by size, then in the order asked for.
        courses: for each row's folder, the perplexity on what is watched after so many seconds of training.
        signal: the number of the signal that stopped it, or None.
    """

    folder: Path
    text: str
    text_tokens: int
    token: str
    watched_tokens: int
    train_tokens: int
    rows: list[Row] = field(default_factory=list)
    courses: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    signal: int | None = None

    @property
    def sizes(self) -> list[int]:
        """The numbers of tokens that were trained on, the smallest first."""
        return sorted({row.tokens for row in self.rows})

    def to_dict(self) -> dict[str, Any]:
        """The rows and what they were measured on, ready for JSON."""
        return {
            "text": self.text,
            "text_tokens": self.text_tokens,
            "token": self.token,
            "rows": [row.to_dict() for row in self.rows],
        }


def measured(name: str, tokens: int, folder: Path, watched: TokenStore) -> tuple[Row, float]:
    """The row of a model that was trained in ``folder``, and its perplexity on the watched text."""
    model = load(read_folder(folder / "model"))
    parts, history = model.parts, model.history
    training, scores = history["training"], history["scores"]
    score = scores.get("test", scores["validation"])
    perplexity, speed = scoring_speed(parts.network, watched, parts.text, parts.batches)
    row = Row(
        model=name,
        tokens=tokens,
        perplexity=math.inf if score["perplexity_per_token"] is None else score["perplexity_per_token"],
        bits_per_character=score["bits_per_character"],
        **_sizes(model),
        bytes=sum(path.stat().st_size for path in (folder / "model").iterdir()),
        seconds=training["seconds"],
        tokens_per_second=speed,
        epochs=training.get("epochs", 1.0),
        ended=training.get("stopped", "done"),
        folder=str(folder),
    )
    return row, perplexity


def scoring_speed(
    network: Network,
    store: TokenStore,
    text: TextSettings,
    batches: BatchSettings,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """The perplexity of an encoded text, and how many of its tokens a model scores in a second.

    What is timed is what ``gatewise eval`` does once the text is encoded: taking batches from the token ids, the
    network or the table, and the sum of the log probabilities; again and again until half a second is over, after once
    that is not timed.
    """
    perplexity = evaluate(network, store, text, batches).measure.perplexity
    began, tokens = clock(), 0
    while (seconds := clock() - began) < _LONG_ENOUGH:
        evaluate(network, store, text, batches)
        tokens += len(store)
    return perplexity, tokens / seconds


def _sizes(model: LanguageModel) -> dict[str, int | None]:
    network = model.network
    if isinstance(network, NgramLM):
        return {"parameters": None, "ngrams": sum(len(found.keys) for found in network.table.orders)}
    return {"parameters": sum(tensor.numel() for tensor in network.state_dict().values()), "ngrams": None}
