"""How much memory a run has in use."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def memory_in_use() -> float:
    """The memory of this process in MiB: what is resident now where the system tells, else the most that ever was.

    Example:
        >>> memory_in_use() > 1
        True
    """
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
