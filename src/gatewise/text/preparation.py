"""From a corpus to token ids on disk: hold out, learn the vocabulary, encode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gatewise.errors import DataError, GatewiseError
from gatewise.storage.atomic import write_atomically
from gatewise.text.documents import Corpus, Document
from gatewise.text.settings import TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import division
from gatewise.text.tokenizer import Tokenizer

_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs of a text.

    Attributes:
        tokenizer: learnt from the training text alone.
        train: the training text.
        valid: the text to validate on.
        notes: lines that the user should see.
    """

    tokenizer: Tokenizer
    train: TokenStore
    valid: TokenStore
    notes: tuple[str, ...]


def prepare(
    corpus: Corpus,
    settings: TextSettings,
    folder: str | Path | None = None,
    valid: Corpus | None = None,
    tokenizer: Tokenizer | None = None,
) -> Prepared:
    """Encode a corpus for training.

    Args:
        corpus: the text; its last ``validation_share`` is held out where ``valid`` is None.
        settings: the level, the vocabulary, and the form of the text.
        folder: where the token ids are written (made if it is not there); None keeps them in memory.
        valid: another text to validate on.
        tokenizer: one that is there already; None learns one from the training text.

    Raises:
        DataError: the text is too short to be divided, or changes while it is read.
        SettingError: the vocabulary size is too small for the level.
        GatewiseError: the folder cannot be written.

    Example:
        >>> text = prepare(Corpus.of(["one two\\n" * 50]), TextSettings(level="char"))
        >>> len(text.train), len(text.valid), text.notes
        (361, 41, ('held out for validation: the last 40 of 400 characters',))
    """
    if valid is None:
        trained_on, held_out = corpus.split(settings.validation_share)
    else:
        trained_on, held_out = corpus.documents, valid.documents
    tokenizer = tokenizer or Tokenizer.train(_texts(trained_on, settings), settings)
    places: list[Path | None] = [None, None]
    if folder is not None:
        places = [_made(Path(folder) / name) for name in ("train", "valid")]
        write_atomically(Path(folder) / _TOKENIZER, tokenizer.to_bytes())
    stores = [
        TokenStore.build(texts, tokenizer, folder=place, division=division(settings))
        for texts, place in zip((trained_on, held_out), places, strict=True)
    ]
    notes = [*corpus.notes, *(valid.notes if valid else [f"held out for validation: {_share(held_out, corpus)}"])]
    notes += [
        f"left out of the {name} text: {store.counts.blank} lines without a word"
        for name, store in zip(("training", "validation"), stores, strict=True)
        if store.counts.blank
    ]
    return Prepared(tokenizer, stores[0], stores[1], tuple(notes))


def reopen(folder: str | Path) -> Prepared:
    """What :func:`prepare` left in ``folder``.

    Raises:
        DataError: it is missing, unfinished or damaged.
        ModelFileError: its tokenizer is damaged.
    """
    path = Path(folder) / _TOKENIZER
    try:
        tokenizer = Tokenizer.from_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"there is no prepared text ({error.strerror})", where=str(path)) from None
    train, valid = (TokenStore.open(Path(folder) / name, tokenizer) for name in ("train", "valid"))
    return Prepared(tokenizer, train, valid, ())


def _texts(documents: Iterable[Document], settings: TextSettings) -> Iterator[str]:
    """The documents one after the other, so that no word reaches from one into the next."""
    gap = [] if settings.level in ("char", "byte") else ["\n"]
    return chain.from_iterable(chain(document, gap) for document in documents)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GatewiseError(f"the folder cannot be made ({error.strerror})", where=str(folder)) from None
    return folder


def _share(held_out: Iterable[Document], corpus: Corpus) -> str:
    characters = sum(map(len, chain.from_iterable(held_out)))  # the store counts without blank lines
    return f"the last {characters:,} of {corpus.characters:,} characters"
