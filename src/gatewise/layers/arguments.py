"""What the constructor of a layer may be given."""

from __future__ import annotations

from collections.abc import Mapping

from gatewise.layers.errors import ArgumentError


def check_size(name: str, value: object, where: str, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises:
        ArgumentError: another kind of value, or a smaller one.

    Example:
        >>> check_size("hidden_size", 0, "LSTM")
        Traceback (most recent call last):
            ...
        gatewise.layers.errors.ArgumentError: LSTM: hidden_size must be a whole number of at least 1, but 0 was given
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name} must be a whole number of at least {least}, but {value!r} was given", where=where)
    return value


def check_flag(name: str, value: object, where: str) -> bool:
    """True or False, and nothing that merely counts as one of them.

    Raises:
        ArgumentError: another kind of value.

    Example:
        >>> check_flag("batch_first", True, "LSTM")
        True
    """
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} must be True or False, but {value!r} was given", where=where)
    return value


def check_rate(name: str, value: object, where: str) -> float:
    """A probability, 0 to 1.

    Raises:
        ArgumentError: another kind of value, or one outside.

    Example:
        >>> check_rate("dropout", 0.5, "LSTM")
        0.5
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # NaN is in no range
        raise ArgumentError(f"{name} must be a number from 0 to 1, but {value!r} was given", where=where)
    return float(value)


def check_rates(name: str, value: object, states: tuple[str, ...], where: str) -> dict[str, float]:
    """A probability for each state: one number for all of them, or a mapping that names some (the others get 0).

    Args:
        name: the argument.
        value: what was given.
        states: the names of the cell's states.
        where: the layer.

    Raises:
        ArgumentError: a rate outside 0 to 1, or the name of no state.

    Example:
        >>> check_rates("zoneout", {"memory": 0.5}, ("hidden", "memory"), "LSTM")
        {'hidden': 0.0, 'memory': 0.5}
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(states, check_rate(name, value, where))
    for key in value:
        if key not in states:
            raise ArgumentError(f"{name} names the state {key!r}, but the cell has {', '.join(states)}", where=where)
    return {state: check_rate(f"{name}[{state!r}]", value.get(state, 0.0), where) for state in states}
