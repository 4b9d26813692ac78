"""Settings of the verbs that would not be read are refused."""

from __future__ import annotations

import pytest

from gatewise.errors import SettingError
from gatewise.tasks.language_model.settings import GenerateSettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"greedy": True, "beam": 2}, "greedy and beam exclude each other"),
        ({"greedy": True, "temperature": 0.5}, "greedy draws nothing, so temperature would not be read"),
        ({"beam": 2, "top_k": 3}, "beam draws nothing, so top_k would not be read"),
        ({"beam": 2, "top_p": 0.5}, "beam draws nothing, so top_p would not be read"),
        ({"greedy": True, "n": 2}, "greedy writes one text only, but n is 2"),
        ({"beam": 2, "n": 5}, "a beam of width 2 finds at most 2 texts, but n is 5; widen the beam"),
        ({"length_penalty": 0.5}, "length_penalty belongs to beam search, but beam is none; give beam"),
        ({"beam": 2, "length_penalty": -1}, "length_penalty must be a number of at least 0, but -1"),
        ({"temperature": 0}, "temperature must be a number above 0, but 0"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1, or none, but 0"),
        ({"top_p": 1.5}, "top_p must be a number of at most 1 and above 0, or none, but 1.5"),
        ({"length": 0}, "length must be a whole number of at least 1, but 0"),
    ],
)
def test_what_contradicts_itself_is_refused(settings, words):
    with pytest.raises(SettingError) as refused:
        GenerateSettings(**settings)
    assert words in str(refused.value)
