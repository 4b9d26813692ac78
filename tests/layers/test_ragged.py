"""The rows of a scan against torch's packing, and every kind of input that is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatewise.layers.errors import InputError
from gatewise.layers.ragged import arrange


@st.composite
def ragged_batches(draw):
    """T and some lengths from 0 to T."""
    steps = draw(st.integers(1, 6))
    return steps, draw(st.lists(st.integers(0, steps), min_size=1, max_size=6))


@given(batch=ragged_batches(), batch_first=st.booleans())
def test_rows_are_torchs_packing_of_the_sequences_that_are_not_empty(batch, batch_first):
    steps, lengths = batch
    input = torch.randn(steps, len(lengths), 3)
    given = input.transpose(0, 1) if batch_first else input
    layout = arrange(given, 3, lengths=lengths, batch_first=batch_first, where="GRU")
    rows = layout.rows(given)
    there = [index for index, length in enumerate(lengths) if length]
    if not there:
        assert rows.shape == (0, 3)
        assert layout.batch_sizes == ()
        return
    packed = pack_padded_sequence(input[:, there], [lengths[index] for index in there], enforce_sorted=False)
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, packed.data.tolist()))
    assert layout.batch_sizes == tuple(packed.batch_sizes.tolist())
    padded, _ = pad_packed_sequence(packed, total_length=steps)
    assert torch.equal(layout.pad(rows)[:, there], padded)


@given(batch=ragged_batches())
def test_restoring_the_rows_gives_the_input_with_zeros_beyond_the_lengths(batch):
    steps, lengths = batch
    input = torch.randn(steps, len(lengths), 3)
    layout = arrange(input, 3, lengths=lengths, where="GRU")
    exists = torch.arange(steps)[:, None] < torch.tensor(lengths)
    assert torch.equal(layout.restore(layout.rows(input)), input * exists[..., None])


@given(batch=ragged_batches())
def test_every_row_knows_its_sequence(batch):
    steps, lengths = batch
    names = torch.arange(float(len(lengths))).expand(steps, -1).unsqueeze(-1)
    layout = arrange(names, 1, lengths=lengths, where="GRU")
    assert layout.sequences(names.device).tolist() == layout.rows(names).flatten().tolist()


def test_every_row_of_a_packed_sequence_knows_its_sequence():
    names = torch.arange(3.0).expand(4, 3).unsqueeze(-1)
    packed = pack_padded_sequence(names, [2, 4, 1], enforce_sorted=False)
    layout = arrange(packed, 1, where="GRU")
    assert layout.sequences(names.device).tolist() == packed.data.flatten().tolist()


@given(batch=ragged_batches())
def test_states_go_in_and_out_and_empty_sequences_keep_theirs(batch):
    steps, lengths = batch
    layout = arrange(torch.zeros(steps, len(lengths), 1), 1, lengths=lengths, where="GRU")
    state = torch.randn(2, len(lengths), 3)
    left = layout.leave(layout.enter(state) + 1.0, state)
    expected = state + (torch.tensor(lengths) > 0).float()[:, None]
    assert torch.equal(left, expected)


def test_full_lengths_are_the_same_layout_as_none():
    input = torch.zeros(4, 3, 2)
    assert arrange(input, 2, lengths=[4, 4, 4], where="GRU") == arrange(input, 2, where="GRU")


@pytest.mark.parametrize(
    ("input", "message"),
    [
        (torch.zeros(3), "GRU: the input has 1 axes; give [time, batch, features] or [time, features]"),
        (torch.zeros(1, 1, 3, 2), "GRU: the input has 4 axes"),
        (torch.zeros(4, 3, 5), "GRU: the input has 5 features, but the layer was built for input_size=2"),
        (torch.zeros(4, 5), "GRU: the input has 5 features, but the layer was built for input_size=2"),
        (torch.zeros(0, 3, 2), "GRU: the input has no time step"),
        (torch.zeros(0, 2), "GRU: the input has no time step"),
        ([[1.0, 2.0]], "GRU: the input came as list; give a tensor or a PackedSequence"),
    ],
    ids=["1 axis", "4 axes", "features", "features of one", "no step", "no step of one", "list"],
)
def test_inputs_that_do_not_fit_are_refused_in_one_line(input, message):
    with pytest.raises(InputError) as raised:
        arrange(input, 2, where="GRU")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("sizes", [(1, 2), (2, 2, 1), (3, 1), (2, 0, 1), (-1, 4), (3, 0)], ids=str)
def test_batch_sizes_made_by_hand_are_checked(sizes):
    # pytorch #169213: batch sizes that rise were read out of bounds
    rows = torch.zeros(3 if sizes != (3, 1) else 5, 2)
    with pytest.raises(InputError, match="batch_sizes must never rise"):
        arrange(PackedSequence(rows, torch.tensor(sizes)), 2, where="GRU")


def test_an_empty_packed_sequence_is_refused():
    # pytorch #20529
    with pytest.raises(InputError, match="no time step"):
        arrange(PackedSequence(torch.zeros(0, 2), torch.tensor([], dtype=torch.int64)), 2, where="GRU")


def test_packed_data_of_three_axes_is_refused():
    with pytest.raises(InputError, match="packed data has 3 axes"):
        arrange(PackedSequence(torch.zeros(3, 1, 2), torch.tensor([2, 1])), 2, where="GRU")


def test_sorted_indices_of_another_count_are_refused():
    packed = PackedSequence(torch.zeros(3, 2), torch.tensor([2, 1]), torch.tensor([1, 0, 2]))
    with pytest.raises(InputError, match="sorted_indices"):
        arrange(packed, 2, where="GRU")


@pytest.mark.parametrize(
    "input", [torch.zeros(4, 2), pack_padded_sequence(torch.zeros(4, 1, 2), [4])], ids=["one sequence", "packed"]
)
def test_lengths_need_a_batch_of_tensors(input):
    with pytest.raises(InputError, match="lengths came with"):
        arrange(input, 2, lengths=[4], where="GRU")
