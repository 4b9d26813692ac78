"""What a person sees in a text of Python's documentation at each character, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def features(text: str) -> dict[str, Tensor]:
    """Name -> its value after each character [T], float64.

    Example:
        >>> found = features("a (b)\\n  c")
        >>> found["inside parentheses"].tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        >>> found["column in the line"].tolist()
        [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0]
        >>> found["indentation of the line"].tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.0]
    """
    return {
        "column in the line": _walk(text, lambda old, char, _: 0.0 if char == "\n" else old + 1.0),
        "indentation of the line": _indentation(text),
        "inside parentheses": _walk(text, _depth).clamp(max=1.0),
        "letters since the word began": _walk(text, lambda old, char, _: old + 1.0 if char.isalnum() else 0.0),
        "characters since the clause began": _walk(text, lambda old, char, _: 0.0 if char in ".,:;\n" else old + 1.0),
        "inside a word in capitals": _walk(text, _capitals),
        "inside quotation marks": _walk(text, _quoted),
    }


def _walk(text: str, after: Callable[[float, str, str], float]) -> Tensor:
    """A number that each character, with the one before it, turns into the next."""
    value, before, found = 0.0, "\n", []
    for char in text:
        value = after(value, char, before)
        found.append(value)
        before = char
    return torch.tensor(found, dtype=torch.float64)


def _depth(old: float, char: str, _before: str) -> float:
    if char == "\n":  # a parenthesis that is never closed ends with its line
        return 0.0
    return old + 1.0 if char == "(" else max(old - 1.0, 0.0) if char == ")" else old


def _capitals(old: float, char: str, before: str) -> float:
    if not char.isalpha() and char != "_":
        return 0.0
    return float(
        (char.isupper() and (not before.isalnum() or old > 0 or before.isupper())) or (char == "_" and old > 0)
    )


def _quoted(old: float, char: str, before: str) -> float:
    """Between quotation marks of one line; an apostrophe inside a word is none."""
    if char == "\n" or (char == "'" and old == 0.0 and before.isalnum()):
        return 0.0 if char == "\n" else old
    return 1.0 - old if char in "'\"" else old


def _indentation(text: str) -> Tensor:
    found: list[float] = []
    for line in text.splitlines(keepends=True):
        spaces = len(line) - len(line.lstrip(" "))
        found += [float(min(place + 1, spaces)) if char != "\n" else 0.0 for place, char in enumerate(line)]
    return torch.tensor(found, dtype=torch.float64)


def correlations(states: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Pearson's r of each unit with each feature; 0 where one of them never changes.

    Args:
        states: [T, H].
        values: F tensors [T].

    Returns:
        [H, F], -1 to 1.

    Example:
        >>> line = torch.arange(5.0)
        >>> correlations(torch.stack([line, -line], 1), [line]).flatten().round(decimals=6).tolist()
        [1.0, -1.0]
    """
    units, others = (_standard(numbers.double()) for numbers in (states, torch.stack(list(values), 1)))
    return units.T @ others / len(units)


def _standard(numbers: Tensor) -> Tensor:
    centred = numbers - numbers.mean(0)
    spread = centred.square().mean(0).sqrt()
    return centred / torch.where(spread > 0, spread, torch.ones_like(spread))


def named(table: Tensor, names: Sequence[str], count: int = 3) -> list[tuple[int, str, float]]:
    """The units that follow a feature most closely, each unit and each feature once.

    Args:
        table: [H, F] as :func:`correlations` gives it.
        names: of the features.
        count: how many.

    Returns:
        (unit, feature, r), the closest first.

    Example:
        >>> named(torch.tensor([[0.1, -0.9], [0.8, 0.85]]), ["one", "two"], 2)
        [(0, 'two', -0.9), (1, 'one', 0.8)]
    """
    left, found = table.abs(), []
    for _ in range(count):
        unit, feature = divmod(int(left.argmax()), table.size(1))
        found.append((unit, names[feature], round(float(table[unit, feature]), 4)))
        left[unit], left[:, feature] = -1.0, -1.0  # below every |r|
    return found
