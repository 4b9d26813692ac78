"""A file system that can be made to fail, or the process to die, at the N-th call that changes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

CALLS = ("open", "write", "fsync", "close", "replace", "rename", "unlink", "mkdir", "rmdir")
_REAL = {name: getattr(os, name) for name in CALLS}


class Watched:
    """Counts the calls, and acts at one of them.

    Args:
        act: what to do at that call.
        at: its number, from 1; 0: never.
        after: whether the call is made before acting.

    Attributes:
        log: the names of the calls with their first argument.
    """

    def __init__(self, act: Callable[[], None] | None = None, at: int = 0, after: bool = False) -> None:
        self.act, self.at, self.after = act, at, after
        self.log: list[tuple[str, Any]] = []

    @property
    def reached(self) -> bool:
        return len(self.log) >= self.at > 0

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.log.append((name, args[0]))
        now = self.act is not None and len(self.log) == self.at
        if now and not self.after and name != "close":
            self.act()
        result = _REAL[name](*args, **kwargs)
        if now and (self.after or name == "close"):  # a descriptor is gone even where close fails
            self.act()
        return result


@contextlib.contextmanager
def watched(act: Callable[[], None] | None = None, at: int = 0, after: bool = False) -> Iterator[Watched]:
    """The calls of :mod:`os` go through a :class:`Watched` for a while."""
    watch = Watched(act, at, after)
    for name in CALLS:
        setattr(os, name, lambda *args, _name=name, **kwargs: watch.call(_name, *args, **kwargs))
    try:
        yield watch
    finally:
        for name, real in _REAL.items():
            setattr(os, name, real)


def failing(code: int) -> Callable[[], None]:
    """An action that fails as the system does."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


def dies_everywhere(write: Callable[[], None], check: Callable[[], None]) -> int:
    """Run ``write`` in a child that dies before, then after, its first, second, ... call; ``check`` after each death.

    Returns:
        how many deaths there were.
    """
    deaths, at, code = 0, 0, 9
    while code:
        at += 1
        for after in (False, True):
            child = os.fork()
            if child == 0:
                with watched(lambda: os._exit(9), at, after) as watch:
                    write()
                os._exit(7 if watch.reached else 0)  # 7: the call failed by itself, before we could act
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert code in (0, 7, 9), code
            deaths += code == 9
            check()
    return deaths
