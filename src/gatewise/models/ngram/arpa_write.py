"""A back-off table as an ARPA file, which KenLM, SRILM and others read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gatewise.errors import GatewiseError
from gatewise.models.ngram.counts import Ids
from gatewise.models.ngram.table import BackoffTable, Order
from gatewise.storage.atomic import write_atomically

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
LEAST = -99.0
"""What stands for the logarithm of 0, as SRILM writes it."""
_AT_ONCE = 100_000


def write_arpa(path: str | Path, table: BackoffTable, words: Sequence[str]) -> None:
    """Write an ARPA file: log10 probabilities with 7 decimals; compressed where the name ends in ``.gz``.

    The token that ends a text is ``</s>`` where it is predicted and ``<s>`` where texts begin after it.

    Args:
        path: the file; one that is there is replaced when the new one is whole.
        table: the n-grams.
        words: [V], how each token is written.

    Raises:
        GatewiseError: a token holds white space, or stands for something else in ARPA; the table needs more than
            ARPA can say; or the file cannot be written.
    """
    names = _names(words, table.eos_id)
    grams = _grams(table)
    _check(table, grams)
    pieces = _pieces(table, grams, names)
    write_atomically(path, _packed(pieces) if str(path).endswith(".gz") else pieces)


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)  # with the header of gzip
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _names(words: Sequence[str], eos_id: int) -> list[str]:
    for index, word in enumerate(words):
        if (
            not word
            or len(word.encode("utf-8").split()) != 1
            or word.encode("utf-8").split()[0] != word.encode("utf-8")
        ):
            message = f"ARPA divides words by white space, but the token {word!r} holds it"
            raise GatewiseError(message, fix="train the model at the level word, bpe or unigram")
        if word in (BEGIN, END) and index != eos_id:
            raise GatewiseError(f"in ARPA {word} marks where texts begin or end, but here it is a word")
    return list(words)


def _grams(table: BackoffTable) -> list[Ids]:
    """For each order its n-grams as ids, [N_k, k]."""
    grams = [np.arange(table.vocabulary_size)[:, None]]
    for order in table.orders[1:]:
        prefixes, words = np.divmod(order.keys, table.vocabulary_size)
        grams.append(np.concatenate([grams[-1][prefixes], words[:, None]], axis=1))
    return grams


def _check(table: BackoffTable, grams: list[Ids]) -> None:
    if table.uniform:
        raise GatewiseError(
            "add-delta shares what is left equally among all words, which ARPA cannot say", fix="use another smoothing"
        )
    if any(bool((gram[:, 1:-1] == table.eos_id).any()) for gram in grams[2:]):
        raise GatewiseError(
            "the model goes on from one text into the next, but ARPA has ends of texts at the ends of n-grams only",
            fix="train it with --unit sentences, or with --reset-at line",
        )


def _pieces(table: BackoffTable, grams: list[Ids], names: list[str]) -> Iterator[bytes]:
    """The content of the file."""
    sizes = [len(order.keys) for order in table.orders]
    sizes[0] += 1  # <s> beside </s>
    counts = "\n".join(f"ngram {order}={size}" for order, size in enumerate(sizes, start=1))
    yield f"\\data\\\n{counts}\n".encode()
    for number, (order, gram) in enumerate(zip(table.orders, grams, strict=True), start=1):
        yield f"\n\\{number}-grams:\n".encode()
        for lines in _lines(order, gram, names, table.eos_id):
            yield "".join(lines).encode("utf-8")
    yield b"\n\\end\\\n"


def _lines(order: Order, gram: Ids, names: list[str], eos_id: int) -> Iterator[Iterable[str]]:
    """The lines of one order, some at a time."""
    length = gram.shape[1]
    middle, last, first = names, [*names], [*names]
    last[eos_id], first[eos_id] = END, BEGIN
    tables = [last] if length == 1 else [first, *[middle] * (length - 2), last]
    log_probs = _in_tens(order.log_probs)
    back_offs = None if order.back_offs is None else _in_tens(order.back_offs)
    if length == 1 and back_offs is not None:
        yield [f"{LEAST:.7f}\t{BEGIN}\t{back_offs[eos_id]:.7f}\n"]
        back_offs[eos_id] = 0.0
    elif length == 1:
        yield [f"{LEAST:.7f}\t{BEGIN}\n"]
    for begin in range(0, len(gram), _AT_ONCE):
        here = slice(begin, begin + _AT_ONCE)
        columns = [map(table.__getitem__, gram[here, place].tolist()) for place, table in enumerate(tables)]
        texts = map(" ".join, zip(*columns, strict=True))
        if back_offs is None:
            yield map("%.7f\t%s\n".__mod__, zip(log_probs[here].tolist(), texts, strict=True))
        else:
            fields = zip(log_probs[here].tolist(), texts, back_offs[here].tolist(), strict=True)
            yield map("%.7f\t%s\t%.7f\n".__mod__, fields)


def _in_tens(logs: np.ndarray[tuple[int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """From natural logarithms to those of base 10."""
    return np.maximum(logs.astype(np.float64) / math.log(10), LEAST)
