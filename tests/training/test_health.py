"""Rules over the last steps of a run: each says its fault, is quiet otherwise, and says it once."""

from __future__ import annotations

import dataclasses
import math

import pytest

from gatewise.training.health import EVERY, FAINT, Health, Limits, Step, faint_layers, growth, top_of
from gatewise.training.layer_names import layer_of, level, told

CLIPPED, FREE = Limits(rate=0.1, clip_norm=1.0), Limits(rate=0.1, clip_norm=0.0)


def said(steps, limits=CLIPPED, health=None):
    """Cause -> (step, line) of all alarms; each cause comes once."""
    health, found = health or Health(), {}
    for step in steps:
        for alarm in health.stepped(step, limits):
            assert alarm.cause not in found
            found[alarm.cause] = alarm.step, alarm.line
    return found


def course(count, norm=lambda step: 0.5, loss=lambda step: 2.0, limit=1.0, layers=None):
    """Steps of a run whose norm, loss and shares of the layers are given by functions of the step."""
    layers = layers or {"output": lambda step: 1.0}
    for step in range(1, count + 1):
        length = norm(step)
        norms = {name: length * share(step) for name, share in layers.items()}
        yield Step(step, loss(step), length, bool(limit) and length > limit, norms)


def test_a_run_that_learns_says_nothing():
    """The loss falls with noise, the norm wanders within a decade."""
    wobble = [1.0, 1.3, 0.8, 1.1, 0.9, 2.5, 0.7]
    steps = course(
        400, norm=lambda step: 0.3 * wobble[step % 7], loss=lambda step: 2 + 2 * 0.98**step + 0.1 * wobble[step % 5]
    )
    assert said(steps) == {}


def test_a_norm_that_grows_is_an_explosion_and_names_the_uppermost_layer_that_grew():
    def grown(step):
        return 1.0 if step <= 60 else min(400.0, 1.4 ** (step - 60))

    layers = {"recurrent.l0": grown, "recurrent.l1": grown, "output": lambda step: 1.0}
    steps = course(100, norm=lambda step: 0.2 * grown(step), layers=layers)
    found = said(steps, Limits(rate=0.5, clip_norm=1.0))
    assert list(found) == ["explosion"]
    step, line = found["explosion"]
    assert 65 <= step <= 80
    start = "the gradient norm grew "
    assert line.startswith(start)
    times = float(line.removeprefix(start).split(" x")[0])
    assert times >= 10
    assert " in 20 steps, from 0.2 to " in line
    assert line.endswith("at layer 2 of recurrent: lower the learning rate (0.5) or clip at 0.2 (clip_norm)")


@pytest.mark.parametrize(
    ("norm", "loss"),
    [
        (lambda step: 0.01 * 1.3 ** min(step, 30), lambda step: 4.0 - 0.05 * step),  # it begins to learn
        (lambda step: 1e-6 * 1.3 ** min(step, 40), lambda step: 2.0),  # however long, shorter than the limit
        (lambda step: 0.05 * 1.03 ** min(step, 60), lambda step: 2.0),  # six times in sixty steps
    ],
    ids=["the loss falls", "it stays short", "it grows slowly"],
)
def test_growth_that_does_no_harm_is_no_explosion(norm, loss):
    assert said(course(60, norm=norm, loss=loss)) == {}


def test_a_growing_norm_that_is_clipped_high_is_advised_to_be_clipped_lower():
    found = said(course(60, norm=lambda step: 0.25 if step < 40 else 10.0, limit=4.0), Limits(20.0, clip_norm=4.0))
    assert found["explosion"][1].endswith(": lower the learning rate (20) or clip at 0.2 (clip_norm)")


def test_a_spike_is_said_where_nothing_clips_it():
    def norms(step):
        return 300.0 if step == 33 else 2.0

    found = said(course(60, norm=norms, limit=0), FREE)
    assert found == {
        "spike": (
            35,
            "the gradient norm of step 33 was 300, 150 x the usual 2, at output: "
            "lower the learning rate (0.1) or clip at 2 (clip_norm)",
        )
    }
    assert said(course(60, norm=norms)) == {}
    assert said(course(60, norm=norms, limit=0), Limits(0.1, 0.0, clip_value=0.5)) == {}


@pytest.mark.parametrize(("limits", "norm"), [(CLIPPED, 200.0), (FREE, 5000.0)], ids=["clipped", "free"])
def test_gradients_that_are_always_far_too_long(limits, norm):
    layers = {"recurrent.l0": lambda step: 0.99, "output": lambda step: 0.1}
    found = said(course(60, norm=lambda step: norm, limit=limits.clip_norm, layers=layers), limits)
    assert list(found) == ["overlong"]
    assert "most of it at layer 1 of recurrent" in found["overlong"][1]
    assert said(course(60, norm=lambda step: norm / 10, limit=limits.clip_norm), limits) == {}


