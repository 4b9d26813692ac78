"""The known name that a misspelt one most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, or None where nothing is close.

    Case, hyphens and underscores do not count as differences; the first part of a long name finds the name it begins.

    Args:
        name: what was written.
        known: the names that exist.

    Example:
        >>> nearest("hiden-size", ["hidden_size", "num_layers"])
        'hidden_size'
        >>> nearest("zebra", ["hidden_size", "num_layers"]) is None
        True
    """
    plain = {_plain(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    if close:
        return plain[close[0]]
    begun = [candidate for candidate in sorted(plain, key=len) if len(_plain(name)) >= 3 and _plain(name) in candidate]
    return plain[begun[0]] if begun else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name: the nearest known one, or all of them where nothing is close.

    Example:
        >>> did_you_mean("lsmt", ["gru", "lstm"])
        'did you mean lstm?'
        >>> did_you_mean("transformer", ["gru", "lstm"])
        'known are: gru, lstm'
    """
    names = list(known)
    found = nearest(name, names)
    return f"did you mean {found}?" if found else "known are: " + ", ".join(names)


def _plain(name: str) -> str:
    return name.strip("-").replace("-", "_").lower()
