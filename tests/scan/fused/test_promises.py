"""What the engine promises beside being right: bits that no batch, split or thread changes, and clear refusals."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import find, variants
from gatewise.scan import Packed, _engine
from gatewise.scan.fused.encode import encode
from gatewise.scan.fused.runner import engine_of, run_engine
from gatewise.scan.program.zoneout import with_zoneout
from gatewise.scan.trace import trace
from scan.problem import problem, results

RAGGED = (11, 11, 7, 4, 4, 1)
CELLS = list(variants())
every_cell = pytest.mark.parametrize("cell", CELLS, ids=repr)
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def sized(cell, batch_sizes=RAGGED, **options):
    """Sizes that are no multiple of a vector."""
    return problem(cell, batch_sizes, input_size=19, hidden_size=37, dtype=torch.float32, **options)


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


@every_cell
@both_ways
def test_threads_change_no_bit_of_values_and_gradients(cell, reverse, threads):
    same = sized(cell)
    threads(1)
    values, gradients = (
        results(same.run(runner="fused", reverse=reverse)),
        same.gradients(runner="fused", reverse=reverse),
    )
    for count in (2, 3, 5):
        threads(count)
        assert_bit_equal(results(same.run(runner="fused", reverse=reverse)), values)
        assert_bit_equal(same.gradients(runner="fused", reverse=reverse), gradients)


@every_cell
@both_ways
def test_a_sequence_has_the_same_bits_alone_and_in_any_batch(cell, reverse):
    whole = sized(cell)
    together = whole.run(runner="fused", reverse=reverse)
    (gradient,) = torch.autograd.grad(together.outputs.sum(), whole.x.data)
    for row in (0, 3, 6, 10):
        steps = [time for time, rows in enumerate(RAGGED) if row < rows]
        places = [whole.x.offsets[time] + row for time in steps]
        data = whole.x.data[places].detach().requires_grad_()
        initial = {name: value[row : row + 1] for name, value in whole.initial.items()}
        single = whole.with_input(data, (1,) * len(steps), **initial).run(runner="fused", reverse=reverse)
        assert torch.equal(single.outputs, together.outputs[places])
        assert torch.equal(torch.autograd.grad(single.outputs.sum(), data)[0], gradient[places])
        for name, value in single.final.items():
            assert torch.equal(value, together.final[name][row : row + 1])


@every_cell
def test_a_sequence_cut_in_time_has_the_same_bits(cell):
    whole = sized(cell)
    expected = whole.run(runner="fused")
    outputs, states = [], whole.initial
    for time, rows in enumerate(RAGGED):
        begin = whole.x.offsets[time]
        part = whole.with_input(whole.x.data[begin : begin + rows], (rows,), **{k: v[:rows] for k, v in states.items()})
        scan = part.run(runner="fused")
        outputs.append(scan.outputs)
        states = scan.final
    assert torch.equal(torch.cat(outputs), expected.outputs)


@every_cell
@pytest.mark.parametrize("isa", _engine.instruction_sets())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_every_instruction_set_computes_the_same_within_rounding(cell, isa, dtype):
    same = problem(cell, RAGGED, input_size=19, hidden_size=37, dtype=dtype)
    expected = same.run(runner="reference")
    scan = run_engine(engine_of(cell, True), same.parameters, same.x, same.initial, isa=isa)
    for actual, wanted in zip(results(scan).values(), results(expected).values(), strict=True):
        torch.testing.assert_close(actual, wanted, **({} if dtype == torch.float64 else {"atol": 1e-4, "rtol": 1e-4}))


def test_an_instruction_set_that_is_not_there_is_refused():
    same = sized(find("rnn"))
    with pytest.raises(_engine.Refusal, match=r"the instruction set mmx cannot run here; it has .*portable"):
        run_engine(engine_of(find("rnn"), True), same.parameters, same.x, same.initial, isa="mmx")


def test_a_graph_that_is_kept_gives_the_same_gradients_again():
    same = sized(find("layer_norm_lstm"))
    total = same.run(runner="fused").outputs.square().sum()
    leaves = list(same.leaves().values())
    first = torch.autograd.grad(total, leaves, retain_graph=True)
    again = torch.autograd.grad(total, leaves)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_parameter_changed_in_place_before_the_backward_pass_is_noticed():
    same = sized(find("gru"))
    total = same.run(runner="fused").outputs.sum()
    with torch.no_grad():
        same.parameters["weight_hh"].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_only_the_gradients_that_are_asked_for_are_computed():
    same = sized(find("lstm"))
    frozen = {name: value.detach() for name, value in same.parameters.items()}
    parameters = {**frozen, "weight_hh": same.parameters["weight_hh"]}
    scan = run_engine(engine_of(find("lstm"), True), parameters, Packed(same.x.data.detach(), RAGGED), same.initial)
    expected = torch.autograd.grad(same.run(runner="fused").outputs.sum(), parameters["weight_hh"])
    assert torch.equal(torch.autograd.grad(scan.outputs.sum(), parameters["weight_hh"])[0], expected[0])


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_program_is_refused_or_harmless(seed):
    """Numbers of an encoded program are changed at random; whatever is accepted runs without a crash."""
    cell = CELLS[seed % len(CELLS)]
    program = trace(cell)
    encoded = encode(with_zoneout(program, dict.fromkeys(cell.state, 0.5), training=True) if seed % 2 else program)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(250):
        codes = encoded.codes.copy()
        for _ in range(int(torch.randint(1, 4, (), generator=generator))):
            place = int(torch.randint(len(codes), (), generator=generator))
            codes[place] = int(torch.randint(-3, 130, (), generator=generator))
        cut = len(codes) - int(torch.randint(0, 2, (), generator=generator))
        try:
            read = _engine.Program.read(codes[:cut], encoded.numbers)
        except _engine.Refusal:
            continue
        run_read(read, cell, encoded.widths, low=seed % 2 == 1)


def run_read(read, cell, widths, low):
    """Run a program that the engine accepted on a small problem; sizes may be refused, nothing may crash."""
    same = problem(cell, (3, 2), dtype=torch.float32)
    arrays = [value.detach().numpy() for value in same.parameters.values()]
    vectors = [array for array in arrays if array.ndim == 1]
    matrices = [array for array in arrays if array.ndim == 2]
    initial = [value.detach().numpy() for value in same.initial.values()]
    units = [{"H": 5, "X": 3, "P": 2}.get(width) or int(width) for width in widths]
    x = same.x.data.detach().numpy()
    try:
        scan = _engine.Scan32(
            read, units, [3, 2], False, 2, "", low, x, initial, vectors, matrices, True, [7, 8, 9], 1, 2
        )
        states = [torch.empty(5, value.shape[1]).numpy() for value in initial]
        scan.forward(states, [value.copy() for value in initial])
        scan.backward(
            states,
            initial,
            x.copy(),
            [v.copy() for v in initial],
            [v.copy() for v in vectors],
            [m.copy() for m in matrices],
        )
    except _engine.Refusal:
        return


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"widths": [5]}, "a width"),
        ({"batch_sizes": []}, "time step"),
        ({"batch_sizes": [2, 3]}, "an initial state is expected"),
        ({"batch_sizes": [3, 0]}, "x is expected with 9 numbers"),
        ({"batch_sizes": [-1, 6]}, "a batch size is negative"),
        ({"threads": 0}, "at least one thread"),
        ({"matrices": []}, "a state or a parameter is missing"),
        ({"initial": []}, "a state or a parameter is missing"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(change, words):
    same = problem(find("gru"), (3, 2), dtype=torch.float32)
    encoded = encode(trace(find("gru")))
    array = {name: value.detach().numpy() for name, value in same.parameters.items()}
    given = {
        "widths": [{"H": 5, "X": 3}.get(width) or int(width) for width in encoded.widths],
        "batch_sizes": [3, 2],
        "threads": 1,
        "initial": [same.initial["hidden"].detach().numpy()],
        "matrices": [array["weight_ih"], array["weight_hh"]],
    } | change
    with pytest.raises(_engine.Refusal, match=words):
        _engine.Scan32(
            _engine.Program.read(encoded.codes, encoded.numbers),
            given["widths"],
            given["batch_sizes"],
            False,
            given["threads"],
            "",
            False,
            same.x.data.detach().numpy(),
            given["initial"],
            [array["bias_ih"], array["bias_hh"]],
            given["matrices"],
            True,
            [],
            0,
            0,
        )
