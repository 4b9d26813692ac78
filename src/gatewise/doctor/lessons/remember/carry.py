"""What an LSTM's gates can do: with f = 1 and i = 0 the cell is carried unchanged, and so is its gradient.

c_t = f c_{t-1} + i g = c_{t-1},   dc_t / dc_k = 1 for every t - k
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gatewise.doctor.lessons.page import Row
from gatewise.layers.recurrent import Recurrent

_OPEN, _SHUT = 40.0, -800.0
"""Biases at which the sigmoid is exactly 1 and 0 in float64: exp(-40) is lost beside 1, exp(800) is infinite."""
DISTANCES = (1, 10, 100, 1000)


def carrying(inputs: int, hidden: int, forget_bias: float = _OPEN) -> Recurrent:
    """An LSTM in float64 whose input gate is shut and whose forget gate has one value, whatever it reads.

    Args:
        inputs: X.
        hidden: H.
        forget_bias: f = sigmoid(forget_bias) at every step; by default f = 1.

    Example:
        >>> layer = carrying(2, 3)
        >>> _, final = layer(torch.randn(50, 1, 2).double(), {"hidden": torch.zeros(1, 1, 3).double(),
        ...                                                    "memory": torch.tensor([[[1.0, -2.0, 3.0]]]).double()})
        >>> final["memory"].tolist()
        [[[1.0, -2.0, 3.0]]]
    """
    layer = Recurrent("lstm", inputs, hidden, dtype=torch.float64)
    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            parameters[name][: 2 * hidden] = 0.0  # the rows of input and forget gate
        parameters["bias_ih_l0"][:hidden] = _SHUT
        parameters["bias_ih_l0"][hidden : 2 * hidden] = forget_bias
    return layer


def carried(layer: Recurrent, distance: int, seed: int = 0) -> tuple[float, float]:
    """How much of the memory and of its gradient is left after some steps of random input.

    Args:
        layer: as :func:`carrying` makes it.
        distance: steps, at least 1.
        seed: of input and start.

    Returns:
        max |c_t - c_0|, and the mean of dc_t / dc_0 over the units.

    Example:
        >>> carried(carrying(2, 3), 100)
        (0.0, 1.0)
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(distance, 1, layer.input_size, generator=generator, dtype=torch.float64)
    hidden, memory = torch.randn(2, 1, 1, layer.hidden_size, generator=generator, dtype=torch.float64)
    memory.requires_grad_()
    _, final = layer(inputs, {"hidden": hidden, "memory": memory})
    (gradient,) = torch.autograd.grad(final["memory"].sum(), memory)
    return (final["memory"] - memory).abs().max().item(), gradient.mean().item()


def rows(distances: Sequence[int] = DISTANCES) -> list[Row]:
    """A row for each forget gate and distance."""
    found = []
    for name, bias in (("f = 1", _OPEN), ("f = sigmoid(3) = 0.953", 3.0), ("f = sigmoid(1) = 0.731", 1.0)):
        layer = carrying(4, 8, bias)
        for distance in distances:
            change, gradient = carried(layer, distance)
            row: Row = {"forget gate": name, "t - k": distance, "largest change of c": change, "dc_t/dc_k": gradient}
            found.append(row)
    return found
