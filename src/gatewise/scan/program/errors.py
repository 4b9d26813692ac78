"""Errors of this room."""

from __future__ import annotations

from gatewise.errors import GatewiseError


class TraceError(GatewiseError, ValueError):
    """A step that cannot be written as a step program: which operation, in which line."""


class ProgramError(GatewiseError, ValueError):
    """A step program that would read or write what is not there."""
