"""Settings that contradict each other are refused when they are given."""

from __future__ import annotations

import pytest

from gatewise.errors import SettingError
from gatewise.models.settings import RecurrentLMSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be a whole number from 1 to 65536, but 0"),
        ({"output_dropout": 1.0}, "output_dropout must be a number of at least 0 and below 1, but 1.0"),
        ({"softmax": "half"}, "softmax must be one of: full, adaptive"),
        ({"softmax": "adaptive", "cutoffs": (5, 5)}, "cutoffs must rise, but 5, 5"),
        ({"cutoffs": (5, 9)}, "cutoffs belongs to the adaptive softmax, but softmax is full; give softmax=adaptive"),
        ({"tail_rank": 3}, "tail_rank belongs to the adaptive softmax"),
        ({"hidden_dropout": 0.1}, "hidden_dropout acts between layers, but num_layers is 1; give num_layers=2"),
        ({"residual": True}, "residual acts between layers, but num_layers is 1"),
    ],
)
def test_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        RecurrentLMSettings(**settings)


def test_round_trip():
    settings = RecurrentLMSettings(softmax="adaptive", cutoffs=(5, 9), cell="gru", zoneout=0.1)
    assert RecurrentLMSettings.from_dict(settings.to_dict()) == settings
