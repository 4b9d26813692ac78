"""Plain text as words with their places, and as sentences: what a tagger reads where there is no table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tokenizers import Regex, pre_tokenizers

from gatewise.errors import DataError
from gatewise.text.pieces import CHUNK, blocks, lines
from gatewise.text.pipelines import SPACES, WORD

Cutting = Literal["words", "spaces", "english", "french"]
"""How text is cut into words.

- words: as at level word: letters and digits with the apostrophes among them, and every other sign by itself.
- spaces: what stands between spaces.
- english: nearly as the Penn Treebank and the English treebanks of UD cut: do + n't, it + 's, can + not; numbers,
  abbreviations, addresses and repeated signs in one piece. A rule cannot know what is misspelt (its for it's).
- french: the same for French: l' + eau, qu' + il, a + -t-il; words with hyphens in one piece.
"""

_ADDRESS = (
    r"(?:https?://|www\.)[^\s<>()\[\]\"]*[\w/]",
    r"\w[\w.+-]*@\w[\w-]*(?:\.\w[\w-]*)+",
    r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|fr|html?|pdf|docx?|xlsx?|jpg|txt)(?!\w)",
)
_NUMBER = r"\d+(?:[.,:/]\d+)+|[.,]\d+(?:[.,:/]\d+)*"
_INITIALS = r"(?:\p{L}\.){2,}"
_SIGNS = (r"[:;=]-?[)(DPp](?!\w)", r"\.{2,}|[!?]+|([-=*_~#])\1+|[^\w\s]")

_TITLES = {
    "english": "mr mrs ms dr st jr sr prof gen sen rep rev sgt capt col lt gov pres",
    "french": "m mm mme mlle dr pr st ste me",
}
_OPEN = {"english": "vs e.g i.e", "french": "cf p pp art vol"}
"""Abbreviations that something always follows."""

_SHORTENED = {
    "english": "inc ltd co corp dept jan feb aug sept oct nov etc",
    "french": "etc janv févr juil sept oct nov déc éd",
}

_CLITIC = r"(?i:['’](?:s|m|d|re|ve|ll)|n['’]t)(?!\w)"
_ELISION = r"(?i:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’](?=\w)"
_PRONOUNS = r"-(?i:t-(?:ils?|elles?|on)|ils?|elles?|on|je|tu|nous|vous|ce|la|les?|lui|leur|moi|toi|y|en)"
_PRONOUN = rf"{_PRONOUNS}(?=(?:{_PRONOUNS})*(?!-?\w))"  # several may follow each other (donne-le-moi)


def _abbreviations(language: str) -> str:
    words = f"{_TITLES[language]} {_OPEN[language]} {_SHORTENED[language]}".split()
    return rf"(?i:{'|'.join(map(re.escape, words))})\."


def _english() -> Iterator[str]:
    yield from (*_ADDRESS, _INITIALS, _abbreviations("english"), _NUMBER)
    yield r"(?i:can(?=not(?!\w))|gon(?=na(?!\w))|wan(?=na(?!\w))|got(?=ta(?!\w)))"
    yield rf"\w+?(?=(?i:n['’]t)(?!\w))|{_CLITIC}"
    yield r"\w+(?:['’](?!(?i:s|m|d|re|ve|ll)(?!\w))\w+)*"
    yield from _SIGNS


def _french() -> Iterator[str]:
    yield from (*_ADDRESS, _INITIALS, rf"\b{_abbreviations('french')}", _NUMBER)
    yield rf"(?i:aujourd['’]hui|quelqu['’]un\w*)|\b{_ELISION}|{_PRONOUN}"
    yield rf"\w+(?:(?!{_PRONOUN})-\w+)*"
    yield from _SIGNS


@cache
def _cutter(cutting: Cutting) -> pre_tokenizers.PreTokenizer:
    if cutting == "spaces":
        return pre_tokenizers.Split(Regex(rf"{SPACES}|\n"), "removed")
    pattern = {"words": lambda: [WORD], "english": _english, "french": _french}[cutting]()
    chunk = pre_tokenizers.Split(Regex(CHUNK), "isolated")  # as at level word: no text costs quadratic time
    return pre_tokenizers.Sequence([chunk, pre_tokenizers.Split(Regex("|".join(pattern)), "removed", invert=True)])


def places(text: str, cutting: Cutting = "words") -> list[tuple[int, int]]:
    """Where the words of a text stand: (begin, end) of each, so that ``text[begin:end]`` is the word.

    Args:
        text: of any length.
        cutting: what a word is.

    Raises:
        DataError: the text holds half of a surrogate pair, which no encoding can write.

    Example:
        >>> places("Don't!"), places("Don't!", "english")
        ([(0, 5), (5, 6)], [(0, 2), (2, 5), (5, 6)])
    """
    cutter, found, start = _cutter(cutting), list[tuple[int, int]](), 0
    try:
        for block in blocks([text]):
            inside = [place for _, place in cutter.pre_tokenize_str(block)]
            found += [(begin + start, end + start) for begin, end in inside] if start else inside
            start += len(block)
    except (UnicodeEncodeError, TypeError):  # TypeError is how the library says it
        half = re.search("[\ud800-\udfff]", text)
        if half is None:
            raise
        message = f"text must be Unicode, but character {half.start() + 1} is half of a surrogate pair"
        raise DataError(message, fix="take it out") from None
    return found


@dataclass(frozen=True, slots=True)
class PlainSentence:
    """A sentence of a plain text, in words.

    Attributes:
        text: the sentence as it stands, without its newline.
        words: in order; none in a blank line.
        offsets: for each word its place (begin, end) in ``text``.
        begin: the place of the sentence in the whole text, in characters.
        line: the number of its line, from 1.

    Example:
        >>> sentence = next(sentences(["It rains.\\n"]))
        >>> sentence.words, sentence.offsets
        (('It', 'rains', '.'), ((0, 2), (3, 8), (8, 9)))
    """

    text: str
    words: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    begin: int
    line: int


def sentences(
    pieces: Iterable[str], cutting: Cutting = "words", split: Literal["lines", "english", "french"] = "lines"
) -> Iterator[PlainSentence]:
    """The sentences of a plain text, one at a time: every line, a blank one too, or the sentences found in the lines.

    Args:
        pieces: the text in any pieces, such as a :class:`~gatewise.text.documents.Document`.
        cutting: what a word is.
        split: "lines" takes every line for a sentence; a language looks for sentences in each line, see
            :func:`split_line`.

    Example:
        >>> [sentence.words for sentence in sentences(["So it is. Mr. X", " left.\\n"], split="english")]
        [('So', 'it', 'is', '.'), ('Mr', '.', 'X', 'left', '.')]
    """
    begin, number, found = 0, 0, lines(pieces)
    line = next(found)
    for after in found:
        number += 1
        yield from _of_line(line, begin, number, cutting, split)
        begin += len(line) + 1
        line = after
    if line:
        yield from _of_line(line, begin, number + 1, cutting, split)


def _of_line(line: str, begin: int, number: int, cutting: Cutting, split: str) -> Iterator[PlainSentence]:
    for start, end in [(0, len(line))] if split == "lines" else split_line(line, split):
        text = line[start:end]
        found = tuple(places(text, cutting))
        yield PlainSentence(text, tuple([text[first:last] for first, last in found]), found, begin + start, number)


# The look back keeps a long row of full stops from being searched again from each of them.
_STOP = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[¿¡—–-]*\s?(\w))|[。！？]+[”’」』）]*")
_INNER = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")  # J (of J. S. Bach) and U.S


def split_line(line: str, language: str = "english") -> list[tuple[int, int]]:
    """The sentences of a line, by a simple rule, as (begin, end).

    A sentence ends with . ! ? or … and the quotes and brackets that close there, where white space follows and then a
    capital letter, a digit or a letter that has no capitals. A full stop after a title (Mr.), an abbreviation that
    needs something after it (vs.), or single capital letters (J. S. Bach, U.S. Army) ends none. 。！？ end one wherever
    they stand.

    Args:
        line: text without a newline.
        language: whose abbreviations are known: "english" or "french".

    Example:
        >>> line = "Dr. Who came. He left!"
        >>> [line[begin:end] for begin, end in split_line(line)]
        ['Dr. Who came.', 'He left!']
    """
    found, begin = [], 0
    for stop in _STOP.finditer(line):
        sign, following = stop[0].rstrip(), stop[1] or ""
        if following.islower() or (
            sign == "." and _is_abbreviation(line[max(begin, stop.start() - 20) : stop.start()], language)
        ):
            continue
        found.append((begin, stop.start() + len(sign)))
        begin = stop.end()
    rest = line[begin:].rstrip()
    if rest or not found:
        found.append((begin, begin + len(rest)))
    return found


def _is_abbreviation(before: str, language: str) -> bool:
    """Whether the word before a full stop is one that is written with it."""
    words = before.split()
    word = words[-1].lstrip("\"'“‘«([") if words else ""
    initials = word.isupper() and word != "I" and _INNER.fullmatch(word) is not None
    return initials or word.lower() in f"{_TITLES[language]} {_OPEN[language]}".split()
