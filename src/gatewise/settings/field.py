"""One setting: its default, its meaning, its range, and the check of a value against them."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Sequence
from typing import Any

from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

_KEY = "gatewise setting"
_NOUNS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[Any] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "",
    metavar: str = "",
) -> Any:
    """A field of a :class:`~gatewise.settings.Settings` dataclass.

    Args:
        default: the value where none is given; a function without arguments is called for it.
        help: one line for ``--help`` and the docs, without the default, unit and range (they are added).
        choices: the only values allowed.
        minimum: the least value allowed, itself included (of each item, for a tuple).
        maximum: the greatest value allowed, itself included.
        above: values must be greater than this.
        below: values must be less than this.
        unit: what the number counts, such as ``tokens``.
        metavar: what stands for the value in the help.

    Example:
        >>> from dataclasses import dataclass
        >>> from gatewise.settings import Settings
        >>> @dataclass(frozen=True)
        ... class Sizes(Settings):
        ...     hidden_size: int = setting(256, "units of each layer", minimum=1, unit="units")
        >>> Sizes().hidden_size
        256
    """
    limits = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}
    rule = {
        "help": help,
        "choices": None if choices is None else tuple(choices),
        "limits": {name: limit for name, limit in limits.items() if limit is not None},
        "unit": unit,
        "metavar": metavar,
    }
    if callable(default):
        return dataclasses.field(default_factory=default, metadata={_KEY: rule})
    return dataclasses.field(default=default, metadata={_KEY: rule})


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting as declared: what the flag, the key, the keyword and the check are made from.

    Attributes:
        name: the field's name, with underscores.
        kind: int, float, str or bool; of each item where ``many``.
        default: the value where none is given.
        optional: whether None is allowed.
        many: whether the value is a tuple of items.
        choices: the only values allowed, or None.
        limits: any of minimum, maximum, above, below.
        help: one line.
        unit: what the number counts, or "".
        metavar: what stands for the value in the help, or "".

    Example:
        >>> length = Setting("length", int, 200, False, False, None, {"minimum": 1}, "how much to write", "tokens", "")
        >>> length.flag, length.expected
        ('--length', 'a whole number of at least 1')
    """

    name: str
    kind: type
    default: Any
    optional: bool
    many: bool
    choices: tuple[Any, ...] | None
    limits: dict[str, float]
    help: str
    unit: str
    metavar: str

    @property
    def flag(self) -> str:
        """The setting's flag on the command line, such as ``--hidden-size``."""
        return "--" + self.name.replace("_", "-")

    @property
    def expected(self) -> str:
        """What a value must be, in words, such as ``a whole number of at least 1``."""
        if self.choices is not None:
            words = "one of: " + ", ".join(map(str, self.choices))
        else:
            words = f"{_NOUNS[self.kind]}{self.range and ' '}{self.range}"
        if self.many:
            words = f"a list, each item {words}"
        return f"{words}, or none" if self.optional else words

    @property
    def range(self) -> str:
        """The allowed range in words, such as ``of at least 1``; "" where any value is allowed."""
        if self.limits.keys() == {"minimum", "maximum"}:
            return f"from {self.limits['minimum']:.10g} to {self.limits['maximum']:.10g}"
        names = {"minimum": "of at least", "maximum": "of at most", "above": "above", "below": "below"}
        return " and ".join(f"{names[name]} {limit:.10g}" for name, limit in self.limits.items())

    def check(self, value: Any) -> Any:
        """``value`` in its own type (whole numbers become numbers, lists tuples), or an error that names the setting.

        Raises:
            SettingError: the value is of another kind, not among the choices, or out of range.
        """
        if value is None and self.optional:
            return None
        if not self.many:
            return self._check_one(value, value)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._refusal(value)
        return tuple(self._check_one(item, value) for item in value)

    def _check_one(self, item: Any, whole: Any) -> Any:
        if self.kind is float and isinstance(item, int) and not isinstance(item, bool):
            item = float(item)
        if not isinstance(item, self.kind) or (isinstance(item, bool) and self.kind is not bool):
            raise self._refusal(whole)
        if self.choices is not None and item not in self.choices:
            raise SettingError(
                f"{self.name} must be {self.expected}, but {_typed(whole)} was given",
                fix=did_you_mean(str(item), map(str, self.choices)) if isinstance(item, str) else "",
            )
        if isinstance(item, int | float) and not self._within(item):
            raise self._refusal(whole)
        return item

    def _within(self, number: float) -> bool:
        low, high = self.limits.get("minimum", -math.inf), self.limits.get("maximum", math.inf)
        above, below = self.limits.get("above", -math.inf), self.limits.get("below", math.inf)
        return math.isfinite(number) and low <= number <= high and above < number < below

    def _refusal(self, value: Any) -> SettingError:
        return SettingError(f"{self.name} must be {self.expected}, but {_typed(value)} was given")


def declared(settings: type) -> tuple[Setting, ...]:
    """The settings of a dataclass, in the order of their declaration.

    Raises:
        TypeError: it is no dataclass, or a field has no :func:`setting` or a type that no flag can have.
    """
    if "__dataclass_fields__" not in vars(settings):
        raise TypeError(f"{settings.__name__} must be decorated with @dataclass(frozen=True)")
    hints = typing.get_type_hints(settings)
    return tuple(_declared(settings, field, hints[field.name]) for field in dataclasses.fields(settings))


def _declared(settings: type, field: dataclasses.Field[Any], hint: Any) -> Setting:
    if _KEY not in field.metadata:
        raise TypeError(f"{settings.__name__}.{field.name} must be declared by setting(default, help)")
    rule: dict[str, Any] = dict(field.metadata[_KEY])
    inner, optional = _without_none(hint)
    many = typing.get_origin(inner) is tuple
    inner = typing.get_args(inner)[0] if many else inner
    if typing.get_origin(inner) is typing.Literal:
        rule["choices"] = rule["choices"] or typing.get_args(inner)
        inner = type(typing.get_args(inner)[0])
    if inner not in _NOUNS:
        raise TypeError(f"{settings.__name__}.{field.name}: no flag can have the type {hint!r}")
    made = field.default_factory
    default = field.default if made is dataclasses.MISSING else made()
    return Setting(name=field.name, kind=inner, default=default, optional=optional, many=many, **rule)


def _typed(value: Any) -> str:
    """A value as the user wrote it; a list as on a command line."""
    if isinstance(value, tuple | list) and value:
        items = ",".join(map(str, value))
        return repr(items) if any(isinstance(item, str) for item in value) else items
    return repr(value)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    rest = [part for part in typing.get_args(hint) if part is not type(None)]
    return (rest[0], True) if len(rest) == 1 else (hint, False)
