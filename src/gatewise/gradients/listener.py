"""Which values a cell's step gives to its gates: its operations are watched while torch carries them out.

A product of the input or of a state has the gates' names, by the cell's declaration. The names are followed through
operations that act on each number by itself (sums, products, a layer norm) and through the cut into gates, up to a
nonlinearity; what comes out of that is the value of the gate. Nothing of the cell is changed, and nothing is guessed:
a name that is lost on the way, in an operation that mixes gates, is not found.

Letters: N rows, G gates, H units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from gatewise.cells.bundles import Gates
from gatewise.scan.bind import Binding

SIGMOIDS = frozenset({"sigmoid", "hardsigmoid", "expit"})
"""Nonlinearities whose values lie between 0 and 1: what comes out of one is a gate."""
_SMOOTH = {"tanh", "gelu", "silu", "mish", "softplus", "softsign", "elu", "selu", "celu"}
_OTHERS = frozenset(_SMOOTH | {"relu", "relu6", "hardtanh", "leaky_relu"})
_SUMS = {"add", "sub", "rsub", "mul", "rmul", "div", "true_divide", "neg", "positive", "addcmul", "addcdiv", "lerp"}
_SAME = {"clamp", "clip", "abs", "clone", "contiguous", "to", "float", "double", "dropout", "layer_norm"}
_EACH_BY_ITSELF = frozenset(_SUMS | _SAME)
_CUTS = frozenset({"chunk", "tensor_split"})

Names = tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """The value of a gate.

    Attributes:
        function: the nonlinearity it came out of, such as ``sigmoid``.
        value: [N, H]; part of no graph.
        together: whether it was computed for all gates at once, whichever of them are used.
    """

    function: str
    value: Tensor
    together: bool


class Listener(TorchFunctionMode):
    """Watches one call of a step; used with ``with``.

    The value of each gate goes on into the step without a way back for gradients: what gradients then find is how the
    states after the step depend on those before while the gates are held.

    Attributes:
        heard: for each name what came out of nonlinearities, in order.

    Example:
        >>> import torch
        >>> listener = Listener()
        >>> x = Gates(("input", "new"), torch.zeros(2, 6))
        >>> with listener:
        ...     listener.name(x.tensor, x.names)
        ...     y = (x + 1.0).input.sigmoid() * x.new.tanh()
        >>> {name: values[0].function for name, values in listener.heard.items()}
        {'input': 'sigmoid', 'new': 'tanh'}
    """

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, list[Heard]] = {}
        self._known: dict[int, tuple[Tensor, Names]] = {}  # with the tensors, so that no number is used twice

    def name(self, tensor: Tensor, names: Names) -> None:
        """Say that the gates of these names lie side by side along a tensor's last axis."""
        self._known[id(tensor)] = tensor, names

    def names_of(self, value: object) -> Names | None:
        """The names of the gates in a tensor; None where it is not known to be of gates."""
        known = self._known.get(id(value))
        return None if known is None else known[1]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out an operation, and follow the names through it."""
        result = func(*args, **(kwargs or {}))
        names = self._common((*args, *(kwargs or {}).values()))
        if names is None:
            return result
        operation = getattr(func, "__name__", "").strip("_").removeprefix("special_")
        if operation in SIGMOIDS or operation in _OTHERS:
            return self._listen(operation, result, names)
        if operation in _EACH_BY_ITSELF and isinstance(result, Tensor):
            self._pass_on(result, names, (*args, *(kwargs or {}).values()))
        elif operation in _CUTS and len(result) == len(names):
            for part, name in zip(result, names, strict=True):
                self.name(part, (name,))
        return result

    def _common(self, operands: Iterable[object]) -> Names | None:
        """The names that all operands which have some have; None where they differ."""
        found = {names for operand in operands if (names := self.names_of(operand)) is not None}
        return found.pop() if len(found) == 1 else None

    def _pass_on(self, result: Tensor, names: Names, operands: Iterable[object]) -> None:
        """Name a result as its operand, unless its shape is another."""
        if any(self.names_of(one) and isinstance(one, Tensor) and one.shape == result.shape for one in operands):
            self.name(result, names)

    def _listen(self, function: str, result: Tensor, names: Names) -> Tensor:
        value = result.detach()
        for name, part in zip(names, value.chunk(len(names), -1), strict=True):
            kept = part if len(names) > 1 else value
            self.heard.setdefault(name, []).append(Heard(function, kept, len(names) > 1))
        return value


class Listened:
    """The ``p`` of a step, whose products and norms tell a listener the names of their gates.

    Args:
        bound: the parameters.
        listener: what is told.
    """

    def __init__(self, bound: Binding, listener: Listener) -> None:
        self._bound, self._listener = bound, listener

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._bound, name)
        return _Told(found, self._listener) if callable(found) else found


class _Told:
    """A product or a norm: called, it names the gates of its result; its other attributes are its own."""

    def __init__(self, bound: Callable[..., Gates | Tensor], listener: Listener) -> None:
        self._bound, self._listener = bound, listener

    def __call__(self, given: Gates | Tensor, *args: Any, **kwargs: Any) -> Gates | Tensor:
        result = self._bound(given, *args, **kwargs)
        if isinstance(result, Gates):
            self._listener.name(result.tensor, result.names)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bound, name)
