"""How a text is read once through to be measured."""

from __future__ import annotations

from collections.abc import Iterator

from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.ngram import NgramLM
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
