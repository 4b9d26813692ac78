"""The fused layers under random settings: as near to a loop in float64 as torch's layers, or as the loop in float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gatewise.layers.stack import Stack
from scan.fused.settings import Setting, argument, draw, lay, layer_of, padded
from scan.fused.witnesses import by_loop, by_torch
from tolerance import allowed, error, tolerance

FAST, ALL, BLOCK = 300, 5_300, 100
pytestmark = pytest.mark.filterwarnings(
    "ignore:LSTM with projections is not supported with oneDNN"
)  # torch's own layer


def numbers(setting: Setting, layer: Stack) -> dict[str, Tensor]:
    """Everything the layer is given, in float64 but exact in float32, by name."""
    generator = torch.Generator().manual_seed(setting.seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).double()

    with torch.no_grad():
        given = {name: value.float().double() for name, value in layer.named_parameters()}
    given["x"] = normal(setting.steps, setting.batch, setting.input_size)
    for name, width in setting.cell.state_widths(setting.hidden_size, setting.proj_size).items():
        state = normal(setting.levels, setting.batch, width)
        given[f"initial {name}"] = state if setting.given else torch.zeros_like(state)
    return given


def wanted_of(setting: Setting, given: dict[str, Tensor]) -> list[str]:
    """The names of what gradients are asked of."""
    states = [name for name in given if name.startswith("initial ")] if setting.given else []
    parameters = [name for name in given if name != "x" and not name.startswith("initial ")]
    parts = {"input": ["x"], "state": states, "parameters": parameters, "none": []}
    return parts.get(setting.wanted, ["x", *states, *parameters])


def leaves(given: dict[str, Tensor], wanted: list[str], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: value.to(dtype).clone().requires_grad_(name in wanted) for name, value in given.items()}


def with_gradients(results: dict[str, Tensor], given: dict[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """Results, and the gradients of one random mixture of them."""
    if not wanted:
        return results
    generator = torch.Generator().manual_seed(5)
    total = torch.zeros((), dtype=torch.float64)
    for value in results.values():
        total = total + (torch.randn(value.shape, generator=generator).double() * value.double()).sum()
    found = torch.autograd.grad(total, [given[name] for name in wanted], materialize_grads=True)
    return results | {f"gradient of {name}": value for name, value in zip(wanted, found, strict=True)}


def ours(setting: Setting, layer: Stack, given: dict[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """What the engine makes of the setting; what stands beyond a sequence is NaN."""
    beyond = torch.arange(setting.steps)[:, None] >= torch.tensor(setting.running)
    given = given | {"x": given["x"].masked_fill(beyond[:, :, None], torch.nan)}
    mine = {name: lay(value.to(setting.dtype), setting.layout) for name, value in given.items()}
    for name, parameter in layer.named_parameters():
        parameter.data = mine[name]
        parameter.requires_grad_(name in wanted)
        mine[name] = parameter
    for name, value in mine.items():
        value.requires_grad_(name in wanted)
    states = {name: mine[f"initial {name}"] for name in setting.cell.state} if setting.given else None
    if setting.kind == "single" and states:
        states = {name: value.squeeze(1) for name, value in states.items()}
    if setting.drop_in and type(layer).__name__ != "Recurrent" and states:
        states = tuple(states.values()) if len(states) > 1 else states["hidden"]
    lengths = {} if setting.lengths is None or setting.kind == "packed" else {"lengths": list(setting.lengths)}
    output, final = layer(argument(setting, mine["x"]), states, **lengths)
    assert layer.runner_used == ("fused" if any(setting.running) else "none")
    results = {"output": padded(setting, output)} | named_states(setting, final)
    assert all(value.dtype == setting.dtype for value in results.values())
    return with_gradients(results, mine, wanted)


def named_states(setting: Setting, final: object) -> dict[str, Tensor]:
    """Final states as ``final <name>``, [S, B, width]."""
    if isinstance(final, Tensor):
        final = (final,)
    values = final.values() if isinstance(final, dict) else final
    found = {f"final {name}": value for name, value in zip(setting.cell.state, values, strict=True)}
    return {name: value.unsqueeze(1) for name, value in found.items()} if setting.kind == "single" else found


def others(setting: Setting, given: dict[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """The same in float32 by torch's layer where torch has the cell, else by the loop."""
    mine = leaves(given, wanted, torch.float32)
    if setting.cell.torch_twin() is None or not any(setting.running):
        return with_gradients(by_loop(setting, mine), mine, wanted)
    results, mine = by_torch(setting, mine)
    return with_gradients(results, mine, wanted)


