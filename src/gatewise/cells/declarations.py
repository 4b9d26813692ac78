"""What a cell declares: the input product, matrices, vectors and norms, with the names and shapes that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gatewise.cells.bundles import RESERVED
from gatewise.errors import SettingError

Kind = Literal["weight", "bias", "vector", "gain", "shift"]


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter of a cell at given sizes.

    Args:
        shape: its shape.
        kind: what it is: ``weight`` and ``bias`` of a product, a ``vector``, or the ``gain`` and ``shift`` of a norm.
        recurrent: whether it is a matrix applied to a state, on which weight dropout acts.

    Example:
        >>> ParameterSpec((8, 2), "weight", recurrent=True).shape
        (8, 2)
    """

    shape: tuple[int, ...]
    kind: Kind
    recurrent: bool = False


@dataclass(frozen=True)
class Declared:
    """One parameter of a cell before the sizes are known.

    Args:
        name: the name in ``state_dict``, torch's where torch has the parameter.
        kind: see ``ParameterSpec``.
        dims: per axis (how many, width), such as ``((4, "H"), (1, "X"))`` for [4H, X].
        recurrent: see ``ParameterSpec``.

    Example:
        >>> Declared("bias_ih", "bias", ((4, "H"),)).dims
        ((4, 'H'),)
    """

    name: str
    kind: Kind
    dims: tuple[tuple[int, str], ...]
    recurrent: bool = False


def check_names(names: tuple[str, ...], what: str) -> None:
    """Refuse gate and state names that could not be written as an attribute in an equation.

    Args:
        names: the names in order.
        what: what they name, for the message.

    Raises:
        SettingError: no name, a name twice, a name that is no identifier, begins with ``_`` or is reserved.

    Example:
        >>> check_names(("input", "forget"), "gates")
    """
    if not isinstance(names, tuple) or not names:
        raise SettingError(f"{what} expects a tuple of at least one name, but {names!r} came")
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_") or name in RESERVED:
            taken = ", ".join(sorted(RESERVED))
            raise SettingError(f"{what} expects identifiers other than {taken}, but {name!r} came")
    if len(set(names)) != len(names):
        raise SettingError(f"{what} expects each name once, but {names!r} came")


@dataclass(frozen=True)
class Input:
    """W x_t + b for every gate and every time step, in one product outside the time loop.

    ``weight_ih`` [G * H, X], ``bias_ih`` [G * H]; in ``step`` it arrives as ``x``, a bundle of the gates.

    Args:
        gates: the gates' names, in the order of the weight's rows.
        bias: whether there is a bias.

    Example:
        >>> [declared.name for declared in Input(("new",)).declared("W")]
        ['weight_ih', 'bias_ih']
    """

    gates: tuple[str, ...]
    bias: bool = True

    def __post_init__(self) -> None:
        check_names(self.gates, "Input(gates)")

    def declared(self, attribute: str) -> tuple[Declared, ...]:
        """The parameters of this declaration; ``attribute`` is the name it has in the cell."""
        del attribute  # there is one Input per cell, and its parameters have torch's names
        rows = (len(self.gates), "H")
        weight = Declared("weight_ih", "weight", (rows, (1, "X")))
        return (weight, Declared("bias_ih", "bias", (rows,))) if self.bias else (weight,)


@dataclass(frozen=True)
class Whole(Input):
    """All parameters of a cell whose step is a program: x arrives as the input itself, the parameters by their names.

    Args:
        gates: one name, for the input.
        parameters: in any order.

    Example:
        >>> Whole(("x",), parameters=(Declared("weight_ih", "weight", ((1, "H"), (1, "X"))),)).declared("all")[0].name
        'weight_ih'
    """

    parameters: tuple[Declared, ...] = ()

    def declared(self, attribute: str) -> tuple[Declared, ...]:
        """The parameters of this declaration; ``attribute`` is the name it has in the cell."""
        del attribute
        return self.parameters


