"""Tensors as a safetensors file: no code, no copy on the way out, one copy or none (mapped) on the way in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gatewise.errors import ModelFileError
from gatewise.storage import seal
from gatewise.storage.atomic import Buffer
from gatewise.storage.header import ITEM_SIZES, Entry, read_header, write_header
from gatewise.storage.reading import read_file

if TYPE_CHECKING:
    import torch

_TORCH_NAMES = {
    "F64": "float64", "I64": "int64", "F32": "float32", "I32": "int32", "F16": "float16", "BF16": "bfloat16",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def pack_tensors(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """The tensors as the bytes of a safetensors file; any reader of that format can read it.

    Args:
        tensors: by name; on any device, of any strides; a tensor that stands under two names is written twice.
        metadata: texts to keep beside them, at most 1 MiB.

    Raises:
        ModelFileError: a name is not of 1 to 512 printable bytes, or a dtype has no place in the format.

    Example:
        >>> import torch
        >>> tensors, metadata = unpack_tensors(pack_tensors({"w": torch.arange(3)}, {"made by": "hand"}))
        >>> tensors, metadata
        ({'w': tensor([0, 1, 2])}, {'made by': 'hand'})
    """
    return b"".join(pack_pieces(tensors, metadata))


def pack_pieces(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None, *, sealed: bool = False
) -> list[Buffer]:
    """As :func:`pack_tensors`, but as pieces that still share memory with the tensors: write them at once.

    Args:
        tensors: by name.
        metadata: texts to keep beside them.
        sealed: whether the SHA-256 of the whole file goes into its metadata, where :func:`unpack_tensors` checks it.

    Raises:
        ModelFileError: as :func:`pack_tensors`.

    Example:
        >>> import torch
        >>> b"".join(pack_pieces({"a": torch.ones(2)})) == pack_tensors({"a": torch.ones(2)})
        True
    """
    if sys.byteorder != "little":
        raise ModelFileError("tensors are written on little-endian machines only")
    dtypes = {name: _dtype_name(name, tensor) for name, tensor in tensors.items()}
    # Wide items first: then each tensor begins at a multiple of its item size.
    order = sorted(tensors, key=lambda name: (-ITEM_SIZES[dtypes[name]], name))
    entries, pieces, end = [], [], 0
    for name in order:
        pieces.append(_buffer(tensors[name]))
        start, end = end, end + pieces[-1].nbytes
        entries.append(Entry(name, dtypes[name], tuple(tensors[name].shape), start, end))
    head = write_header(entries, {seal.KEY: seal.BLANK} | dict(metadata or {}) if sealed else metadata or {})
    return [seal.sealed(head, pieces) if sealed else head, *pieces]


def unpack_tensors(
    source: Buffer | str | Path, where: str = "", *, sealed: bool = False
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file, each number of its header checked before use.

    Args:
        source: the file, or its content; the tensors share memory with a ``bytearray`` and with a ``memoryview``
            that may be written, such as a mapped file; other content is copied.
        where: what the error calls it.
        sealed: whether it must carry its own SHA-256; one that it carries is checked in any case.

    Returns:
        tensors by name, in the order of the file; metadata.

    Raises:
        ModelFileError: it is not such a file, is damaged or truncated, or its seal is broken.

    Example:
        >>> unpack_tensors(b"GGUF", where="w")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: w: is not a safetensors file: it looks like a GGUF file
    """
    if isinstance(source, str | Path):
        source, where = read_file(source), where or str(source)
    where = where or "safetensors data"
    entries, metadata, begin = read_header(source, where)
    if (sealed or seal.KEY in metadata) and not seal.is_sealed(source, begin):
        raise ModelFileError("is damaged: its SHA-256 is not the one written in it", where=where, fix="copy it again")
    shared = isinstance(source, bytearray) or (isinstance(source, memoryview) and not source.readonly)
    data = source if shared else bytearray(source)
    return {entry.name: _tensor(entry, data, begin) for entry in entries}, metadata


def check_finite(tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Refuse NaN and infinity: an LSTM hides an infinite weight behind finite outputs.

    Raises:
        ModelFileError: naming the first tensor with such a number.

    Example:
        >>> import torch
        >>> check_finite({"w": torch.tensor([1.0, float("inf")])}, where="model.safetensors")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: model.safetensors: 1 of 2 numbers of the tensor w are not finite
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool((finite := tensor.isfinite()).all()):
            bad = finite.numel() - int(finite.sum())
            raise ModelFileError(f"{bad} of {finite.numel()} numbers of the tensor {name} are not finite", where=where)


def _dtype_name(name: str, tensor: torch.Tensor) -> str:
    own = str(tensor.dtype).removeprefix("torch.")
    found = next((dtype for dtype, torch_name in _TORCH_NAMES.items() if torch_name == own), None)
    if found is None or tensor.is_sparse:
        raise ModelFileError(f"the tensor {name} of {tensor.dtype}, {tensor.layout} has no place in safetensors")
    return found


def _buffer(tensor: torch.Tensor) -> memoryview:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def _tensor(entry: Entry, data: Buffer, begin: int) -> torch.Tensor:
    import torch

    dtype = getattr(torch, _TORCH_NAMES[entry.dtype])
    if entry.start == entry.stop:
        return torch.empty(entry.shape, dtype=dtype)
    start, stop = begin + entry.start, begin + entry.stop
    if start % ITEM_SIZES[entry.dtype]:  # another writer's file: kernels want aligned numbers
        return torch.frombuffer(bytearray(data[start:stop]), dtype=dtype).view(entry.shape)
    count = (stop - start) // ITEM_SIZES[entry.dtype]
    return torch.frombuffer(data, dtype=dtype, count=count, offset=start).view(entry.shape)
