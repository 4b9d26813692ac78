"""Small networks on a text, healthy or with a fault planted in them."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from gatewise.cells import find
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.stack import Stack

HIDDEN, LENGTH = 16, 120


def patient(cell: str = "lstm", *, layers: int = 1, length: int = LENGTH, gain: float = 3.0, **options: Any) -> Subject:
    """Untrained layers that read one-hot letters and are to say the letter of three steps before.

    Args:
        cell: of the layers.
        layers: how many.
        length: of the text, in letters.
        gain: by which what they read is scaled.
        options: constants of the cell.
    """
    torch.manual_seed(0)
    letters = torch.randint(5, (length,))
    stack = Recurrent(find(cell, **options), 5, HIDDEN, num_layers=layers).eval()
    with torch.no_grad():
        readout = torch.randn(5, HIDDEN)
    inputs = gain * functional.one_hot(letters, 5).float()

    def loss(outputs: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(
            outputs @ readout.to(outputs.dtype).T, letters[(steps - 3) % length], reduction="none"
        )

    return Subject(stack, inputs, tuple("abcde"[letter] for letter in letters), step_loss=loss, unit="letter")


@torch.no_grad()
def scale_recurrent(stack: Stack, times: float) -> None:
    """Exploding R."""
    stack.weights(0)["weight_hh"].mul_(times)


@torch.no_grad()
def kill(stack: Stack, units: int) -> None:
    """Dead ReLU units: a bias so low that nothing lifts them above 0."""
    stack.weights(0)["bias_ih"][:units] = -1e3


@torch.no_grad()
def shut_forget_gate(stack: Stack, units: int) -> None:
    """Forget gates stuck shut; the second quarter of the rows, in torch's order, is the forget gate's."""
    stack.weights(0)["bias_ih"][HIDDEN : HIDDEN + units] = -20.0


@torch.no_grad()
def put_nan(stack: Stack) -> None:
    """NaN in one number of one weight."""
    stack.weights(0)["weight_hh"][1, 2] = float("nan")
