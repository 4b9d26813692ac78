"""How much memory counting takes, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path

_PER_PLACE, _PER_GRAM = 90, 32
"""Bytes that counting in memory takes at its peak, measured: 84 to 89 for each place and 32 for each n-gram kept."""
_PER_HELD_OUT, _PER_SHARE = 32, 9
_PER_WORD, _PER_WORD_ON_DISK = 85, 45
"""Beside these, for each word of the vocabulary, measured: 62 to 83 and, where n-grams lie on the disk, 36 to 44."""
_UNKNOWN = 8 << 30
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def needed(tokens: int, sequences: int, order: int, vocabulary_size: int, held_out: int = 0) -> int:
    """Bytes that counting and estimating take in memory at most: 90 for each place, 32 for each n-gram, 85 V.

    A place is a token or the beginning of a sequence. Of order k there are at most as many n-grams as places, and at
    most V^k. Estimating begins when the peak of counting is over, and stays below it but for what it takes for each
    word. Interpolation's weights take 32 + 9 n for each held-out token beside.

    Args:
        tokens: of the text.
        sequences: of the text.
        order: n.
        vocabulary_size: V.
        held_out: tokens of the text that weights of interpolation are found on; 0 for a method without.

    Example:
        >>> needed(2_000_000, 0, order=5, vocabulary_size=30_000)
        438550000
    """
    places = tokens + sequences
    grams: int = sum(min(places, vocabulary_size**k) for k in range(2, order + 1))
    weights = (_PER_HELD_OUT + _PER_SHARE * order) * held_out
    return _PER_PLACE * places + _PER_GRAM * grams + _PER_WORD * vocabulary_size + weights


def needed_for_words(vocabulary_size: int) -> int:
    """Bytes that the words take in memory, 45 V, where the n-grams lie on the disk: all of order 1 are one part.

    Example:
        >>> needed_for_words(30_000)
        1350000
    """
    return _PER_WORD_ON_DISK * vocabulary_size


def free_memory() -> int:
    """Bytes that a process may still take, as far as the system says: Linux what is free, others what is built in.

    Example:
        >>> free_memory() > 0
        True
    """
    return min([_available(), *map(_limit, _LIMITS)])


def _available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return _UNKNOWN


def _limit(path: str) -> int:
    """What the group of processes may take together (a container), or no limit."""
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1 << 62
