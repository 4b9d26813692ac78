"""A file that carries its own SHA-256: the digest of all its bytes, with the digest's 64 digits as zeros."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from gatewise.storage.atomic import Buffer

KEY = "self_sha256"
BLANK = "0" * 64
_FIELD = re.compile(rb'"self_sha256": ?"([0-9a-f]{64})"')


def sealed(head: bytes, rest: Sequence[Buffer] = ()) -> bytes:
    """``head`` with the digest of itself and ``rest`` in place of the blank.

    Example:
        >>> head = sealed(b'{"self_sha256": "' + BLANK.encode() + b'"}')
        >>> is_sealed(head), is_sealed(head.replace(b"{", b"["))
        (True, False)
    """
    start = head.index(BLANK.encode())
    return head[:start] + _digest(head, rest) + head[start + len(BLANK) :]


def is_sealed(data: Buffer, head_size: int | None = None) -> bool:
    """Whether the digest inside ``data`` (inside its first ``head_size`` bytes) is that of ``data``."""
    size = len(data) if head_size is None else head_size
    head = bytes(data[:size])
    found = _FIELD.search(head)
    if found is None:
        return False
    blank = head[: found.start(1)] + BLANK.encode() + head[found.end(1) :]
    return _digest(blank, [memoryview(data)[size:]]) == found[1]


def _digest(head: bytes, rest: Sequence[Buffer]) -> bytes:
    digest = hashlib.sha256(head)
    for piece in rest:
        digest.update(piece)
    return digest.hexdigest().encode()
