"""What every cell keeps under every runner: the table is the registry, so a new cell is tested by being listed."""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from gatewise.cells import Cell, variants
from gatewise.scan import Packed, Zoneout, initialise, run, step
from scan.problem import DEVICES, RAGGED, UNIFORM, Problem, problem, results
from tolerance import tolerance

CELLS = list(variants())
TWINS = [cell for cell in CELLS if cell.torch_twin()]
RUNS = [
    (cell, runner) for cell in CELLS for runner in ("reference", "torch", "fused") if runner != "torch" or cell in TWINS
]
STEPS = len(RAGGED)


def name(value: object) -> str:
    if isinstance(value, Cell):
        return "-".join([value.name, *(str(constant) for constant in value.constants().values())])
    return str(value)


every_cell = pytest.mark.parametrize("cell", CELLS, ids=name)
every_run = pytest.mark.parametrize(("cell", "runner"), RUNS, ids=name)
both_shapes = pytest.mark.parametrize("batch_sizes", [UNIFORM, RAGGED], ids=["uniform", "ragged"])
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def assert_same(actual: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], steps: int = STEPS) -> None:
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        limits = tolerance(value.dtype, steps)
        assert_close(actual[key], value, **limits, msg=lambda text, key=key: f"{key}: {text}")


def alone(whole: Problem, row: int) -> Problem:
    """The sequence in one row as a problem of its own."""
    steps = [time for time, rows in enumerate(whole.x.batch_sizes) if row < rows]
    data = torch.stack([whole.x.data[whole.x.offsets[time] + row] for time in steps])
    return whole.with_input(data, (1,) * len(steps), **{k: v[row : row + 1] for k, v in whole.initial.items()})


def rows_of(whole: Problem, row: int) -> list[int]:
    """The rows of the data that belong to one sequence."""
    return [whole.x.offsets[time] + row for time, rows in enumerate(whole.x.batch_sizes) if row < rows]


