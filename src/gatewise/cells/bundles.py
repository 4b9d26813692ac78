"""What a cell's ``step`` is given: the gates of one product under their names, the states, and the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, mul, sub
from typing import TYPE_CHECKING, Any, Protocol

from gatewise.errors import ShapeError
from gatewise.settings.nearest import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

RESERVED = frozenset({"names", "tensor", "next", "as_dict"})
"""Words that name something of a bundle itself, and therefore neither a gate nor a state."""


class Gates:
    """Several gates that were computed as one tensor, each readable under its name.

    Sums and products with another bundle of the same gates, a tensor or a number act on all gates in one operation;
    a gate is cut out only when it is read, and all gates are cut in one operation.

    Args:
        names: the names of the gates, in the order in which they lie side by side.
        tensor: [..., G * H] where G = len(names); the gates lie along ``axis``.
        axis: the axis that holds the gates: -1 for activations, 0 for the rows of a weight.

    Example:
        >>> import torch
        >>> both = Gates(("input", "forget"), torch.tensor([[1.0, 2.0, 3.0, 4.0]])) + 1.0
        >>> both.forget.tolist()
        [[4.0, 5.0]]
    """

    __slots__ = ("_axis", "_parts", "names", "tensor")

    def __init__(self, names: tuple[str, ...], tensor: Tensor, axis: int = -1) -> None:
        self.names, self.tensor, self._axis = names, tensor, axis
        self._parts: dict[str, Tensor] | None = None

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):  # copy and pickle ask for such names before the slots are filled
            raise AttributeError(name)
        if self._parts is None:
            self._parts = self._cut()
        try:
            return self._parts[name]
        except KeyError:
            raise AttributeError(f"no gate {name!r} here; {did_you_mean(name, self.names)}") from None

    def _cut(self) -> dict[str, Tensor]:
        if len(self.names) == 1:
            return {self.names[0]: self.tensor}
        if not self.tensor.size(self._axis):  # the bias of a layer built without one: every gate's part is empty
            return dict.fromkeys(self.names, self.tensor)
        return dict(zip(self.names, self.tensor.chunk(len(self.names), self._axis), strict=True))

    def _with(self, other: object, operation: Callable[[Any, Any], Any]) -> Gates:
        if isinstance(other, Gates):
            if other.names != self.names:
                raise ShapeError(f"bundles of different gates: {self.names} and {other.names}", where="step")
            other = other.tensor
        return Gates(self.names, operation(self.tensor, other), self._axis)

    def __add__(self, other: Gates | Tensor | float) -> Gates:
        return self._with(other, add)

    def __sub__(self, other: Gates | Tensor | float) -> Gates:
        return self._with(other, sub)

    def __mul__(self, other: Gates | Tensor | float) -> Gates:
        return self._with(other, mul)

    __radd__ = __add__
    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Gates({', '.join(self.names)}: {tuple(self.tensor.shape)})"


class States:
    """The states of a cell at one time step, each [B, width] under its name.

    Args:
        values: name -> tensor, exactly the names that the cell declares in ``state``.

    Example:
        >>> import torch
        >>> s = States({"hidden": torch.zeros(1, 2)})
        >>> s.next(hidden=s.hidden + 1.0).hidden.tolist()
        [[1.0, 1.0]]
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"no state {name!r} here; {did_you_mean(name, self._values)}") from None

    def next(self, **values: Tensor) -> States:
        """The states after this step; every state is given, none is carried over unsaid.

        Raises:
            ShapeError: a state is missing, or one is given that the cell does not declare.
        """
        if values.keys() != self._values.keys():
            expected, came = ", ".join(self._values), ", ".join(values) or "none"
            raise ShapeError(f"s.next expects the states {expected}, but {came} came", where="step")
        return States({name: values[name] for name in self._values})

    def as_dict(self) -> dict[str, Tensor]:
        """The states as a dictionary, in the order in which the cell declares them."""
        return dict(self._values)

    def __repr__(self) -> str:
        return f"States({', '.join(self._values)})"


class Parameters(Protocol):
    """``p`` of a step: each declaration of the cell under its name, bound to tensors by ``gatewise.scan``.

    A ``Matrix`` is called in ``step`` (``p.R(s.hidden)``); in ``initialise`` its ``.weight`` and ``.bias``, and those
    of the ``Input``, are read gate by gate (``p.W.bias.forget``). A ``Vector`` is read (``p.peep.input``), a ``Norm``
    called.

    Example:
        >>> def step(x: Gates, s: States, p: Parameters) -> States:
        ...     return s.next(hidden=(x + p.R(s.hidden)).new)
    """

    def __getattr__(self, name: str) -> Any:
        """The bound declaration called ``name``."""
