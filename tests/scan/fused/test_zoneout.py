"""The engine under zoneout: the reference's values and gradients, the reference's masks, bits that nothing changes."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells import Cell, Input, variants
from gatewise.scan import Packed, Zoneout, _engine
from gatewise.scan.fused.encode import encode
from gatewise.scan.fused.runner import Engine, Places, run_engine
from gatewise.scan.noise import chosen, mix
from gatewise.scan.program.zoneout import with_zoneout
from gatewise.scan.trace import trace
from scan.problem import RAGGED, UNIFORM, problem, results
from tolerance import tolerance

CELLS = list(variants())
every_cell = pytest.mark.parametrize("cell", CELLS, ids=repr)
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
WIDE = (11, 11, 7, 4, 4, 1)


def noise(cell, batch=RAGGED[0], **options):
    rates = {name: (0.3, 0.6, 0.1)[place] for place, name in enumerate(cell.state)}
    return Zoneout(**{"rates": rates, "seed": 2**61 + 12345, "rows": torch.arange(batch) * 3 - 4} | options)


def assert_near(actual, expected, steps):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(1.0, value.abs().max().item())
        limits = tolerance(value.dtype, steps)
        assert_close(actual[name] / scale, value / scale, **limits, msg=lambda text, name=name: f"{name}: {text}")


def assert_bit_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(actual[name], value), name


@every_cell
@both_ways
@both_modes
@pytest.mark.parametrize("batch_sizes", [UNIFORM, RAGGED], ids=["uniform", "ragged"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_fused_equals_reference_in_values_and_all_gradients(cell, reverse, training, batch_sizes, dtype):
    same = problem(cell, batch_sizes, hidden_size=19, dtype=dtype)
    options = {"reverse": reverse, "keep_states": True, "zoneout": noise(cell, training=training, start=70_000)}
    scan = same.run(runner="fused", **options)
    assert scan.runner == "fused"
    assert_near(results(scan), results(same.run(runner="reference", **options)), len(batch_sizes))
    gradients = (same.gradients(runner=runner, **options) for runner in ("fused", "reference"))
    assert_near(*gradients, 4 * len(batch_sizes))


@pytest.mark.parametrize("cell", [cell for cell in CELLS if len(cell.state) > 1], ids=repr)
@both_modes
@pytest.mark.parametrize("rates", [(0.0, 0.5), (0.5, 0.0), (1.0, 0.25), (0.75, 1.0)], ids=str)
def test_each_state_has_its_own_rate(cell, training, rates):
    same = problem(cell)
    zoneout = noise(cell, rates=dict(zip(cell.state, rates, strict=True)), training=training)
    options = {"zoneout": zoneout, "keep_states": True}
    assert_near(results(same.run(runner="fused", **options)), results(same.run(runner="reference", **options)), 5)
    gradients = (same.gradients(runner=runner, **options) for runner in ("fused", "reference"))
    assert_near(*gradients, 20)


class Clock(Cell):
    """Every unit of every state is the number of the time step, so that a smaller one was kept."""

    state = {"hidden": "H", "memory": "H", "single": "one"}
    W = Input(("new",), bias=False)
    one: int = 1

    def step(self, x, s, p):
        return s.next(hidden=x.new, memory=x.new, single=x.new.mean(-1, keepdim=True))


def seen_masks(zoneout, batch_sizes, units, isa, dtype, reverse=False):
    """State -> [N, width], which units the engine kept; the initial states are -1."""
    rates = dict(zoneout.rates)
    engine = Engine(with_zoneout(trace(Clock()), rates, training=True))
    times = torch.repeat_interleave(torch.arange(len(batch_sizes)), torch.tensor(batch_sizes)).to(dtype)
    x = Packed(times.unsqueeze(1), batch_sizes)
    initial = {name: -torch.ones(batch_sizes[0], width, dtype=dtype) for name, width in widths(units).items()}
    weight = {"weight_ih": torch.ones(units, 1, dtype=dtype)}
    scan = run_engine(engine, weight, x, initial, reverse=reverse, keep_states=True, isa=isa, places=Places.of(zoneout))
    return {name: scan.states[name] != times.unsqueeze(1) for name in rates}


def widths(units):
    return {"hidden": units, "memory": units, "single": 1}


def expected_masks(zoneout, batch_sizes, units):
    shares = zoneout.shares(Packed(torch.zeros(sum(batch_sizes), 1), batch_sizes), widths(units))
    return {name: torch.cat(parts) for name, parts in shares.items()}


@both_ways
@pytest.mark.parametrize("isa", _engine.instruction_sets())
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("units", [1, 15, 16, 17, 37])
@pytest.mark.parametrize("seed", [0, -3, 2**31, 2**62 - 1])
def test_masks_are_those_of_the_definition(isa, dtype, units, seed, reverse):
    rows = torch.tensor([0, 1, -1, 2**32 + 5, 2**40, 7, 8, 9, 10, 11, 12])
    for start in (0, 2**31, 2**32 - 3):
        zoneout = Zoneout({"hidden": 0.1, "memory": 0.77, "single": 0.5}, seed, rows, start)
        assert_bit_equal(seen_masks(zoneout, WIDE, units, isa, dtype, reverse), expected_masks(zoneout, WIDE, units))


@pytest.mark.parametrize("isa", _engine.instruction_sets())
def test_a_rate_counts_to_its_last_of_32_bits(isa):
    always = Zoneout({"hidden": 1.0, "memory": 1.0}, 3, torch.arange(4))
    keys = always.keys(Packed(torch.zeros(sum(RAGGED), 1), RAGGED))
    hashes = mix(mix(keys, 0).unsqueeze(1) ^ mix(torch.arange(37), 1), 0)
    for place in ((0, 0), (5, 7), (12, 36)):
        for above in (0.0, 0.25, 0.5, 0.75, 1.0):
            rate = (int(hashes[place]) + above) / 2**32
            zoneout = Zoneout({"hidden": rate}, 3, torch.arange(4))
            mask = seen_masks(zoneout, RAGGED, 37, isa, torch.float32)["hidden"]
            assert mask[place] == (round(rate * 2**32) > int(hashes[place]))
            assert torch.equal(mask, chosen(keys, 0, 37, rate))
    for rate in (2.0**-33, 2.0**-32, 1 - 2.0**-33, 1.0):
        zoneout = Zoneout({"hidden": rate}, 3, torch.arange(4))
        mask = seen_masks(zoneout, RAGGED, 37, isa, torch.float32)["hidden"]
        assert torch.equal(mask, chosen(keys, 0, 37, rate))
    assert mask.all()


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@every_cell
@both_ways
def test_threads_change_no_bit(cell, reverse, threads):
    same = problem(cell, WIDE, input_size=19, hidden_size=37, dtype=torch.float32)
    options = {"runner": "fused", "reverse": reverse, "zoneout": noise(cell, WIDE[0])}
    threads(1)
    values, gradients = results(same.run(**options)), same.gradients(**options)
    for count in (2, 3, 5):
        threads(count)
        assert_bit_equal(results(same.run(**options)), values)
        assert_bit_equal(same.gradients(**options), gradients)


@every_cell
@both_modes
def test_a_sequence_cut_in_time_has_the_same_bits(cell, training):
    whole = problem(cell, WIDE, input_size=19, hidden_size=37, dtype=torch.float32)
    zoneout = noise(cell, WIDE[0], training=training, start=100)
    expected = whole.run(runner="fused", zoneout=zoneout)
    outputs, states = [], whole.initial
    for time, rows in enumerate(WIDE):
        begin = whole.x.offsets[time]
        part = whole.with_input(whole.x.data[begin : begin + rows], (rows,), **{k: v[:rows] for k, v in states.items()})
        here = noise(cell, WIDE[0], rows=zoneout.rows[:rows], training=training, start=100 + time)
        scan = part.run(runner="fused", zoneout=here)
        outputs.append(scan.outputs)
        states = scan.final
    assert torch.equal(torch.cat(outputs), expected.outputs)


@every_cell
@both_ways
def test_the_order_of_the_batch_changes_no_bit(cell, reverse):
    whole = problem(cell, UNIFORM, input_size=19, hidden_size=37, dtype=torch.float32)
    order, steps = torch.tensor([2, 0, 3, 1]), len(UNIFORM)
    data = whole.x.data.unflatten(0, (steps, 4))[:, order].flatten(0, 1).detach().requires_grad_()
    turned = whole.with_input(data, UNIFORM, **{name: value[order] for name, value in whole.initial.items()})
    zoneout = noise(cell)
    expected = whole.run(runner="fused", zoneout=zoneout, reverse=reverse)
    actual = turned.run(runner="fused", zoneout=noise(cell, rows=zoneout.rows[order]), reverse=reverse)
    assert torch.equal(actual.outputs.unflatten(0, (steps, 4)), expected.outputs.unflatten(0, (steps, 4))[:, order])
    wanted = torch.autograd.grad(expected.outputs.sum(), whole.x.data)[0]
    found = torch.autograd.grad(actual.outputs.sum(), data)[0]
    assert torch.equal(found.unflatten(0, (steps, 4)), wanted.unflatten(0, (steps, 4))[:, order])


@pytest.mark.parametrize("sequences", [(), (1, 2), (1, 2, 3, 4, 5)], ids=len)
def test_sequences_without_numbers_are_refused(sequences):
    cell = CELLS[0]
    same = problem(cell, dtype=torch.float32)
    engine = Engine(with_zoneout(trace(cell), {"hidden": 0.5}, training=True))
    with pytest.raises(_engine.Refusal, match="each sequence needs a number"):
        run_engine(engine, same.parameters, same.x, same.initial, places=Places(sequences))


@pytest.mark.parametrize("number", [1.5, -1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(number):
    encoded = encode(with_zoneout(trace(CELLS[0]), {"hidden": 0.25}, training=True))
    numbers = encoded.numbers.copy()
    assert (numbers == 0.25).sum() == 1
    numbers[numbers == 0.25] = number
    with pytest.raises(_engine.Refusal, match="units are chosen at a rate that is a number from 0 to 1"):
        _engine.Program.read(encoded.codes, numbers)


@pytest.mark.parametrize("number", [1.0, 0.5, -1.0, float("nan"), 1e300])
def test_a_state_that_is_not_there_is_refused(number):
    encoded = encode(with_zoneout(trace(CELLS[0]), {"hidden": 0.25}, training=True))
    numbers = encoded.numbers.copy()
    numbers[numbers == 0.0] = number
    with pytest.raises(_engine.Refusal, match="units are chosen of a state that is not there"):
        _engine.Program.read(encoded.codes, numbers)
