"""Sampling and greedy search over a model whose probabilities are known."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from gatewise.decoding import greedy, sample
from gatewise.decoding.sampling import _draw
from gatewise.errors import DataError, SettingError
from lm.table_lm import TableLM


def texts(steps):
    """The ids of each text, from the steps."""
    columns = zip(*[step.ids for step in steps], strict=True)
    return [[token for token in column if token is not None] for column in columns]


ENDING = torch.tensor([[0.3, 0.4, 0.3], [0.2, 0.3, 0.5], [0.4, 0.3, 0.3]])  # texts end soon, at different lengths


def test_draws_have_the_frequencies_of_the_model():
    row = torch.tensor([0.0, 0.5, 0.3, 0.15, 0.05])
    lm = TableLM(row.expand(5, 5), unit="running")
    drawn = 20_000
    counts = Counter(token for text in texts(sample(lm, length=10, n=drawn // 10)) for token in text)
    for token, chance in enumerate(row.tolist()):
        spread = (drawn * chance * (1 - chance)) ** 0.5
        assert abs(counts[token] - drawn * chance) <= 4 * spread


def test_each_token_is_drawn_after_the_one_before():
    cycle = torch.eye(4).roll(1, dims=1)  # after i comes i + 1
    lm = TableLM(cycle, unit="running")
    assert texts(sample(lm, [2], length=6)) == [[3, 0, 1, 2, 3, 0]]
    assert texts(sample(lm, length=3, n=2)) == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("unit", ["running", "sentences"])
def test_a_text_does_not_depend_on_how_many_are_drawn(unit):
    lm = TableLM.random(6, seed=1, unit=unit)
    many = texts(sample(lm, [3], length=12, seed=7, n=9))
    assert texts(sample(lm, [3], length=12, seed=7, n=4)) == many[:4]
    assert texts(sample(lm, [3], length=12, seed=7, n=1)) == many[:1]
    assert [text[:5] for text in many] == texts(sample(lm, [3], length=5, seed=7, n=9))
    assert len({tuple(text) for text in many}) > 5


def test_the_seed_decides():
    lm = TableLM.random(6, seed=1, unit="running")
    first = texts(sample(lm, length=30, seed=1))
    torch.manual_seed(123)  # torch's own generator has no part in it
    before = torch.random.get_rng_state()
    assert texts(sample(lm, length=30, seed=1)) == first
    assert torch.equal(torch.random.get_rng_state(), before)
    assert texts(sample(lm, length=30, seed=2)) != first
    assert texts(sample(lm, length=30, seed=-1)) != first


def test_sentences_stop_at_eos_and_running_text_does_not():
    ended = texts(sample(TableLM(ENDING), length=50, n=20))
    assert all(text[-1] == 0 and 0 not in text[:-1] for text in ended)
    assert len({len(text) for text in ended}) > 3
    going = texts(sample(TableLM(ENDING, unit="running"), length=50, n=20))
    assert {len(text) for text in going} == {50}
    assert any(0 in text[:-1] for text in going)


def test_texts_that_have_ended_leave_the_batch():
    lm = TableLM(ENDING)
    steps = list(sample(lm, length=50, n=20))
    going = [sum(token not in (None, lm.eos_id) for token in step.ids) for step in steps]
    assert lm.calls == [(rows, 1) for rows in going if rows]
    assert len(steps) < 50


def test_log_probs_are_the_models_own():
    lm = TableLM.random(4, seed=3, unit="sentences")
    steps = list(sample(lm, length=8, n=5, temperature=0.7, top_k=3))
    for index, text in enumerate(texts(steps)):
        total = sum(step.log_probs[index] for step in steps)
        assert total == pytest.approx(lm.log_prob(tuple(text)))


def test_is_lazy_but_its_mistakes_are_not():
    lm = TableLM.random(4, seed=4)
    steps = sample(lm, length=10**6)
    next(steps)
    assert lm.calls == []  # the token that was drawn is read when the next one is asked for
    for wrong, message in [
        ({"length": 0}, "length must be at least 1, but 0"),
        ({"length": 1, "n": 0}, "n must be at least 1, but 0"),
        ({"length": 1, "temperature": -1.0}, "temperature must be above 0, but -1.0"),
    ]:
        with pytest.raises(SettingError, match=message):
            sample(lm, **wrong)
    with pytest.raises(DataError, match="the prompt has the token 4, but the vocabulary is 0 to 3"):
        sample(lm, [1, 4], length=1)


def test_greedy_takes_the_likeliest():
    table = torch.tensor([[0.1, 0.5, 0.4], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]])
    assert texts(greedy(TableLM(table), length=9)) == [[1, 2, 0]]
    assert texts(greedy(TableLM(table, unit="running"), length=5)) == [[1, 2, 0, 1, 2]]
    assert texts(greedy(TableLM(table), [1], length=9)) == [[2, 0]]
    assert texts(greedy(TableLM(table), length=3, banned=[1])) == [[2, 0]]


def test_every_chance_falls_on_a_possible_token():
    p = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]], dtype=torch.float64)
    just_below_one = 1 - 2.0**-53
    drawn = [_draw(p, torch.tensor([chance])).item() for chance in (0.0, 0.4999, 0.5, just_below_one, 1.0)]
    assert drawn == [1, 1, 3, 3, 3]
