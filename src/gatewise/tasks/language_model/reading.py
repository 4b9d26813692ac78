"""How a text is read once through: in batches, or from end to end by a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import numpy as np
import torch

from gatewise.layers.softmax import check_ids
from gatewise.lm import Score
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.ngram import NgramLM, Text
from gatewise.models.rebuild import Network
from gatewise.text.batch import Batch
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import stream

_AT_ONCE = 1 << 17  # tokens


def one_pass(network: Network, store: TokenStore, text: TextSettings, batches: BatchSettings) -> Iterator[Batch]:
    """Every token of a text once.

    A neural network reads the parts of a long text side by side, each from the initial state. A table needs no rows
    to be quick, and what stands before a part would be lost to it: it reads the text from end to end.

    Args:
        network: that is measured.
        store: the text.
        text: how it is cut.
        batches: how a neural network reads it.
    """
    models = network.models if isinstance(network, MixtureLM) else (network,)
    if all(isinstance(model, NgramLM) for model in models) and text.unit == "running":
        rows = {"never": 1, "document": 16}.get(text.reset_at, batches.batch_size)
        bptt = _AT_ONCE if text.reset_at in ("never", "document") else batches.bptt
        batches = batches.replace(batch_size=rows, bptt=bptt)
    return stream(store, text, batches).one_pass()


def text_of(store: TokenStore, text: TextSettings, vocabulary_size: int) -> Text:
    """As n-grams see it: contexts begin anew at every sequence, or never."""
    runs_on = text.unit == "running" and text.reset_at == "never"
    return Text(store.ids, None if runs_on else store.boundaries, vocabulary_size, store.eos_id)


def table_scores(network: NgramLM, sequences: Sequence[Sequence[int]]) -> list[Score]:
    """What `gatewise.lm.score` gives, from all texts side by side as one: a table needs no batches."""
    boundaries = np.cumsum([0, *map(len, sequences)])
    ids = np.fromiter(chain.from_iterable(sequences), np.int64, boundaries[-1])
    check_ids(torch.from_numpy(ids), network.vocabulary_size, where="NgramLM")
    found = network.text_log_probs(Text(ids, boundaries, network.vocabulary_size, network.eos_id)).tolist()
    return [Score(tuple(found[begin:end])) for begin, end in pairwise(boundaries.tolist())]
