"""Corpora: what they record, and where the held-out part begins."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError
from gatewise.text.documents import Corpus, Document

TEXTS = st.lists(st.text("ab \n", min_size=1, max_size=40), min_size=1, max_size=8, unique=True)


def joined(documents: tuple[Document, ...]) -> str:
    return "".join(piece for document in documents for piece in document)


@given(TEXTS, st.floats(0.05, 0.95))
def test_the_held_out_part_is_the_end_of_the_text(made: list[str], share: float):
    texts = ["x", *(text for text in made if not text.isspace())]
    texts = list(dict.fromkeys(texts))
    corpus, length = Corpus.of(texts), len("".join(texts))
    cut = length - int(length * share)
    if not 0 < cut < length:
        with pytest.raises(DataError, match="to be held out, but the text has only"):
            corpus.split(share)
        return
    kept, held_out = map(joined, corpus.split(share))
    assert kept + held_out == "".join(texts)
    assert kept
    assert held_out
    ends = {len("".join(texts[:index])) for index in range(len(texts))}
    assert len(kept) in ends or len(kept) >= cut


@pytest.mark.parametrize(
    ("texts", "share", "held_out"),
    [
        (["one\ntwo\nthree\nfour\n" * 5], 0.1, "four\n"),
        (["line\n" * 20], 0.1, "line\n" * 2),
        (["all one line with words and no end at all"], 0.3, "end at all"),
        (["x" * 100], 0.1, "x" * 10),
        (["first\n", "second\n", "third\n", "fourth\n", "fifth\n"], 0.4, "fourth\nfifth\n"),
        (["short\n", "a long text\n" * 10], 0.2, "a long text\n" * 2),
    ],
    ids=["lines", "line-begins-there", "words", "one-word", "documents", "one-long-document"],
)
def test_the_cut_stands_where_a_reader_would_put_it(texts: list[str], share: float, held_out: str):
    assert joined(Corpus.of(texts).split(share)[1]) == held_out


def test_the_record_says_what_was_read():
    corpus = Corpus.of(["one é\n", "two\n"])
    digests = "".join(hashlib.sha256(text.encode()).hexdigest() for text in ("one é\n", "two\n"))
    assert corpus.record == {"documents": 2, "characters": 10, "sha256": hashlib.sha256(digests.encode()).hexdigest()}
    assert corpus.record != Corpus.of(["two\n", "one é\n"]).record


def test_text_in_memory_with_half_a_surrogate_pair_is_refused():
    with pytest.raises(DataError, match="text 2:3: text must be Unicode, but half of a surrogate pair"):
        Corpus.of(["fine", "one\ntwo\n\ud83d"])


def test_no_text_is_refused():
    with pytest.raises(DataError, match="nothing but white space is in text 1, text 2, text 3 and 1 more"):
        Corpus.of(["", "\n", " ", "\t"])
    with pytest.raises(DataError, match="there is no document"):
        Corpus.of([])
