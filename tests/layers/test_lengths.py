"""Lengths of a batch: what is read, and the one line that refuses the rest."""

from __future__ import annotations

import numpy
import pytest
import torch

from gatewise.layers.errors import InputError
from gatewise.layers.lengths import read_lengths


@pytest.mark.parametrize(
    "lengths",
    [
        [3, 0, 5],
        (3, 0, 5),
        numpy.array([3, 0, 5]),
        torch.tensor([3, 0, 5], dtype=torch.int64),
        torch.tensor([3, 0, 5], dtype=torch.int32),
        torch.tensor([3, 0, 5], dtype=torch.uint8),
    ],
    ids=["list", "tuple", "numpy", "int64", "int32", "uint8"],
)
def test_whole_numbers_of_any_kind_are_read(lengths):
    assert read_lengths(lengths, batch=3, steps=5, where="GRU") == [3, 0, 5]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, -1, 5], "GRU: lengths[1] is -1, but the input has 5 time steps; give lengths from 0 to 5"),
        ([3, 0, 6], "GRU: lengths[2] is 6, but the input has 5 time steps; give lengths from 0 to 5"),
        ([3, 0], "GRU: 3 sequences came with 2 lengths; give one length each"),
        ([3, 0, 5, 5], "GRU: 3 sequences came with 4 lengths; give one length each"),
        ([3.0, 0, 5], "GRU: lengths must be whole numbers, but 3.0 is among them"),
        ([True, 0, 5], "GRU: lengths must be whole numbers, but True is among them"),
        (["3", 0, 5], "GRU: lengths must be whole numbers, but '3' is among them"),
        ("305", "GRU: lengths came as str"),
        (5, "GRU: lengths came as int"),
        (torch.tensor([3.0, 0.0, 5.0]), "GRU: lengths must be whole numbers, but came as torch.float32"),
        (torch.tensor([True, False, True]), "GRU: lengths must be whole numbers, but came as torch.bool"),
        (torch.tensor([[3, 0, 5]]), "GRU: lengths must have one axis, but came as [1, 3]"),
        (torch.tensor(5), "GRU: lengths must have one axis, but came as []"),
        (torch.tensor([3, -1, 5]), "GRU: lengths[1] is -1, but the input has 5 time steps; give lengths from 0 to 5"),
    ],
    ids=str,
)
def test_anything_else_is_refused_in_one_line(lengths, message):
    with pytest.raises(InputError) as raised:
        read_lengths(lengths, batch=3, steps=5, where="GRU")
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
