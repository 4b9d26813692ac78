"""Small trained-looking layers and texts that the tests of this room measure, and finite differences beside them."""

from __future__ import annotations

import torch

from gatewise.cells.registry import variants
from gatewise.cells.spec import Cell
from gatewise.gradients.levels import Level
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from gatewise.scan import Packed, run

T, X, H, P = 7, 3, 4, 2
CELLS = list(variants())
BOTH_WAYS = {"num_layers": 2, "bidirectional": True}


def name(value: object) -> str:
    if isinstance(value, Cell):
        return "-".join([value.name, *map(str, value.constants().values())])
    return str(value)


def layers(cell, hidden_size=H, input_size=X, dtype=torch.float64, **options):
    """Layers with weights of some size, so that no gradient is lost in rounding."""
    proj_size = P if not isinstance(cell, str) and cell.has_projection else 0
    made = Recurrent(cell, input_size, hidden_size, proj_size=proj_size, dtype=dtype, **options).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return made


def of_text(stack, length=T):
    """A subject whose loss is of the whole text: a different mixture of the outputs at every step."""

    def loss(outputs):
        return (outputs * torch.linspace(-1, 1, outputs[:, 0].numel()).view_as(outputs[:, :1])).sum((0, 2))

    inputs = torch.randn(length, stack.input_size, dtype=torch.float64)
    return Subject(stack, inputs, ("a",) * length, text_loss=loss)


def of_steps(stack, length=T):
    """A subject with a loss of each step."""

    def loss(outputs, steps):
        mixture = torch.linspace(-1, 1, outputs.size(-1), dtype=outputs.dtype)
        return ((outputs - 0.1 * steps[:, None]) ** 2 * mixture).sum(-1)

    inputs = torch.randn(length, stack.input_size, dtype=torch.float64)
    return Subject(stack, inputs, ("a",) * length, step_loss=loss)


def difference_quotients(level: Level, first: int, last: int, size: float = 1e-5) -> torch.Tensor:
    """ds_last / ds_first [S, S] of a level without zoneout, by running a scan from states moved to either side."""
    rows = level.inputs[first:last].flatten(0, 1)
    columns = []
    for unit in range(level.size):
        moved = []
        for sign in (size, -size):
            before = level.states[first].clone()
            before[0, unit] += sign
            start = {state: before[:, part] for state, part in level.parts.items()}
            scan = run(level.cell, level.weights, Packed(rows, (1,) * (last - first)), start, runner="reference")
            moved.append(torch.cat([scan.final[state] for state in level.widths], dim=-1)[0])
        columns.append((moved[0] - moved[1]) / (2 * size))
    return torch.stack(columns, dim=-1)
