"""What a user did wrong, told in one line: what was expected, what came, where, and what to do."""

from __future__ import annotations


class GatewiseError(Exception):
    """Any mistake that the user can mend; the command line prints its one line and exits with code 2.

    Args:
        message: one line, without a full stop: what was expected and what came.
        where: the place it came from, such as ``notes.txt:12`` or ``config.toml [model]``.
        fix: what to do about it, in the imperative.

    Example:
        >>> mistake = "hidden_size must be at least 1, but 0 was given"
        >>> str(GatewiseError(mistake, where="--hidden-size", fix="give 1 or more"))
        '--hidden-size: hidden_size must be at least 1, but 0 was given; give 1 or more'
    """

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        self.message, self.where, self.fix = message, where, fix
        super().__init__((f"{where}: " if where else "") + message + (f"; {fix}" if fix else ""))


class SettingError(GatewiseError, ValueError):
    """A setting that is unknown, of the wrong kind, or out of its range."""


class VariableError(SettingError):
    """An environment variable with a value that cannot be used; no file that was being read is to blame."""


class ShapeError(GatewiseError, ValueError):
    """A tensor whose shape, dtype or device does not fit."""


class DataError(GatewiseError, ValueError):
    """A text, a file or a corpus that cannot be used as it is."""


class ModelFileError(GatewiseError, ValueError):
    """A model folder or a checkpoint that is damaged, truncated, foreign, or not there."""


class TrainingError(GatewiseError, RuntimeError):
    """A run that cannot start, go on, or be resumed."""
