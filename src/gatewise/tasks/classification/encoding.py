"""How a text becomes the tokens of a classifier, and which words of the text these tokens are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gatewise.tasks.classification.settings import TokenSettings
from gatewise.tasks.text_folder import Vocabulary
from gatewise.text.encoded import EncodedTexts
from gatewise.text.encoders import Ids
from gatewise.text.lexicon import Lexicon
from gatewise.text.pieces import chunks
from gatewise.text.shortened import kept_places, shortened
from gatewise.text.words import Cutting, places


def words_of(text: str, cutting: Cutting) -> list[str]:
    """The words of a text.

    Example:
        >>> words_of("It isn't so.", "words")
        ['It', "isn't", 'so', '.']
    """
    return [text[begin:end] for begin, end in places(text, cutting)]


class Units(NamedTuple):
    """The parts of a text that an explanation speaks of.

    Attributes:
        words: as they are shown.
        tokens: for each token that the model reads the number of its word; -1 for one that is in none.
        separator: what stands between the words.
    """

    words: list[str]
    tokens: Ids
    separator: str


class Reader:
    """Makes tokens of texts, as the model was trained on.

    Words have numbers of their own in a lexicon. A tokenizer (every other level, and every language model) gives ids,
    before which the end of a text stands, as language models read: an empty text has that one token.

    Args:
        vocabulary: of the model.
        settings: of its tokens.

    Example:
        >>> reader = Reader(Lexicon(["so", "it"]), TokenSettings())
        >>> reader.encode(["so it is", ""]).boundaries.tolist()
        [0, 3, 3]
    """

    def __init__(self, vocabulary: Vocabulary, settings: TokenSettings) -> None:
        self.vocabulary, self.settings = vocabulary, settings

    def whole(self, texts: Iterable[str]) -> EncodedTexts:
        """The texts with all of their tokens."""
        if isinstance(self.vocabulary, Lexicon):
            return EncodedTexts.of_words((words_of(text, self.settings.cutting) for text in texts), self.vocabulary)
        return EncodedTexts.of_tokens(texts, self.vocabulary, start=True)

    def encode(self, texts: Iterable[str]) -> EncodedTexts:
        """The texts as the model reads them: without the middle of long ones."""
        return self.cut(self.whole(texts))

    def cut(self, texts: EncodedTexts) -> EncodedTexts:
        """The texts without the middle of long ones."""
        return shortened(texts, self.settings.longest_text)

    def units(self, text: str) -> Units:
        """The words of a text, and which of them each token that is read belongs to.

        Pieces of words and characters are put together to words; characters of a single word are told by themselves.
        """
        if isinstance(self.vocabulary, Lexicon):
            words = words_of(text, self.settings.cutting)
            return self._read(words, np.arange(len(words)), " ")
        found = [chunk for chunk in chunks(text) if not chunk.isspace()]
        if len(found) == 1 and self.vocabulary.level == "char":
            return self._read(list(text), np.concatenate([[-1], np.arange(len(text))]), "")
        return self._read([word.strip() for word in found], np.array(list(self._of_chunks(chunks(text)))), " ")

    def _of_chunks(self, parts: Sequence[str]) -> Iterator[int]:
        """For each token the number of its chunk among those not blank: no token reaches into another chunk."""
        assert not isinstance(self.vocabulary, Lexicon)
        yield -1  # the end of the text before
        number = 0
        for part in parts:
            blank = part.isspace()
            yield from [-1 if blank else number] * len(self.vocabulary.encode_array(part))
            number += not blank

    def _read(self, words: list[str], tokens: Ids, separator: str) -> Units:
        return Units(words, tokens[kept_places(len(tokens), self.settings.longest_text)], separator)
