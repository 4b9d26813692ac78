"""The text of a run: read, held out, encoded, and recorded for the model card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gatewise.errors import DataError
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.run_folder import read_record, write_record
from gatewise.text.default_corpus import default_corpus
from gatewise.text.documents import Corpus
from gatewise.text.pipelines import UNK
from gatewise.text.preparation import prepare, reopen
from gatewise.text.readers import read
from gatewise.text.settings import TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import division
from gatewise.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Data:
    """Everything that a run knows of its text.

    Attributes:
        tokenizer: learnt from the training text alone.
        train: the training text.
        valid: the text to validate on.
        test: the text to report the final model on, or None.
        record: the files, their sizes and SHA-256, ready for JSON.
        watched: what is validated on while a model is trained, where that is not the whole of ``valid``.
    """

    tokenizer: Tokenizer
    train: TokenStore
    valid: TokenStore
    test: TokenStore | None
    record: dict[str, Any]
    watched: TokenStore | None = None


def read_data(
    files: Sequence[str],
    data: DataSettings,
    text: TextSettings,
    folder: Path,
    note: Callable[[str], None],
    stdin: BinaryIO | None = None,
    called: Mapping[str, str] | None = None,
) -> Data:
    """Read and encode the text of a new run.

    Args:
        files: files, folders, globs or ``-``; none means the documentation inside this Python.
        data: other texts.
        text: how the text is cut.
        folder: where the token ids and the record go.
        note: is told what the user should see.
        stdin: what ``-`` reads; None: the process's own.
        called: what the user knows the texts as, where that is not train, valid and test.

    Raises:
        DataError: a text cannot be used; the line says which and where.
    """
    if not files:
        note("no files given: reading the documentation inside this Python")
    corpus = read(files, encoding=text.encoding, stdin=stdin) if files else default_corpus()
    valid = read(data.valid, encoding=text.encoding, stdin=stdin) if data.valid else None
    test = read(data.test, encoding=text.encoding, stdin=stdin) if data.test else None
    prepared = prepare(corpus, text, folder, valid)
    for line in (*prepared.notes, *(test.notes if test else ())):
        note(line)
    _refuse_unknown(prepared.train, prepared.tokenizer)
    stores = {"train": prepared.train, "valid": prepared.valid}
    if test:
        place = folder / "test"
        place.mkdir()
        stores["test"] = TokenStore.build(test, prepared.tokenizer, folder=place, division=division(text))
    texts: dict[str, Corpus | None] = {"train": corpus, "valid": valid, "test": test}
    for line in _noticed(texts, stores, called or {}):
        note(line)
    record = {"files": list(files), "texts": {name: _entry(texts[name], store) for name, store in stores.items()}}
    write_record(folder, record)
    return Data(prepared.tokenizer, stores["train"], stores["valid"], stores.get("test"), record)


def _refuse_unknown(store: TokenStore, tokenizer: Tokenizer) -> None:
    counts = store.counts
    if counts.unknown and counts.unknown + int(np.count_nonzero(store.ids == tokenizer.eos_id)) == counts.tokens:
        message = f"all {counts.unknown:,} words of the training text are {UNK}: there is nothing to learn"
        fix = "give --minimum-count 1 to keep words that occur once, or more text"
        raise DataError(message, fix=fix)


def reopen_data(folder: Path) -> Data:
    """What :func:`read_data` left in ``folder``.

    Raises:
        TrainingError: there is nothing, or it was left unfinished.
        DataError: it is damaged.
    """
    record = read_record(folder)
    prepared = reopen(folder)
    test = TokenStore.open(folder / "test", prepared.tokenizer) if "test" in record["texts"] else None
    return Data(prepared.tokenizer, prepared.train, prepared.valid, test, record)


def _noticed(
    texts: Mapping[str, Corpus | None], stores: Mapping[str, TokenStore], called: Mapping[str, str]
) -> Iterator[str]:
    """What makes measures on these texts say less than they seem to."""
    digests = {name: corpus.record["sha256"] for name, corpus in texts.items() if corpus is not None}
    for name, store in stores.items():
        known = called.get(name, name)
        if name != "train" and digests.get(name) == digests["train"]:
            yield f"the {known} text is the training text: what is measured on it says nothing about other text"
        if store.counts.unknown:
            yield f"unknown: {store.counts.unknown / store.counts.tokens:.2%} of the tokens of the {known} text"


def _entry(corpus: Corpus | None, store: TokenStore) -> dict[str, Any]:
    """The text's own record where it has one (a held-out part is in that of the text it was taken from), and counts."""
    return {"text": None if corpus is None else corpus.record, **asdict(store.counts)}
