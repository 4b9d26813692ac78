"""A task over real recurrent layers, and the faults that are planted in it.

Rows of whole numbers in which each number is the sum of the two before it (modulo a few): a network learns it in some
hundred steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gatewise.cells.registry import find
from gatewise.layers.recurrent import Recurrent
from gatewise.storage import pack_tensors
from gatewise.training.selection import Selection
from gatewise.training.task import StepLoss

KINDS, ROWS, TIME, WIDTH = 5, 16, 12, 24


class Network(nn.Module):
    """Vectors, recurrent layers, scores."""

    def __init__(
        self, cell: str = "lstm", num_layers: int = 2, nonlinearity: str = "", bidirectional=False, residual=False
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(KINDS, WIDTH)
        own = find(cell, nonlinearity=nonlinearity) if nonlinearity else find(cell)
        options = {"num_layers": num_layers, "bidirectional": bidirectional, "residual": residual}
        self.recurrent = Recurrent(own, WIDTH, WIDTH, **options)
        self.output = nn.Linear(self.recurrent.output_size, KINDS)

    def forward(self, numbers: Tensor) -> Tensor:
        outputs, _ = self.recurrent(self.embedding(numbers))
        return self.output(outputs)


class Sums:
    """The task; ``plant`` is called with the network and the number of the batch before each of them."""

    name, unit, nats, selects_by = "sums", "number", True, Selection("loss")
    batches_per_epoch = 50

    def __init__(self, plant=lambda network, number: None, make=Network) -> None:
        self.plant, self.make, self.position = plant, make, 0

    def identity(self):
        return {}

    def network(self):
        return self.make()

    def groups(self, network):
        return [list(network.parameters())]

    def computed_by(self, network):
        return {}

    def train_batches(self):
        return self

    def __next__(self):
        self.position += 1
        return rows(self.position)

    @property
    def epoch(self):
        return self.position / self.batches_per_epoch

    def state(self):
        return {"position": self.position}

    def restore(self, state):
        self.position = state["position"]

    def loss(self, network, batch, carry):
        if network.training:
            with torch.no_grad():
                self.plant(network, self.position)
        scores = network(batch[:-1])
        total = nn.functional.cross_entropy(scores.flatten(0, 1), batch[1:].flatten(), reduction="sum")
        return StepLoss(total, batch[1:].numel())

    def validate(self, network):
        losses = self.loss(network, rows(10_000), None)
        return {"loss": float(losses.total) / losses.count}

    def samples(self, network):
        return []

    def save(self, network, folder, result):
        folder.mkdir(exist_ok=True)
        (folder / "weights.safetensors").write_bytes(pack_tensors(network.state_dict()))


def rows(number: int) -> Tensor:
    """Rows of whole numbers, [T + 1, B]; the same for the same number."""
    start = torch.randint(0, KINDS, (2, ROWS), generator=torch.Generator().manual_seed(number))
    found = list(start)
    while len(found) <= TIME:
        found.append((found[-1] + found[-2]) % KINDS)
    return torch.stack(found)
