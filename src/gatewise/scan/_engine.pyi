"""The engine, compiled from ``engine/``: what ``engine/bindings.cpp`` shows to Python.

Only ``gatewise.scan.fused`` calls it. Arrays are whole and row-major; whatever does not fit is refused before any
memory is read. Letters: N rows of all time steps, B sequences, X input.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class Refusal(ValueError):
    """What the engine raises: a program or a call that it will not run, and why."""

class Program:
    """A step program that the engine has read and checked; it never changes."""

    @staticmethod
    def read(codes: NDArray[np.int32], numbers: NDArray[np.float64], /) -> Program:
        """The program of its flat form, see ``gatewise.scan.fused.encode``.

        Args:
            codes: everything but the constants.
            numbers: the constants.

        Raises:
            Refusal: it would read or write what is not there, or is of another version.
        """

class Scan32:
    """One scan in float32: a forward pass, and any number of backward passes after it.

    Args:
        program: of one time step.
        widths: how many units each width of the program has, in its order.
        batch_sizes: sequences at each time step, never growing.
        reverse: whether time runs backwards, each sequence from its own end.
        threads: at least 1.
        isa: the instruction set that has to be used; empty: the one that GATEWISE_ISA names, or the best one here.
        low: whether products round their operands to bfloat16; sums and states stay float32.
        x: [N, X], read by ``forward``.
        initial: [B, width] of each state, read by ``forward``.
        vectors: [width of all parts] of each parameter vector, read by ``forward``.
        matrices: [rows, columns] of each matrix; held, and read again by ``backward``.
        save: whether a backward pass will follow.
        sequences: [B] the number of each sequence, for a program that chooses units; may be empty for others.
        seed: of the choices.
        start: the number of the first time step.

    Raises:
        Refusal: sizes that do not go together, or an instruction set that cannot run here.
    """

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        batch_sizes: Sequence[int],
        reverse: bool,
        threads: int,
        isa: str,
        low: bool,
        x: NDArray[np.float32],
        initial: Sequence[NDArray[np.float32]],
        vectors: Sequence[NDArray[np.float32]],
        matrices: Sequence[NDArray[np.float32]],
        save: bool,
        sequences: Sequence[int],
        seed: int,
        start: int,
        /,
    ) -> None: ...
    def forward(self, states: Sequence[NDArray[np.float32] | None], final: Sequence[NDArray[np.float32]], /) -> None:
        """Run all time steps.

        Args:
            states: filled: [N, width] of each state after every step; None where nobody asks.
            final: filled: [B, width] of each state after each sequence's own last step.
        """

    def backward(
        self,
        states: Sequence[NDArray[np.float32] | None],
        final: Sequence[NDArray[np.float32] | None],
        x: NDArray[np.float32] | None,
        initial: Sequence[NDArray[np.float32] | None],
        vectors: Sequence[NDArray[np.float32] | None],
        matrices: Sequence[NDArray[np.float32] | None],
        /,
    ) -> None:
        """Run all time steps back.

        Args:
            states: the gradient of each state after every step, [N, width]; None is zero.
            final: the gradient of each final state, [B, width]; None is zero.
            x: filled with the gradient of the input; None where nobody asks, here and below.
            initial: filled with the gradients of the initial states.
            vectors: filled with the gradients of the parameter vectors.
            matrices: filled with the gradients of the matrices.

        Raises:
            Refusal: the forward pass was told not to save.
        """

class Scan64:
    """One scan in float64; arguments as of ``Scan32``."""

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        batch_sizes: Sequence[int],
        reverse: bool,
        threads: int,
        isa: str,
        low: bool,
        x: NDArray[np.float64],
        initial: Sequence[NDArray[np.float64]],
        vectors: Sequence[NDArray[np.float64]],
        matrices: Sequence[NDArray[np.float64]],
        save: bool,
        sequences: Sequence[int],
        seed: int,
        start: int,
        /,
    ) -> None: ...
    def forward(self, states: Sequence[NDArray[np.float64] | None], final: Sequence[NDArray[np.float64]], /) -> None:
        """Run all time steps."""

    def backward(
        self,
        states: Sequence[NDArray[np.float64] | None],
        final: Sequence[NDArray[np.float64] | None],
        x: NDArray[np.float64] | None,
        initial: Sequence[NDArray[np.float64] | None],
        vectors: Sequence[NDArray[np.float64] | None],
        matrices: Sequence[NDArray[np.float64] | None],
        /,
    ) -> None:
        """Run all time steps back."""

class Steady32:
    """The directions of a layer in float32 whose weights do not change: what is made of them is made once.

    Args:
        program: of one time step; it chooses no units.
        widths: how many units each width of the program has, in its order.
        isa: as of ``Scan32``.
        vectors: the parameter vectors of each direction, forwards and perhaps backwards; held.
        matrices: the matrices of each direction; held.

    Raises:
        Refusal: sizes that do not go together, or an instruction set that cannot run here.
    """

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        isa: str,
        vectors: Sequence[Sequence[NDArray[np.float32]]],
        matrices: Sequence[Sequence[NDArray[np.float32]]],
        /,
    ) -> None: ...
    def forward(
        self,
        batch_sizes: Sequence[int],
        threads: int,
        x: NDArray[np.float32],
        initial: Sequence[NDArray[np.float32]],
        outputs: NDArray[np.float32],
        final: Sequence[NDArray[np.float32]],
        /,
    ) -> None:
        """Run all time steps in every direction; letters as above, D directions.

        Args:
            batch_sizes: sequences at each time step, never growing.
            threads: at least 1.
            x: [N, X].
            initial: [D, B, width] of each state.
            outputs: filled: [N, D * width], the directions side by side.
            final: filled: [D, B, width] of each state.

        Raises:
            Refusal: sizes that do not go together.
        """

class Steady64:
    """A layer with steady weights in float64; arguments as of ``Steady32``."""

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        isa: str,
        vectors: Sequence[Sequence[NDArray[np.float64]]],
        matrices: Sequence[Sequence[NDArray[np.float64]]],
        /,
    ) -> None: ...
    def forward(
        self,
        batch_sizes: Sequence[int],
        threads: int,
        x: NDArray[np.float64],
        initial: Sequence[NDArray[np.float64]],
        outputs: NDArray[np.float64],
        final: Sequence[NDArray[np.float64]],
        /,
    ) -> None:
        """Run all time steps in every direction."""

def linear(
    features: NDArray[np.floating],
    weight: NDArray[np.floating],
    bias: NDArray[np.floating] | None,
    out: NDArray[np.floating],
    threads: int,
    isa: str,
) -> None:
    """Write the product of [N, K] and the transpose of [V, K], plus [V], to [N, V]; float32 or float64.

    Raises:
        Refusal: sizes that do not go together, or an instruction set that cannot run here.
    """

def instruction_set(name: str, /) -> str:
    """The instruction set of this name; of an empty name the one that GATEWISE_ISA names, or else the best one here.

    Raises:
        Refusal: it cannot run here.
    """

def instruction_sets() -> list[str]:
    """The instruction sets that this machine can run, the best one first; ``portable`` is always among them."""