@every_cell
@both_ways
def test_gradients_of_the_reference_are_those_of_finite_differences(cell, reverse):
    small = problem(cell, (3, 2, 1), input_size=2, hidden_size=3)

    def values(*leaves):
        given = dict(zip(small.leaves(), leaves, strict=True))
        states = {key: given[key] for key in small.initial}
        weights = {key: given[key] for key in small.parameters}
        return tuple(results(run(cell, weights, Packed(given["x"], (3, 2, 1)), states, runner="reference")).values())

    assert torch.autograd.gradcheck(values, tuple(small.leaves().values()), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("cell", TWINS, ids=name)
@both_shapes
@both_ways
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("device", DEVICES)
def test_torch_runner_equals_reference_in_values_and_all_gradients(cell, batch_sizes, reverse, bias, dtype, device):
    same = problem(cell, batch_sizes, bias=bias, dtype=dtype, device=device)
    assert same.run(reverse=reverse).runner == ("fused" if device == "cpu" else "torch")
    ours, theirs = ({"reverse": reverse, "runner": runner} for runner in ("reference", "torch"))
    with torch.backends.cudnn.flags(allow_tf32=False):  # its 10 bits of mantissa are not what is compared
        assert_same(results(same.run(**theirs)), results(same.run(**ours)))
        assert_same(same.gradients(**theirs), same.gradients(**ours), steps=4 * STEPS)


@every_run
@both_shapes
def test_a_sequence_split_in_time_with_carried_state_equals_the_whole(cell, runner, batch_sizes):
    whole = problem(cell, batch_sizes)
    cut = 2
    rows = sum(batch_sizes[:cut])
    first = run(cell, whole.parameters, Packed(whole.x.data[:rows], batch_sizes[:cut]), whole.initial, runner=runner)
    carried = {key: value[: batch_sizes[cut]] for key, value in first.final.items()}
    second = run(cell, whole.parameters, Packed(whole.x.data[rows:], batch_sizes[cut:]), carried, runner=runner)
    expected = whole.run(runner=runner)
    assert_same({"outputs": torch.cat([first.outputs, second.outputs])}, {"outputs": expected.outputs})
    for key, value in second.final.items():
        assert_same({key: torch.cat([value, first.final[key][batch_sizes[cut] :]])}, {key: expected.final[key]})


@every_run
@both_ways
def test_each_sequence_is_computed_as_if_it_were_alone(cell, runner, reverse):
    whole = problem(cell, RAGGED)
    together = whole.run(runner=runner, reverse=reverse)
    for row in range(RAGGED[0]):
        single = alone(whole, row).run(runner=runner, reverse=reverse)
        assert_same({"outputs": together.outputs[rows_of(whole, row)]}, {"outputs": single.outputs})
        assert_same({k: v[row : row + 1] for k, v in together.final.items()}, single.final)


@every_run
@both_ways
def test_nan_in_one_sequence_leaves_the_others_bit_equal(cell, runner, reverse):
    clean = problem(cell, RAGGED)
    data = clean.x.data.detach().clone()
    data[rows_of(clean, 1)] = torch.nan
    poisoned = clean.with_input(data, RAGGED)
    others = [row for row in range(len(data)) if row not in rows_of(clean, 1)]
    expected, actual = (case.run(runner=runner, reverse=reverse) for case in (clean, poisoned))
    assert torch.equal(actual.outputs[others], expected.outputs[others])
    for key, value in expected.final.items():
        assert torch.equal(actual.final[key][[0, 2, 3]], value[[0, 2, 3]])
    assert actual.outputs[rows_of(clean, 1)].isnan().any()


@every_run
@both_ways
def test_what_stands_beyond_a_sequence_never_leaks(cell, runner, reverse):
    clean = problem(cell, RAGGED)
    lengths = clean.x.lengths()
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(
        torch.nn.utils.rnn.PackedSequence(clean.x.data.detach(), torch.tensor(RAGGED)), padding_value=torch.nan
    )
    padded.requires_grad_()
    packed = torch.nn.utils.rnn.pack_padded_sequence(padded, lengths)
    scan = clean.with_input(packed.data, RAGGED).run(runner=runner, reverse=reverse)
    assert torch.equal(scan.outputs, clean.run(runner=runner, reverse=reverse).outputs)
    (scan.outputs.sum() + sum(state.sum() for state in scan.final.values())).backward()
    assert padded.grad.isfinite().all()
    beyond = torch.arange(STEPS).unsqueeze(1) >= lengths
    assert not padded.grad[beyond].any()


@every_run
@both_ways
def test_a_sequence_of_length_one_is_one_step(cell, runner, reverse):
    single = problem(cell, (3,))
    scan = single.run(runner=runner, reverse=reverse)
    after = step(cell, single.parameters, single.x.data, single.initial)
    assert_same(scan.final, after)
    assert_same({"outputs": scan.outputs}, {"outputs": after[cell.output_state]})


@every_run
@both_shapes
def test_streaming_steps_equal_the_sequence(cell, runner, batch_sizes):
    whole = problem(cell, batch_sizes)
    states, outputs = whole.initial, []
    for rows, data in zip(batch_sizes, whole.x.data.split(batch_sizes), strict=True):
        states = step(cell, whole.parameters, data, {key: value[:rows] for key, value in states.items()})
        outputs.append(states[cell.output_state])
    assert_same({"outputs": torch.cat(outputs)}, {"outputs": whole.run(runner=runner).outputs})


@every_run
@both_shapes
def test_reverse_is_forward_over_the_turned_sequence(cell, runner, batch_sizes):
    whole = problem(cell, batch_sizes)
    turn = whole.x.reversal()
    turned = whole.with_input(whole.x.data[turn], batch_sizes)
    expected, actual = turned.run(runner="reference"), whole.run(runner=runner, reverse=True)
    assert_same({"outputs": actual.outputs[turn], **actual.final}, {"outputs": expected.outputs, **expected.final})


@every_cell
@both_ways
def test_all_states_on_request(cell, reverse):
    whole = problem(cell, UNIFORM)
    scan = whole.run(keep_states=True, reverse=reverse)
    plain = whole.run(runner="reference", reverse=reverse)
    assert plain.states is None
    assert list(scan.states) == list(cell.state)
    assert torch.equal(scan.states[cell.output_state], scan.outputs)
    assert_same({"outputs": scan.outputs}, {"outputs": plain.outputs})
    last = slice(0, UNIFORM[0]) if reverse else slice(-UNIFORM[-1], None)
    assert_same({key: value[last] for key, value in scan.states.items()}, plain.final)


@every_run
def test_no_sequences_give_no_rows(cell, runner):
    empty = problem(cell, (0, 0, 0))
    scan = empty.run(runner=runner)
    assert scan.outputs.shape == (0, cell.output_size(5, 2 if cell.has_projection else 0))
    assert all(state.shape == empty.initial[key].shape for key, state in scan.final.items())


@every_run
def test_two_runs_are_bit_equal(cell, runner):
    same = problem(cell, RAGGED, dtype=torch.float32)
    for first, second in zip(
        same.gradients(runner=runner).values(), same.gradients(runner=runner).values(), strict=True
    ):
        assert torch.equal(first, second)


@every_cell
@both_ways
def test_zoneout_depends_on_neither_batch_order_nor_split(cell, reverse):
    whole = problem(cell, UNIFORM)
    rates = dict.fromkeys(cell.state, 0.5)
    order, rows = torch.tensor([2, 0, 3, 1]), torch.tensor([10, 11, 12, 13])
    expected = whole.run(zoneout=Zoneout(rates, seed=1, rows=rows), reverse=reverse)
    sorted_data = whole.x.data.unflatten(0, (STEPS, 4))[:, order].flatten(0, 1)
    initial = {key: value[order] for key, value in whole.initial.items()}
    shuffled = whole.with_input(sorted_data, UNIFORM, **initial)
    actual = shuffled.run(zoneout=Zoneout(rates, seed=1, rows=rows[order]), reverse=reverse)
    assert_same(actual.final, {key: value[order] for key, value in expected.final.items()})
    if not reverse:
        states, cut = whole.initial, 2
        for start, stop in ((0, cut), (cut, STEPS)):
            part = Packed(whole.x.data[4 * start : 4 * stop], UNIFORM[start:stop])
            noise = Zoneout(rates, seed=1, rows=rows, start=start)
            states = run(cell, whole.parameters, part, states, zoneout=noise).final
        assert_same(states, expected.final)


@every_cell
def test_zoneout_in_evaluation_is_the_expectation_over_masks(cell):
    once = problem(cell, (2,), hidden_size=4)
    rates = dict.fromkeys(cell.state, 0.3)
    after = step(cell, once.parameters, once.x.data, once.initial)
    noise = Zoneout(rates, seed=0, rows=torch.arange(2), training=False)
    expected = {key: 0.3 * once.initial[key] + 0.7 * value for key, value in after.items()}
    assert_same(step(cell, once.parameters, once.x.data, once.initial, zoneout=noise), expected)


@every_cell
def test_the_start_is_repeatable_and_finite(cell):
    specs = cell.parameters(3, 5, 2 if cell.has_projection else 0)
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append({key: torch.full(spec.shape, torch.nan) for key, spec in specs.items()})
        initialise(cell, drawn[-1])
    for key, value in drawn[0].items():
        assert value.isfinite().all(), key
        assert torch.equal(value, drawn[1][key])


@every_run
@both_shapes
@pytest.mark.parametrize("low", [torch.float32, torch.bfloat16], ids=["input single", "input half"])
def test_autocast_runs_and_stays_near_the_full_precision(cell, runner, batch_sizes, low):
    full = problem(cell, batch_sizes, dtype=torch.float32)
    expected = full.run(runner=runner)
    with torch.autocast("cpu", torch.bfloat16):
        scan = full.with_input(full.x.data.to(low), batch_sizes).run(runner=runner)
    scan.outputs.float().sum().backward()
    limits = tolerance(torch.bfloat16, STEPS)
    assert_close(scan.outputs.float(), expected.outputs, **limits)
    for key, value in full.parameters.items():
        assert value.grad.dtype == torch.float32, key
        assert value.grad.isfinite().all(), key
    if runner == "reference":
        assert {value.dtype for value in (scan.outputs, *scan.final.values())} == {torch.float32}


@every_cell
def test_a_step_and_its_gradient_can_be_traced_into_one_graph(cell):
    traced, other = problem(cell, (2,), seed=1), problem(cell, (2,), seed=2)

    def pulled_back(leaves, upwards):
        def one_step(given):
            states = {key: given[key] for key in traced.initial}
            weights = {key: given[key] for key in traced.parameters}
            return step(cell, weights, given["x"], states)

        after, pull = torch.func.vjp(one_step, leaves)
        return after, pull(upwards)[0]

    upwards = {key: torch.ones_like(value) for key, value in traced.initial.items()}
    arguments = ({key: value.detach() for key, value in case.leaves().items()} for case in (traced, other))
    graph = make_fx(pulled_back)(next(arguments), upwards)
    given = next(arguments)
    for actual, expected in zip(graph(given, upwards), pulled_back(given, upwards), strict=True):
        assert_same(actual, expected)
