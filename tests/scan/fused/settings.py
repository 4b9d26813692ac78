"""Random settings of the public layers: drawn from a seed, made into a layer, its input and its states."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise import nn
from gatewise.cells import Cell, variants
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.stack import Stack

SIZES = (1, 2, 3, 5, 7, 8, 9, 11, 13, 15, 16, 17, 23)
"""1, primes, and the vector widths 8 and 16 with their neighbours."""
BATCHES = (1, 2, 3, 5, 7, 8, 9)
STEPS = (1, 1, 2, 3, 5, 7)
LEAST = {"projected_lstm": 1, "layer_norm_lstm": 3}
"""The place of the smallest size for a cell: a projection is narrower than H, and a norm of two units is a sign."""
KINDS = ("time first", "batch first", "single", "packed")
LAYOUTS = ("plain", "turned", "offset", "spread")
WANTED = ("all", "all", "all", "input", "parameters", "state", "none")


@cache
def cells() -> tuple[Cell, ...]:
    """Every registered cell; a start makes no difference here, so each stands once."""
    found = {(cell.name, cell.constants().get("nonlinearity")): cell for cell in variants()}
    return tuple(found.values())


@dataclass(frozen=True)
class Setting:
    """One way of calling a layer; B sequences of at most T steps, X features, H units, P projected units.

    Args:
        kind: the form of the input.
        lengths: of each sequence, unsorted; None for none said.
        given: whether states are given.
        layout: how the input and the states lie in memory.
        wanted: whose gradients are asked for.
        drop_in: the layer is torch's namesake, where there is one.
    """

    seed: int
    cell: Cell
    input_size: int
    hidden_size: int
    proj_size: int
    batch: int
    steps: int
    num_layers: int
    bidirectional: bool
    bias: bool
    dtype: torch.dtype
    kind: str
    lengths: tuple[int, ...] | None
    given: bool
    layout: str
    wanted: str
    drop_in: bool

    @property
    def levels(self) -> int:
        return self.num_layers * (2 if self.bidirectional else 1)

    @property
    def running(self) -> tuple[int, ...]:
        """The length of each sequence."""
        return self.lengths or (self.steps,) * self.batch


def draw(seed: int) -> Setting:
    """The setting of a seed."""
    die = random.Random(seed)
    cell = die.choice(cells())
    kind = die.choice(KINDS)
    hidden = die.choice(SIZES[LEAST.get(cell.name, 0) :])
    steps = die.choice(STEPS)
    batch = 1 if kind == "single" else die.choice(BATCHES)
    lengths = None
    if kind == "packed" or (kind != "single" and die.random() < 0.5):
        least = 1 if kind == "packed" else 0
        lengths = tuple(die.randint(least, steps) for _ in range(batch))
    return Setting(
        seed,
        cell,
        die.choice(SIZES),
        hidden,
        die.randint(1, hidden - 1) if cell.has_projection else 0,
        batch,
        steps,
        die.choice((1, 1, 2, 3)),
        die.random() < 0.5,
        die.random() < 0.7,
        die.choice((torch.float32, torch.float32, torch.float32, torch.float64)),
        kind,
        lengths,
        die.random() < 0.6,
        die.choice(LAYOUTS),
        die.choice(WANTED),
        die.random() < 0.5,
    )


def layer_of(setting: Setting) -> Stack:
    """The layer, which only the engine may run."""
    options = {
        "bias": setting.bias,
        "batch_first": setting.kind == "batch first",
        "bidirectional": setting.bidirectional,
        "proj_size": setting.proj_size,
        "dtype": setting.dtype,
        "runner": "fused",
    }
    name = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "projected_lstm": "LSTM"}.get(setting.cell.name)
    if not setting.drop_in or name is None:
        return Recurrent(setting.cell, setting.input_size, setting.hidden_size, setting.num_layers, **options)
    if name == "RNN":
        options["nonlinearity"] = setting.cell.constants()["nonlinearity"]
    return getattr(nn, name)(setting.input_size, setting.hidden_size, setting.num_layers, **options)


def lay(value: Tensor, layout: str) -> Tensor:
    """The same numbers otherwise in memory: with other axes inside, behind an odd offset, or with gaps."""
    if layout == "turned":
        return value.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "offset":
        room = value.new_full((value.numel() + 3,), torch.nan)
        room[3:] = value.flatten()
        return room[3:].view(value.shape)
    if layout == "spread":
        room = value.new_full((*value.shape, 3), torch.nan)
        room[..., 1] = value
        return room[..., 1]
    return value.clone()


def argument(setting: Setting, x: Tensor) -> Tensor | PackedSequence:
    """What the layer is given for x [T, B, X]."""
    if setting.kind == "single":
        return x.squeeze(1)
    if setting.kind == "packed":
        return pack_padded_sequence(x, torch.tensor(setting.lengths), enforce_sorted=False)
    return x.transpose(0, 1) if setting.kind == "batch first" else x


def padded(setting: Setting, output: Tensor | PackedSequence) -> Tensor:
    """What the layer returned as [T, B, H]."""
    if isinstance(output, PackedSequence):
        return torch.nn.utils.rnn.pad_packed_sequence(output, total_length=setting.steps)[0]
    if setting.kind == "single":
        return output.unsqueeze(1)
    return output.transpose(0, 1) if setting.kind == "batch first" else output
