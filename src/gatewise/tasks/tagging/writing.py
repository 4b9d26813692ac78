"""What is tagged, item by item, and how each is written with its tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from gatewise.errors import DataError, SettingError
from gatewise.tasks.tagging.model import Ranked, SequenceTagger
from gatewise.tasks.tagging.settings import SourceSettings
from gatewise.text import readers
from gatewise.text.conll import ConllSettings, Sentence, stream_sentences
from gatewise.text.decoding import CRLF, MARK, Notice
from gatewise.text.words import Cutting, PlainSentence, sentences

_COLUMNS = (".conll", ".bio", ".iob")


class Item(Protocol):
    """A sentence to be tagged."""

    @property
    def words(self) -> Sequence[str]:
        """Its words, none in an empty line."""
        ...


Form = Callable[[Any, list[Ranked]], str]
"""Takes an item and its tags, the best first, and gives what is written of it, with its line end."""


@dataclass(frozen=True)
class Source:
    """What is tagged, and how it is written.

    Attributes:
        items: sentences, read as they are needed.
        form: writes one of them.
        where: the file and line of an item.
    """

    items: Iterator[Any]
    form: Form
    where: Callable[[Any], str]


def source(model: SequenceTagger, name: str, asked: SourceSettings, stdin: BinaryIO, notice: Notice) -> Source:
    """What is tagged, and how it is written.

    Args:
        model: that tags it.
        name: of the file, or ``-``.
        asked: the form, where it is not that of the file's name.
        stdin: what ``-`` reads.
        notice: is told what was changed while reading.

    Raises:
        SettingError: settings that do not go with the form.
    """
    kind = _kind(name, asked)
    _check(asked, kind)
    if kind == "text":
        return _text(model, name, asked, stdin, notice)
    reading, copy = _reading(model, asked, kind), _Copy(asked.add, notice)
    found = stream_sentences(name, reading, encoding=asked.encoding, stdin=stdin, notice=copy.notice)
    return Source(found, copy.write, Sentence.where)


class _Copy:
    """A table with other tags, which keeps even what reading leaves out: CRLF line ends, the mark at its beginning.

    Args:
        add: put the tags into one more column.
        other: is told what else was changed while reading.
    """

    def __init__(self, add: bool, other: Notice) -> None:
        self.add, self.other = add, other
        self.end, self.begin = "\n", ""

    def notice(self, name: str, what: str) -> None:
        """Take note of what the copy is to have too."""
        if what == CRLF:
            self.end = "\r\n"
        elif what == MARK:
            self.begin = "\ufeff"
        else:
            self.other(name, what)

    def write(self, sentence: Sentence, ranked: list[Ranked]) -> str:
        """The next sentence."""
        begin, self.begin = self.begin, ""
        return begin + sentence.with_tags(ranked[0].tags, add=self.add).replace("\n", self.end)


def _kind(name: str, asked: SourceSettings) -> str:
    plain = name.lower().removesuffix(".gz")
    if asked.conllu or (not asked.columns and plain.endswith(".conllu")):
        return "conllu"
    return "columns" if asked.columns or plain.endswith(_COLUMNS) else "text"


def _check(asked: SourceSettings, kind: str) -> None:
    """Refuse what would not be read."""
    usual = SourceSettings()
    belongs = {"text": ("pretokenised", "cutting", "nbest", "json"), "columns": ("add", "word_column", "tag_column")}
    belongs["conllu"] = ("tags",)
    for form, names in belongs.items():
        for setting in names:
            if form != kind and getattr(asked, setting) != getattr(usual, setting):
                flag = "--" + setting.replace("_", "-")
                fix = "leave it out" if form == "text" else f"give --{form}, or leave it out"
                raise SettingError(f"{flag} is for {_NAMED[form]}, but this is read as {_NAMED[kind]}", fix=fix)


_NAMED = {"text": "plain text", "columns": "columns", "conllu": "CoNLL-U"}


def _reading(model: SequenceTagger, asked: SourceSettings, kind: str) -> ConllSettings:
    learnt = model.reading
    if kind == "conllu":
        return ConllSettings(format="conllu", tags=asked.tags or learnt.tags)
    return learnt.replace(format="columns", word_column=asked.word_column, tag_column=asked.tag_column)


def _text(model: SequenceTagger, name: str, asked: SourceSettings, stdin: BinaryIO, notice: Notice) -> Source:
    cutting: Cutting = "spaces" if asked.pretokenised else asked.cutting or model.cutting

    def items() -> Iterator[PlainSentence]:
        for document in readers.stream(name, encoding=asked.encoding, stdin=stdin, notice=notice):
            yield from sentences(document, cutting)

    def where(sentence: PlainSentence) -> str:
        return f"{'stdin' if name == '-' else name}:{sentence.line}"

    if asked.json:
        return Source(items(), lambda sentence, ranked: _as_json(model, sentence, ranked, asked.nbest), where)
    return Source(items(), _as_text if asked.nbest == 1 else _several(asked.nbest), where)


def _as_text(sentence: PlainSentence, ranked: list[Ranked]) -> str:
    """Words with their tags on a line.

    Example:
        >>> sentence = next(sentences(["It rains"]))
        >>> _as_text(sentence, [Ranked(["PRON", "VERB"], 1.0)])
        'It/PRON rains/VERB\\n'
    """
    return " ".join(map("{}/{}".format, sentence.words, ranked[0].tags)) + "\n"


def _several(n: int) -> Form:
    """n lines for each sentence: probability, tab, words with tags; blank where there are not so many."""

    def write(sentence: PlainSentence, ranked: list[Ranked]) -> str:
        lines = [f"{one.probability:.4f}\t{_as_text(sentence, [one])}" for one in ranked]
        return "".join([*lines, *["\n"] * (n - len(lines))])

    return write


def _as_json(model: SequenceTagger, sentence: PlainSentence, ranked: list[Ranked], n: int) -> str:
    told = {"text": sentence.text, **model.told(sentence.text, sentence.words, sentence.offsets, ranked[0].tags)}
    if n > 1:
        told["nbest"] = [{"tags": one.tags, "probability": one.probability} for one in ranked]
    return json.dumps(told, ensure_ascii=False, allow_nan=False) + "\n"


def tagged(model: SequenceTagger, source: Source, items: Sequence[Any], n: int) -> Iterator[str]:
    """What is written of some items, in order.

    Args:
        model: that tags them.
        source: they are of.
        items: some of its items.
        n: how many sequences of tags for each.

    Raises:
        DataError: of a sentence that is too long the n best are asked for, or a tag cannot be written; it says where.
    """
    words = [item.words for item in items]
    if n > 1:
        for item in items:
            if len(item.words) > model.longest:
                message = f"the n best are found of at most {model.longest:,} words, but here are {len(item.words):,}"
                raise DataError(message, where=source.where(item), fix="break the line, or leave --nbest out")
        found = model.nbest(words, n)
    else:
        found = [[Ranked(tags, 1.0)] for tags in model.tag_all(words)]
    for item, ranked in zip(items, found, strict=True):
        yield source.form(item, ranked)
