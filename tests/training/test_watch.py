"""Faults planted in runs of real networks are said while they train, with their place; healthy runs say nothing."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from torch import nn

from gatewise.errors import TrainingError
from gatewise.training.metrics import MetricsFile, read_metrics
from gatewise.training.progress import Progress
from gatewise.training.settings import TrainingSettings
from training.stacked import Network, Sums, rows
from training.watching import Memory, everything, quick_fit, terminate

STEPS = TrainingSettings(max_steps=150, log_every=10, learning_rate=0.01, validate_every=50, checkpoint_every=150)
SGD = STEPS.replace(optimizer="sgd", learning_rate=2.0)


def alarms(folder, settings, task):
    """Cause -> line of all alarms of a run, which were said and stand in its metrics."""
    memory = Memory()
    quick_fit(task, settings, folder, memory)
    found = [alarm for line in read_metrics(folder / "metrics.jsonl") for alarm in line.get("alarms", [])]
    assert memory.lines == [f"step {alarm['step']:,}: {alarm['line']}" for alarm in found]
    return {alarm["cause"]: alarm["line"] for alarm in found}


HEALTHY = {
    "adamw": (STEPS, {}),
    "sgd": (SGD, {}),
    "sgd, nothing clipped": (SGD.replace(clip_norm=0.0, learning_rate=0.5), {}),
    "gru": (STEPS, {"cell": "gru"}),
    "both directions": (STEPS, {"bidirectional": True}),
    "tanh": (STEPS, {"cell": "rnn"}),
    "residual, six layers": (STEPS, {"num_layers": 6, "residual": True}),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_says_nothing(tmp_path, name):
    settings, options = HEALTHY[name]
    assert alarms(tmp_path, settings, Sums(make=functools.partial(Network, **options))) == {}
    losses = [line["loss"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert losses[-1] < losses[0]


def test_a_rate_ten_times_too_high(tmp_path):
    """Learning rate 2 is healthy, above."""
    found = alarms(tmp_path, SGD.replace(learning_rate=20.0), Sums())
    assert "divergence" in found
    assert "lower the learning rate (" in found["divergence"]


@pytest.mark.parametrize("level", [0, 1])
def test_a_recurrent_matrix_that_explodes_is_named(tmp_path, level):
    def plant(network, number):
        if number == 60:
            getattr(network.recurrent, f"weight_hh_l{level}").copy_(3 * torch.eye(24))

    task = Sums(plant, functools.partial(Network, "rnn", nonlinearity="relu"))
    found = alarms(tmp_path, STEPS, task)
    assert "explosion" in found
    assert f"at layer {level + 1} of recurrent" in found["explosion"]


def test_a_recurrent_matrix_that_explodes_from_the_beginning(tmp_path):
    class Large(Network):
        def __init__(self):
            super().__init__("rnn", nonlinearity="relu")
            nn.init.eye_(self.recurrent.weight_hh_l1).data.mul_(3)

    found = alarms(tmp_path, STEPS.replace(learning_rate=1e-4), Sums(make=Large))
    assert "most of it at layer 2 of recurrent" in found["overlong"]


def test_a_signal_that_vanishes_in_a_deep_sigmoid_network(tmp_path):
    task = Sums(make=functools.partial(Network, "rnn", num_layers=8, nonlinearity="sigmoid"))
    found = alarms(tmp_path, STEPS, task)
    assert list(found) == ["vanishing"]
    assert found["vanishing"].startswith("layer 1 of recurrent gets ")
    norms = read_metrics(tmp_path / "metrics.jsonl")[-1]["gradient_norm_by_layer"]
    assert [norms[f"recurrent.l{number}"] for number in range(8)] == sorted(
        norms[f"recurrent.l{number}"] for number in range(8)
    )


def test_a_layer_that_is_dead(tmp_path):
    """ReLU units whose bias is far below zero: nothing passes, forward or back."""

    class Dead(Network):
        def __init__(self):
            super().__init__("rnn", nonlinearity="relu")
            nn.init.constant_(self.recurrent.bias_ih_l1, -100.0)

    found = alarms(tmp_path, STEPS, Sums(make=Dead))
    assert "embedding and layer 1 of recurrent and layer 2 of recurrent" in found["silent"]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_in_one_weight_is_named_at_once(tmp_path, bad):
    def plant(network, number):
        if number == 30:
            network.recurrent.weight_hh_l1[3, 5] = bad

    memory = Memory()
    with pytest.raises(TrainingError) as caught:
        quick_fit(Sums(plant), STEPS, tmp_path, memory)
    place = f"weight_hh_l1 of recurrent (1 of 2,304 numbers is {'NaN' if math.isnan(bad) else 'infinite'})"
    assert memory.lines[0].startswith("step 30 skipped: its gradient is not finite (loss ")
    assert memory.lines[0].endswith(f"; first in {place})")
    assert place in str(caught.value)


def test_the_norms_of_the_layers_are_those_of_their_gradients(tmp_path):
    """The first step's, computed once more by hand; together they are the norm of the whole."""
    quick_fit(Sums(), STEPS.replace(max_steps=1, log_every=1), tmp_path, Memory())
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    torch.manual_seed(0)
    network = Network().train()
    loss = Sums().loss(network, rows(1), None)
    (loss.total / loss.count).backward()
    parts = {
        "embedding": [network.embedding],
        "output": [network.output],
        **{f"recurrent.l{level}": network.recurrent.weights(level).values() for level in (0, 1)},
    }
    for name, owners in parts.items():
        tensors = [p for o in owners for p in (o.parameters() if isinstance(o, nn.Module) else [o])]
        norm = math.sqrt(sum(float(tensor.grad.double().square().sum()) for tensor in tensors))
        assert line["gradient_norm_by_layer"][name] == pytest.approx(norm, rel=1e-5)
    assert line["gradient_norm_by_layer"].keys() == parts.keys()
    whole = math.sqrt(sum(norm**2 for norm in line["gradient_norm_by_layer"].values()))
    assert line["gradient_norm"] == line["gradient_norm_max"] == pytest.approx(whole, rel=1e-5)


