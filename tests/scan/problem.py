"""A small random problem for a cell: parameters, sequences and initial states, and what a scan makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gatewise.cells import Cell
from gatewise.scan import Packed, Scan, run

UNIFORM = (4, 4, 4, 4, 4)
RAGGED = (4, 4, 3, 1, 1)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@dataclass(frozen=True)
class Problem:
    """What ``run`` takes, with every tensor a leaf that requires a gradient."""

    cell: Cell
    parameters: dict[str, Tensor]
    x: Packed
    initial: dict[str, Tensor]

    def run(self, **options: object) -> Scan:
        return run(self.cell, self.parameters, self.x, self.initial, **options)

    def with_input(self, data: Tensor, batch_sizes: tuple[int, ...], **initial: Tensor) -> Problem:
        return replace(self, x=Packed(data, batch_sizes), initial=initial or self.initial)

    def leaves(self) -> dict[str, Tensor]:
        return {**self.parameters, "x": self.x.data, **self.initial}

    def gradients(self, **options: object) -> dict[str, Tensor]:
        """The gradient of a fixed random weighting of all results with respect to every tensor."""
        generator = torch.Generator().manual_seed(7)
        total = torch.zeros((), dtype=torch.float64)
        for value in results(self.run(**options)).values():
            weight = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            total = total + (weight * value.cpu().double()).sum()
        leaves = self.leaves()
        return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


def tamed(wild: Problem, dtype: torch.dtype) -> Problem:
    """The same in another dtype, exact in float32, with matrices divided by the root of their columns.

    As layers start: a step that magnifies what it is given magnifies every rounding, too, until nothing can be
    compared.
    """

    def leaf(value: Tensor, scale: float = 1.0) -> Tensor:
        return (value.detach() * scale).float().to(dtype).requires_grad_()

    scales = {name: value.size(-1) ** -0.5 if value.dim() == 2 else 1.0 for name, value in wild.parameters.items()}
    return Problem(
        wild.cell,
        {name: leaf(value, scales[name]) for name, value in wild.parameters.items()},
        Packed(leaf(wild.x.data), wild.x.batch_sizes),
        {name: leaf(value) for name, value in wild.initial.items()},
    )


def results(scan: Scan) -> dict[str, Tensor]:
    """Everything a scan returns, by name."""
    states = {f"all {name}": value for name, value in (scan.states or {}).items()}
    return {"outputs": scan.outputs, **{f"final {name}": value for name, value in scan.final.items()}, **states}


def problem(
    cell: Cell,
    batch_sizes: tuple[int, ...] = RAGGED,
    *,
    input_size: int = 3,
    hidden_size: int = 5,
    bias: bool = True,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
    seed: int = 0,
) -> Problem:
    """A problem with numbers of order one, drawn on the CPU in double precision so that it is the same everywhere."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64) * 0.7
        return drawn.to(device, dtype).requires_grad_()

    proj_size = 2 if cell.has_projection else 0
    specs = cell.parameters(input_size, hidden_size, proj_size, bias)
    widths = cell.state_widths(hidden_size, proj_size)
    return Problem(
        cell,
        {name: draw(*spec.shape) for name, spec in specs.items()},
        Packed(draw(sum(batch_sizes), input_size), batch_sizes),
        {name: draw(batch_sizes[0], width) for name, width in widths.items()},
    )
