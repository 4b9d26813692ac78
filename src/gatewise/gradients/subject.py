"""What is measured: trained recurrent layers, one text as they read it, and what they are to say of it.

Letters: T time, B batch, X input, F output of the layers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.errors import ShapeError
from gatewise.layers.stack import Stack


@dataclass(frozen=True)
class Subject:
    """Recurrent layers and a text, without anything of the task that they were trained for.

    Exactly one loss is given: of each step (a language model, a tagger) or of the whole text (a classifier).

    Attributes:
        stack: the layers, in evaluation mode.
        inputs: [T, X], what the layers read, a row for each token.
        tokens: T, each as a reader knows it.
        step_loss: outputs [B, F] after steps [B] (numbers 0 .. T-1) -> the loss of each in nats [B].
        text_loss: outputs [T, B, F] of B variants of the text -> the loss of each in nats [B].
        unit: what a token is, in the singular, such as ``word`` or ``character``.
        targets: T, what the loss of each step is about, where that is not the token read: of a language model the
            token that comes next. Empty where it is the token itself.

    Raises:
        ShapeError: when it is made: no token, or inputs, tokens and losses that do not fit each other.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> subject.text_loss(subject.stack(subject.inputs[:, None])[0]).shape
        torch.Size([1])
    """

    stack: Stack
    inputs: Tensor
    tokens: tuple[str, ...]
    step_loss: Callable[[Tensor, Tensor], Tensor] | None = None
    text_loss: Callable[[Tensor], Tensor] | None = None
    unit: str = "token"
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ShapeError("the text has no token, expected one or more", where="Subject", fix="give a longer text")
        expected = [len(self.tokens), self.stack.input_size]
        if list(self.inputs.shape) != expected:
            message = f"the inputs are {list(self.inputs.shape)}, expected {expected} for {len(self.tokens)} tokens"
            raise ShapeError(message, where="Subject")
        if self.targets and len(self.targets) != len(self.tokens):
            message = f"{len(self.targets)} targets came, expected {len(self.tokens)}, one for each token, or none"
            raise ShapeError(message, where="Subject")
        if (self.step_loss is None) == (self.text_loss is None):
            raise ShapeError("give the loss of each step, or of the whole text, not both or neither", where="Subject")

    def double(self) -> tuple[Stack, Tensor]:
        """The layers and inputs in float64, copied, so that small gradients are not lost to rounding."""
        return copy.deepcopy(self.stack).to(torch.float64), self.inputs.to(torch.float64)
