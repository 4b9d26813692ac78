"""Under bfloat16 autocast: products of rounded operands with sums of float32, and the same promises as elsewhere."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import find, variants
from gatewise.scan import Packed, _engine
from gatewise.scan.fused.runner import engine_of, run_engine
from scan.fused.low_witness import with_gradients, without_doubt
from scan.problem import problem, results, tamed
from tolerance import tolerance

RAGGED = (17, 17, 5, 2, 2, 1)
"""More rows than stand in one piece of a packed product."""
every_cell = pytest.mark.parametrize("cell", list(variants()), ids=repr)
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def low(same, *, isa="", reverse=False):
    """A scan whose products are of bfloat16 numbers, before its results are put into the types that torch returns."""
    engine = engine_of(same.cell, True)
    options = {"reverse": reverse, "keep_states": True, "isa": isa, "low": True}
    return run_engine(engine, same.parameters, same.x, same.initial, **options)


def sized(cell):
    return tamed(problem(cell, RAGGED, input_size=35, hidden_size=37), torch.float32)


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def assert_bit_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(actual[name], value), name


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("batch_sizes", [(2,), (1, 1)], ids=["one step", "two steps"])
@pytest.mark.parametrize("ties", [False, True], ids=["between", "in the middle"])
def test_products_are_those_of_operands_rounded_to_the_nearest(name, batch_sizes, ties):
    same, expected = without_doubt(find(name), batch_sizes, ties=ties)
    for isa in _engine.instruction_sets():
        came = with_gradients(same, low(same, isa=isa))
        assert came.keys() == expected.keys()
        for what, exact in expected.items():
            bounds = tolerance(torch.float32, len(batch_sizes))
            scale = max(1.0, exact.abs().max().item())
            place = f"{what}, {isa}"
            pair = came[what].double() / scale, exact / scale
            torch.testing.assert_close(*pair, **bounds, msg=lambda text, place=place: f"{place}: {text}")


@every_cell
@pytest.mark.parametrize("isa", _engine.instruction_sets())
def test_autocast_computes_them_and_returns_what_torch_returns(cell, isa, monkeypatch):
    same = sized(cell)
    expected = results(low(same, isa=isa))
    monkeypatch.setenv("GATEWISE_ISA", isa)
    with torch.autocast("cpu", torch.bfloat16):
        came = results(same.run(runner="fused", keep_states=True))
    assert_bit_equal(came, {name: value.to(came[name].dtype) for name, value in expected.items()})


@every_cell
@both_ways
def test_threads_change_no_bit(cell, reverse, threads):
    same = sized(cell)
    threads(1)
    expected = with_gradients(same, low(same, reverse=reverse))
    for count in (2, 3):
        threads(count)
        assert_bit_equal(with_gradients(same, low(same, reverse=reverse)), expected)


@every_cell
@both_ways
def test_a_sequence_has_the_same_bits_alone_and_in_any_batch(cell, reverse):
    whole = sized(cell)
    together = low(whole, reverse=reverse)
    (gradient,) = torch.autograd.grad(together.outputs.sum(), whole.x.data)
    for row in (0, 4, 16):
        places = [whole.x.offsets[time] + row for time, rows in enumerate(RAGGED) if row < rows]
        data = whole.x.data[places].detach().requires_grad_()
        initial = {name: value[row : row + 1] for name, value in whole.initial.items()}
        single = low(whole.with_input(data, (1,) * len(places), **initial), reverse=reverse)
        assert torch.equal(single.outputs, together.outputs[places])
        assert torch.equal(torch.autograd.grad(single.outputs.sum(), data)[0], gradient[places])
        for name, value in single.final.items():
            assert torch.equal(value, together.final[name][row : row + 1])


@every_cell
def test_a_sequence_cut_in_time_has_the_same_bits_and_gradients(cell):
    whole = sized(cell)
    expected = low(whole)
    outputs, states = [], whole.initial
    for time, rows in enumerate(RAGGED):
        begin = whole.x.offsets[time]
        part = whole.with_input(whole.x.data[begin : begin + rows], (rows,), **{k: v[:rows] for k, v in states.items()})
        scan = low(part)
        outputs.append(scan.outputs)
        states = scan.final
    assert torch.equal(torch.cat(outputs), expected.outputs)
    leaves = whole.leaves()
    gradients = [
        torch.autograd.grad(torch.cat(one).sum(), list(leaves.values())) for one in (outputs, [expected.outputs])
    ]
    for name, cut, uncut in zip(leaves, *gradients, strict=True):
        if name in whole.parameters:  # summed over the steps in another order
            scale = max(1.0, uncut.abs().max().item())
            torch.testing.assert_close(cut / scale, uncut / scale, **tolerance(torch.float32, len(RAGGED)))
        else:
            assert torch.equal(cut, uncut), name


def test_in_any_batch_torchs_lstm_differs_by_no_more_than_the_returned_type():
    whole = sized(find("lstm"))
    with torch.autocast("cpu", torch.bfloat16):
        together = whole.run(runner="fused").outputs
        places = [whole.x.offsets[time] for time in range(len(RAGGED))]
        initial = {name: value[:1] for name, value in whole.initial.items()}
        alone = whole.with_input(Packed(whole.x.data[places], (1,) * 6).data, (1,) * 6, **initial)
        single = alone.run(runner="fused").outputs
    assert (single.dtype, together.dtype) == (torch.bfloat16, torch.float32)
    assert torch.equal(single, together[places].bfloat16())
