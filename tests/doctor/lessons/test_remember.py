"""The lesson of remembering: its tasks ask what they say, and an open gate carries the cell unchanged."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gatewise.doctor.lessons.contest import Match, contest
from gatewise.doctor.lessons.practice import Budget, Task
from gatewise.doctor.lessons.remember import carry, run
from gatewise.doctor.lessons.remember.tasks import COPIED, SYMBOLS, adding, copying, temporal_order
from tolerance import tolerance


def drawn(task: Task, count: int = 200) -> tuple[Tensor, Tensor]:
    return task.draw(count, torch.Generator().manual_seed(1))


def test_adding_asks_for_the_sum_of_one_number_of_each_half():
    inputs, targets = drawn(adding(11))
    for row in range(200):
        numbers, marks = inputs[:, row].unbind(-1)
        places = marks.nonzero().flatten().tolist()
        assert len(places) == 2
        assert places[0] < 5 <= places[1]
        assert targets[row] == numbers[places[0]] + numbers[places[1]]


def test_every_place_of_adding_is_marked_some_time():
    inputs, _ = drawn(adding(11))
    assert (inputs[..., 1].sum(1) > 0).all()


def test_copying_asks_for_what_stood_first_and_says_when():
    inputs, targets = drawn(copying(7))
    read = inputs.argmax(-1)
    assert torch.equal(inputs.sum(-1), torch.ones_like(inputs[..., 0]))
    assert torch.equal(read[:COPIED], targets)
    assert (read[COPIED : -COPIED - 1] == SYMBOLS).all()
    assert (read[-COPIED - 1] == SYMBOLS + 1).all()
    assert (read[-COPIED:] == SYMBOLS).all()
    assert len(read) == 7 + 2 * COPIED
    assert set(targets.flatten().tolist()) == set(range(SYMBOLS))


def test_temporal_order_asks_for_the_two_symbols_in_their_order():
    inputs, targets = drawn(temporal_order(30))
    read = inputs.argmax(-1)
    for row in range(200):
        places = (read[:, row] >= 4).nonzero().flatten().tolist()
        assert len(places) == 2
        assert 3 <= places[0] <= 6 < 15 <= places[1] <= 18
        first, second = (read[place, row].item() - 4 for place in places)
        assert targets[0, row] == 2 * first + second


@pytest.mark.parametrize("task", [copying(5), temporal_order(20)])
def test_error_of_right_and_wrong_answers(task: Task):
    _, targets = drawn(task)
    right = torch.nn.functional.one_hot(targets, task.outputs).float()
    assert task.error(right, targets) == 0.0
    assert task.error(right.roll(1, -1), targets) == 1.0
    assert task.loss(100 * right, targets) < 1e-6 < 1 < task.loss(-100 * right, targets)


def test_loss_of_adding_is_the_mean_squared_error():
    _, targets = drawn(adding(10))
    answers = (targets + 0.1)[None, :, None]
    torch.testing.assert_close(adding(10).loss(answers, targets).item(), 0.01, **tolerance(torch.float32, 4))


@pytest.mark.parametrize("runner", ["fused", "reference"])
@pytest.mark.parametrize("distance", [1, 7, 100, 1000])
def test_an_open_forget_gate_and_a_shut_input_gate_carry_cell_and_gradient_unchanged(runner: str, distance: int):
    if runner == "reference" and distance == 1000:
        distance = 300  # its steps are slow
    layer = carry.carrying(3, 4)
    layer.runner = runner
    inputs = torch.randn(distance, 2, 3, dtype=torch.float64)
    hidden, memory = torch.randn(2, 1, 2, 4, dtype=torch.float64)
    memory.requires_grad_()
    _, final = layer(inputs, {"hidden": hidden, "memory": memory})
    assert layer.runner_used == runner
    assert torch.equal(final["memory"], memory)
    weights = torch.randn(1, 2, 4, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((final["memory"] * weights).sum(), memory)
    assert torch.equal(gradient, weights)  # dc_t / dc_k = 1, exactly


@pytest.mark.parametrize("bias", [1.0, 3.0])
def test_a_forget_gate_below_one_shrinks_the_gradient_by_itself_at_every_step(bias: float):
    layer = carry.carrying(3, 4, bias)
    f = torch.sigmoid(torch.tensor(bias, dtype=torch.float64)).item()
    for distance in (1, 10, 100):
        _, gradient = carry.carried(layer, distance)
        torch.testing.assert_close(gradient / f**distance, 1.0, **tolerance(torch.float64, distance))


def test_table_of_carrying_says_so():
    rows = {(row["forget gate"], row["t - k"]): row for row in carry.rows((1, 50))}
    assert rows["f = 1", 50]["largest change of c"] == 0.0
    assert rows["f = 1", 50]["dc_t/dc_k"] == 1.0
    assert 0 < rows["f = sigmoid(1) = 0.731", 50]["dc_t/dc_k"] < 1e-6


def test_page_tells_what_came_out_and_long_adds_longer_sequences(monkeypatch: pytest.MonkeyPatch):
    matches = [Match(adding(4), Budget(2, batch=4, hidden=4, every=1, held_out=8))]
    page = run.page(matches, contest(matches, run.CELLS, (0, 1), lambda line: None), (0, 1))
    assert "no cell solved it with most seeds" in page.finding
    assert "T = 4" in page.finding
    assert [table.name for table in page.tables] == ["solved", "curves", "carry"]
    assert {match.task.name for match in run.LONG} == {"adding, T = 400", "adding, T = 750"}
    assert {"adding, T = 100", "adding, T = 200"} < {match.task.name for match in run.MATCHES}
