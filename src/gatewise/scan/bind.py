"""Declarations + tensors -> the ``p``, ``x`` and ``s`` that a cell's step is written with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.bundles import Gates
from gatewise.cells.declarations import Declaration, Input, Matrix, Norm, Vector, Whole
from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError


class Product:
    """An ``Input`` or ``Matrix`` bound to its tensors: called, it is the product.

    Under autocast the weight is cast once here instead of at every time step.

    Args:
        declaration: what the cell declares.
        weight: [rows, columns].
        bias: [rows] or None.
    """

    __slots__ = ("_bias", "_gates", "_raw_bias", "_raw_weight", "_transposed")

    def __init__(self, declaration: Input | Matrix, weight: Tensor, bias: Tensor | None) -> None:
        self._raw_weight, self._raw_bias, self._gates = weight, bias, declaration.gates
        kind = weight.device.type
        mixed = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)  # "meta" has no autocast
        low = torch.get_autocast_dtype(kind) if mixed else weight.dtype
        self._transposed = weight.to(low).t()
        self._bias = None if bias is None else bias.to(low)

    def __call__(self, rows: Tensor) -> Gates | Tensor:
        """[n, columns] -> [n, rows of the weight], as a bundle where gates were declared."""
        result = rows.mm(self._transposed) if self._bias is None else torch.addmm(self._bias, rows, self._transposed)
        return result if self._gates is None else Gates(self._gates, result)

    @property
    def weight(self) -> Gates | Tensor:
        """The weight, its rows under the gates' names."""
        return self._raw_weight if self._gates is None else Gates(self._gates, self._raw_weight, axis=0)

    @property
    def bias(self) -> Gates | Tensor:
        """The bias under the gates' names; empty views where the layer has none."""
        bias = self._raw_weight.new_empty(0) if self._raw_bias is None else self._raw_bias
        return bias if self._gates is None else Gates(self._gates, bias, axis=0)


class Normalisation:
    """A ``Norm`` bound to its tensors.

    Args:
        declaration: what the cell declares.
        gain: [G * H].
        shift: [G * H] or None.
    """

    __slots__ = ("_gain", "_gates", "_shift")

    def __init__(self, declaration: Norm, gain: Tensor, shift: Tensor | None) -> None:
        self._gates, self._gain, self._shift = declaration.gates, gain, shift

    def __call__(self, bundle: Gates | Tensor, over: str = "gate") -> Gates | Tensor:
        """Normalise [n, G * H] over each gate's H values or over all of them, then scale and shift."""
        values = bundle.tensor if isinstance(bundle, Gates) else bundle
        values = values.to(self._gain.dtype)  # statistics are taken in the parameters' precision, under autocast too
        if over == "all" or len(self._gates) == 1:
            values = functional.layer_norm(values, self._gain.shape, self._gain, self._shift)
        elif over == "gate":
            apart = values.view(-1, len(self._gates), values.size(-1) // len(self._gates))
            values = functional.layer_norm(apart, apart.shape[-1:]).view_as(values) * self._gain
            values = values if self._shift is None else values + self._shift
        else:
            raise ShapeError(f'a norm is taken over "gate" or "all", but {over!r} came', where="step")
        return Gates(bundle.names, values) if isinstance(bundle, Gates) else values

    @property
    def gain(self) -> Gates:
        """The gain under the gates' names."""
        return Gates(self._gates, self._gain, axis=0)

    @property
    def shift(self) -> Gates:
        """The shift under the gates' names; empty views where there is none."""
        return Gates(self._gates, self._gain.new_empty(0) if self._shift is None else self._shift, axis=0)


class Everything:
    """A ``Whole`` bound to its tensors: called, it leaves the input as it is.

    Args:
        declaration: what the cell declares.
        tensors: name -> tensor, every parameter.
    """

    __slots__ = ("_gates", "tensors")

    def __init__(self, declaration: Whole, tensors: Mapping[str, Tensor]) -> None:
        self._gates, self.tensors = declaration.gates, tensors

    def __call__(self, rows: Tensor) -> Gates:
        """[n, X] as it is."""
        return Gates(self._gates, rows)


Bound = Product | Normalisation | Gates | Everything


class Binding:
    """A cell's declarations bound to tensors: the ``p`` of its step.

    Args:
        cell: the cell.
        parameters: name -> tensor, as ``cell.parameters`` names and shapes them (``check_parameters`` has seen them).
    """

    def __init__(self, cell: Cell, parameters: Mapping[str, Tensor]) -> None:
        for name, declaration in cell.declarations.items():
            self.__dict__[name] = _bind(name, declaration, parameters)
            if isinstance(declaration, Input):
                self._input = self.__dict__[name]
        self._dtype = parameters["weight_ih"].dtype

    def input_gates(self, rows: Tensor) -> Gates:
        """x of a step for [n, X]: W x + b in the states' precision, whatever autocast computes the product in."""
        product: Gates = self._input(rows)
        return Gates(product.names, product.tensor.to(self._dtype))

    def __getattr__(self, name: str) -> Bound:
        known = [declared for declared in self.__dict__ if not declared.startswith("_")]
        raise AttributeError(f"the cell declares no {name!r}; it has {', '.join(known)}")


def _bind(attribute: str, declaration: Declaration, parameters: Mapping[str, Tensor]) -> Bound:
    if isinstance(declaration, Whole):
        return Everything(declaration, parameters)
    names = [declared.name for declared in declaration.declared(attribute)]
    first, second = parameters[names[0]], parameters.get(names[1]) if len(names) > 1 else None
    if isinstance(declaration, Vector):
        return Gates(declaration.names, first, axis=0)
    if isinstance(declaration, Norm):
        return Normalisation(declaration, first, second)
    return Product(declaration, first, second)
