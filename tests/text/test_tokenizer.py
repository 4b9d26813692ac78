"""What every tokenizer promises, whatever its level."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Pipeline
from tokenizers import models, pre_tokenizers

from gatewise.errors import DataError, ModelFileError, SettingError
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer
from text.conftest import SAMPLE

TEXTS = st.text(
    st.one_of(st.sampled_from("aeb fst \n\n.,-'<>eos"), st.characters(exclude_categories=["Cs"])), max_size=80
)
LOSSLESS = [
    Tokenizer.train([SAMPLE], TextSettings(level=level, vocabulary_size=300)) for level in ("byte", "bpe", "unigram")
]


def ids_of_the_file_alone(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids that the Hugging Face library makes of ``text`` from ``tokenizer.json``, without us."""
    return Pipeline.from_str(tokenizer.to_bytes().decode()).encode(text, add_special_tokens=False).ids


def test_fast_encoding_is_that_of_the_file_alone(tokenizer: Tokenizer):
    @given(TEXTS)
    def check(text: str):
        assert tokenizer.encode(text) == ids_of_the_file_alone(tokenizer, text)

    check()


def test_fast_encoding_of_a_long_text_is_that_of_the_file_alone(tokenizer: Tokenizer):
    text = SAMPLE * 20 + "x" * 2000 + " " * 700 + "y\n" + "ab " * 300
    assert tokenizer.encode(text) == ids_of_the_file_alone(tokenizer, text)


def test_lines_encode_independently(tokenizer: Tokenizer):
    lines = SAMPLE.splitlines(keepends=True)
    assert tokenizer.encode(SAMPLE) == [index for line in lines for index in tokenizer.encode(line)]
    assert tokenizer.encode_batch(lines) == [tokenizer.encode(line) for line in lines]


@pytest.mark.parametrize("tokenizer", LOSSLESS, ids=lambda tokenizer: tokenizer.level)
def test_any_text_comes_back_unchanged(tokenizer: Tokenizer):
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
    def check(text: str):
        assert tokenizer.decode(tokenizer.encode(text)) == text

    check()


def test_text_of_known_characters_comes_back_unchanged():
    tokenizer = Tokenizer.train([SAMPLE], TextSettings(level="char"))
    assert tokenizer.decode(tokenizer.encode(SAMPLE)) == SAMPLE


def test_the_file_is_the_whole_tokenizer(tokenizer: Tokenizer):
    again = Tokenizer.from_bytes(tokenizer.to_bytes())
    assert (again.form, again.fingerprint, again.vocabulary) == (
        tokenizer.form,
        tokenizer.fingerprint,
        tokenizer.vocabulary,
    )
    assert (again.eos_id, again.unk_id, again.newline_id) == (tokenizer.eos_id, tokenizer.unk_id, tokenizer.newline_id)
    assert again.encode(SAMPLE) == tokenizer.encode(SAMPLE)
    assert again.to_bytes() == tokenizer.to_bytes()


def test_settings_are_found_again_in_the_file(settings: TextSettings, tokenizer: Tokenizer):
    assert tokenizer.form == (settings.level, settings.pretokenised, settings.lowercase)


def test_fingerprint_tells_vocabularies_and_forms_apart():
    train = Tokenizer.train
    made = [
        train(["a b b"], TextSettings(level="char")),
        train(["a a b"], TextSettings(level="char")),
        train(["a b b"], TextSettings(level="char", lowercase=True)),
        train(["a b b"], TextSettings(level="word", minimum_count=1)),
        train(["a b b"], TextSettings(level="word", minimum_count=1, pretokenised=True)),
    ]
    assert len({tokenizer.fingerprint for tokenizer in made}) == len(made)


def test_special_tokens_come_first(tokenizer: Tokenizer):
    assert tokenizer.eos_id == 0
    assert tokenizer.tokens([0]) == ["<eos>"]
    assert tokenizer.unk_id == (1 if tokenizer.level in ("word", "char") else None)


@pytest.mark.parametrize("level", ["char", "byte", "bpe", "unigram"])
def test_special_tokens_are_never_read_out_of_plain_text(level: str):
    tokenizer = Tokenizer.train(["<eos><unk> " * 50 + SAMPLE], TextSettings(level=level))
    ids = tokenizer.encode("a <eos> <unk><eos> b")
    assert tokenizer.eos_id not in ids
    assert tokenizer.decode(ids) == "a <eos> <unk><eos> b"


def test_special_tokens_are_never_read_out_of_plain_words():
    tokenizer = Tokenizer.train(["<eos> <unk>\n" * 3], TextSettings(level="word"))
    assert tokenizer.tokens(tokenizer.encode("<eos>\n<unk>")) == ["<", "eos", ">", "<eos>", "<", "unk", ">"]


def test_pretokenised_text_holds_the_unknown_word_itself():
    tokenizer = Tokenizer.train(["a <unk> b , c-d\n"], TextSettings(level="word", pretokenised=True))
    assert tokenizer.tokens(tokenizer.encode("b <unk> zebra c-d\n")) == ["b", "<unk>", "<unk>", "c-d", "<eos>"]
    assert tokenizer.vocabulary_size == 6  # <eos>, <unk>, four words


