"""Where documents, paragraphs, lines and sentences begin, compared with a plain reading of the text."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.text.pieces import LONGEST, blocks
from gatewise.text.sequences import running, sentences
from gatewise.text.settings import TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.tokenizer import Tokenizer

TOKENIZERS = [
    Tokenizer.train(
        ["ab cd\n \t\n"], TextSettings(level=level, vocabulary_size=300 * (level == "bpe"), minimum_count=1)
    )
    for level in ("char", "byte", "word", "bpe")
]
LINES = st.lists(
    st.sampled_from(["ab", " cd", "", " ", "\t", "ab cd ", "ab " * 400, " " * 700, "ab" + " " * 1200]), max_size=12
)
TEXTS = st.tuples(LINES, st.booleans()).map(lambda made: "\n".join(made[0]) + "\n" * made[1])


def parts(text: str, tokenizer: Tokenizer, division: str) -> tuple[list[int], list[int], int, int]:
    """The ids of a text, where its sequences begin, its characters and its blank lines, from small blocks."""
    small = blocks([text], size=2 * LONGEST)
    ids: list[int] = []
    starts: list[int] = []
    characters = blank = 0
    for part in sentences(small, tokenizer) if division == "sentence" else running(small, tokenizer, division):
        starts += (part.starts + len(ids)).tolist()
        ids += part.ids.tolist()
        characters, blank = characters + part.characters, blank + part.blank
    return ids, starts, characters, blank


def plainly(text: str, division: str) -> list[str]:
    """The lines of a text, or its paragraphs: blank lines belong to what stands before them, or to the first."""
    if division == "line":
        return text.splitlines(keepends=True)
    pieces: list[str] = []
    gap = 0
    for line in text.splitlines(keepends=True):
        if line.isspace():
            gap += 1
        seen = any(not piece.isspace() for piece in pieces)
        if not pieces or (not line.isspace() and seen and gap):
            pieces.append("")
        if not line.isspace():
            gap = 0
        pieces[-1] += line
    return pieces


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: tokenizer.level)
@pytest.mark.parametrize("division", ["paragraph", "line"])
def test_sequences_of_running_text_are_those_of_a_plain_reading(tokenizer: Tokenizer, division: str):
    @given(TEXTS)
    def check(text: str):
        _, starts, characters, _ = parts(text, tokenizer, division)
        pieces = plainly(text, division)
        lengths = [len(tokenizer.encode(piece)) for piece in pieces]
        # Spaces without a newline at the end of a text are nothing to a tokenizer of words, and no line.
        assert starts == [sum(lengths[:index]) for index in range(len(pieces)) if lengths[index]]
        assert characters == len(text)

    check()


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: tokenizer.level)
def test_a_document_is_its_text_and_one_end(tokenizer: Tokenizer):
    @given(TEXTS)
    def check(text: str):
        ids, starts, _, _ = parts(text, tokenizer, "document")
        plain = tokenizer.encode(text)
        ended = tokenizer.level == "word" and plain[-1:] == [0]
        assert ids == (plain + [0] * (not ended) if plain else [])
        assert starts == [0] * bool(plain)

    check()


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: tokenizer.level)
def test_sentences_are_the_lines_with_a_word(tokenizer: Tokenizer):
    @given(TEXTS)
    def check(text: str):
        ids, starts, characters, blank = parts(text, tokenizer, "sentence")
        lines = text.split("\n")
        kept = [[*tokenizer.encode(line), 0] for line in lines if line.strip()]
        assert ids == list(chain.from_iterable(kept))
        assert starts == [sum(map(len, kept[:index])) for index in range(len(kept))]
        assert blank == sum(not line.strip() for line in lines[:-1])  # without a newline it is no line
        assert characters == sum(len(line) for line in text.splitlines(keepends=True) if line.strip())

    check()


@pytest.mark.parametrize("end", ["\n\n", "\n \n", "\n ", "\n"])
def test_a_text_whose_last_line_is_blank_can_be_recorded(end: str, tmp_path: Path):
    char = TOKENIZERS[0]
    TokenStore.build(["ab" + end], char, folder=tmp_path, division="sentence")
    counts = TokenStore.open(tmp_path, char).counts
    assert (counts.sequences, counts.tokens, counts.blank) == (1, 3, end.count("\n") - 1)


def test_characters_of_blank_lines_are_not_counted():
    store = TokenStore.build(["ab\n \t \n\ncd"], TOKENIZERS[0], division="sentence")
    assert store.counts.characters == len("ab\ncd")


def test_a_line_of_spaces_that_the_vocabulary_does_not_know_is_blank():
    spaceless = Tokenizer.train(["ab\n"], TextSettings(level="char"))
    ids, starts, characters, blank = parts("ab\n   \n\u3000\nba\n", spaceless, "sentence")
    assert spaceless.decode(ids) == "ab\nba\n"
    assert (starts, characters, blank) == ([0, 3], 6, 2)


def test_an_end_written_as_a_word_ends_a_sentence_of_pretokenised_text():
    spaced = Tokenizer.train(["a b\n"], TextSettings(level="word", pretokenised=True))
    ids, starts, _, blank = parts("a <eos> b\n<eos>\nb <eos>", spaced, "sentence")
    assert spaced.tokens(ids) == ["a", "<eos>", "b", "<eos>", "b", "<eos>"]
    assert (starts, blank) == ([0, 2, 4], 2)


def test_the_final_newline_is_the_end_of_words_and_comes_before_it_elsewhere():
    char, _, word, _ = TOKENIZERS
    assert word.tokens(parts("ab\n", word, "document")[0]) == ["ab", "<eos>"]
    assert char.tokens(parts("ab\n", char, "document")[0]) == ["a", "b", "\n", "<eos>"]


def test_every_line_begins_anew_a_blank_one_too():
    word = TOKENIZERS[2]
    store = TokenStore.build(["\nab\n\n\ncd", "ab\n\n"], word, division="line")
    assert word.tokens(store.ids) == ["<eos>", "ab", *["<eos>"] * 3, "cd", "<eos>", "ab", "<eos>", "<eos>"]
    assert store.boundaries.tolist() == [0, 1, 3, 4, 5, 7, 9, 10]


def test_documents_are_sequences_of_every_division():
    word = TOKENIZERS[2]
    for division, boundaries in [("document", [0, 5, 7]), ("line", [0, 3, 5, 7]), ("sentence", [0, 3, 5, 7])]:
        store = TokenStore.build(["ab cd\ncd\n", "ab\n"], word, division=division)
        assert store.boundaries.tolist() == boundaries
        assert store.counts.sequences == len(boundaries) - 1
