"""Beam search against all texts there are."""

from __future__ import annotations

import pytest
import torch

from gatewise.decoding import beam, greedy
from gatewise.errors import SettingError
from lm.table_lm import TableLM


def all_by_score(lm, length, penalty):
    """Every text with its score, best first."""
    scored = [(lm.log_prob(ids) / len(ids) ** penalty, ids) for ids in lm.all_texts(length)]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("unit", ["sentences", "running"])
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_wide_beam_equals_brute_force(unit, penalty, seed):
    lm = TableLM.random(4, seed=seed, unit=unit)
    expected = all_by_score(lm, 4, penalty)[:20]
    found = beam(lm, width=4**3, length=4, length_penalty=penalty, count=20)
    # Texts with the same transitions in another order are equal, so scores are compared, and which text has which.
    assert [text.score for text in found] == pytest.approx([score for score, _ in expected], rel=1e-12)
    assert found[0].ids == expected[0][1]
    assert len({text.ids for text in found}) == 20
    for text in found:
        assert text.ids in lm.all_texts(4)
        assert text.log_prob == pytest.approx(lm.log_prob(text.ids), rel=1e-12)
        assert text.score == pytest.approx(text.log_prob / len(text.ids) ** penalty, rel=1e-12)
        assert text.finished == (unit == "sentences" and text.ids[-1] == 0)


def test_width_one_is_greedy_in_running_text():
    lm = TableLM.random(5, seed=9, unit="running")
    (found,) = beam(lm, [2], width=1, length=8)
    assert list(found.ids) == [step.ids[0] for step in greedy(lm, [2], length=8)]


def test_a_wider_beam_finds_what_greedy_misses():
    # 1 looks best at first (0.5), but what follows it is spread; 2 (0.4) leads on to certainty.
    table = torch.tensor([[0.1, 0.5, 0.4], [0.3, 0.35, 0.35], [0.98, 0.01, 0.01]])
    lm = TableLM(table)
    assert beam(lm, width=1, length=4, count=1)[0].ids != (2, 0)
    assert beam(lm, width=2, length=4, count=1)[0].ids == (2, 0)


def test_a_finished_text_takes_no_place_from_those_that_go_on():
    # At first the two most probable tokens are the end and 1; what is wanted goes on with 2.
    lm = TableLM(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.45, 0.45], [0.98, 0.01, 0.01]]))
    assert [text.ids for text in beam(lm, width=2, length=3)] == [(0,), (2, 0)]


def test_stops_as_soon_as_nothing_better_can_come():
    lm = TableLM(torch.tensor([[0.6, 0.2, 0.2]] * 3))
    assert beam(lm, width=3, length=5, count=1)[0].ids == (0,)
    assert len(lm.calls) == 0
    # The mean of five tokens could be above log 0.6 after log 0.2, but not after 2 log 0.2.
    assert beam(lm, width=3, length=5, count=1, length_penalty=1.0)[0].ids == (0,)
    assert len(lm.calls) == 1
    beam(lm, width=3, length=5, count=3)  # three are wanted: one ends at once, two after another token
    assert len(lm.calls) == 2


def test_length_penalty_lengthens():
    lm = TableLM(torch.tensor([[0.4, 0.6], [0.3, 0.7]]))
    best = [beam(lm, width=8, length=6, length_penalty=penalty)[0] for penalty in (0.0, 1.0)]
    assert best[0].ids == (0,)
    assert len(best[1].ids) == 6


def test_prompt_and_banned():
    lm = TableLM.random(4, seed=5)
    found = beam(lm, [2], width=64, length=3, banned=[1])
    expected = {ids for ids in lm.all_texts(3) if 1 not in ids}
    assert {text.ids for text in found} == expected
    after = {text.ids: text.log_prob for text in found}
    assert after[(3, 0)] == pytest.approx((lm.table[2, 3] + lm.table[3, 0]).item())


def test_no_text_at_all_is_an_error_and_not_an_empty_list():
    lm = TableLM.random(4, seed=5)
    with pytest.raises(SettingError, match="no text is left: banned are 0, 1, 2, 3; ban fewer"):
        beam(lm, width=2, length=3, banned=[0, 1, 2, 3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be at least 1, but 0"),
        ({"count": 0}, "count must be at least 1, but 0"),
        ({"count": 3}, "count must be at most the width, 2, but 3"),
        ({"length": 0}, "length must be at least 1, but 0"),
        ({"length_penalty": -0.5}, "length_penalty must be at least 0, but -0.5"),
        ({"length_penalty": float("nan")}, "length_penalty must be at least 0, but nan"),
    ],
)
def test_out_of_range(options, message):
    with pytest.raises(SettingError, match=message):
        beam(TableLM.random(4, seed=5), **{"width": 2, "length": 3, **options})
