"""Output layers: from features to a distribution over the vocabulary, without the N x V matrix in training.

Letters: N tokens, n states, H features, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.layers import softmax
from gatewise.layers.arguments import check_flag, check_size
from gatewise.layers.errors import ArgumentError


class OutputLayer(nn.Module):
    """What every output layer has: one matrix [V, H], a bias [V] or none, and three questions it answers.

    A tied matrix stays its owner's: it is no parameter of this module and not in its ``state_dict``, but both modules
    add to its gradient. It is read from its owner at every call, so that whatever takes its place there is used here.

    Args:
        features: H, at least 1.
        vocabulary: V, at least 1.
        tied_to: the module whose ``weight`` [V, H] is used, such as an embedding; None makes an own matrix.
        bias: whether a bias is added.
        chunk: tokens at once in `loss` and `log_prob_of`, at least 1; None chooses.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        ArgumentError: a size that is out of range, or a tied matrix that does not fit.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        features: int,
        vocabulary: int,
        *,
        tied_to: nn.Module | None = None,
        bias: bool = True,
        chunk: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        self.features = check_size("features", features, where)
        self.vocabulary = check_size("vocabulary", vocabulary, where)
        self.chunk = None if chunk is None else check_size("chunk", chunk, where)
        if tied_to is not None:
            self._check_owner(tied_to)
        self._owner = (tied_to,)  # in a tuple, where nn.Module does not see it
        empty = torch.empty(vocabulary, features, device=device, dtype=dtype) if tied_to is None else None
        self.register_parameter("weight", None if empty is None else nn.Parameter(empty))
        shift = torch.empty(vocabulary, device=device, dtype=dtype) if check_flag("bias", bias, where) else None
        self.register_parameter("bias", None if shift is None else nn.Parameter(shift))

    @property
    def matrix(self) -> Tensor:
        """The matrix [V, H] in use, own or tied."""
        matrix = self.weight if self._owner[0] is None else self._owner[0].weight
        assert isinstance(matrix, Tensor)
        return matrix

    def _check_owner(self, owner: nn.Module) -> None:
        where, weight = type(self).__name__, getattr(owner, "weight", None)
        if not isinstance(owner, nn.Module) or not isinstance(weight, Tensor):
            message = f"tied_to is expected as a module with a weight, but {type(owner).__name__} came"
            raise ArgumentError(message, where=where)
        if tuple(weight.shape) != (self.vocabulary, self.features):
            message = f"the tied weight is {list(weight.shape)}, expected [{self.vocabulary}, {self.features}]"
            raise ArgumentError(message, where=where)

    def reset_parameters(self) -> None:
        """Draw the own matrix from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.Linear does; the bias starts at zero."""
        if self.weight is not None:
            uniform(self.weight, self.features)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """The sizes, and what differs from the default."""
        flags = ["tied"] * (self.weight is None) + ["bias=False"] * (self.bias is None)
        return ", ".join([str(self.features), str(self.vocabulary), *flags])

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """The sum over all tokens of -log p(target), in nats.

        Args:
            features: [N, H].
            targets: [N], whole numbers 0 to V - 1.

        Returns:
            A number, differentiable once.
        """
        raise NotImplementedError

    def log_probs(self, features: Tensor) -> Tensor:
        """The log probability of every token of the vocabulary, [n, V] in nats, from features [n, H]."""
        raise NotImplementedError

    def log_prob_of(self, features: Tensor, targets: Tensor) -> Tensor:
        """log p(target) of each token, [N] in nats, never part of a graph; arguments as of `loss`."""
        raise NotImplementedError


class FullSoftmax(OutputLayer):
    """p = softmax(W h + b), one product with the whole vocabulary.

    Arguments and errors as of `OutputLayer`.

    Example:
        >>> embedding = nn.Embedding(10, 4)
        >>> output = FullSoftmax(4, 10, tied_to=embedding)
        >>> features, targets = torch.randn(3, 4), torch.tensor([1, 2, 9])
        >>> output.loss(features, targets).backward()
        >>> tuple(embedding.weight.grad.shape), tuple(output.log_probs(features).shape)
        ((10, 4), (3, 10))
    """

    def __init__(
        self,
        features: int,
        vocabulary: int,
        *,
        tied_to: nn.Module | None = None,
        bias: bool = True,
        chunk: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(features, vocabulary, tied_to=tied_to, bias=bias, chunk=chunk, device=device, dtype=dtype)
        self.reset_parameters()

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """The sum over all tokens of -log p(target), in nats; see `OutputLayer.loss`."""
        return softmax.cross_entropy(features, self.matrix, self.bias, targets, chunk=self.chunk)

    def log_probs(self, features: Tensor) -> Tensor:
        """The log probability of every token, [n, V]; see `OutputLayer.log_probs`."""
        return log_softmax(features, self.matrix, self.bias)

    def log_prob_of(self, features: Tensor, targets: Tensor) -> Tensor:
        """log p(target) of each token, [N]; see `OutputLayer.log_prob_of`."""
        return softmax.log_prob_of(features, self.matrix, self.bias, targets, chunk=self.chunk)


def log_softmax(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """log softmax(W h + b) in float32 at least, [n, V].

    Args:
        features: [n, H].
        weight: [V, H].
        bias: [V], or None.

    Example:
        >>> log_softmax(torch.zeros(1, 2), torch.zeros(4, 2), None).exp().tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """
    scores = functional.linear(features, weight, bias)
    return functional.log_softmax(scores, dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32))


def uniform(parameter: Tensor, width: int) -> None:
    """Draw a matrix that is applied to vectors of ``width`` numbers from U(-1/sqrt(width), 1/sqrt(width)).

    Example:
        >>> matrix = torch.empty(5, 4)
        >>> uniform(matrix, 4)
        >>> bool(matrix.abs().max() <= 0.5)
        True
    """
    nn.init.uniform_(parameter, -1 / math.sqrt(width), 1 / math.sqrt(width))
