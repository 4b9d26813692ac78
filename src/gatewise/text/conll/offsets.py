"""The text of a sentence, and where its words stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from gatewise.errors import DataError

if TYPE_CHECKING:
    from gatewise.text.conll.sentence import Sentence

_TEXT = re.compile(r"#\s*text\s*=\s?(.*)", re.DOTALL)
_MISC = 9


class _Token(NamedTuple):
    """What stands in the text without a break: a word, or several written as one.

    Attributes:
        form: as it stands in the text.
        words: the words that it is.
        spaced: whether a space follows.
        row: the index of its line.
    """

    form: str
    words: tuple[str, ...]
    spaced: bool
    row: int


def align(sentence: Sentence) -> tuple[str, list[tuple[int, int]]]:
    """The text of a sentence, and for each word its place (begin, end) in it.

    Raises:
        DataError: the text that a comment gives does not hold the tokens in their order.

    Example:
        >>> from gatewise.text.conll import parse
        >>> align(next(parse("can O\\nnot O\\n")))
        ('can not', [(0, 3), (4, 7)])
    """
    plain = sentence.layout.format == "columns"
    tokens = [_Token(word, (word,), True, 0) for word in sentence.words] if plain else list(_tokens(sentence))
    given = None if plain else _given(sentence.lines)
    if given is None:
        text = "".join(token.form + " " * token.spaced for token in tokens).removesuffix(" ")
        starts = accumulate((len(token.form) + token.spaced for token in tokens), initial=0)
        return text, [part for start, token in zip(starts, tokens, strict=False) for part in _parts(token, start)]
    return given, list(_found(sentence, given, tokens))


def _given(lines: tuple[str, ...]) -> str | None:
    found = (_TEXT.match(line) for line in lines if line.startswith("#"))
    return next((match[1] for match in found if match), None)


def _tokens(sentence: Sentence) -> Iterator[_Token]:
    """The tokens of CoNLL-U as they stand in the text."""
    rows = {row: word for row, word in zip(sentence.rows, sentence.words, strict=True)}
    done = 0
    for row, line in enumerate(sentence.lines):
        if row in rows:
            if done:
                done -= 1
            else:
                yield _Token(rows[row], (rows[row],), _spaced(line), row)
        elif line[:1].isdigit():
            identity, form = line.split("\t", 2)[:2]
            if "-" in identity:
                first, last = map(int, identity.split("-"))
                done = last - first + 1
                yield _Token(form, sentence.words[first - 1 : last], _spaced(line), row)


def _spaced(line: str) -> bool:
    return "SpaceAfter=No" not in line.split("\t")[_MISC].split("|")


def _found(sentence: Sentence, text: str, tokens: list[_Token]) -> Iterator[tuple[int, int]]:
    """The places of tokens that are looked for in a given text, with nothing but white space between them."""
    at = 0
    for token in tokens:
        start = text.find(token.form, at)
        if start < 0 or not (start == at or text[at:start].isspace()):
            raise DataError(
                f"the words of a sentence must stand in its text in order, but {token.form!r} is not at the beginning"
                f" of {text[at : at + 20].lstrip()!r}",
                where=f"{sentence.name}:{sentence.line + token.row}",
                fix="correct the comment '# text =', or take it out",
            )
        yield from _parts(token, start)
        at = start + len(token.form)


def _parts(token: _Token, start: int) -> list[tuple[int, int]]:
    if "".join(token.words) != token.form:
        return [(start, start + len(token.form))] * len(token.words)
    ends = list(accumulate(map(len, token.words), initial=start))
    return list(pairwise(ends))
