"""What torch does with a call beside computing it: the only file that asks torch, in calls that it half documents.

The engine reads and writes plain memory. Torch cannot look into that: a transform that follows or replaces the
operations of torch (``torch.func``, forward-mode gradients, tracing, fake tensors) would see numbers from nowhere, and
take them for constants. So where one is active, a scan has to be made of torch's own operations.

Of the calls below ``torch._C._are_functorch_transforms_active``, ``torch._C._len_torch_dispatch_stack``,
``torch._C._functorch.is_legacy_batchedtensor`` and ``torch.autograd.forward_ad._current_level`` carry an underscore;
torch 2.6 to 2.13 have them, and `torch.autograd.Function.apply` itself asks the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import forward_ad

_PLAIN = (Tensor, torch.nn.Parameter)
_EXPORTING: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)


@dataclass(frozen=True)
class Transform:
    """A transform that a call is under.

    Args:
        name: what it is, for the messages; empty for none.
        kernels: whether torch's recurrent kernels can be under it; vmap and forward-mode gradients know none of them.
    """

    name: str
    kernels: bool = True


NONE = Transform("")
FUNCTORCH = Transform("a transform of torch.func", kernels=False)
FORWARD_MODE = Transform("a forward-mode gradient", kernels=False)
BATCHED = Transform("a batch of gradients (is_grads_batched)", kernels=False)
GRAPH = Transform("the making of a graph (torch.compile, torch.export, torch.jit.trace)")
MODE = Transform("a torch dispatch mode (make_fx, FakeTensorMode)")


def is_exporting() -> bool:
    """Whether torch.export is at work; torch 2.6 cannot tell it from torch.compile.

    Example:
        >>> is_exporting()
        False
    """
    return _EXPORTING()


def is_tracing() -> bool:
    """Whether torch.jit.trace is at work.

    Example:
        >>> is_tracing()
        False
    """
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def transform_of(tensors: Iterable[Tensor | None]) -> Transform:
    """The transform that a call with these tensors is under; ``NONE`` for an ordinary call.

    Args:
        tensors: everything that the call is given; None is passed over.

    Example:
        >>> transform_of([torch.ones(1)]).name
        ''
        >>> _ = torch.vmap(lambda row: print(transform_of([row]).name) or row)(torch.ones(2, 1))
        a transform of torch.func
    """
    if torch.compiler.is_compiling() or torch.compiler.is_dynamo_compiling():  # first: Dynamo cannot trace the others
        return GRAPH
    if torch._C._are_functorch_transforms_active():
        return FUNCTORCH
    if forward_ad._current_level >= 0:
        return FORWARD_MODE
    if torch._C._len_torch_dispatch_stack():
        return MODE
    if is_tracing():
        return GRAPH
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in _PLAIN:
            return Transform(f"a tensor of the class {type(tensor).__name__}")
        if is_legacy_batchedtensor(tensor):
            return BATCHED
    return NONE