def test_the_change_of_the_weights_is_measured_every_fiftieth_step(tmp_path):
    """One step of SGD without decay:  |w' - w| / |w| = r |g| / |w|."""
    seen = {}

    def plant(network, number):
        seen[number] = {name: value.clone() for name, value in network.named_parameters()}

    settings = SGD.replace(max_steps=60, log_every=25, schedule="constant")
    quick_fit(Sums(plant), settings, tmp_path, Memory())
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines if "update_ratio_by_layer" in line] == [50]
    (ratios,) = (line["update_ratio_by_layer"] for line in lines if "update_ratio_by_layer" in line)
    for layer, names in {"embedding": ["embedding.weight"], "output": ["output.weight", "output.bias"]}.items():
        change = math.sqrt(sum(float((seen[51][name] - seen[50][name]).square().sum()) for name in names))
        size = math.sqrt(sum(float(seen[50][name].square().sum()) for name in names))
        assert ratios[layer] == pytest.approx(change / size, rel=1e-3)


def test_a_layer_that_does_not_change_has_a_change_of_zero(tmp_path):
    """Zero is a number: null would say that there was none."""

    class Deaf(Network):
        def __init__(self):
            super().__init__()
            self.embedding.weight.register_hook(torch.zeros_like)

    quick_fit(Sums(make=Deaf), SGD.replace(max_steps=50, log_every=25, schedule="constant"), tmp_path, Memory())
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["update_ratio_by_layer"]["embedding"] == 0.0


def test_a_layer_without_a_gradient_is_left_out(tmp_path):
    class Frozen(Network):
        def __init__(self):
            super().__init__()
            self.embedding.requires_grad_(False)

    quick_fit(Sums(make=Frozen), STEPS.replace(max_steps=10), tmp_path, Memory())
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert list(line["gradient_norm_by_layer"]) == ["recurrent.l0", "recurrent.l1", "output"]


@pytest.mark.parametrize("stop", [59, 63, 77])
def test_a_resumed_run_says_the_same_and_says_it_once(tmp_path, stop):
    """The history is in the checkpoint: what is said, and the metrics, are those of a run that was never stopped."""

    def plant(network, number):
        if number == 60:
            network.recurrent.weight_hh_l1.copy_(3 * torch.eye(24))

    def task():
        return Sums(plant, functools.partial(Network, "rnn", nonlinearity="relu"))

    settings, whole, parts = STEPS.replace(max_steps=100), Memory(), [Memory(stop, terminate), Memory()]
    quick_fit(task(), settings, tmp_path / "whole", whole)
    for number, memory in enumerate(parts):
        quick_fit(task(), settings, tmp_path / "parted", memory, resume=number > 0)
    assert whole.lines
    told = [line for memory in parts for line in memory.lines if "stopped after" not in line]
    assert told == whole.lines
    assert everything(tmp_path / "whole") == everything(tmp_path / "parted")


def test_numbers_inside_a_line_that_are_not_finite_become_null(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl", 0)
    file.write({"step": 1, "update_ratio_by_layer": {"a": math.inf, "b": 0.5}, "alarms": [{"cause": "x"}]})
    file.close()
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert line == {"step": 1, "update_ratio_by_layer": {"a": None, "b": 0.5}, "alarms": [{"cause": "x"}]}


def test_a_checkpoint_of_before_the_watch_is_read():
    """Its progress has no history and its interval no norms."""
    state = Progress(step=7).to_dict()
    del state["health"]
    for name in ("greatest", "norms", "counts", "ratios", "alarms"):
        del state["interval"][name]
    assert Progress.from_dict(state) == Progress(step=7)