@pytest.mark.parametrize(("level", "pieces"), [("word", str.split), ("char", list)])
def test_ids_follow_descending_frequency(level: str, pieces: object):
    text = "b a c a b a d c a"
    settings = TextSettings(level=level, minimum_count=1, pretokenised=level == "word")
    tokenizer = Tokenizer.train([text], settings)
    counts = Counter(pieces(text))
    expected = sorted(counts, key=lambda token: (-counts[token], token))
    assert tokenizer.tokens(range(2, tokenizer.vocabulary_size)) == expected


def test_vocabulary_size_and_minimum_count_cut():
    text = "a a a b b c\n"
    assert Tokenizer.train([text], TextSettings(level="word", vocabulary_size=3)).vocabulary_size == 3
    assert Tokenizer.train([text], TextSettings(level="word", minimum_count=1)).tokens([2, 3, 4]) == ["a", "b", "c"]
    assert Tokenizer.train([text], TextSettings(level="word")).tokens([2, 3]) == ["a", "b"]  # plain words: twice
    assert Tokenizer.train([text], TextSettings(level="word")).encode("c") == [1]


def test_sentences_have_no_newline_in_their_vocabulary():
    tokenizer = Tokenizer.train(["ab\nb\n"], TextSettings(level="char", unit="sentences"))
    assert tokenizer.newline_id is None
    assert tokenizer.encode_array("ab\n", newline_ends=True).tolist() == [3, 2, 0]


def test_words_are_written_with_the_usual_spacing():
    text = "It's (almost) done, isn't it? Yes; 50%.\nNew line\n"
    tokenizer = Tokenizer.train([text], TextSettings(level="word", minimum_count=1))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_end_is_written_as_a_newline(tokenizer: Tokenizer):
    assert tokenizer.decode([0, 0]) == "\n\n"


def test_broken_utf8_is_written_as_the_replacement_character():
    tokenizer = Tokenizer.train(["any"], TextSettings(level="byte"))
    assert tokenizer.decode(tokenizer.encode("aé")[:2]) == "a\ufffd"


def test_half_a_surrogate_pair_is_refused(tokenizer: Tokenizer):
    with pytest.raises(DataError, match="surrogate"):
        tokenizer.encode("fine \ud83d not fine")


@pytest.mark.parametrize("index", [-1, 10**6])
def test_id_outside_the_vocabulary_is_refused(tokenizer: Tokenizer, index: int):
    with pytest.raises(IndexError, match="ids are 0 to"):
        tokenizer.decode([index])


def test_no_text_has_no_vocabulary(settings: TextSettings):
    with pytest.raises(DataError, match="there is none"):
        Tokenizer.train([], settings)


def test_vocabulary_smaller_than_the_bytes_is_refused():
    with pytest.raises(SettingError, match="300 or more"):
        Tokenizer.train([SAMPLE], TextSettings(level="bpe", vocabulary_size=100))


def test_too_little_text_for_unigram_is_said():
    with pytest.raises(DataError, match="too little text"):
        Tokenizer.train(["é" * 10], TextSettings(level="unigram"))


def test_contradicting_settings_are_refused():
    with pytest.raises(SettingError, match="pretokenised text has words"):
        TextSettings(level="char", pretokenised=True)
    with pytest.raises(SettingError, match="initial state anyway"):
        TextSettings(unit="sentences", reset_at="line")


def damaged(change: object) -> bytes:
    content = json.loads(Tokenizer.train([SAMPLE], TextSettings(level="char")).to_bytes())
    change(content)
    return json.dumps(content).encode()


def added(content: dict) -> None:
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    content["added_tokens"].append({"id": 0, "content": "<eos>", "special": True} | flags)


DAMAGED = {
    "empty": b"",
    "pickle": b"\x80\x04 a pickle",
    "json": b"{}",
    "no-eos": damaged(lambda content: content["model"]["vocab"].pop("<eos>")),
    "id-twice": damaged(lambda content: content["model"]["vocab"].update({"e": 0})),
    "id-missing": damaged(lambda content: content["model"]["vocab"].update({"e": 1000})),
    "other-unknown": damaged(lambda content: content["model"].update({"unk_token": "e"})),
    "normalizer": damaged(lambda content: content.update({"normalizer": {"type": "NFC"}})),
    "added-token": damaged(added),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_foreign_or_damaged_file_is_refused(data: bytes):
    with pytest.raises(ModelFileError, match=r"here/tokenizer\.json: .*; (copy|use)"):
        Tokenizer.from_bytes(data, where="here/tokenizer.json")


def test_tokenizer_of_another_library_is_refused():
    other = Pipeline(models.WordLevel({"<eos>": 0, "<unk>": 1, "a": 2}, unk_token="<unk>"))
    other.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ModelFileError, match="cuts text in another way"):
        Tokenizer(other)
