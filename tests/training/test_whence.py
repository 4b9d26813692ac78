"""Where NaN and infinity begin: weight, carried state, forward, loss, backward; and nothing is changed by looking."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gatewise.training.optimizers import build
from gatewise.training.settings import TrainingSettings
from gatewise.training.stepping import Stepper
from gatewise.training.task import StepLoss
from gatewise.training.whence import broken_weight, first_not_finite
from training.stacked import Network, Sums, rows
from training.toy import Waves


class Root(nn.Module):
    """Finite where its derivative is not."""

    def forward(self, x):
        return (x * 0).sqrt()


class Log(nn.Module):
    """Of negative numbers there is none."""

    def forward(self, x):
        return {"logs": (x.log(), None)}


def network(*layers):
    return nn.Sequential(nn.Linear(2, 3), *layers)


X = torch.ones(4, 2)


@pytest.mark.parametrize(("bad", "word"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
def test_weights_and_buffers_come_first(bad, word):
    made = Network()
    assert broken_weight(made) == ""
    with torch.no_grad():
        made.recurrent.weight_ih_l1[0, :2] = bad
        made.output.bias[0] = bad
    assert broken_weight(made) == f"weight_ih_l1 of recurrent (2 of 2,304 numbers are {word})"
    assert first_not_finite(made, lambda: made(rows(1)).sum()) == broken_weight(made)
    waves = Waves()
    waves.calls.fill_(bad)
    assert broken_weight(waves) == f"calls (1 of 1 numbers is {word})"


def test_the_state_from_the_batch_before():
    made = network()
    carry = {"h": (torch.ones(2), torch.tensor([1.0, math.inf]))}
    assert first_not_finite(made, lambda: made(X).sum(), carry) == "the state carried from the batch before (infinite)"


def test_the_innermost_module_whose_output_is_not_finite():
    made = nn.Sequential(network(Log()))
    with torch.no_grad():
        made[0][0].weight.fill_(-1.0)
    found = first_not_finite(made, lambda: made(X)["logs"][0].sum())
    assert found == "the output of 0.1 (NaN)"


def test_what_was_not_finite_when_it_came_in():
    made = network()
    x = X.clone()
    x[0, 0] = math.inf
    assert first_not_finite(made, lambda: made(x).sum()) == "what Sequential reads (infinite)"


def test_what_was_computed_between_two_modules():
    first, second = nn.Linear(2, 2), nn.Linear(2, 1)
    made = nn.ModuleDict({"first": first, "second": second})
    found = first_not_finite(made, lambda: second((first(X) * 0).reciprocal()).sum())
    assert found == "what second reads (infinite)"


def test_the_loss_itself():
    made = network()
    found = first_not_finite(made, lambda: made(X).sum() * math.nan)
    assert found == "the loss (NaN); what the modules gave was finite"


def test_a_gradient_between_two_modules():
    """sqrt has an infinite slope at 0, and times 0 that is NaN."""
    made = network(Root(), nn.Linear(3, 1))
    found = first_not_finite(made, lambda: made(X).sum())
    assert found == "the gradient that goes from 1 back to 0 (NaN)"


def test_a_gradient_above_all_modules():
    made = network()
    found = first_not_finite(made, lambda: (made(X) * 0).sqrt().sum())
    assert found.startswith("the gradient that goes from the loss back to ")


def test_the_gradient_of_a_parameter():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return x.detach().sum() + self.gain.sqrt()

    made = nn.ModuleDict({"own": Own()})
    assert first_not_finite(made, lambda: made["own"](X)) == "the gradient of gain of own (infinite)"


def test_where_all_is_finite_there_is_nothing_to_name():
    made = Network()
    assert first_not_finite(made, lambda: made(rows(1)).sum()) == ""


def test_looking_changes_nothing():
    """Neither random numbers nor buffers nor gradients, and no hook is left."""
    made = Waves().train()
    x, h = torch.ones(6, 4, 3), torch.zeros(4, 5)
    made(x, h)[0].sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in made.named_parameters()}
    weights = {name: value.clone() for name, value in made.state_dict().items()}
    random = torch.get_rng_state()
    assert first_not_finite(made, lambda: made(x, h)[0].sum() * math.nan).startswith("the loss")
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(parameter.grad, gradients[name]) for name, parameter in made.named_parameters())
    assert all(torch.equal(value, weights[name]) for name, value in made.state_dict().items())
    for module in made.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert not any(parameter._backward_hooks for parameter in made.parameters())


def test_the_same_masks_are_drawn_again():
    """A step that dropout alone made infinite is found again, since torch's random numbers are those of the step."""
    made = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    class Rare(Sums):
        def loss(self, network, batch, carry):
            output = network(torch.ones(1, 4))
            alone = (output != 0).sum() == 1  # one of four units is left, as once in four times
            return StepLoss(output.sum() / (0.0 if alone else 1.0), 1)

    settings = TrainingSettings(optimizer="sgd", learning_rate=1e-9)
    stepper = Stepper(Rare(), made, Sums(), build(made, settings), settings)
    skipped = [stepper.whence() for _ in range(60) if not stepper.step(1e-9).finite]
    assert len(skipped) > 5
    assert set(skipped) == {"the loss (infinite); what the modules gave was finite"}