def test_a_loss_above_its_beginning_diverges():
    found = said(course(60, loss=lambda step: 4.0 if step < 10 else 4.0 + 0.1 * (step - 10)))
    assert list(found) == ["divergence"]
    assert found["divergence"][0] <= 30
    assert found["divergence"][1].endswith("and began with 4: lower the learning rate (0.1) or clip at 0.5 (clip_norm)")


def test_a_loss_that_rises_again_diverges_once_half_is_lost():
    def losses(top):
        return lambda step: max(2.0, 4.0 - step / 20) if step < 100 else top

    assert said(course(160, loss=losses(2.9))) == {}
    found = said(course(160, loss=losses(3.2)))
    assert found["divergence"][0] <= 120
    assert "the loss rose to 3.2 after it had been at 2" in found["divergence"][1]


def test_a_loss_of_any_sign_may_be_flat():
    assert said(course(200, loss=lambda step: -3.0 + 0.2 * math.sin(step))) == {}


def test_a_lower_level_without_a_gradient_is_told_of():
    shares = {f"recurrent.l{number}": (lambda step, number=number: 0.2 ** (5 - number)) for number in range(6)}
    layers = {"embedding": lambda step: 1e-6, **shares, "output": lambda step: 1.0}
    found = said(course(60, layers=layers))
    assert list(found) == ["vanishing"]
    step, line = found["vanishing"]
    assert step == 20
    assert line.startswith(
        "layer 1 of recurrent gets 0.0003 of the gradient of layer 6 of recurrent: the signal vanishes"
    )


def test_directions_and_stacks_are_compared_each_with_itself():
    norms = {"a.l0": 1.0, "a.l0_reverse": 1e-9, "a.l1": 1.0, "a.l1_reverse": 1e-8, "b.l0": 1e-12, "output": 9.0}
    assert faint_layers(norms) == {}
    norms["a.l0"] = 0.9 * FAINT
    assert faint_layers(norms) == {"a.l0": pytest.approx(0.9 * FAINT)}
    assert [top_of(name, norms) for name in ("a.l0", "a.l0_reverse", "b.l0", "output")] == [
        "a.l1",
        "a.l1_reverse",
        "b.l0",
        "",
    ]
    assert faint_layers({"a.l0": 0.0, "a.l1": 0.0}) == {}


def test_a_layer_whose_gradient_is_zero_is_told_of_but_not_learned_initial_states():
    dead = {"embedding": lambda step: 0.0, "recurrent": lambda step: 0.0, "recurrent.l0": lambda step: 1.0}
    found = said(course(60, layers=dead))
    assert list(found) == ["silent"]
    assert found["silent"][1].startswith("no gradient at all reaches embedding: its units may be dead")
    rare = {"embedding": lambda step: float(step % 30 == 0), "output": lambda step: 1.0}
    assert said(course(60, layers=rare)) == {}


def test_layers_that_join_begin_a_new_history():
    """Unfreezing makes the norm another one: that is no explosion."""
    first = list(course(40, norm=lambda step: 0.1))
    more = {"output": lambda step: 1.0, "embedding": lambda step: 1.0}
    second = [dataclasses.replace(step, step=step.step + 40) for step in course(40, norm=lambda step: 5.0, layers=more)]
    assert said(first + second) == {}


def test_what_is_kept_survives_a_checkpoint():
    """A history cut at any step goes on as if it had not been cut."""
    steps = list(course(80, norm=lambda step: 0.1 if step < 50 else 30.0))
    whole = said(steps)
    assert whole
    for cut in range(0, 80, 7):
        health = Health()
        before = said(steps[:cut], health=health)
        after = said(steps[cut:], health=Health.from_dict(dataclasses.asdict(health)))
        assert before | after == whole
        assert not before.keys() & after.keys()


def test_growth_of_what_was_nothing():
    assert growth({"a": 0.0, "b": 1.0}, {"a": 50.0, "b": 1.0}) == "a"
    assert growth({"a": 0.0}, {"a": 0.0}) == "a"


def test_gradients_out_of_nothing_are_not_told_to_be_clipped_at_nothing():
    steps = course(40, norm=lambda step: 5.0 if step == 22 else 0.0)
    _, line = said(steps, FREE)["spike"]
    assert line.startswith("the gradient norm of step 22 was 5, where 0 is usual, at output: ")
    assert line.endswith("or clip at 1 (clip_norm)")


def test_the_rules_are_looked_at_every_few_steps():
    assert {step for step, _ in said(course(200, norm=lambda step: 0.1 * 1.3**step)).values()} <= set(
        range(0, 200, EVERY)
    )


NAMES = {
    "weight": "network",
    "output.bias": "output",
    "weight_hh_l0": "l0",
    "recurrent.weight_hh_l12_reverse": "recurrent.l12_reverse",
    "recurrent.initial_hidden": "recurrent",
    "a.b.gamma_ln": "a.b",
    "cell.weight_local": "cell",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_layers(name):
    assert layer_of(name) == NAMES[name]


def test_levels_of_the_network_itself():
    assert level("l0") == ("network", 0, False)
    assert told("l0") == "layer 1 of network"
    assert told("recurrent.l12_reverse") == "layer 13 of recurrent, backwards"
    assert level("a.local") is None
