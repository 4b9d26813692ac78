"""Token ids on disk: written in one pass, read through a memory map, so that a corpus may be larger than memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.storage.atomic import write_atomically
from gatewise.storage.strict_json import parse_json
from gatewise.text.growing import GrowingArray, mapped
from gatewise.text.pieces import blocks
from gatewise.text.sequences import Division, Part, running, sentences
from gatewise.text.tokenizer import Tokenizer

_FILES = ("ids.npy", "boundaries.npy")
_RECORD = "store.json"
_PIECE = 1 << 20
_AGAIN = "remove the folder and prepare the text again"


@dataclass(frozen=True)
class Counts:
    """What a text holds.

    Attributes:
        tokens: tokens with every ``<eos>``: what is scored.
        unknown: how many of them are ``<unk>``.
        characters: characters that the tokens stand for: of the text with its newlines, without ``blank`` lines.
        sequences: documents, paragraphs, lines or sentences, whatever the text was divided into.
        blank: lines without a word, which sentences leave out.
    """

    tokens: int
    unknown: int
    characters: int
    sequences: int
    blank: int


class TokenStore:
    r"""The token ids of a text and where its sequences begin.

    Made by :meth:`build` and :meth:`open`. Every document ends with ``<eos>`` (at word level its last newline is it);
    with ``division="sentence"`` every line does.

    Args:
        ids: [N], uint16 or uint32; in memory or mapped.
        boundaries: [sequences + 1], int64: where each sequence begins, and N.
        division: what a sequence is: "document", "paragraph", "line" or "sentence".
        counts: what the text holds.
        eos_id: the id that ends a sequence and starts every stream.
        fingerprint: of the tokenizer.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> tokenizer = Tokenizer.train(["a b\nb\n"], TextSettings(level="word", minimum_count=1))
        >>> store = TokenStore.build(["a b\nb\n"], tokenizer, division="line")
        >>> store.ids.tolist(), store.boundaries.tolist()
        ([3, 2, 0, 2, 0], [0, 3, 5])
    """

    def __init__(
        self,
        ids: NDArray[np.unsignedinteger[Any]],
        boundaries: NDArray[np.int64],
        division: Division,
        counts: Counts,
        eos_id: int,
        fingerprint: str,
    ) -> None:
        self.ids, self.boundaries, self.division = ids, boundaries, division
        self.counts, self.eos_id, self.fingerprint = counts, eos_id, fingerprint

    def __len__(self) -> int:
        return self.counts.tokens

    @classmethod
    def build(
        cls,
        documents: Iterable[str | Iterable[str]],
        tokenizer: Tokenizer,
        *,
        folder: str | Path | None = None,
        division: Division = "document",
    ) -> Self:
        """Encode ``documents`` piece by piece.

        Args:
            documents: each a text, or the pieces of a text in order; only one piece stands in memory.
            tokenizer: makes the ids.
            folder: where the arrays are written and mapped from; None keeps them in memory.
            division: where sequences begin: at documents, after blank lines, or at every line, blank or not; "sentence"
                is a line that ends with ``<eos>``, lines without a word left out and counted.

        Raises:
            DataError: there is no token.
            GatewiseError: the folder cannot be written.
        """
        kind = np.dtype(np.uint16 if tokenizer.vocabulary_size <= 1 << 16 else np.uint32)
        paths = [None, None] if folder is None else [Path(folder) / name for name in _FILES]
        with GrowingArray(paths[0], kind) as ids, GrowingArray(paths[1], np.dtype(np.int64)) as starts:
            counts = _write(_parts(documents, tokenizer, division), tokenizer.unk_id, ids, starts)
            store = cls(ids.finish(), starts.finish(), division, counts, tokenizer.eos_id, tokenizer.fingerprint)
            if folder is not None:
                store._write_record(Path(folder), [ids.checksum, starts.checksum])
        return store

    def beginning(self, tokens: int, tokenizer: Tokenizer) -> TokenStore:
        """The first tokens as a store of their own, over the same memory; of sentences, those that end by then.

        Its characters are those of the text that the tokenizer makes of the ids.

        Args:
            tokens: how many; a store that is no longer is returned as it is.
            tokenizer: that the ids were made with.

        Raises:
            DataError: not one sentence ends by then.

        Example:
            >>> from gatewise.text.settings import TextSettings
            >>> tokenizer = Tokenizer.train(["a"], TextSettings(level="byte"))
            >>> TokenStore.build(["some text"], tokenizer).beginning(4, tokenizer).counts.characters
            4
        """
        if tokens >= len(self):
            return self
        if self.division == "sentence":
            tokens = int(self.boundaries[np.searchsorted(self.boundaries, tokens, "right") - 1])
        if not tokens:
            raise DataError("not one sentence is within so few tokens", fix="take more")
        ids = self.ids[:tokens]
        boundaries = np.append(self.boundaries[self.boundaries < tokens], tokens)
        unknown = 0 if tokenizer.unk_id is None else int(np.count_nonzero(ids == tokenizer.unk_id))
        # An end is written as a newline, which it stands for only where newlines are ends.
        ends = 0 if self.division == "sentence" or tokenizer.level == "word" else np.count_nonzero(ids == self.eos_id)
        characters = len(tokenizer.decode(ids)) - int(ends)
        counts = Counts(tokens, unknown, characters, len(boundaries) - 1, blank=0)
        return TokenStore(ids, boundaries, self.division, counts, self.eos_id, self.fingerprint)

    def _write_record(self, folder: Path, checksums: list[int]) -> None:
        record = {
            "format": 1,
            "division": self.division,
            "counts": asdict(self.counts),
            "eos_id": self.eos_id,
            "tokenizer": self.fingerprint,
            "crc32": dict(zip(_FILES, checksums, strict=True)),
        }
        write_atomically(folder / _RECORD, json.dumps(record, indent=1).encode("utf-8"))

    @classmethod
    def open(cls, folder: str | Path, tokenizer: Tokenizer | None = None, verify: bool = True) -> Self:
        """The store that :meth:`build` wrote into ``folder``, mapped.

        Args:
            folder: where it lies.
            tokenizer: the tokenizer it must be made with.
            verify: read everything once and compare the checksums.

        Raises:
            DataError: the store is missing, unfinished, damaged, or made with another tokenizer.
        """
        record = _read_record(Path(folder))
        if tokenizer is not None and record["tokenizer"] != tokenizer.fingerprint:
            raise DataError("these token ids were made with another tokenizer", where=str(folder), fix=_AGAIN)
        arrays = [_open_array(Path(folder) / name, record["crc32"][name], verify) for name in _FILES]
        counts = Counts(**record["counts"])
        if [len(array) for array in arrays] != [counts.tokens, counts.sequences + 1]:
            raise DataError("the token ids are not as many as were written", where=str(folder), fix=_AGAIN)
        return cls(arrays[0], arrays[1], record["division"], counts, record["eos_id"], record["tokenizer"])


def _parts(documents: Iterable[str | Iterable[str]], tokenizer: Tokenizer, division: Division) -> Iterator[Part]:
    for document in documents:
        text = blocks([document] if isinstance(document, str) else document)
        yield from sentences(text, tokenizer) if division == "sentence" else running(text, tokenizer, division)


def _write(parts: Iterable[Part], unknown: int | None, ids: GrowingArray, starts: GrowingArray) -> Counts:
    unknowns = characters = blank = 0
    for part in parts:
        starts.append(part.starts + ids.length)
        ids.append(part.ids)
        unknowns += 0 if unknown is None else int(np.count_nonzero(part.ids == unknown))
        characters += part.characters
        blank += part.blank
    if not ids.length:
        raise DataError("a text must have a word in it, but there is not one token", fix="give a file with text")
    sequences = starts.length
    starts.append(np.array([ids.length]))
    return Counts(ids.length, unknowns, characters, sequences, blank)


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = parse_json((folder / _RECORD).read_bytes(), str(folder / _RECORD))
    except OSError as error:
        raise DataError(f"there are no finished token ids here ({error.strerror})", where=str(folder)) from None
    if not isinstance(record, dict) or record.get("format") != 1:
        raise DataError("this is no record of token ids of format 1", where=str(folder / _RECORD), fix=_AGAIN)
    return record


def _open_array(path: Path, checksum: int, verify: bool) -> NDArray[Any]:
    try:
        array = mapped(path)
    except (OSError, ValueError) as error:
        raise DataError(f"the token ids cannot be read ({error})", where=str(path), fix=_AGAIN) from None
    if verify and _crc32(array) != checksum:
        raise DataError("the token ids are damaged: their checksum is another", where=str(path), fix=_AGAIN)
    return array


def _crc32(array: NDArray[Any]) -> int:
    checksum = 0
    for start in range(0, len(array), _PIECE):
        checksum = zlib.crc32(array[start : start + _PIECE].data, checksum)
    return checksum
