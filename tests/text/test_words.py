"""Words of plain text with their places, and the sentences of a text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.errors import DataError
from gatewise.text.conll import read_tagged
from gatewise.text.pieces import BLOCK, lines
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer
from gatewise.text.words import places, sentences, split_line
from text.conftest import SAMPLE

CUTTINGS = ["words", "spaces", "english", "french"]
TEXTS = st.text(
    st.one_of(st.sampled_from("aeb fst \n\n.,-'’<>eos🙂é1"), st.characters(exclude_categories=["Cs"])), max_size=60
)


def same_white_space(text: str) -> bool:
    """Whether Python and the library agree on what white space is in a text."""
    return not set(text) & set("\x1c\x1d\x1e\x1f\x85\xa0")


def cut(text: str, cutting: str = "words") -> list[str]:
    return [text[begin:end] for begin, end in places(text, cutting)]


def by_the_tokenizer(text: str, pretokenised: bool) -> list[str]:
    """The words of a text that the tokenizer of level word makes of it, without those that stand for newlines."""
    form = TextSettings(level="word", minimum_count=1, pretokenised=pretokenised)
    tokenizer = Tokenizer.train([text or "a"], form)
    return [word for word in tokenizer.tokens(tokenizer.encode(text)) if word != "<eos>"]


@given(TEXTS)
def test_words_are_those_of_the_tokenizer(text: str):
    assert cut(text, "words") == by_the_tokenizer(text, pretokenised=False)


@given(TEXTS.filter(same_white_space))
def test_words_between_spaces_are_those_of_the_tokenizer(text: str):
    if "<eos>" not in text:
        assert cut(text, "spaces") == by_the_tokenizer(text, pretokenised=True)


@pytest.mark.parametrize("cutting", CUTTINGS)
@settings(max_examples=40)
@given(text=TEXTS)
def test_words_hold_everything_but_white_space_in_its_order(cutting: str, text: str):
    found = places(text, cutting)
    edges = [0, *(place for pair in found for place in pair), len(text)]
    assert edges == sorted(edges)
    between = "".join(text[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True))
    assert not between.strip()
    assert all(begin < end and not set(text[begin:end]) & set(" \t\n") for begin, end in found)


@pytest.mark.parametrize("cutting", CUTTINGS)
def test_a_long_text_is_cut_as_its_lines_are(cutting: str):
    text = SAMPLE * (BLOCK // len(SAMPLE) * 2)
    at, expected = 0, []
    per_line = {line: places(line, cutting) for line in SAMPLE.splitlines(keepends=True)}
    for line in text.splitlines(keepends=True):
        expected += [(at + begin, at + end) for begin, end in per_line[line]]
        at += len(line)
    assert places(text, cutting) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't think it's John's.", "I do n't think it 's John 's ."),
        ("I’m sure we’ve, they'll, she'd; you're", "I ’m sure we ’ve , they 'll , she 'd ; you 're"),
        ("Cannot we? We can't! He's gonna, I wanna", "Can not we ? We ca n't ! He 's gon na , I wan na"),
        ("O'Brien's rock'n'roll at 5 o'clock", "O'Brien 's rock'n'roll at 5 o'clock"),
        ("shouldn't've 'quoted' dogs' N'T", "should n't 've ' quoted ' dogs ' N'T"),
        ("Mr. Smith of the U.S. paid $1,000.50, i.e. 3.5% at 10:30.", None),
        ("Mail a.b@c.org or see http://x.org/a?b=c. Wait... What?! -- :)", None),
        ("well-known 2003-2004 best. notice cannots", "well - known 2003 - 2004 best . notice cannots"),
    ],
)
def test_english_is_cut_as_its_treebanks_cut_it(text: str, expected: str | None):
    by_hand = {
        "Mr.": "Mr. Smith of the U.S. paid $ 1,000.50 , i.e. 3.5 % at 10:30 .",
        "Mail": "Mail a.b@c.org or see http://x.org/a?b=c . Wait ... What ?! -- :)",
    }
    assert cut(text, "english") == (expected or by_hand[text.split()[0]]).split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L'eau d’hier qu'il n'a jusqu'à", "L' eau d’ hier qu' il n' a jusqu' à"),
        ("Aujourd'hui, a-t-il dit-elle peut-être ?", "Aujourd'hui , a -t-il dit -elle peut-être ?"),
        ("M. Dupont, p. 3, vaut 1,5 %...", "M. Dupont , p. 3 , vaut 1,5 % ..."),
        ("donne-le-moi arc-en-ciel là-bas", "donne -le -moi arc-en-ciel là-bas"),
    ],
)
def test_french_is_cut_as_its_treebanks_cut_it(text: str, expected: str):
    assert cut(text, "french") == expected.split()


@pytest.mark.parametrize(
    ("name", "language", "least"),
    [
        ("ud_english_ewt/en_ewt-ud-dev.conllu", "english", 0.98),
        ("ud_french_sequoia/fr_sequoia-ud-dev.conllu", "french", 0.985),
    ],
)
def test_words_of_a_language_are_nearly_those_of_its_treebank(
    shared_data: Path, name: str, language: str, least: float
):
    right = came = wanted = 0
    for sentence in read_tagged(shared_data / name):
        found, expected = set(places(sentence.text(), language)), set(sentence.offsets())
        right, came, wanted = right + len(found & expected), came + len(found), wanted + len(expected)
    assert 2 * right / (came + wanted) > least


def test_half_a_surrogate_pair_is_told():
    with pytest.raises(DataError, match=r"character 4 is half of a surrogate pair"):
        places("abc\ud800")


@given(TEXTS, st.integers(1, 7))
def test_lines_are_those_of_the_whole(text: str, size: int):
    assert list(lines(text[at : at + size] for at in range(0, len(text), size))) == text.split("\n")


@pytest.mark.parametrize("split", ["lines", "english"])
@settings(max_examples=40)
@given(text=TEXTS.filter(same_white_space), size=st.integers(1, 7))
def test_sentences_know_where_they_stand(split: str, text: str, size: int):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    words = []
    for sentence in sentences(pieces, split=split):
        assert text[sentence.begin : sentence.begin + len(sentence.text)] == sentence.text
        assert text.count("\n", 0, sentence.begin) == sentence.line - 1
        assert [sentence.text[begin:end] for begin, end in sentence.offsets] == list(sentence.words)
        words += sentence.words
    assert words == cut(text)


def test_every_line_is_a_sentence_a_blank_one_too():
    found = list(sentences(["One.\n\n  ", "two  \nthree"], cutting="spaces"))
    assert [(sentence.text, sentence.words, sentence.line) for sentence in found] == [
        ("One.", ("One.",), 1),
        ("", (), 2),
        ("  two  ", ("two",), 3),
        ("three", ("three",), 4),
    ]
    assert [sentence.line for sentence in sentences(["\n\na. B\n"], split="english")] == [1, 2, 3, 3]
    assert list(sentences([])) == []


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("It rains.| He said: “Stop!”| (Why?)| 3 times.", "english"),
        ("Dr. Who met J. S. Bach vs. Mr. X in the U.S. Army.| It was I.| Then e.g. this… yes.", "english"),
        ("wait... what? no.| “Yes.”|  – Ok", "english"),
        ("M. X vit Mme. Y, cf. Zoé.| Ils partent.| «Oui.»| Non", "french"),
        ("今天下雨。|他走了！|“好。”|完", "english"),
        ("3.5 and a.b stay.No space.", "english"),
        ("مرحبا.| كيف", "english"),
    ],
)
def test_sentences_of_a_line(line: str, language: str):
    whole = line.replace("|", "")
    assert [whole[begin:end] for begin, end in split_line(whole, language)] == [
        part.strip() for part in line.split("|")
    ]


def test_a_long_row_of_stops_is_read_quickly():
    assert len(split_line("." * 200_000 + " A")) == 2
    assert len(split_line("a." + " " * 200_000)) == 1
