"""The optimisers, against torch's classes; the average of the weights, against a mean of all of them."""

import math

import pytest
import torch
from torch import nn

from gatewise.training.optimizers import SGD, AdamW, Average, build
from gatewise.training.settings import TrainingSettings
from tolerance import tolerance
from training.toy import Toy
from training.watching import Memory, quick_fit

OPTIONS = {
    "adamw": dict(optimizer="adamw", weight_decay=0.1, adam_beta1=0.8, adam_beta2=0.95),
    "sgd": dict(optimizer="sgd", weight_decay=0.0),
    "sgd with momentum": dict(optimizer="sgd", weight_decay=0.1, momentum=0.7),
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 3), nn.Linear(3, 3))


def theirs(model, settings):
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    if settings.optimizer == "adamw":
        betas = settings.adam_beta1, settings.adam_beta2
        return torch.optim.AdamW(groups, betas=betas, weight_decay=settings.weight_decay)
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


@pytest.mark.parametrize("kind", OPTIONS)
def test_steps_are_torchs(kind):
    """With rates that change, and a part of the network that has no gradient in every other step."""
    settings = TrainingSettings(**OPTIONS[kind])
    ours, other = network(), network()
    optimizer, witness = build(ours, settings), theirs(other, settings)
    for step in range(6):
        rate = 0.1 / (step + 1)
        for group in witness.param_groups:
            group["lr"] = rate
        for model in (ours, other):
            model.zero_grad()
            torch.manual_seed(step)
            middle = model[:2](torch.randint(0, 7, (5,)))
            (model[2](middle) if step % 2 else middle).square().mean().backward()
        optimizer.step(rate)
        witness.step()
        for mine, its in zip(ours.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(mine, its, **tolerance(torch.float32, step + 1))


@pytest.mark.parametrize(("optimizer", "decay"), [("adamw", 0.01), ("sgd", 0.0), ("nt-asgd", 1.2e-6)])
def test_sgd_at_a_learning_rate_of_20_shrank_its_matrices_by_a_fifth_a_step(optimizer, decay):
    """The weight decay of AdamW was the default of every optimiser; a decay that is given is taken, 0 too."""
    default = TrainingSettings(optimizer=optimizer)
    assert build(network(), default).decay == decay
    assert build(network(), default.replace(weight_decay=0)).decay == 0
    assert build(network(), default.replace(weight_decay=0.3)).decay == 0.3
    model = network()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build(model, default).step(20.0)
    for now, then in zip(model.parameters(), before, strict=True):
        kept = 1 - 20 * decay if then.dim() > 1 else 1
        torch.testing.assert_close(now.detach(), kept * then, **tolerance(torch.float32))


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_state_goes_on_in_another(kind):
    settings = TrainingSettings(**OPTIONS[kind])
    one, two = network(), network()
    first, second = build(one, settings), build(two, settings)
    for optimizer, model in ((first, one), (first, one)):
        model.zero_grad()
        model(torch.tensor([1, 2])).square().sum().backward()
        optimizer.step(0.1)
    two.load_state_dict(one.state_dict())
    second.restore(first.state())
    for optimizer, model in ((first, one), (second, two)):
        model.zero_grad()
        model(torch.tensor([3])).square().sum().backward()
        optimizer.step(0.1)
    assert all(torch.equal(mine, its) for mine, its in zip(one.parameters(), two.parameters(), strict=True))


def test_parameters_that_are_not_trained_are_left_out():
    model = network()
    model[0].weight.requires_grad = False
    assert len(build(model, TrainingSettings()).parameters) == 4


def trigger(losses, n):
    """The validation at which averaging begins, as in Merity et al., algorithm 1, or None."""
    for t, loss in enumerate(losses):
        if t > n and loss > min(losses[: t - n]):
            return t
    return None


@pytest.mark.parametrize("n", [1, 2, 5])
def test_when_the_average_begins(n):
    chooser = torch.Generator().manual_seed(1)
    for _ in range(200):
        losses = torch.randint(0, 20, (12,), generator=chooser).div(2).tolist()
        average, weights = Average(n), [torch.zeros(2)]
        begins = [average.validated(loss, weights) for loss in losses]
        expected = trigger(losses, n)
        assert begins == [t == expected for t in range(len(losses))]


@pytest.mark.parametrize("bad", [math.nan, -math.inf, math.inf])
def test_a_validation_that_was_not_finite_kept_the_average_from_beginning(bad):
    """min() of a list that begins with nan is nan, and nothing is above it."""
    average, weights = Average(1), [torch.zeros(2)]
    assert [average.validated(loss, weights) for loss in (bad, 3.0, 2.0, 2.5, 2.6)] == [False] * 4 + [True]
    assert all(loss > 0 for loss in average.costs)


class Watched(Toy):
    """Remembers the weights after every step, and those that were validated."""

    def __init__(self, validations, per_epoch):
        super().__init__(validations, per_epoch)
        self.after, self.validated = [], []

    def copy(self, network):
        return {name: value.detach().clone() for name, value in network.named_parameters()}

    def loss(self, network, batch, carry):
        self.after.append(self.copy(network))  # after the step before this one
        return super().loss(network, batch, carry)

    def validate(self, network):
        self.validated.append(self.copy(network))
        return super().validate(network)


def test_the_average_is_validated_and_saved():
    """Averaging begins at the third validation, after step 6 of 12: from there the mean of all weights counts."""
    import tempfile
    from pathlib import Path

    task = Watched([3.0, 2.0, 4.0, 1.0, 0.5, 0.7], per_epoch=2)
    settings = TrainingSettings(optimizer="nt-asgd", schedule="constant", learning_rate=0.1, nonmonotone=1, epochs=6)
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        result = quick_fit(task, settings, Path(folder), memory)
    assert memory.lines == ["validation stopped improving: from step 6 the weights are averaged"]
    weights = task.after[1:]  # after steps 1 to 11
    for validation, last in ((3, 8), (4, 10)):
        for name, mean in task.validated[validation].items():
            expected = torch.stack([weights[step - 1][name] for step in range(6, last + 1)]).double().mean(0).float()
            torch.testing.assert_close(mean, expected, **tolerance(torch.float32, last))
    assert all(torch.equal(task.validated[2][name], weights[5][name]) for name in weights[5])
    assert result.best_step == 10
    assert all(torch.equal(task.saved[name], value) for name, value in task.validated[4].items())
    # The training went on from the last weights, not from their mean.
    assert not torch.equal(weights[10]["inward.weight"], task.validated[4]["inward.weight"])


def test_both_classes_say_what_they_train():
    weight = torch.ones(2)
    assert AdamW([weight], 0.0, 0.9, 0.9).parameters[0] is SGD([weight], 0.0, 0.0).parameters[0] is weight
