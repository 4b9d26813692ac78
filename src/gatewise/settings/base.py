"""The base of every settings dataclass: values are checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from gatewise.errors import SettingError
from gatewise.settings.field import Setting, declared
from gatewise.settings.nearest import did_you_mean


class Settings:
    """Base for frozen dataclasses whose fields are declared by :func:`~gatewise.settings.setting`.

    A subclass with a rule over several fields extends ``__post_init__`` and calls ``super().__post_init__()`` first.

    Raises:
        SettingError: a value is of another kind, not among the choices, or out of its range.

    Example:
        >>> from dataclasses import dataclass
        >>> from gatewise.settings import setting
        >>> @dataclass(frozen=True)
        ... class Sizes(Settings):
        ...     hidden_size: int = setting(256, "units of each layer", minimum=1)
        >>> Sizes(hidden_size=0)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: hidden_size must be a whole number of at least 1, but 0 was given
        >>> Sizes.from_dict({"hiden_size": 3}, where="my.toml")
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: my.toml: there is no setting hiden_size; did you mean hidden_size?
    """

    def __post_init__(self) -> None:
        """Check every field and bring it to its own type."""
        for field in self.declared():
            object.__setattr__(self, field.name, field.check(getattr(self, field.name)))

    @classmethod
    def declared(cls) -> tuple[Setting, ...]:
        """The settings in the order of their declaration."""
        return declared(cls)

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name, with tuples as lists, ready for JSON or TOML."""
        values = {field.name: getattr(self, field.name) for field in self.declared()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any], where: str = "") -> Self:
        """The settings of ``mapping``; what it leaves out has its default.

        Args:
            mapping: values by name.
            where: where they were read, for the error.

        Raises:
            SettingError: a key that is no setting (the nearest known one is named), or a value that is refused.
        """
        cls.check_some(mapping, where)
        try:
            return cls(**mapping)
        except SettingError as error:
            raise SettingError(error.message, where=error.where or where, fix=error.fix) from None

    @classmethod
    def check_some(cls, mapping: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """The values of ``mapping``, each checked by itself and in its own type; rules over several fields are not.

        Raises:
            SettingError: as :meth:`from_dict`.
        """
        known = {field.name: field for field in cls.declared()}
        checked = {}
        for name, value in mapping.items():
            if name not in known:
                raise SettingError(f"there is no setting {name}", where=where, fix=did_you_mean(str(name), known))
            try:
                checked[name] = known[name].check(value)
            except SettingError as error:
                raise SettingError(error.message, where=where, fix=error.fix) from None
        return checked

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked again."""
        return self.from_dict(self.to_dict() | changes)
