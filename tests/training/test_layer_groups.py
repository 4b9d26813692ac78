"""Groups of layers: rates of their own, and one after another unfrozen."""

from unittest import mock

import pytest
import torch
from torch import nn

from gatewise.errors import SettingError, TrainingError
from gatewise.training.layer_groups import LayerGroups
from gatewise.training.loop import fit
from gatewise.training.monitor import Silent
from gatewise.training.optimizers import build
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import StepLoss
from tolerance import tolerance
from training.test_optimizers import OPTIONS
from training.toy import HIDDEN, INPUTS, Bare, Toy, Waves, rows
from training.watching import Memory, everything, last_checkpoint, quick_fit, run

QUICK = TrainingSettings(epochs=3, learning_rate=0.02, log_every=1, weight_decay=0.5)
GRADUAL = QUICK.replace(unfreeze_every=1.0)
SIZES = [INPUTS * HIDDEN + HIDDEN, HIDDEN * HIDDEN + HIDDEN, HIDDEN + 1]  # inward, recurrent, outward


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 3), nn.Linear(3, 3))


def grouped(model, settings):
    return LayerGroups([list(layer.parameters()) for layer in model], model, settings)


def theirs(model, settings, decay):
    """torch's optimiser with a group of its own for each layer, and for its matrices and vectors."""
    groups = [
        {
            "params": [one],
            "weight_decay": settings.weight_decay if one.dim() > 1 else 0.0,
            "share": decay ** (place - 2),
        }
        for place, layer in enumerate(model)
        for one in layer.parameters()
    ]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, betas=(settings.adam_beta1, settings.adam_beta2))
    return torch.optim.SGD(groups, momentum=settings.momentum)


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("decay", [1.0, 2.6])
def test_steps_are_torchs_while_groups_are_unfrozen(kind, decay):
    """The witness has param_groups with rates of their own, and leaves alone what has no gradient."""
    settings = TrainingSettings(**OPTIONS[kind], rate_decay=decay, unfreeze_every=1.0)
    ours, other = network(), network()
    groups = grouped(ours, settings)
    optimizer, witness = build(ours, settings, groups), theirs(other, settings, decay)
    for step in range(9):
        groups.train(groups.due(step / 3))
        for place, layer in enumerate(other):
            layer.requires_grad_(2 - place <= step // 3)
        rate = 0.1 / (step + 1)
        for group in witness.param_groups:
            group["lr"] = rate * group["share"]
        for model in (ours, other):
            model.zero_grad()
            torch.manual_seed(step)
            model(torch.randint(0, 7, (5,))).square().mean().backward()
        optimizer.step(rate)
        witness.step()
        for mine, its in zip(ours.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(mine, its, **tolerance(torch.float32, step + 1))


@pytest.mark.parametrize(("name", "kernel"), [("adamw", "_fused_adamw_"), ("sgd", "_fused_sgd_")])
def test_one_call_for_the_matrices_of_a_rate_and_one_for_its_vectors(name, kernel):
    settings = TrainingSettings(optimizer=name, rate_decay=2.0, weight_decay=0.5)
    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(3)))
    optimizer = build(model, settings, grouped(model, settings))
    model(torch.ones(1, 2)).sum().backward()
    with mock.patch.object(torch, kernel, wraps=getattr(torch, kernel)) as called:
        optimizer.step(0.1)
    calls = sorted((call.kwargs["lr"], call.kwargs["weight_decay"], len(call.args[0])) for call in called.mock_calls)
    assert calls == [(rate, decay, 2) for rate in (0.025, 0.05, 0.1) for decay in (0.0, 0.5)]


def test_when_each_group_is_unfrozen_and_what_is_said_of_it(tmp_path):
    _, memory, result = run(tmp_path, GRADUAL)
    assert result.unfrozen_at == [1, 9, 17]
    assert memory.lines == [
        f"from step 1 layer group 3 of 3 is trained: {SIZES[2]} of {sum(SIZES)} parameters",
        f"from step 9 layer group 2 of 3 is trained too: {SIZES[2] + SIZES[1]} of {sum(SIZES)} parameters",
        f"from step 17 layer group 1 of 3 is trained too: {sum(SIZES)} of {sum(SIZES)} parameters",
    ]
    assert [record["layer_groups"] for record in memory.records] == [1] * 8 + [2] * 8 + [3] * 8
    assert memory.runs[0].parameters == result.parameters == sum(SIZES)


def test_frozen_parameters_have_no_gradient_and_no_steps(tmp_path):
    """Neither in the norm nor in the optimiser's state; AdamW counts from the step at which a parameter is unfrozen."""
    counted, asked = [], []

    class Looking(Toy):
        def loss(self, network, batch, carry):
            if network.training:
                asked.append([parameter.requires_grad for parameter in network.parameters()])
            return super().loss(network, batch, carry)

    def norm(gradients):
        counted.append(len(gradients))
        return 1.0, [1.0] * len(gradients)

    with mock.patch("gatewise.training.stepping.gradient_norms", norm):
        run(tmp_path, GRADUAL, Looking())
    assert counted == [2] * 8 + [4] * 8 + [6] * 8
    assert [sum(each) for each in asked] == counted
    assert asked[0] == [False, False, False, False, True, True]
    steps = [int(each) for each in last_checkpoint(tmp_path)["optimizer"]["steps"]]
    assert steps == [8, 8, 16, 16, 24, 24]


