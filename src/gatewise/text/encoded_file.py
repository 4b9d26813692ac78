"""A set of encoded texts as one file, so that a run can be resumed without reading and cutting its texts again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import ModelFileError
from gatewise.storage import pack_pieces, unpack_tensors, write_atomically
from gatewise.text.encoded import EncodedTexts, Types

_AGAIN = "start the run again"
_KINDS = {
    "ids": torch.int32,
    "boundaries": torch.int64,
    "word_ids": torch.int64,
    "characters": torch.int32,
    "starts": torch.int64,
}


def write_encoded(path: str | Path, texts: EncodedTexts) -> None:
    """Write a set of texts as a safetensors file that carries its own SHA-256.

    Args:
        path: the file; one that is there is replaced.
        texts: with or without targets.

    Raises:
        GatewiseError: the system refuses.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> texts = EncodedTexts.of_words([["so", "so"], ["it"]], Lexicon(["so"]))
        >>> write_encoded("texts.safetensors", texts)
        >>> read_encoded("texts.safetensors", texts.fingerprint).digest() == texts.digest()
        True
    """
    arrays: dict[str, Any] = {"ids": texts.ids, "boundaries": texts.boundaries, "targets": texts.targets}
    if texts.types is not None:
        types = texts.types
        arrays |= {"word_ids": types.word_ids, "characters": types.characters, "starts": types.starts}
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items() if array is not None}
    told = {
        "fingerprint": texts.fingerprint,
        "unk_id": "none" if texts.unk_id is None else str(texts.unk_id),
        "tagged": "yes" if texts.tagged else "no",
        "cut": str(texts.types.cut if texts.types else 0),
    }
    write_atomically(path, b"".join(pack_pieces(tensors, told, sealed=True)))


def read_encoded(path: str | Path, fingerprint: str) -> EncodedTexts:
    """The texts that :func:`write_encoded` wrote.

    Args:
        path: the file.
        fingerprint: of the lexicon or tokenizer that they must be of.

    Raises:
        ModelFileError: the file is missing or damaged, or its texts were encoded by another vocabulary.
    """
    where = str(path)
    tensors, told = unpack_tensors(path, where, sealed=True)
    if told.get("fingerprint") != fingerprint:
        raise ModelFileError("these texts were encoded by another vocabulary", where=where, fix=_AGAIN)
    for name, kind in _KINDS.items():
        if name in tensors and tensors[name].dtype != kind:
            raise ModelFileError(f"{name} is expected as {kind}, but {tensors[name].dtype} came", where=where)
    if not {"ids", "boundaries"} <= tensors.keys():
        raise ModelFileError("encoded texts are expected, but this is something else", where=where, fix=_AGAIN)
    unk_id = told.get("unk_id", "none")
    return EncodedTexts(
        tensors["ids"].numpy(),
        tensors["boundaries"].numpy(),
        _types(tensors, int(told.get("cut", "0"))),
        _array(tensors, "targets"),
        fingerprint,
        None if unk_id == "none" else int(unk_id),
        told.get("tagged") == "yes",
    )


def _types(tensors: Mapping[str, Tensor], cut: int) -> Types | None:
    if "word_ids" not in tensors:
        return None
    return Types(tensors["word_ids"].numpy(), _array(tensors, "characters"), _array(tensors, "starts"), cut)


def _array(tensors: Mapping[str, Tensor], name: str) -> Any:
    return tensors[name].numpy() if name in tensors else None
