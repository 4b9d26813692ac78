"""What is left to draw from."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.decoding.filters import Filter
from gatewise.errors import SettingError
from tolerance import tolerance

P = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)


def filtered(**options):
    return Filter(**options)(P.log()).exp()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.35}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.85}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1.0}, [0.1, 0.4, 0.2, 0.3]),
        ({"banned": [1, 3]}, [1 / 3, 0, 2 / 3, 0]),
        ({"banned": [1], "top_k": 1}, [0, 0, 0, 1]),
        ({"top_k": 3, "top_p": 0.5}, [0, 4 / 7, 0, 3 / 7]),  # of 4/9, 3/9, 2/9
        ({"temperature": 0.5, "top_p": 0.52}, [0, 1, 0, 0]),  # of 16/30, ...
    ],
)
def test_what_is_kept(options, expected):
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(filtered(**options)[0], expected, **tolerance(torch.float64))


def test_top_k_keeps_k_even_where_all_are_equal():
    assert [int((row > 0).sum()) for row in filtered(top_k=2)] == [2, 2]
    assert [int((row > 0).sum()) for row in filtered(top_p=0.5)] == [2, 2]


@pytest.mark.parametrize("temperature", [5e-324, 1e300])
def test_extreme_temperatures(temperature):
    expected = [0, 1, 0, 0] if temperature < 1 else [0.25] * 4
    found = filtered(temperature=temperature)[0]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), **tolerance(torch.float64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, but 0.0"),
        ({"temperature": math.nan}, "temperature must be above 0, but nan"),
        ({"temperature": math.inf}, "temperature must be above 0, but inf"),
        ({"top_k": 0}, "top_k must be at least 1, but 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, but 0.0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1, but 1.5"),
        ({"top_p": math.nan}, "top_p must be above 0 and at most 1, but nan"),
        ({"banned": [0, 1, 2, 3]}, "no token is left: banned are 0, 1, 2, 3"),
    ],
)
def test_out_of_range(options, message):
    with pytest.raises(SettingError, match=message):
        filtered(**options)
