"""Texts, tokenizers and stores that the tests of this room share."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.text.settings import TextSettings
from gatewise.text.store import Counts, TokenStore
from gatewise.text.tokenizer import Tokenizer

SAMPLE = """The first line, with a comma; and more.
A second line — it isn't like the first: naïve café, 12 + 30 = 42!

  An indented paragraph, <eos> and <unk> in it.\tA tab.
Ünïcödé: 你好世界 🙂 ẞ İstanbul ΑΣ
the first line and the second line and the first line again

"""

FORMS = [
    pytest.param(
        TextSettings(level=level, pretokenised=pretokenised, lowercase=lowercase, vocabulary_size=size), id=name
    )
    for level, pretokenised, size in [
        ("word", False, 0),
        ("word", True, 0),
        ("char", False, 0),
        ("byte", False, 0),
        ("bpe", False, 320),
        ("unigram", False, 300),
    ]
    for lowercase in (False, True)
    for name in [f"{level}{'-pretokenised' * pretokenised}{'-lowercase' * lowercase}"]
]


@pytest.fixture(params=FORMS)
def settings(request: pytest.FixtureRequest) -> TextSettings:
    """Every form that a tokenizer can have."""
    return request.param


@pytest.fixture
def tokenizer(settings: TextSettings) -> Tokenizer:
    """A tokenizer of every form, learnt from the sample."""
    return Tokenizer.train([SAMPLE * 3], settings)


@pytest.fixture(scope="session")
def bytes_tokenizer() -> Tokenizer:
    return Tokenizer.train(["any text"], TextSettings(level="byte"))


def numbered(tokens: int, boundaries: list[int] | None = None, division: str = "document") -> TokenStore:
    """A store whose token at place p has the id p + 1, so that a batch shows which places it took."""
    bounds = np.array(boundaries or [0, tokens])
    counts = Counts(tokens=tokens, unknown=0, characters=tokens, sequences=len(bounds) - 1, blank=0)
    return TokenStore(np.arange(1, tokens + 1, dtype=np.uint32), bounds, division, counts, 0, "numbered")
