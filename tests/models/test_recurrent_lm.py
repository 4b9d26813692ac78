"""The recurrent language model against the same thing written with torch.nn."""

from __future__ import annotations

import copy

import pytest
import torch

from gatewise.cells import find
from gatewise.errors import DataError, GatewiseError, SettingError, ShapeError
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from models.plain import batch_of, plain_losses
from tolerance import tolerance

V, T, B = 11, 6, 3


def model_of(dtype=torch.float64, **settings):
    sizes = {"embedding_size": 4, "hidden_size": 5, **settings}
    return RecurrentLM(RecurrentLMSettings(**sizes), V, dtype=dtype)


def drawn(steps=T, rows=B):
    return torch.randint(V, (steps, rows)), torch.randint(V, (steps, rows))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_layers": 2},
        {"tie_weights": True},
        {"tie_weights": True, "embedding_size": 5},
        {"softmax": "full", "cell_options": "forget_bias=none"},
    ],
)
def test_loss_and_gradients_are_those_of_the_plain_model(settings):
    model = model_of(**settings)
    inputs, targets = drawn()
    total, count, state = model.loss(batch_of(inputs, targets))
    losses, (hidden, memory) = plain_losses(model, inputs, targets)
    bounds = tolerance(torch.float64, T)
    assert count == T * B
    torch.testing.assert_close(total, losses.sum(), **bounds)
    torch.testing.assert_close(state, {"hidden": hidden, "memory": memory}, **bounds)
    shared = [model.embedding.weight, *model.output.parameters()]
    for ours, theirs in zip(torch.autograd.grad(total, shared), torch.autograd.grad(losses.sum(), shared), strict=True):
        torch.testing.assert_close(ours, theirs, **bounds)


def test_state_is_carried_from_batch_to_batch():
    model = model_of()
    inputs, targets = drawn()
    whole, _, last = model.loss(batch_of(inputs, targets))
    first, _, state = model.loss(batch_of(inputs[:2], targets[:2]))
    second, _, state = model.loss(batch_of(inputs[2:], targets[2:]), state)
    torch.testing.assert_close(first + second, whole, **tolerance(torch.float64, T))
    torch.testing.assert_close(state, last, **tolerance(torch.float64, T))


@pytest.mark.parametrize("initial_state", ["zero", "learned"])
def test_fresh_rows_start_from_the_initial_state(initial_state):
    model = model_of(initial_state=initial_state)
    for name, parameter in model.recurrent.named_parameters():
        if name.startswith("initial"):
            torch.nn.init.normal_(parameter)
    inputs, targets = drawn()
    _, _, carried = model.loss(batch_of(*drawn()))
    total, _, state = model.loss(batch_of(inputs, targets, fresh=[False, True, False]), carried)
    anew, _, anew_state = model.loss(batch_of(inputs[:, [1]], targets[:, [1]]))
    on, _, on_state = model.loss(
        batch_of(inputs[:, [0, 2]], targets[:, [0, 2]]), {name: value[:, [0, 2]] for name, value in carried.items()}
    )
    torch.testing.assert_close(total, anew + on, **tolerance(torch.float64, T))
    for name in state:
        torch.testing.assert_close(state[name][:, [1]], anew_state[name], **tolerance(torch.float64, T))
        torch.testing.assert_close(state[name][:, [0, 2]], on_state[name], **tolerance(torch.float64, T))
    if initial_state == "learned":
        total.backward()
        assert model.recurrent.initial_hidden.grad.abs().sum() > 0


def test_nothing_of_the_old_state_reaches_fresh_rows():
    model = model_of()
    poison = {"hidden": torch.full((1, B, 5), torch.nan).double(), "memory": torch.full((1, B, 5), torch.nan).double()}
    inputs, targets = drawn()
    for fresh in ([True, True, True], [True, False, True]):
        total, _, state = model.loss(batch_of(inputs, targets, fresh=fresh), poison)
        assert [not row.isnan().any().item() for row in state["hidden"][0]] == fresh
        assert total.isnan().item() == (not all(fresh))


def test_lengths():
    model = model_of()
    inputs, targets = drawn()
    lengths = [4, 0, 6]
    total, count, state = model.loss(batch_of(inputs, targets, lengths))
    losses, _ = plain_losses(model, inputs, targets)
    valid = torch.arange(T)[:, None] < torch.tensor(lengths)
    assert count == 10
    torch.testing.assert_close(total, losses[valid].sum(), **tolerance(torch.float64, T))
    alone = model.loss(batch_of(inputs[:4, [0]], targets[:4, [0]]))[2]
    torch.testing.assert_close(state["memory"][:, [0]], alone["memory"], **tolerance(torch.float64, T))
    assert state["memory"][:, 1].abs().sum() == 0
    changed = targets.clone()
    changed[~valid] = 0
    assert torch.equal(model.loss(batch_of(inputs.where(valid, 0), changed, lengths))[0], total)


