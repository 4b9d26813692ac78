"""What a cell is: declared states, parameters and constants, and one time step written as its equation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, Self, dataclass_transform

from gatewise.cells.bundles import Gates, Parameters, States
from gatewise.cells.constants import Constant, checked, read_constant_hints
from gatewise.cells.declarations import (
    Declaration,
    Declared,
    Input,
    Matrix,
    Norm,
    ParameterSpec,
    Vector,
    check_names,
)
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

__all__ = ["Cell", "Gates", "Input", "Matrix", "Norm", "ParameterSpec", "Parameters", "States", "Vector"]


@dataclass_transform(frozen_default=True)
class Cell:
    """A recurrent cell, stated once: a subclass declares what it has and writes one time step.

    Annotated class attributes are the cell's constants: a subclass is a frozen dataclass of them, and they are saved
    with a model. ``state`` names each state with its width, the first being the output. Declarations (``Input``,
    ``Matrix``, ``Vector``, ``Norm``) are class attributes. Shapes, ``state_dict`` names, initialisation and every
    runner follow from them.

    Letters: B batch, X input, H hidden, P projection, G gates.

    Raises:
        SettingError: when the class is defined, for a declaration that cannot work; when a cell is made, for a constant
            of the wrong kind.

    Example:
        >>> from gatewise.cells.functions import tanh
        >>> class Elman(Cell):
        ...     state = {"hidden": "H"}
        ...     W = Input(("new",))
        ...     R = Matrix("H", ("new",))
        ...     scale: float = 1.0
        ...     def step(self, x, s, p):
        ...         return s.next(hidden=self.scale * tanh((x + p.R(s.hidden)).new))
        >>> {name: spec.shape for name, spec in Elman().parameters(3, 5).items()}
        {'weight_ih': (5, 3), 'weight_hh': (5, 5), 'bias_ih': (5,)}
        >>> Elman(scale=2).constants()
        {'scale': 2.0}
    """

    state: ClassVar[Mapping[str, str]] = MappingProxyType({"hidden": "H", "memory": "H"})

    # Derived when the class is defined:
    name: ClassVar[str] = "cell"  # the class name as --cell takes it: SimpleGRU is simple_gru
    constant_hints: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    declarations: ClassVar[Mapping[str, Declaration]] = MappingProxyType({})
    has_projection: ClassVar[bool] = False  # whether any state or matrix has the width P
    _declared: ClassVar[tuple[Declared, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True)(cls)
        check_names(tuple(cls.state), f"class {cls.__name__}: state")
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
        cls.state = MappingProxyType(dict(cls.state))
        cls.constant_hints = MappingProxyType(read_constant_hints(cls))
        cls.declarations = MappingProxyType(_declarations(cls))
        cls._declared = _in_torch_order(cls.declarations)
        cls.has_projection = "P" in _widths(cls)
        _check_class(cls)

    def __post_init__(self) -> None:
        for name, hint in self.constant_hints.items():
            object.__setattr__(self, name, checked(getattr(self, name), hint, where=f"cell {self.name}: {name}"))

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """One time step, in ordinary differentiable PyTorch on whole rows of the batch: no row may look at another.

        For the engine it is traced once in a process. Globals and tensors that it reads keep the value that they had
        then, whatever becomes of them: make numbers constants of the cell, and tensors parameters. A step that asks
        for sizes, types or gradients is run by the reference runner wherever that makes it another equation.

        Args:
            x: W x_t + b as gates [B, H].
            s: the states before, [B, width].
            p: the parameters as declared.

        Returns:
            the states after: ``s.next(...)`` with every state.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what one step is; define step(self, x, s, p)")

    def initialise(self, p: Parameters) -> None:
        """Change what torch's start, U(-1/sqrt(H), 1/sqrt(H)), has left in the parameters; by default nothing.

        Views are reached gate by gate, as in ``p.W.bias.forget.fill_(1.0)``; use tensor methods only. In a layer
        without bias such a view is empty, so that no branch is needed.
        """

    def torch_twin(self) -> str | None:
        """The function of ``torch._VF`` that is exactly this cell ("lstm", "gru", "rnn_tanh", "rnn_relu"), or None."""
        return None

    @classmethod
    def declared(cls, bias: bool = True) -> tuple[Declared, ...]:
        """All parameters in torch's order: the weights of W and R, their biases, then the rest as declared.

        Args:
            bias: False leaves out every bias and every shift, as ``bias=False`` of a layer does.
        """
        return cls._declared if bias else tuple(d for d in cls._declared if d.kind not in ("bias", "shift"))

    def parameters(
        self, input_size: int, hidden_size: int, proj_size: int = 0, bias: bool = True
    ) -> dict[str, ParameterSpec]:
        """The parameters at given sizes: name -> shape, kind, and whether weight dropout acts on it.

        Args:
            input_size: X, at least 0.
            hidden_size: H, at least 1.
            proj_size: P, between 1 and H - 1 for a cell with a projection, else 0.
            bias: whether the cell's biases (and the shifts of its norms) are there.

        Raises:
            SettingError: a size out of its range, or a projection where the cell has none.
        """
        widths = self.widths(hidden_size, proj_size)
        if input_size < 0:
            self._refuse(f"input_size must be at least 0, but {input_size} was given")
        widths["X"] = input_size
        return {
            d.name: ParameterSpec(tuple(count * widths[width] for count, width in d.dims), d.kind, d.recurrent)
            for d in self.declared(bias)
        }

    def widths(self, hidden_size: int, proj_size: int = 0) -> dict[str, int]:
        """Letter (or integer constant) -> how many units it stands for, for everything but the input."""
        if hidden_size < 1:
            self._refuse(f"hidden_size must be at least 1, but {hidden_size} was given")
        if not self.has_projection and proj_size != 0:
            self._refuse(f"proj_size must be 0 for a cell without projection, but {proj_size} was given")
        if self.has_projection and not 0 < proj_size < hidden_size:
            self._refuse(
                f"proj_size must be between 1 and hidden_size - 1 = {hidden_size - 1}, but {proj_size} was given"
            )
        constants = {name: value for name, value in self.constants().items() if type(value) is int}
        return {**constants, "H": hidden_size, "P": proj_size}

    def _refuse(self, message: str) -> NoReturn:
        raise SettingError(message, where=f"cell {self.name}")

    def state_widths(self, hidden_size: int, proj_size: int = 0) -> dict[str, int]:
        """State -> number of units."""
        widths = self.widths(hidden_size, proj_size)
        return {name: widths[letter] for name, letter in self.state.items()}

    @property
    def output_state(self) -> str:
        """The name of the state that is the output: the first one declared."""
        return next(iter(self.state))

    def output_size(self, hidden_size: int, proj_size: int = 0) -> int:
        """The width of the output."""
        return self.state_widths(hidden_size, proj_size)[self.output_state]

    def constants(self) -> dict[str, Constant]:
        """The cell's constants, all of them numbers, strings, booleans or None."""
        return {name: getattr(self, name) for name in self.constant_hints}

    @classmethod
    def from_constants(cls, constants: Mapping[str, Constant]) -> Self:
        """The cell with these constants; the ones not named keep their default.

        Raises:
            SettingError: a constant that the cell does not have, or of the wrong kind.
        """
        known = tuple(cls.constant_hints)
        for name in constants:
            if name not in known:
                advice = did_you_mean(name, known) if known else "this cell has no constants"
                raise SettingError(f"unknown constant {name!r}", where=f"cell {cls.name}", fix=advice)
        return cls(**constants)

    @classmethod
    def fingerprint(cls) -> str:
        """Sixteen hexadecimal digits of the states, parameters and constants' names; ``step`` is not in them."""
        parameters = [[d.name, d.kind, d.dims, d.recurrent] for d in cls.declared()]
        text = json.dumps([list(cls.state.items()), parameters, list(cls.constant_hints)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _declarations(cls: type[Cell]) -> dict[str, Declaration]:
    """Attribute -> declaration in the order of the class body, inherited ones first."""
    found: dict[str, Declaration] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Declaration):
                found[name] = value
            elif name in found:
                del found[name]  # a subclass has put something else, such as None, in its place
    return found


def _in_torch_order(declarations: Mapping[str, Declaration]) -> tuple[Declared, ...]:
    """The weights of W and R, their biases, then the rest as declared."""
    rank = {"weight_ih": 0, "weight_hh": 1, "bias_ih": 2, "bias_hh": 3}
    declared = [d for attribute, declaration in declarations.items() for d in declaration.declared(attribute)]
    return tuple(sorted(declared, key=lambda d: rank.get(d.name, len(rank))))


def _widths(cls: type[Cell]) -> list[str]:
    """Every width that a state or a parameter is declared with."""
    return [*cls.state.values(), *(width for d in cls.declared() for _, width in d.dims)]


def _check_class(cls: type[Cell]) -> None:
    """Refuse at definition what could only fail later and less clearly."""
    where = f"class {cls.__name__}"
    inputs = [name for name, declaration in cls.declarations.items() if isinstance(declaration, Input)]
    if len(inputs) != 1:
        raise SettingError(f"a cell declares exactly one Input, but {inputs or 'none'} came", where=where)
    for name in (*cls.constant_hints, *cls.declarations):
        if hasattr(Cell, name) or name.startswith("_"):
            raise SettingError(f"{name!r} is taken or private", where=where, fix="choose another name")
    widths = {"H", "P", "X", *cls.constant_hints}
    for width in _widths(cls):
        if width not in widths:
            fix = 'write "H", "P" or the name of an integer constant'
            raise SettingError(f"unknown width {width!r}", where=where, fix=fix)
