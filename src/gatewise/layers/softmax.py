"""Cross entropy over a large vocabulary in pieces: the N x V matrix of scores never stands in memory.

Letters: N tokens, H features, V vocabulary. For a row h with target t, scores l = h W^T + b, normaliser
z = log sum_j exp(l_j) and probabilities p = exp(l - z):

    loss = z - l_t,   d loss / d h = p W - W_t,   d loss / d W_j = (p_j - [j = t]) h,    d loss / d b_j = p_j - [j = t]

The gradients are sums that need nothing but p, so they are computed in the forward pass, while a piece of p is still in
the cache, and the backward pass only multiplies them by the incoming gradient. Some rows are taken at once, and their
scores held as tiles of some columns: a product that writes rows V numbers apart runs at half the speed of one that
writes a small tile (`gatewise.layers.score_tiles`). Three products of 2 N V H operations in all, as in the plain way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.layers.errors import InputError
from gatewise.layers.score_tiles import ROWS_WITHOUT_GRADIENT, Gradients, Problem


def cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, *, chunk: int | None = None
) -> Tensor:
    """The sum over all tokens of -log softmax(W h + b)[target], in nats.

    Differentiable once, by features, weight and bias. Under autocast the products run in its type (for float16, whose
    range does not hold the gradients, in float32), everything else in float32 at least.

    Args:
        features: [N, H].
        weight: [V, H].
        bias: [V], or None.
        targets: [N], whole numbers 0 to V - 1.
        chunk: rows at once, at least 1; None chooses them so that their scores stay in the cache.

    Raises:
        InputError: shapes or types that do not fit each other, or a target outside.

    Source: gradients in the forward pass as in Liger Kernel (Hsu et al. 2024, arXiv:2410.10989).

    Example:
        >>> h, w = torch.zeros(2, 3), torch.zeros(8, 3)
        >>> round(cross_entropy(h, w, None, torch.tensor([1, 7])).item() / 2, 4)    # uniform: ln 8
        2.0794
    """
    check(features, weight, bias, targets, chunk)
    wanted = any(tensor is not None and tensor.requires_grad for tensor in (features, weight, bias))
    if torch.is_grad_enabled() and wanted:
        loss: Tensor = _CrossEntropy.apply(features, weight, bias, targets, chunk)  # type: ignore[no-untyped-call]
        return loss
    return -log_prob_of(features, weight, bias, targets, chunk=chunk).sum()


@torch.no_grad()
def log_prob_of(
    features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, *, chunk: int | None = None
) -> Tensor:
    """log softmax(W h + b)[target] of each token, [N] in nats; never part of a graph.

    On a CPU with the engine a token has the same bits in any batch and under any number of threads.

    Args and errors as of `cross_entropy`.

    Example:
        >>> log_prob_of(torch.zeros(2, 3), torch.zeros(8, 3), None, torch.tensor([1, 7])).exp().tolist()
        [0.125, 0.125]
    """
    check(features, weight, bias, targets, chunk)
    kind = product_type(features)
    with torch.autocast(features.device.type, enabled=False):
        problem = Problem.of(
            features, weight, bias, targets, kind=kind, chunk=chunk or ROWS_WITHOUT_GRADIENT, scoring=True
        )
        held = problem.features.new_empty(min(problem.rows, features.size(0)) * problem.columns)
        found = torch.zeros_like(targets, dtype=problem.exact)
        for rows in problem.chunks():
            found[rows] = problem.log_probs(rows, held)
    return found


class _CrossEntropy(torch.autograd.Function):
    """`cross_entropy` with its gradients computed on the way."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int | None
    ) -> Tensor:
        kind = product_type(features)
        with torch.autocast(features.device.type, enabled=False):
            problem = Problem.of(features, weight, bias, targets, kind=kind, chunk=chunk)
            gradients = Gradients(problem, ctx.needs_input_grad[:3])
            loss = torch.zeros((), dtype=problem.exact, device=features.device)
            held = problem.features.new_empty(min(problem.rows, features.size(0)) * weight.size(0))
            for rows in problem.chunks():
                tiles = problem.exponentials(rows, held)
                loss -= tiles.log_probs.sum()
                gradients.add_chunk(rows, tiles)
            gradients.subtract_targets()
        ctx.types = [None if tensor is None else tensor.dtype for tensor in (features, weight, bias)]
        ctx.save_for_backward(gradients.features, gradients.weight, gradients.bias)
        return loss

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph=True: what follows would be taken for constants without a word
            fix = "take the loss from log_probs"
            raise InputError("the loss computed in pieces has no second derivative", where="softmax", fix=fix)
        scaled = (
            None if gradient is None else (gradient * incoming).to(kind)
            for gradient, kind in zip(ctx.saved_tensors, ctx.types, strict=True)
        )
        return (*scaled, None, None)


def product_type(features: Tensor) -> torch.dtype:
    """The type the products run in: the features' own, or autocast's; float32 in place of float16.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     product_type(torch.zeros(1))
        torch.bfloat16
    """
    device = features.device.type
    kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype
    return torch.float32 if kind == torch.float16 else kind


def check(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int | None) -> None:
    """Refuse what does not fit together.

    Raises:
        InputError: shapes or types that do not fit each other, a target outside, or a chunk below 1.

    Example:
        >>> check(torch.zeros(2, 3), torch.zeros(8, 4), None, torch.tensor([1, 7]), None)
        Traceback (most recent call last):
            ...
        gatewise.layers.errors.InputError: softmax: the features are [2, 3], expected [N, 4]
    """
    if features.dim() != 2 or features.size(1) != weight.size(1):
        came, expected = list(features.shape), f"[N, {weight.size(1)}]"
        raise InputError(f"the features are {came}, expected {expected}", where="softmax")
    if features.dtype != weight.dtype and not torch.is_autocast_enabled(features.device.type):
        fix = "convert one of them, or use autocast"
        raise InputError(f"the features are {features.dtype}, the weight {weight.dtype}", where="softmax", fix=fix)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise InputError(f"the bias is {list(bias.shape)}, expected [{weight.size(0)}]", where="softmax")
    if chunk is not None and chunk < 1:
        raise InputError(f"chunk must be at least 1, but {chunk} was given", where="softmax")
    if targets.dtype != torch.int64 or targets.shape != features.shape[:1]:
        message = f"the targets are {targets.dtype} {list(targets.shape)}, expected torch.int64 [{features.size(0)}]"
        raise InputError(message, where="softmax")
    check_ids(targets, weight.size(0), noun="target", where="softmax")


def check_ids(ids: Tensor, vocabulary: int, *, noun: str = "token", where: str) -> None:
    """Refuse ids that are not from 0 to ``vocabulary`` - 1.

    Looked at on the CPU only; elsewhere it would mean waiting, and torch's own check of an index stops the program.

    Args:
        ids: int64, of any shape.
        vocabulary: V.
        noun: what an id is here.
        where: who asks.

    Raises:
        InputError: a number outside.

    Example:
        >>> check_ids(torch.tensor([1, 8]), 8, where="model")
        Traceback (most recent call last):
            ...
        gatewise.layers.errors.InputError: model: a token is 8, but the vocabulary has 8 tokens, 0 to 7
    """
    if ids.device.type != "cpu" or not ids.numel():
        return
    for extreme in map(int, ids.aminmax()):
        if not 0 <= extreme < vocabulary:
            message = f"a {noun} is {extreme}, but the vocabulary has {vocabulary} tokens, 0 to {vocabulary - 1}"
            raise InputError(message, where=where)
