"""A task without language: a small recurrent network predicts a noisy sum of waves, one number at a time.

Everything that a resumed run must get back is in it: dropout (torch's random numbers), noise on the input (Python's and
numpy's), a hidden state carried from batch to batch, a buffer that the forward pass changes, and a place in the data.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from gatewise.storage import pack_tensors
from gatewise.training.result import Result
from gatewise.training.selection import Selection
from gatewise.training.task import StepLoss

INPUTS, HIDDEN, ROWS, TIME = 3, 5, 4, 6


class Waves(nn.Module):
    """Dropout, one tanh layer written out, and a linear output; counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.inward = nn.Linear(INPUTS, HIDDEN)
        self.recurrent = nn.Linear(HIDDEN, HIDDEN)
        self.outward = nn.Linear(HIDDEN, 1)
        self.dropout = nn.Dropout(0.2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            self.calls += 1
        outputs = []
        for drive in self.inward(self.dropout(x)):
            h = torch.tanh(drive + self.recurrent(h))
            outputs.append(h)
        return self.outward(self.dropout(torch.stack(outputs))), h


class WaveStream:
    """Windows of an endless wave; ``per_epoch`` of them make an epoch."""

    def __init__(self, per_epoch: int = 8) -> None:
        self.batches_per_epoch = per_epoch
        self.position = 0

    def __next__(self) -> Tensor:
        time = torch.arange(self.position * TIME, (self.position + 1) * TIME + 1, dtype=torch.float32)
        self.position += 1
        phases = torch.arange(ROWS, dtype=torch.float32)
        waves = [torch.sin(time[:, None] * speed + phases) for speed in (0.3, 0.7, 1.1)]
        return torch.stack(waves, dim=-1)

    @property
    def epoch(self) -> float:
        return self.position / self.batches_per_epoch

    def state(self) -> dict[str, Any]:
        return {"position": self.position}

    def restore(self, state: dict[str, Any]) -> None:
        self.position = state["position"]


class Toy:
    """The task.

    Args:
        validations: what validation after each epoch gives back as loss; None: a true loss.
        per_epoch: batches in an epoch.
        broken: the batches whose gradient is not a number.
    """

    name, unit, nats, selects_by = "toy", "step", False, Selection("loss")

    def __init__(
        self, validations: Sequence[float] | None = None, per_epoch: int = 8, broken: Sequence[int] = ()
    ) -> None:
        self.validations, self.per_epoch, self.broken = validations, per_epoch, broken
        self.stream = WaveStream(per_epoch)
        self.saved: dict[str, Tensor] = {}
        self.results: list[Result] = []

    def identity(self) -> dict[str, Any]:
        return {"sizes": {"hidden": HIDDEN, "rows": ROWS}}

    def network(self) -> Waves:
        return Waves()

    def groups(self, network: nn.Module) -> list[list[nn.Parameter]]:
        return [list(layer.parameters()) for layer in network.children()]  # that of the dropout is empty

    def computed_by(self, network: nn.Module) -> dict[str, str]:
        return {}

    def train_batches(self) -> WaveStream:
        self.stream = WaveStream(self.per_epoch)
        return self.stream

    def loss(self, network: nn.Module, batch: Tensor, carry: Any) -> StepLoss:
        h, nothing = (torch.zeros(ROWS, HIDDEN), None) if carry is None else carry["h"]
        assert nothing is None
        noise = 0.01 * (random.gauss(0, 1) + numpy.random.standard_normal())
        predicted, h = network(batch[:-1] + noise, h)
        errors = (predicted.squeeze(-1) - batch[1:, :, 0]) ** 2
        if self.stream.position - 1 in self.broken:
            errors = errors * float("nan")
        return StepLoss(errors.sum(), errors.numel(), {"h": (h, None)})

    def validate(self, network: nn.Module) -> dict[str, float]:
        if self.validations is not None:
            return {"loss": self.validations[math.ceil(self.stream.epoch) - 1], "drawn": random.random()}
        stream = WaveStream()
        stream.position = 1000
        losses = self.loss(network, next(stream), None)
        return {"loss": float(losses.total) / losses.count}

    def samples(self, network: nn.Module) -> list[str]:
        return ["a wave"]

    def save(self, network: nn.Module, folder: Path, result: Result) -> None:
        self.saved = {name: value.clone() for name, value in network.state_dict().items()}
        self.results.append(result)
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"best_step": result.best_step}))
        (folder / "weights.safetensors").write_bytes(pack_tensors(self.saved))


class Bare:
    """A linear network without chance, for arithmetic that can be done by hand; batches are (x, y)."""

    name, unit, nats, selects_by = "bare", "row", True, Selection("loss")

    def __init__(self, batches, scale=None):
        self.batches, self.scale, self.position = batches, scale or (lambda number: 1.0), 0
        self.made = nn.Linear(2, 1, bias=False)
        self.saved = None

    def identity(self):
        return {}

    def network(self):
        nn.init.constant_(self.made.weight, 0.5)
        return self.made

    def groups(self, network):
        return [list(network.parameters())]

    def computed_by(self, network):
        return {}

    def train_batches(self):
        return self

    def __next__(self):
        self.position += 1
        return self.batches[(self.position - 1) % len(self.batches)]

    @property
    def epoch(self):
        return self.position / len(self.batches)

    @property
    def batches_per_epoch(self):
        return len(self.batches)

    def state(self):
        return {"position": self.position}

    def restore(self, state):
        self.position = state["position"]

    def loss(self, network, batch, carry):
        x, y = batch
        return StepLoss((network(x).squeeze(-1) - y).square().sum() * self.scale(self.position), len(y))

    def validate(self, network):
        return {"loss": 1.0}

    def samples(self, network):
        return []

    def save(self, network, folder, result):
        self.saved = network.weight.detach().clone()


def rows(count):
    return torch.randn(count, 2), torch.randn(count)
