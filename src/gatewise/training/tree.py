"""Nested values with tensors in them, as flat tensors beside JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatewise.errors import TrainingError

_TENSOR, _TUPLE, _FLOAT = "$tensor", "$tuple", "$float"


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """The same nesting of dicts, lists and tuples with ``function`` of each tensor.

    Example:
        >>> map_tensors(torch.neg, {"h": (torch.ones(1), None)})
        {'h': (tensor([-1.]), None)}
    """
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {key: map_tensors(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        parts = [map_tensors(function, value) for value in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if isinstance(tree, list):
        return [map_tensors(function, value) for value in tree]
    return tree


def flatten(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """The tensors by their path, and the rest as a value that JSON can hold.

    Args:
        tree: dicts with texts for keys, lists, tuples, tensors, numbers, texts, None.

    Raises:
        TypeError: anything else, such as a set or a key that is no text.

    Example:
        >>> flatten({"h": (torch.ones(1), 3)})
        ({'h/0': tensor([1.])}, {'h': {'$tuple': [{'$tensor': 'h/0'}, 3]}})
    """
    tensors: dict[str, Tensor] = {}
    return tensors, _flatten(tree, "", tensors)


def unflatten(tensors: dict[str, Tensor], skeleton: Any) -> Any:
    """What :func:`flatten` took apart; the tensors are copies. A named tuple comes back as a plain one.

    Example:
        >>> unflatten(*flatten({"h": (torch.ones(1), 3)}))
        {'h': (tensor([1.]), 3)}
    """
    if isinstance(skeleton, list):
        return [unflatten(tensors, value) for value in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    if _TENSOR in skeleton:
        return tensors[skeleton[_TENSOR]].clone()
    if _TUPLE in skeleton:
        return tuple(unflatten(tensors, value) for value in skeleton[_TUPLE])
    if _FLOAT in skeleton:
        return float(skeleton[_FLOAT])
    return {key: unflatten(tensors, value) for key, value in skeleton.items()}


def _flatten(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, Tensor):
        tensors[path] = tree
        return {_TENSOR: path}
    if isinstance(tree, dict):
        if any(not isinstance(key, str) or key.startswith("$") for key in tree):
            raise TypeError(f"{path or 'tree'}: the keys must be texts without a leading $, but came {list(tree)}")
        return {key: _flatten(value, f"{path}/{key}".lstrip("/"), tensors) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        parts = [_flatten(value, f"{path}/{index}".lstrip("/"), tensors) for index, value in enumerate(tree)]
        return {_TUPLE: parts} if isinstance(tree, tuple) else parts
    if isinstance(tree, float) and not math.isfinite(tree):
        return {_FLOAT: repr(tree)}
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise TypeError(f"{path or 'tree'}: a {type(tree).__name__} cannot be kept in a checkpoint")


def weights_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers by name, each once even where two names share it.

    Raises:
        TypeError: the network keeps something else than tensors in its ``state_dict``.

    Example:
        >>> sorted(weights_of(torch.nn.Linear(1, 1)))
        ['bias', 'weight']
    """
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in network.state_dict(keep_vars=True).items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: a {type(value).__name__} in a state_dict cannot be kept in a checkpoint")
        if id(value) not in seen:
            seen.add(id(value))
            found[name] = value.detach()
    return found


def put_weights(network: torch.nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy what :func:`weights_of` gave into a network of the same structure.

    Raises:
        TrainingError: another name, shape or type, the first of which it names.

    Example:
        >>> put_weights(torch.nn.Linear(1, 1), {"weight": torch.zeros(2, 1), "bias": torch.zeros(1)})
        Traceback (most recent call last):
            ...
        gatewise.errors.TrainingError: the network has changed: weight was float32 2 x 1 and is float32 1 x 1
    """
    own = weights_of(network)
    for name in own | weights:
        before, now = _described(weights.get(name)), _described(own.get(name))
        if before != now:
            raise TrainingError(f"the network has changed: {name} was {before} and is {now}")
    for name, value in own.items():
        value.copy_(weights[name])


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "absent"
    return f"{str(tensor.dtype).removeprefix('torch.')} {' x '.join(map(str, tensor.shape)) or 'scalar'}"
