"""Batches of running text and of sentences: without end for training, once through for evaluation."""

from __future__ import annotations

from gatewise.text.batch import Batch as Batch
from gatewise.text.batch import BatchStream as BatchStream
from gatewise.text.running_text import RunningText as RunningText
from gatewise.text.sentences import Sentences as Sentences
from gatewise.text.sequences import Division
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore


def division(settings: TextSettings) -> Division:
    """What the sequences of a store must be for these settings.

    Example:
        >>> division(TextSettings(unit="sentences")), division(TextSettings(reset_at="never"))
        ('sentence', 'document')
    """
    if settings.unit == "sentences":
        return "sentence"
    return "document" if settings.reset_at == "never" else settings.reset_at


def stream(store: TokenStore, text: TextSettings, batches: BatchSettings, seed: int = 0) -> RunningText | Sentences:
    """The stream over ``store`` that the settings ask for.

    Args:
        store: made with ``division(text)``.
        text: whether the text runs or is sentences, and where it resets.
        batches: sizes.
        seed: of the order of sequences.

    Raises:
        DataError: the store was made with another division.

    Example:
        >>> from gatewise.text.tokenizer import Tokenizer
        >>> settings = TextSettings(level="byte")
        >>> store = TokenStore.build(["some text"], Tokenizer.train(["any"], settings))
        >>> next(stream(store, settings, BatchSettings(batch_size=2, bptt=3))).targets.T.tolist()
        [[116, 112, 110], [117, 102, 121]]
    """
    if text.unit == "sentences":
        return Sentences(store, batches.batch_size, seed, longest=batches.longest_sentence)
    return RunningText(store, batches.batch_size, batches.bptt, text.reset_at, seed)
