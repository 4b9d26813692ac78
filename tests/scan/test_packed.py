"""Packed rows: what is accepted, and where each row stands."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.errors import ShapeError
from gatewise.scan import Packed

LENGTHS = [5, 5, 3, 1]


def packed():
    padded = torch.arange(5 * 4).view(5, 4, 1).float()
    sequence = pack_padded_sequence(padded, torch.tensor(LENGTHS))
    return Packed(sequence.data, tuple(sequence.batch_sizes.tolist())), sequence


def test_lengths_rows_and_offsets():
    x, _ = packed()
    assert x.batch_sizes == (4, 3, 3, 2, 2)
    assert x.lengths().tolist() == LENGTHS
    assert (x.rows, x.uniform, x.offsets) == (4, False, (0, 4, 7, 10, 12))


def test_positions_name_sequence_and_time_of_each_row():
    x, _ = packed()
    sequences, times = x.positions()
    assert torch.equal(x.data[:, 0], 4.0 * times + sequences)


def test_reversal_turns_each_sequence_at_its_own_end_and_is_its_own_inverse():
    x, sequence = packed()
    turn = x.reversal()
    turned, lengths = pad_packed_sequence(sequence._replace(data=x.data[turn]))
    straight, _ = pad_packed_sequence(sequence)
    for row, length in enumerate(lengths.tolist()):
        assert torch.equal(turned[:length, row], straight[:length, row].flip(0))
    assert torch.equal(turn[turn], torch.arange(len(x.data)))


def test_uniform_and_empty():
    assert Packed(torch.zeros(6, 1), (2, 2, 2)).uniform
    assert Packed(torch.zeros(0, 1), (0, 0)).uniform
    assert Packed(torch.zeros(0, 1), ()).rows == 0


@pytest.mark.parametrize(
    ("shape", "batch_sizes", "words"),
    [
        ((3, 1), (1, 2), r"Packed: batch_sizes must not grow, but \(1, 2\) came; sort the longest"),
        ((3, 1), (2, 2), "must add up to the 3 rows of data"),
        ((3, 1), (4, -1), "must add up to the 3 rows of data"),
        ((3,), (3,), r"data is expected as \[N, X\], but its shape is \[3\]"),
    ],
)
def test_what_does_not_fit_is_refused(shape, batch_sizes, words):
    with pytest.raises(ShapeError, match=words):
        Packed(torch.zeros(shape), batch_sizes)
