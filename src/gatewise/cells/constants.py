"""The constants of a cell: which kinds there are, checking a value, and reading one from text."""

from __future__ import annotations

from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gatewise.errors import SettingError

Constant = bool | int | float | str | None


def read_constant_hints(cls: type) -> dict[str, Any]:
    """Name -> annotation of the constants of a class of cells, in the order of declaration.

    Args:
        cls: a subclass of ``Cell``.

    Raises:
        SettingError: a constant without default, or with an annotation that is not bool, int, float, str, a Literal
            or a union of these with None.

    Example:
        >>> from gatewise.cells.lstm import LSTM
        >>> list(read_constant_hints(LSTM))
        ['forget_bias']
    """
    where = f"class {cls.__name__}"
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise SettingError(f"an annotation of a constant cannot be read ({error})", where=where) from None
    found = {}
    for item in fields(cls):  # every subclass of Cell is a dataclass
        if item.default is MISSING:
            raise SettingError(
                f"the constant {item.name!r} has no default", where=f"{where}: {item.name}", fix="give it one"
            )
        _check_hint(hints[item.name], f"{where}: {item.name}")
        found[item.name] = hints[item.name]
    return found


def choices(hint: Any) -> tuple[Constant, ...]:
    """The values that a ``Literal`` annotation allows; none for any other annotation.

    Example:
        >>> choices(Literal["tanh", "relu"])
        ('tanh', 'relu')
    """
    return get_args(hint) if get_origin(hint) is Literal else ()


def checked(value: Constant, hint: Any, where: str) -> Constant:
    """The value if it is of the annotated kind; an integer becomes a float where a float is expected.

    Args:
        value: what was given.
        hint: the annotation.
        where: what is being set, for the message.

    Raises:
        SettingError: the value is of another kind or not among the choices.

    Example:
        >>> checked(1, float, "cell lstm: forget_bias")
        1.0
    """
    allowed = choices(hint)
    if allowed:
        if value in allowed:
            return value
        raise SettingError(f"expected one of {', '.join(map(repr, allowed))}, but {value!r} came", where=where)
    kinds = _kinds(hint)
    if type(value) in kinds:
        return value
    if type(value) is int and float in kinds:
        return float(value)
    raise SettingError(f"expected {_in_words(kinds)}, but {value!r} came", where=where)


def from_text(text: str, hint: Any, where: str) -> Constant:
    """A constant as it is written on a command line: ``none`` and ``true`` / ``false`` in any case, numbers, words.

    Args:
        text: what was written.
        hint: the annotation that decides how it is read.
        where: what is being set, for the message.

    Raises:
        SettingError: the text is none of the kinds that the annotation allows.

    Example:
        >>> from_text("none", float | None, "cell lstm: forget_bias") is None
        True
    """
    allowed = choices(hint)
    if allowed:
        return checked({str(choice): choice for choice in allowed}.get(text, text), hint, where)
    kinds = _kinds(hint)
    if NoneType in kinds and text.lower() == "none":
        return None
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue  # the next kind is tried; if none fits, the error below names them all
    if str in kinds:
        return text
    raise SettingError(f"expected {_in_words(kinds)}, but {text!r} came", where=where)


def _kinds(hint: Any) -> tuple[type, ...]:
    """The plain types that an annotation is made of."""
    if hint is None:
        return (NoneType,)
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _kinds(part))
    return (hint,)


def _in_words(kinds: tuple[type, ...]) -> str:
    return " or ".join("none" if kind is NoneType else kind.__name__ for kind in kinds)


def _check_hint(hint: Any, where: str) -> None:
    if choices(hint):
        return
    for kind in _kinds(hint):
        if kind not in (bool, int, float, str, NoneType):
            raise SettingError(
                f"a constant is bool, int, float, str, Literal or None, but it says {hint!r}", where=where
            )
