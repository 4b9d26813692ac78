"""Derivatives of derivatives through the engine: those of torch's layers, and of the equation where torch has none."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.functional import hessian, hvp, jvp
from torch.testing import assert_close

from gatewise.cells import find, variants
from gatewise.errors import SettingError
from gatewise.scan import Packed, Zoneout, run
from gatewise.scan.fused.runner import engine_of, run_engine
from gatewise.scan.stored.cell import StoredCell
from layers.twins import KINDS, T, X, flat, twins
from scan.problem import RAGGED, UNIFORM, problem, results
from tolerance import tolerance

DOUBLE = tolerance(torch.float64, 16 * T)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def summed(layer):
    """A function of the input alone that is not linear in the output."""
    return lambda x: sum((torch.linspace(-1, 1, part.numel()).view_as(part) * part).sum() for part in flat(layer(x)))


@every_kind
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "deep"])
def test_hessian_and_its_products_are_torchs(kind, options):
    ours, theirs = twins(kind, dtype=torch.float64, runner="fused", **options)
    x, direction = torch.randn(2, T, 2, X, dtype=torch.float64)
    found, expected = (hessian(summed(layer), x) for layer in (ours, theirs))
    assert expected.any() or "relu" in str(kind)
    assert_close(found, expected, **DOUBLE)
    for product in (hvp, jvp):
        assert_close(product(summed(ours), x, direction)[1], product(summed(theirs), x, direction)[1], **DOUBLE)


@pytest.mark.parametrize("vectorize", [False, True], ids=["rows", "vectorized"])
def test_a_hessian_may_be_vectorized(vectorize):
    ours, theirs = twins(KINDS[3], dtype=torch.float64, runner="fused")
    x = torch.randn(T, 2, X, dtype=torch.float64)
    assert_close(hessian(summed(ours), x, vectorize=vectorize), hessian(summed(theirs), x), **DOUBLE)


@every_kind
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_a_gradient_penalty_reaches_input_and_parameters(kind, dtype):
    pair = twins(kind, dtype=dtype, runner="fused")
    values = torch.randn(T, 2, X, dtype=dtype)
    found = []
    for layer in pair:
        x = values.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(summed(layer)(x), x, create_graph=True)
        loss = (gradient.norm(dim=-1) - 1).square().sum()
        found.append(torch.autograd.grad(loss, [x, *layer.parameters()], materialize_grads=True))
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, **(DOUBLE if dtype == torch.float64 else tolerance(dtype, 64 * T)))


def penalties(same, wanted, **options):
    """What a penalty on the gradients of some leaves gives all leaves; the gradients themselves first."""
    leaves = same.leaves()
    total = sum((torch.linspace(-1, 1, value.numel()).view_as(value) * value).sum() for value in same.seen(**options))
    first = torch.autograd.grad(total, [leaves[name] for name in wanted], create_graph=True)
    second = sum(gradient.square().sum() for gradient in first)
    return [*first, *torch.autograd.grad(second, list(leaves.values()), materialize_grads=True)]


class Seen:
    """A problem, and all results of a scan of it."""

    def __init__(self, same):
        self.same, self.leaves = same, same.leaves

    def seen(self, **options):
        return results(self.same.run(**options)).values()


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
@both_ways
@pytest.mark.parametrize("batch_sizes", [UNIFORM, RAGGED], ids=["uniform", "ragged"])
@pytest.mark.parametrize("keep_states", [False, True], ids=["outputs", "states"])
def test_second_derivatives_are_those_of_the_equation(cell, reverse, batch_sizes, keep_states):
    same = Seen(problem(cell, batch_sizes))
    for wanted in (["x"], list(same.leaves()), ["weight_ih"]):
        options = {"reverse": reverse, "keep_states": keep_states}
        found, expected = (penalties(same, wanted, runner=name, **options) for name in ("fused", "reference"))
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, **DOUBLE)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@both_ways
def test_zoneout_keeps_its_masks(training, reverse):
    cell = find("peephole_lstm")
    same = Seen(problem(cell, RAGGED))
    rows = torch.tensor([5, 3, 2**40, -1])
    options = {"reverse": reverse, "keep_states": True}

    def noise():
        return Zoneout({"hidden": 0.4, "memory": 0.2}, seed=2**61 + 5, rows=rows.clone(), start=7, training=training)

    fused, reference = (
        penalties(same, ["x"], runner=name, zoneout=noise(), **options) for name in ("fused", "reference")
    )
    for one, other in zip(fused, reference, strict=True):
        assert_close(one, other, **DOUBLE)


def test_numbers_of_sequences_that_change_before_the_backward_pass_change_no_mask():
    same = problem(find("gru"), UNIFORM)
    found = []
    for runner in ("fused", "reference"):
        rows = torch.arange(4)
        scan = same.run(runner=runner, zoneout=Zoneout({"hidden": 0.5}, seed=1, rows=rows))
        rows.zero_()
        found.append(torch.autograd.grad(scan.outputs.square().sum(), same.x.data, create_graph=True)[0])
    assert_close(*found, **DOUBLE)


def test_second_derivatives_stand_finite_differences():
    same = problem(find("coupled_lstm"), (2, 1), input_size=2, hidden_size=2)
    names = list(same.parameters)

    def outcome(data, *parameters):
        scan = run(
            same.cell, dict(zip(names, parameters, strict=True)), Packed(data, (2, 1)), same.initial, runner="fused"
        )
        return scan.outputs, *scan.final.values()

    assert torch.autograd.gradgradcheck(outcome, (same.x.data, *same.parameters.values()))


def test_an_input_that_is_made_of_another_is_not_counted_twice():
    found = []
    for runner in ("fused", "reference"):
        same = problem(find("rnn"), UNIFORM, input_size=5)
        x = same.x.data
        weights = {**same.parameters, "weight_ih": same.parameters["weight_hh"]}
        scan = run(same.cell, weights, Packed(x, UNIFORM), {"hidden": x[:4].sin()}, runner=runner)
        leaves = [x, same.parameters["weight_hh"]]
        first = torch.autograd.grad(scan.outputs.square().mean(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(one.square().mean() for one in first), leaves)
        found.append([*first, *second])
    for one, other in zip(*found, strict=True):
        assert_close(one, other, **DOUBLE)


def test_the_backward_pass_may_stand_under_an_autocast_that_the_forward_pass_did_not_know():
    same = problem(find("lstm"), UNIFORM)
    outcome = same.run(runner="fused").outputs.square().sum()
    expected = torch.autograd.grad(outcome, same.x.data, retain_graph=True)[0]
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = torch.autograd.grad(outcome, same.x.data, create_graph=True)
    assert_close(found, expected, **DOUBLE)


@pytest.mark.parametrize("power", [1, 2], ids=["linear", "square"])
def test_a_scan_of_bfloat16_has_none_and_says_so(power):
    same = problem(find("lstm"), UNIFORM, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        outcome = same.run(runner="fused").outputs.float().pow(power).sum()
    with pytest.raises(
        SettingError, match=r"no second derivative \(create_graph=True\) under autocast; leave autocast"
    ):
        torch.autograd.grad(outcome, same.x.data, create_graph=True)
    assert torch.autograd.grad(outcome, same.x.data)[0].isfinite().all()


def test_a_cell_that_is_a_program_only_has_none_and_says_so(monkeypatch):
    monkeypatch.setattr("gatewise.scan.fused.again.program_in", lambda cell: StoredCell)
    same = problem(find("gru"), UNIFORM)
    with pytest.raises(SettingError, match="known by its program only; load the model with the code of its cell"):
        torch.autograd.grad(same.run(runner="fused").outputs.sum(), same.x.data, create_graph=True)


def test_a_program_without_its_cell_has_none_and_says_so():
    same = problem(find("gru"), UNIFORM)
    scan = run_engine(engine_of(find("gru"), True), same.parameters, same.x, same.initial)
    with pytest.raises(SettingError, match="a program without its cell has no second derivative"):
        torch.autograd.grad(scan.outputs.sum(), same.x.data, create_graph=True)


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_a_batch_of_gradients_is_that_of_single_ones(cell):
    same = problem(cell, RAGGED)
    outputs = same.run(runner="fused").outputs
    leaves, given = list(same.leaves().values()), torch.randn(3, *outputs.shape, dtype=outputs.dtype)
    single = [torch.autograd.grad(outputs, leaves, one, retain_graph=True) for one in given]
    expected = [torch.stack(parts) for parts in zip(*single, strict=True)]

    def gradients(one):
        return torch.autograd.grad(outputs, leaves, one, retain_graph=True)

    batched = torch.autograd.grad(outputs, leaves, given, retain_graph=True, is_grads_batched=True)
    for found in (batched, torch.vmap(gradients)(given)):
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, **DOUBLE)