@dataclass(frozen=True)
class Matrix:
    """A matrix applied to a state (or to what a step made of one): ``p.R(s.hidden)``.

    Named ``R`` it is torch's ``weight_hh``, ``bias_hh``; named ``Q``, from H to P, torch's ``weight_hr``;
    any other attribute ``a`` gives ``weight_a`` and ``bias_a``.

    Args:
        of: the width it is applied to: "H", "P", or the name of an integer constant of the cell.
        to: a tuple of gates (each H wide; the product is a bundle) or a width (the product is a tensor).
        bias: whether there is a bias.
        recurrent: whether weight dropout acts on it; by default exactly when ``to`` names gates.

    Example:
        >>> Matrix("H", ("reset", "update")).declared("R")[0].dims
        ((2, 'H'), (1, 'H'))
    """

    of: str
    to: tuple[str, ...] | str
    bias: bool = False
    recurrent: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.to, str):
            check_names(self.to, "Matrix(to)")

    @property
    def gates(self) -> tuple[str, ...] | None:
        """The names of the gates, or None where the product is a plain tensor."""
        return None if isinstance(self.to, str) else self.to

    def declared(self, attribute: str) -> tuple[Declared, ...]:
        """The parameters of this declaration; ``attribute`` is the name it has in the cell."""
        suffix = {"R": "hh", "Q": "hr"}.get(attribute, attribute)
        rows = (1, self.to) if isinstance(self.to, str) else (len(self.to), "H")
        recurrent = self.gates is not None if self.recurrent is None else self.recurrent
        weight = Declared(f"weight_{suffix}", "weight", (rows, (1, self.of)), recurrent)
        return (weight, Declared(f"bias_{suffix}", "bias", (rows,))) if self.bias else (weight,)


@dataclass(frozen=True, init=False)
class Vector:
    """One vector of width H per name, multiplied element by element: a peephole, a diagonal recurrence.

    ``vector_a`` [n * H] for the attribute ``a``; in ``step`` ``p.a.input`` is [H].

    Args:
        names: the vectors' names.

    Example:
        >>> Vector("input", "forget").declared("peep")[0].name
        'vector_peep'
    """

    names: tuple[str, ...] = field()

    def __init__(self, *names: str) -> None:
        check_names(names, "Vector(names)")
        object.__setattr__(self, "names", names)

    def declared(self, attribute: str) -> tuple[Declared, ...]:
        """The parameters of this declaration; ``attribute`` is the name it has in the cell."""
        return (Declared(f"vector_{attribute}", "vector", ((len(self.names), "H"),)),)


@dataclass(frozen=True)
class Norm:
    """Layer normalisation of a bundle of gates: (a - mean) / sqrt(variance + 1e-5) * gain + shift.

    ``gain_a`` and ``shift_a`` [G * H] for the attribute ``a``; in ``step`` ``p.a(bundle, over="gate")`` takes mean and
    variance of each gate's H values, ``over="all"`` of all G * H values. Given a tensor [B, G * H] it returns one.

    Args:
        gates: the names of what is normalised.
        shift: whether there is a shift; a layer built with ``bias=False`` has none in any case.

    Source: Ba, Kiros & Hinton 2016, Layer Normalization (arXiv:1607.06450), supplementary material.

    Example:
        >>> [declared.name for declared in Norm(("input", "cell")).declared("norm")]
        ['gain_norm', 'shift_norm']
    """

    gates: tuple[str, ...]
    shift: bool = True

    def __post_init__(self) -> None:
        check_names(self.gates, "Norm(gates)")

    def declared(self, attribute: str) -> tuple[Declared, ...]:
        """The parameters of this declaration; ``attribute`` is the name it has in the cell."""
        rows = (len(self.gates), "H")
        gain = Declared(f"gain_{attribute}", "gain", (rows,))
        return (gain, Declared(f"shift_{attribute}", "shift", (rows,))) if self.shift else (gain,)


Declaration = Input | Matrix | Vector | Norm
