"""Long texts without their middle, compared with lists that are cut one by one."""

from __future__ import annotations

import random

import pytest

from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon
from gatewise.text.shortened import kept_places, shortened


def plainly(words, longest):
    """The same by slices of a list."""
    first, last = (longest + 1) // 2, longest // 2
    return words if len(words) <= longest else words[:first] + words[len(words) - last :]


@pytest.mark.parametrize("longest", [1, 2, 3, 7, 100])
def test_each_text_keeps_its_beginning_and_its_end(longest):
    drawn = random.Random(0)
    texts = [[drawn.choice("abcdef") for _ in range(drawn.choice((0, 1, 2, 3, 6, 7, 8, 30)))] for _ in range(50)]
    lexicon = Lexicon.build(texts)
    found = shortened(EncodedTexts.of_words(texts, lexicon).with_labels([*range(50)]), longest)
    expected = EncodedTexts.of_words([plainly(words, longest) for words in texts], lexicon)
    assert found.boundaries.tolist() == expected.boundaries.tolist()
    ids = found.types.word_ids[found.ids]
    assert ids.tolist() == expected.types.word_ids[expected.ids].tolist()
    assert found.targets.tolist() == [*range(50)]
    for words in texts:
        assert [words[place] for place in kept_places(len(words), longest)] == plainly(words, longest)
