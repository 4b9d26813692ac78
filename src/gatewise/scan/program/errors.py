"""Errors of this room."""

from __future__ import annotations

from gatewise.errors import GatewiseError


class TraceError(GatewiseError, ValueError):
    """A step that cannot be written as a step program: which operation, in which line."""


class ProgramError(GatewiseError, ValueError):
    """A step program that would read or write what is not there."""


def shown(number: int) -> str:
    """A number as a message shows it; one of a million digits is not written out.

    Example:
        >>> shown(7), shown(10**400)
        ('7', 'a large integer')
    """
    return str(number) if abs(number) < 10**12 else "a large integer"