@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "nt-asgd"}], ids=str)
def test_what_is_never_unfrozen_stays_as_it_was_bit_by_bit(tmp_path, changes):
    """Under weight decay, momentum and averaging; it is said, and afterwards nothing is frozen any more."""

    class Keeping(Toy):
        def network(self):
            self.made = super().network()
            self.before = {name: value.clone() for name, value in self.made.state_dict().items()}
            return self.made

    task = Keeping([3.0, 2.0, 2.5, 2.2, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], per_epoch=2)
    settings = GRADUAL.replace(unfreeze_every=3.0, epochs=6.0, nonmonotone=1, **changes)
    _, memory, result = run(tmp_path, settings, task)
    assert memory.lines[0] == "the run ends before layer group 1 is unfrozen"
    assert (result.unfrozen_at, result.best_step) == ([1, 7], 12)
    same = {name for name, value in task.before.items() if torch.equal(value, task.saved[name])}
    assert same == {"inward.weight", "inward.bias"}
    assert any("averaged" in line for line in memory.lines) == (settings.optimizer == "nt-asgd")
    assert all(parameter.requires_grad for parameter in task.made.parameters())


def test_the_carried_state_goes_on_over_an_unfreezing(tmp_path):
    """A frozen layer's state has no graph, and one that is unfrozen later has."""
    carries = []

    class Carrying(Toy):
        def loss(self, network, batch, carry):
            found = super().loss(network, batch, carry)
            if network.training:
                carries.append((carry is not None, found.carry["h"][0].requires_grad))
            return found

    run(tmp_path, GRADUAL, Carrying())
    assert carries == [(False, False)] + [(True, False)] * 7 + [(True, True)] * 16


def test_fractions_of_an_epoch(tmp_path):
    """Of 10 batches: 3/10, divided by 0.1, is a little less than 3."""
    _, _, result = run(tmp_path, GRADUAL.replace(unfreeze_every=0.1, epochs=1), Toy(per_epoch=10))
    assert result.unfrozen_at == [1, 2, 3]
    model = nn.Sequential(*(nn.Linear(1, 1) for _ in range(5)))
    assert [grouped(model, GRADUAL.replace(unfreeze_every=0.1)).due(step / 10) for step in range(6)] == [
        1,
        2,
        3,
        4,
        5,
        5,
    ]
    groups = grouped(model, GRADUAL.replace(unfreeze_every=0.3))
    assert [groups.due(step / 10) for step in (2, 3, 5, 6, 8, 9, 12)] == [1, 2, 2, 3, 3, 4, 5]


def test_groups_are_nothing_where_all_learn_alike(tmp_path):
    """With rate_decay 1 and unfreeze_every 0 a network in three groups is trained as one in one group, to the bit."""

    class One(Toy):
        def groups(self, network):
            return [list(network.parameters())]

    for name, task in (("three", Toy()), ("one", One())):
        _, memory, result = run(tmp_path / name, QUICK, task)
        assert (memory.lines, result.unfrozen_at) == ([], [])
        assert all("layer_groups" not in record for record in memory.records)
    assert everything(tmp_path / "three") == everything(tmp_path / "one")


def test_parameters_that_are_never_trained_make_no_group():
    model = network()
    model[0].requires_grad_(False)
    groups = grouped(model, TrainingSettings(rate_decay=2.0, unfreeze_every=1.0))
    assert [len(group) for group in groups.groups] == [2, 2]
    assert [groups.share(layer.bias) for layer in model[1:]] == [0.5, 1.0]
    groups.train(1)
    groups.train(2)
    assert not model[0].weight.requires_grad
    optimizer = build(model, TrainingSettings(), groups)
    assert len(optimizer.parameters) == 4


def test_a_report_says_when(tmp_path):
    fit(Toy(), GRADUAL, tmp_path, Silent())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>1, 9, 17</b><span>steps from which the layer groups were trained, the last group first</span>" in page
    assert "Layer groups that are trained" in page


# --- mistakes ---


@pytest.mark.parametrize(("name", "value", "off"), [("rate_decay", 2.6, 1), ("unfreeze_every", 1.0, 0)])
def test_a_network_of_one_group_has_nothing_below(tmp_path, name, value, off):
    with pytest.raises(SettingError) as caught:
        quick_fit(Bare([rows(2)]), QUICK.replace(**{name: value}), tmp_path, Silent())
    told = f"{name} is {value:g}, but this network has one group of layers, and it takes two; set {name} to {off}"
    assert str(caught.value) == told


@pytest.mark.parametrize(("name", "value"), [("rate_decay", 0.5), ("rate_decay", 1001), ("unfreeze_every", -1)])
def test_settings_out_of_their_range(name, value):
    with pytest.raises(SettingError, match=f"{name} must be a number "):
        TrainingSettings(**{name: value})


MISTAKES = {
    "one left out": (lambda layers: layers[1:], "inward.weight is trained, but it is in no layer group; each belongs"),
    "one twice": (lambda layers: [*layers, layers[0]], "inward.weight is in layer group 1 and in 5; a parameter"),
    "a foreign one": (lambda layers: [*layers, list(Waves().parameters())], "layer group 5 has a parameter that the"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_groups_that_are_not_those_of_the_network(tmp_path, kind):
    change, message = MISTAKES[kind]

    class Mistaken(Toy):
        def groups(self, network):
            return change(super().groups(network))

    with pytest.raises(TrainingError, match=message):
        run(tmp_path, QUICK, Mistaken())


def test_a_loss_that_only_frozen_layers_have_a_part_in(tmp_path):
    class Early(Toy):
        def loss(self, network, batch, carry):
            return StepLoss(network.inward(batch).sum(), len(batch))

    with pytest.raises(TrainingError, match="the loss depends on no weight of the network that is trained"):
        quick_fit(Early(), GRADUAL, tmp_path, Memory())
