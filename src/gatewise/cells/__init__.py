"""Recurrent cells: each states its equation once, without torch; everything else is derived from it."""

from gatewise.cells.registry import CELLS, describe, find, variants
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Norm, Parameters, ParameterSpec, States, Vector

__all__ = [
    "CELLS",
    "Cell",
    "Gates",
    "Input",
    "Matrix",
    "Norm",
    "ParameterSpec",
    "Parameters",
    "States",
    "Vector",
    "describe",
    "find",
    "variants",
]
