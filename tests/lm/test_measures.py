"""Nats, bits and perplexity."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.errors import DataError
from gatewise.lm.measures import Measure, measure
from lm.table_lm import TableLM


def test_perplexity_is_the_exponential_of_nats_and_the_power_of_bits():
    found = Measure(nats=123.4, tokens=50, characters=260)
    assert found.perplexity == pytest.approx(math.exp(123.4 / 50))
    assert found.perplexity == pytest.approx(2 ** (found.bits_per_token))
    assert found.bits_per_character == pytest.approx(123.4 / 260 / math.log(2))
    assert found.nats_per_character == pytest.approx(123.4 / 260)


def test_perplexity_of_a_fair_choice_is_the_number_of_choices():
    lm = TableLM(torch.full((8, 8), 1 / 8))
    found = measure(lm, [[1, 2, 3], [4, 5]], characters=10)
    assert found.tokens == 5
    assert found.perplexity == pytest.approx(8)
    assert found.bits_per_token == pytest.approx(3)
    assert found.bits_per_character == pytest.approx(1.5)


def test_says_per_what():
    assert "nats/token" in str(Measure(1.0, 1))
    assert "bits/character" not in str(Measure(1.0, 1))
    assert "bits/character" in str(Measure(1.0, 1, 5))
    named = Measure(1.0, 1, 5).to_dict()
    assert {"perplexity_per_token", "bits_per_character", "bits_per_token", "nats_per_token"} <= named.keys()
    assert Measure(1.0, 1).to_dict()["bits_per_character"] is None


def test_sum_of_two():
    assert Measure(1.0, 2, 3) + Measure(10.0, 20, 30) == Measure(11.0, 22, 33)
    assert (Measure(1.0, 2, 3) + Measure(10.0, 20)).characters == 0


def test_no_tokens():
    with pytest.raises(DataError, match="no token to measure"):
        measure(TableLM.random(4, seed=0), [[], []])


def test_hopeless_model_has_infinite_perplexity():
    assert Measure(1e9, 1).perplexity == math.inf
