"""Words and characters with numbers: by frequency, saved whole, and refused when damaged."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from gatewise.errors import DataError, ModelFileError, SettingError
from gatewise.text.lexicon import LONGEST_WORD, Lexicon

TEXTS = [["The", "cat", "sat"], [], ["the", "cat", "ran", "<unk>"], ["The", "cat"]]


def test_words_are_by_falling_frequency_then_by_code_point():
    counts = Counter(word for text in TEXTS for word in text if word != "<unk>")
    expected = sorted(counts, key=lambda word: (-counts[word], word))
    assert Lexicon.build(TEXTS).words == ("<unk>", *expected)
    assert Lexicon.build(TEXTS, minimum_count=2).words == ("<unk>", "cat", "The")
    assert Lexicon.build(TEXTS, vocabulary_size=2).words == ("<unk>", "cat")
    assert len(Lexicon.build(TEXTS)) == Lexicon.build(TEXTS).vocabulary_size == 6


def test_what_is_not_there_is_unknown():
    lexicon = Lexicon.build(TEXTS)
    assert lexicon.word_ids(["cat", "dog", "<unk>", "CAT"]).tolist() == [1, 0, 0, 0]
    assert ["cat" in lexicon, "dog" in lexicon] == [True, False]


def test_small_letters_are_those_of_words_and_not_of_characters():
    lexicon = Lexicon.build(TEXTS, lowercase=True, characters=True)
    assert lexicon.words == ("<unk>", "cat", "the", "ran", "sat")
    assert lexicon.word_ids(["THE", "Cat", "<UNK>"]).tolist() == [2, 1, 0]
    assert "T" in lexicon.characters
    assert "CAT" in lexicon
    upper, lower = (lexicon.character_ids([word])[0].tolist() for word in ("The", "the"))
    assert upper[0] != lower[0]
    assert upper[1:] == lower[1:]


def test_words_of_vectors_come_behind_and_are_not_cut():
    more = ["dog", "CAT", "", "<unk>", "cat", "dog"]
    assert Lexicon.build(TEXTS, vocabulary_size=2, more=more).words == ("<unk>", "cat", "dog", "CAT")
    assert Lexicon.build(TEXTS, vocabulary_size=2, more=more, lowercase=True).words == ("<unk>", "cat", "dog")


def test_characters_are_by_frequency_and_have_an_unknown():
    lexicon = Lexicon.build([["aab", "aab"], ["ac", "é😀"]], characters=True)
    assert lexicon.characters == "abcé😀"
    assert lexicon.characters_size == 6
    ids, starts = lexicon.character_ids(["b😀", "z", "ac"])
    assert ids.tolist() == [2, 5, 0, 1, 3]
    assert starts.tolist() == [0, 2, 3, 5]
    assert Lexicon.build(TEXTS).characters_size == 0


def test_of_a_long_word_the_beginning_is_read():
    lexicon = Lexicon.build([["a" * LONGEST_WORD + "b", "c"]], characters=True)
    assert lexicon.characters == "ac"
    assert lexicon.character_ids(["a" * 1000, "c"])[1].tolist() == [0, LONGEST_WORD, LONGEST_WORD + 1]


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("characters", [False, True])
def test_it_is_saved_whole(lowercase, characters):
    lexicon = Lexicon.build([*TEXTS, ['"\\\n\u2028é', "😀"]], lowercase=lowercase, characters=characters)
    twin = Lexicon.from_bytes(lexicon.to_bytes())
    assert (twin.words, twin.characters, twin.lowercase) == (lexicon.words, lexicon.characters, lexicon.lowercase)
    assert twin.fingerprint == lexicon.fingerprint
    assert twin.to_bytes() == lexicon.to_bytes()


def test_another_lexicon_has_another_fingerprint():
    made = [Lexicon.build(TEXTS, lowercase=low, characters=also) for low in (False, True) for also in (False, True)]
    made += [Lexicon(["a", "b"]), Lexicon(["b", "a"]), Lexicon(["a"], "b"), Lexicon(["a"], "b", lowercase=True)]
    assert len({lexicon.fingerprint for lexicon in made}) == len(made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, r"made by another version of gatewise \(format is 2, here it is 1\); use that version"),
        ({"format": True}, "format is expected as int, but True came"),
        ({"longest_word": 9}, "another version of gatewise .longest_word is 9, here it is 64"),
        ({"lowercase": 1}, "lowercase is expected as bool, but 1 came"),
        ({"words": ["a", 3]}, "words are expected as texts, but 3 came"),
        ({"words": ["a", "b", "a"]}, "every word is expected once, but 'a' is there again"),
        ({"words": ["<unk>"]}, "every word is expected once, but '<unk>' is there again"),
        ({"words": [""]}, "a word is expected to have a character, but one is empty"),
        ({"words": ["A"], "lowercase": True}, "words are expected in small letters, but 'A' came"),
        ({"characters": "aba"}, "every character is expected once, but 'a' is there again"),
        ({"characters": ["a"]}, r"characters is expected as str, but \['a'\] came"),
        ({"more": 1}, "a lexicon has format, lowercase, longest_word, characters, words, but this is something else"),
    ],
    ids=str,
)
def test_a_damaged_file_is_refused(change, message):
    content = json.loads(Lexicon.build(TEXTS, characters=True).to_bytes()) | change
    with pytest.raises(ModelFileError, match=rf"^model/lexicon\.json: .*{message}"):
        Lexicon.from_bytes(json.dumps(content).encode(), "model/lexicon.json")


def test_what_is_no_json_is_refused():
    with pytest.raises(ModelFileError, match=r"^lexicon\.json: "):
        Lexicon.from_bytes(b"words")
    with pytest.raises(ModelFileError, match="this is something else"):
        Lexicon.from_bytes(b"[]")


@pytest.mark.parametrize(
    ("texts", "settings", "error", "message"),
    [
        ([], {}, DataError, "a lexicon needs words, but there is not one; give texts with words"),
        ([[], []], {}, DataError, "a lexicon needs words, but there is not one"),
        ([["a", ""]], {}, DataError, "a word must have a character, but one is empty; take empty words out"),
        (["a b"], {}, DataError, "a text is expected as a list of words, but 'a b' came; cut it into words first"),
        ([["a", 3]], {}, DataError, "words must be texts, but 3 came"),
        (
            [["a\ud800"]],
            {},
            DataError,
            r"words must be Unicode, but '\\ud800' is half of a surrogate pair; take it out",
        ),
        (TEXTS, {"minimum_count": 0}, SettingError, "minimum_count must be at least 1, but 0"),
        (TEXTS, {"vocabulary_size": 1}, SettingError, "vocabulary_size must be 0 or at least 2, but 1"),
    ],
    ids=str,
)
def test_refused(texts, settings, error, message):
    with pytest.raises(error, match=message):
        Lexicon.build(texts, **settings)
