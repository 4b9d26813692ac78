"""Which layer a parameter belongs to, by its name, and what the layer is called in a line for people."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

ROOT = "network"
"""The layer of parameters that the network holds itself, in no module."""
_PARAMETER = re.compile(r"_l(\d+(?:_reverse)?)$")
_LEVEL = re.compile(r"^(?:(.+)\.)?l(\d+)(_reverse)?$")


def layer_of(parameter: str) -> str:
    """The layer of a parameter: its module, and of a stack of layers the level, as torch names them.

    Args:
        parameter: its name in ``named_parameters``.

    Example:
        >>> [layer_of(name) for name in ("embedding.weight", "a.weight_hh_l1", "a.b.bias_ih_l0_reverse", "gain")]
        ['embedding', 'a.l1', 'a.b.l0_reverse', 'network']
    """
    module, _, own = parameter.rpartition(".")
    found = _PARAMETER.search(own)
    parts = [part for part in (module, found and f"l{found[1]}") if part]
    return ".".join(parts) or ROOT


def level(layer: str) -> tuple[str, int, bool] | None:
    """The stack that a layer is a level of, its number from 0, and whether it reads backwards; None where it is none.

    Example:
        >>> level("recurrent.l1"), level("recurrent.l0_reverse"), level("embedding")
        (('recurrent', 1, False), ('recurrent', 0, True), None)
    """
    found = _LEVEL.match(layer)
    return None if found is None else (found[1] or ROOT, int(found[2]), found[3] is not None)


def told(layer: str) -> str:
    """A layer as people say it, counted from 1.

    Example:
        >>> told("recurrent.l1"), told("recurrent.l0_reverse"), told("embedding")
        ('layer 2 of recurrent', 'layer 1 of recurrent, backwards', 'embedding')
    """
    found = level(layer)
    if found is None:
        return layer
    stack, number, reverse = found
    return f"layer {number + 1} of {stack}{', backwards' * reverse}"


def told_parameter(name: str) -> str:
    """A parameter or buffer as people say it.

    Example:
        >>> told_parameter("encoder.recurrent.weight_hh_l1"), told_parameter("gain")
        ('weight_hh_l1 of encoder.recurrent', 'gain')
    """
    module, _, own = name.rpartition(".")
    return f"{own} of {module}" if module else own


class Layers:
    """The layers of a network, for lengths of what its parameters have.

    Args:
        network: whose parameters they are.
        parameters: those that are trained, in the order in which their lengths come.

    Attributes:
        names: the layer of each parameter.

    Example:
        >>> import torch
        >>> network = torch.nn.Linear(2, 1)
        >>> Layers(network, list(network.parameters())).lengths([0, 1], [3.0, 4.0])
        {'network': 5.0}
    """

    def __init__(self, network: nn.Module, parameters: Iterable[Tensor]) -> None:
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        self.names = [layer_of(names[id(parameter)]) for parameter in parameters]

    def lengths(self, places: Sequence[int], lengths: Sequence[float]) -> dict[str, float]:
        """The length of each layer's part:  |g_layer| = sqrt(sum over its parameters of |g_p|^2).

        Args:
            places: of the parameters, in ascending order.
            lengths: of each of them.
        """
        squares: dict[str, float] = {}
        for place, length in zip(places, lengths, strict=True):
            name = self.names[place]
            squares[name] = squares.get(name, 0.0) + length * length
        return {name: math.sqrt(square) for name, square in squares.items()}