def test_a_batch_of_another_size_needs_fresh_rows():
    model = model_of()
    _, _, state = model.loss(batch_of(*drawn()))
    smaller = drawn(rows=2)
    expected = model.loss(batch_of(*smaller))[0]
    assert torch.equal(model.loss(batch_of(*smaller, fresh=[True, True]), state)[0], expected)
    for fresh in (None, [True, False]):
        with pytest.raises(ShapeError, match="the state is of 3 rows, the batch of 2"):
            model.loss(batch_of(*smaller, fresh=fresh), state)


def test_evaluate_sums_over_batches_with_the_state_carried():
    model = model_of().eval()
    inputs, targets = drawn()
    parts = [batch_of(inputs[:4], targets[:4]), batch_of(inputs[4:], targets[4:], [2, 0, 1])]
    found = model.evaluate(iter(parts), characters=60)
    valid = torch.arange(T)[:, None] < torch.tensor([6, 4, 5])
    expected = plain_losses(model, inputs, targets)[0][valid].sum().item()
    assert found.nats == pytest.approx(expected, rel=1e-12)
    assert (found.tokens, found.characters) == (15, 60)
    with pytest.raises(DataError, match="no token"):
        model.evaluate(iter([]))


@pytest.mark.parametrize("eos_id", [0, 3])
def test_advance_is_the_plain_model_after_eos(eos_id):
    model = model_of(num_layers=2).eval()
    model.eos_id = eos_id
    ids = torch.randint(V, (B, T))
    log_probs, _ = model.advance(model.start(B), ids)
    inputs = torch.cat([torch.full((1, B), eos_id), ids.t()[:-1]])
    expected = -plain_losses(model, inputs, ids.t())[0].t()
    torch.testing.assert_close(log_probs, expected.detach(), **tolerance(torch.float64, T))
    assert not log_probs.requires_grad


def test_next_is_remembered_but_belongs_to_its_state():
    model = model_of().eval()
    state = model.start(2)
    first = model.next(state)
    assert model.next(state) is first
    _, later = model.advance(state, torch.tensor([[1], [2]]))
    assert not torch.equal(model.next(later), first)
    assert torch.equal(model.next(state), first)
    assert torch.equal(model.next(state.select(torch.tensor([1]))), first[[1]])


def test_language_model_in_training_mode_is_a_mistake():
    model = model_of(output_dropout=0.5)
    state = copy.deepcopy(model).eval().start(1)
    for question in (
        lambda: model.start(1),
        lambda: model.next(state),
        lambda: model.advance(state, torch.tensor([[1]])),
        lambda: model.evaluate([]),
    ):
        with pytest.raises(GatewiseError, match=r"the model is in training mode; call \.eval\(\) first"):
            question()


def test_ids_that_do_not_fit():
    model = model_of().eval()
    state = model.start(2)
    with pytest.raises(ShapeError, match=r"the ids are torch.int64 \[3, 1\], expected torch.int64 \[2, T\]"):
        model.advance(state, torch.zeros(3, 1, dtype=torch.int64))
    with pytest.raises(ShapeError, match=r"the ids are torch.int32 \[2, 1\]"):
        model.advance(state, torch.zeros(2, 1, dtype=torch.int32))
    with pytest.raises(ShapeError, match=f"{V}"):
        model.advance(state, torch.full((2, 1), V))


def test_autocast_keeps_the_loss_in_float32():
    model = model_of(torch.float32, num_layers=2)
    inputs, targets = drawn()
    with torch.autocast("cpu", torch.bfloat16):
        total, _, state = model.loss(batch_of(inputs, targets))
        further, _, _ = model.loss(batch_of(inputs, targets, fresh=[True, False, False]), state)
    (total + further).backward()
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, plain_losses(model, inputs, targets)[0].sum(), **tolerance(torch.bfloat16, T))
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())


def test_own_cell_and_options():
    model = model_of(cell="rnn", cell_options="nonlinearity=relu, start=identity")
    assert model.cell == find("rnn", nonlinearity="relu", start="identity")
    own = RecurrentLM(RecurrentLMSettings(cell="mine.py:Mine"), V, cell=find("gru"))
    assert own.cell == find("gru")
    with pytest.raises(SettingError, match=r"the model has your own cell mine\.py:Mine; give the cell: --cell"):
        RecurrentLM(RecurrentLMSettings(cell="mine.py:Mine"), V)
    with pytest.raises(SettingError, match="lstm"):
        model_of(cell="lsmt")
    with pytest.raises(SettingError, match="eos_id must be from 0 to 10, but 11"):
        RecurrentLM(RecurrentLMSettings(), V, eos_id=V)


def test_forced_runner():
    assert model_of(runner="reference").loss(batch_of(*drawn()))[0].isfinite()
    model = model_of(runner="reference")
    model.loss(batch_of(*drawn()))
    assert model.recurrent.runner_used == "reference"
