"""Encoded texts written and read again are the same, and a damaged file is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.errors import ModelFileError
from gatewise.text.encoded import EncodedTexts
from gatewise.text.encoded_file import read_encoded, write_encoded
from gatewise.text.lexicon import Lexicon
from gatewise.text.settings import TextSettings
from gatewise.text.text_batches import one_pass
from gatewise.text.tokenizer import Tokenizer

WORDS = [["it", "is"], [], ["so"], ["is", "was", "it"]]
PLAIN = EncodedTexts.of_words(WORDS, Lexicon(["it", "is"]))
SPELT = EncodedTexts.of_words([*WORDS, ["x" * 99]], Lexicon(["it", "is"], "itsx"))
TOKENS = EncodedTexts.of_tokens(["so it is", ""], Tokenizer.train(["so\n"], TextSettings(level="char")), start=True)
FORMS = {
    "words": PLAIN,
    "labels": PLAIN.with_labels([1, 0, 2, 1]),
    "several labels": PLAIN.with_labels(np.array([[True, False], [False, False], [True, True], [False, True]])),
    "tags": PLAIN.with_tags([0, 1, 0, 2, 0, 1]),
    "characters": SPELT,
    "tokens": TOKENS,
    "no text": EncodedTexts.of_words([], Lexicon(["it"])),
}


@pytest.mark.parametrize("texts", FORMS.values(), ids=FORMS)
def test_what_is_read_is_what_was_written(texts, tmp_path):
    write_encoded(tmp_path / "a", texts)
    found = read_encoded(tmp_path / "a", texts.fingerprint)
    assert found.digest() == texts.digest()
    assert (found.unk_id, found.tagged, found.unknown) == (texts.unk_id, texts.tagged, texts.unknown)
    assert (found.types and found.types.cut) == (texts.types and texts.types.cut)
    for one, other in zip(one_pass(found, 2), one_pass(texts, 2), strict=True):
        assert one.tokens.equal(other.tokens)
        assert (one.targets is None) == (other.targets is None)
        assert one.targets is None or one.targets.equal(other.targets)
        assert one.characters is None or one.characters.ids.equal(other.characters.ids)


def test_texts_of_another_vocabulary_are_refused(tmp_path):
    write_encoded(tmp_path / "a", PLAIN)
    with pytest.raises(ModelFileError, match="encoded by another vocabulary"):
        read_encoded(tmp_path / "a", Lexicon(["it", "was"]).fingerprint)


@pytest.mark.parametrize("place", [-1, -40])
def test_a_changed_byte_is_noticed(tmp_path, place):
    write_encoded(tmp_path / "a", PLAIN)
    data = bytearray((tmp_path / "a").read_bytes())
    data[place] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ModelFileError, match="SHA-256"):
        read_encoded(tmp_path / "a", PLAIN.fingerprint)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match="a"):
        read_encoded(tmp_path / "a", PLAIN.fingerprint)
