"""A back-off table as an ARPA file, which KenLM, SRILM and others read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gatewise.errors import GatewiseError
from gatewise.models.ngram.arpa_numbers import Bytes, Floats, write_numbers
from gatewise.models.ngram.arpa_words import WordBytes, joined
from gatewise.models.ngram.counts import Ids
from gatewise.models.ngram.table import BackoffTable, Logs
from gatewise.storage.atomic import Buffer, write_atomically

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
LEAST = -99.0
"""What stands for the logarithm of 0, as SRILM writes it."""
_AT_ONCE = 1 << 15  # n-grams, about a megabyte


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
    _check(table)
    pieces = _pieces(table, names)
    write_atomically(path, _packed(pieces) if str(path).endswith(".gz") else pieces)


def _packed(pieces: Iterator[Buffer]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)  # with the header of gzip
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _names(words: Sequence[str], eos_id: int) -> list[bytes]:
    names = [word.encode("utf-8") for word in words]
    for index, (word, name) in enumerate(zip(words, names, strict=True)):
        if name.split() != [name]:
            message = f"ARPA divides words by white space, but the token {word!r} holds it"
            raise GatewiseError(message, fix="train the model at the level word, bpe or unigram")
        if word in (BEGIN, END) and index != eos_id:
            raise GatewiseError(f"in ARPA {word} marks where texts begin or end, but here it is a word")
    return names


def _check(table: BackoffTable) -> None:
    if table.uniform:
        raise GatewiseError(
            "add-delta shares what is left equally among all words, which ARPA cannot say", fix="use another smoothing"
        )
    if any(_goes_on(table, order) for order in range(2, table.order)):
        raise GatewiseError(
            "the model goes on from one text into the next, but ARPA has ends of texts at the ends of n-grams only",
            fix="train it with --unit sentences, or with --reset-at line",
        )


def _goes_on(table: BackoffTable, order: int) -> bool:
    """Whether anything follows an n-gram of this order that ends a text."""
    v, longer = table.vocabulary_size, table.orders[order].keys
    ends = np.flatnonzero(table.orders[order - 1].keys % v == table.eos_id)
    return bool((np.searchsorted(longer, ends * v) < np.searchsorted(longer, (ends + 1) * v)).any())


def _pieces(table: BackoffTable, names: list[bytes]) -> Iterator[Buffer]:
    """The content of the file."""
    sizes = [len(order.keys) for order in table.orders]
    promised = [sizes[0] + 1, *sizes[1:]]  # <s> beside </s>
    counts = "\n".join(f"ngram {order}={size}" for order, size in enumerate(promised, start=1))
    yield f"\\data\\\n{counts}\n".encode()
    before, last = [*names], [*names]
    before[table.eos_id], last[table.eos_id] = BEGIN.encode(), END.encode()
    words_before = WordBytes(before, b" ")
    for order, size in enumerate(sizes, start=1):
        yield f"\n\\{order}-grams:\n".encode()
        if order == 1:
            yield _begin(table)
        words_last = WordBytes(last, b"\n" if order == table.order else b"\t")
        for first in range(0, size, _AT_ONCE):
            here = np.arange(first, min(first + _AT_ONCE, size))
            yield _lines(table, order, here, words_before, words_last).data
    yield b"\n\\end\\\n"


def _begin(table: BackoffTable) -> bytes:
    """The line of ``<s>``, which has the back-off weight of the token that ends a text."""
    weights = table.orders[0].back_offs
    if weights is None:
        return b"%.7f\t%s\n" % (LEAST, BEGIN.encode())
    weight = _in_tens(weights[table.eos_id : table.eos_id + 1]).item()
    return b"%.7f\t%s\t%.7f\n" % (LEAST, BEGIN.encode(), weight)


def _lines(table: BackoffTable, order: int, numbers: Ids, before: WordBytes, last: WordBytes) -> Bytes:
    """The lines of some n-grams of one order: each a number, its words and perhaps a number, one after the other.

    Args:
        table: the n-grams.
        order: of these.
        numbers: [N], which of them.
        before: the words where another follows.
        last: the words at the end of an n-gram.
    """
    own = table.orders[order - 1]
    log_probs = _in_tens(own.log_probs[numbers])
    log_probs[log_probs > 0] = 0.0  # what rounding made of a probability of 1
    parts = [write_numbers(log_probs, b"\t")]
    if own.back_offs is not None:
        weights = _in_tens(own.back_offs[numbers])
        if order == 1:
            weights[numbers == table.eos_id] = 0.0  # nothing follows </s>
        parts.append(write_numbers(weights, b"\n"))
    words = _words(table, order, numbers)
    columns = [(before.text, before.begins[word], before.lengths[word]) for word in words[:-1]]
    columns.append((last.text, last.begins[words[-1]], last.lengths[words[-1]]))
    columns = [parts[0], *columns, *parts[1:]]
    return joined(*_together(columns))


def _together(columns: list[tuple[Bytes, Ids, Ids]]) -> tuple[Bytes, Ids, Ids]:
    """Columns of texts, each with where they lie in it, as one text and where all lie there, row by row."""
    known: dict[int, int] = {}  # where the text of a column stands among all; columns of words share theirs
    texts: list[Bytes] = []
    for text, _, _ in columns:
        if id(text) not in known:
            known[id(text)] = sum(map(len, texts))
            texts.append(text)
    begins = np.stack([begins + known[id(text)] for text, begins, _ in columns], axis=1)
    lengths = np.stack([lengths for _, _, lengths in columns], axis=1)
    return np.concatenate(texts), begins.reshape(-1), lengths.reshape(-1)


def _words(table: BackoffTable, order: int, numbers: Ids) -> list[Ids]:
    """The words of some n-grams, [N] for each place."""
    found: list[Ids] = []
    for length in range(order, 0, -1):
        numbers, words = np.divmod(table.orders[length - 1].keys[numbers], table.vocabulary_size)
        found.insert(0, words)
    return found


def _in_tens(logs: Logs) -> Floats:
    """From natural logarithms to those of base 10."""
    return np.maximum(logs.astype(np.float64) / math.log(10), LEAST)
