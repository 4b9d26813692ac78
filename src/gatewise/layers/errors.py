"""Mistakes at the door of a layer, raised so that code written for torch.nn still catches them."""

from __future__ import annotations

from gatewise.errors import SettingError, ShapeError


class InputError(ShapeError, RuntimeError):
    """A tensor given to a layer that does not fit it.

    torch.nn raises ``ValueError`` for some of these mistakes and ``RuntimeError`` for others; this is both.

    Example:
        >>> issubclass(InputError, RuntimeError) and issubclass(InputError, ValueError)
        True
    """


class ArgumentError(SettingError, TypeError):
    """A constructor argument of a layer that is out of its range or of the wrong kind.

    torch.nn raises ``ValueError`` for the first and ``TypeError`` for the second; this is both.

    Example:
        >>> issubclass(ArgumentError, TypeError) and issubclass(ArgumentError, ValueError)
        True
    """
