"""Zoneout's masks: the promised share, a function of where and when only, and the same on every machine."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.cells import find
from gatewise.errors import SettingError, ShapeError
from gatewise.scan import Packed, Zoneout
from gatewise.scan.noise import mix
from scan.problem import DEVICES, RAGGED, UNIFORM, problem

WIDTHS = {"hidden": 512, "memory": 512}


def masks(batch_sizes=(8, 8, 8, 8), rates=None, device="cpu", **options):
    noise = Zoneout(rates or {"hidden": 0.2}, **{"seed": 0, "rows": torch.arange(batch_sizes[0]), **options})
    shares = noise.shares(Packed(torch.zeros(sum(batch_sizes), 1, device=device), batch_sizes), WIDTHS)
    return {name: torch.cat(parts) for name, parts in shares.items()}


def correlation(first, second):
    return torch.corrcoef(torch.stack([first.flatten().double(), second.flatten().double()]))[0, 1].abs().item()


def test_the_hash_is_the_same_on_every_machine():
    assert mix(torch.tensor([0, 1, 2**40, -1]), 12345).tolist() == [1234139165, 1116959369, 1234139165, 3131438602]


@pytest.mark.parametrize("device", DEVICES)
def test_masks_are_the_same_on_every_device(device):
    assert torch.equal(masks(device=device)["hidden"].cpu(), masks()["hidden"])


def test_the_hash_is_that_of_plain_integers():
    def plain(value, salt):
        h = (value + salt * 0x3C6EF372) % 2**32
        h = (h ^ h >> 16) * 0x21F0AAAD % 2**32
        h = (h ^ h >> 15) * 0x735A2D97 % 2**32
        return h ^ h >> 15

    values = [0, 1, 77, 2**32 - 1, 2**40, -5]
    for salt in (0, 1, -3, 2**31, 2**62):
        assert mix(torch.tensor(values), salt).tolist() == [plain(value, salt) for value in values]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_share_is_the_rate(rate):
    mask = masks(rates={"hidden": rate})["hidden"]
    deviation = math.sqrt(rate * (1 - rate) / mask.numel())
    assert abs(mask.double().mean().item() - rate) <= 5 * deviation


def test_masks_of_seeds_states_sequences_steps_and_units_are_unrelated():
    both = masks(rates={"hidden": 0.5, "memory": 0.5})
    mask = both["hidden"].view(4, 8, 512)
    limit = 5 / math.sqrt(mask[0].numel())
    assert correlation(mask, both["memory"]) < limit
    assert correlation(mask, masks(rates={"hidden": 0.5}, seed=1)["hidden"]) < limit
    assert correlation(mask[0], mask[1]) < limit
    assert correlation(mask[:, 0], mask[:, 1]) < limit
    assert correlation(mask[..., :-1], mask[..., 1:]) < limit


def test_a_mask_is_a_function_of_sequence_and_step_alone():
    uniform = masks()["hidden"].view(4, 8, 512)
    order = torch.tensor([5, 0, 7])
    ragged = masks((3, 3, 1, 1), rows=order)["hidden"]
    assert torch.equal(
        ragged, torch.cat([uniform[0][order], uniform[1][order], uniform[2][order[:1]], uniform[3][order[:1]]])
    )
    assert torch.equal(masks((8, 8), start=2)["hidden"], uniform[2:].flatten(0, 1))


def test_the_state_drawn_first_does_not_depend_on_the_others():
    assert torch.equal(masks()["hidden"], masks(rates={"memory": 0.9, "hidden": 0.2})["hidden"])


def test_masks_larger_than_a_block_are_the_same(monkeypatch):
    expected = masks()["hidden"]
    monkeypatch.setattr("gatewise.scan.noise.BLOCK", 512 * 3)
    assert torch.equal(masks()["hidden"], expected)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("runner", ["reference", "fused"])
@pytest.mark.parametrize("batch_sizes", [UNIFORM, RAGGED])
def test_rate_zero_changes_nothing_and_rate_one_keeps_the_initial_state(batch_sizes, runner, training):
    whole = problem(find("lstm"), batch_sizes)
    common = {"seed": 0, "rows": torch.arange(4), "training": training}
    none = whole.run(runner=runner, zoneout=Zoneout({"hidden": 0.0, "memory": 0.0}, **common))
    assert torch.equal(none.outputs, whole.run(runner=runner).outputs)
    frozen = whole.run(runner=runner, zoneout=Zoneout({"hidden": 1.0, "memory": 1.0}, **common), reverse=True)
    assert all(torch.equal(frozen.final[name], value) for name, value in whole.initial.items())


@pytest.mark.parametrize("runner", ["reference", "fused"])
def test_gradients_go_through_the_kept_units(runner):
    whole = problem(find("lstm"), (2, 1), hidden_size=3)
    noise = Zoneout({"hidden": 0.5, "memory": 0.5}, seed=0, rows=torch.arange(2))

    def outputs(data, hidden, memory):
        case = whole.with_input(data, (2, 1), hidden=hidden, memory=memory)
        return case.run(runner=runner, zoneout=noise).outputs

    assert torch.autograd.gradcheck(outputs, (whole.x.data, whole.initial["hidden"], whole.initial["memory"]))


@pytest.mark.parametrize("rate", [-0.1, 1.5, math.nan])
def test_a_rate_outside_the_range_is_refused(rate):
    with pytest.raises(SettingError, match="zoneout: the rate of hidden must be between 0 and 1, but"):
        Zoneout({"hidden": rate}, seed=0, rows=torch.arange(1))


@pytest.mark.parametrize("runner", ["reference", "fused"])
def test_what_does_not_fit_the_cell_or_the_batch_is_refused(runner):
    whole = problem(find("gru"), UNIFORM)
    with pytest.raises(SettingError, match="zoneout: the cell has no state 'memory', only hidden"):
        whole.run(runner=runner, zoneout=Zoneout({"memory": 0.1}, seed=0, rows=torch.arange(4)))
    with pytest.raises(ShapeError, match=r"zoneout: rows is expected as \[4\], but its shape is \[3\]"):
        whole.run(runner=runner, zoneout=Zoneout({"hidden": 0.1}, seed=0, rows=torch.arange(3)))