def check(seed: int) -> None:
    """One setting: values and gradients that are asked for, against the loop in float64."""
    setting = draw(seed)
    torch.manual_seed(seed)
    layer = layer_of(setting)
    given = numbers(setting, layer)
    wanted = wanted_of(setting, given)
    doubles = leaves(given, wanted, torch.float64)
    exact = with_gradients(by_loop(setting, doubles), doubles, wanted)
    came = ours(setting, layer, given, wanted)
    assert came.keys() == exact.keys()
    beside = others(setting, given, wanted)
    for name, value in exact.items():
        assert came[name].shape == value.shape, f"{name} of {setting}"
        other = error(beside[name], value)
        if setting.cell.torch_twin():  # another's code, so it can say whether the loop is right
            assert other <= usual(value, torch.float32, setting), f"torch differs from the loop in {name} of {setting}"
        bound = limit(other, value, setting)
        if error(came[name], value) > bound and not setting.cell.torch_twin():
            bound += 2 * unavoidable(setting, given, wanted, exact)[name]
        assert error(came[name], value) <= bound, f"{name} of {setting}"


def unavoidable(
    setting: Setting, given: dict[str, Tensor], wanted: list[str], exact: dict[str, Tensor]
) -> dict[str, float]:
    """How far the exact results move when every given number is rounded once, at random up or down: the most of eight.

    A layer norm over two units that are nearly equal magnifies each rounding a thousandfold, and then it is luck whose
    error is the larger; nothing that computes in this precision can promise to come nearer than this.
    """
    generator = torch.Generator().manual_seed(3)
    half = torch.finfo(setting.dtype).eps / 2
    found = dict.fromkeys(exact, 0.0)
    for _ in range(8):
        moved = {
            name: value * (1 + half * torch.randn(value.shape, generator=generator).sign())
            for name, value in given.items()
        }
        mine = leaves(moved, wanted, torch.float64)
        results = with_gradients(by_loop(setting, mine), mine, wanted)
        found = {name: max(found[name], error(results[name], value)) for name, value in exact.items()}
    return found


def usual(exact: Tensor, dtype: torch.dtype, setting: Setting) -> float:
    """What two correct computations may differ by."""
    scale = max(1.0, exact.abs().max().item()) if exact.numel() else 1.0
    return scale * tolerance(dtype, setting.steps * setting.num_layers)["atol"]


def limit(other: float, exact: Tensor, setting: Setting) -> float:
    """The error that is allowed beside another's in float32; in float64 roundings are as much smaller as its eps is."""
    if setting.dtype == torch.float32:
        return allowed(other, exact, torch.float32, setting.steps * setting.num_layers)
    finer = torch.finfo(torch.float64).eps / torch.finfo(torch.float32).eps
    return 2 * (2 * other * finer + usual(exact, torch.float64, setting))  # twice: the loop in float64 rounds, too


@pytest.mark.parametrize("seed", range(FAST))
def test_a_random_setting_is_as_near_to_the_float64_loop_as_torch(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FAST, ALL, BLOCK))
def test_five_thousand_more_settings(first):
    for seed in range(first, first + BLOCK):
        check(seed)


def test_the_settings_cover_what_they_should():
    drawn = [draw(seed) for seed in range(FAST)]
    assert {setting.cell.name for setting in drawn} == {cell.name for cell in map(lambda s: s.cell, drawn)}
    for field, least in [
        ("cell", 11),
        ("num_layers", 3),
        ("kind", 4),
        ("layout", 4),
        ("wanted", 5),
        ("hidden_size", 13),
    ]:
        assert len({getattr(setting, field) for setting in drawn}) >= least, field
    assert any(0 in setting.running for setting in drawn)
    assert any(setting.running != tuple(sorted(setting.running, reverse=True)) for setting in drawn)
