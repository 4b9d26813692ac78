"""Files of tagged sentences: for training a corpus that is checked and counted, for tagging a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from gatewise.errors import DataError
from gatewise.text import readers
from gatewise.text.conll.reading import sentences
from gatewise.text.conll.sentence import Sentence
from gatewise.text.conll.settings import ConllSettings
from gatewise.text.decoding import Notice
from gatewise.text.documents import Corpus, some

ENDINGS = tuple(f"{kind}{gz}" for kind in (".conllu", ".conll", ".iob", ".bio", ".tsv", ".txt") for gz in ("", ".gz"))
"""What the files of a folder that are read end with."""


class TaggedCorpus:
    r"""Tagged sentences, read again from their files each time they are asked for.

    Making one reads every file once, so that whatever is wrong with it is said before any work is done.

    Args:
        corpus: the files as texts.
        settings: where the words and tags stand.

    Attributes:
        sentences: how many.
        words: how many, in all sentences.
        longest: words of the longest sentence.
        tags: each tag with its count, the most frequent first.
        notes: lines that the user should see.

    Raises:
        DataError: a line is no line of such a table, a word has no tag, or there is no word at all.

    Example:
        >>> corpus = TaggedCorpus(Corpus.of(["I O\nsaw O\nParis B-LOC\n\nIt O\nrained O\n"]), ConllSettings())
        >>> corpus.sentences, corpus.words, corpus.longest, corpus.tags
        (2, 5, 3, {'O': 4, 'B-LOC': 1})
        >>> [sentence.words[0] for sentence in corpus]
        ['I', 'It']
    """

    def __init__(self, corpus: Corpus, settings: ConllSettings) -> None:
        self.corpus, self.settings = corpus, settings
        self.sentences = self.words = self.longest = 0
        self.notes = list(corpus.notes)
        counts: Counter[str] = Counter()
        kinds: dict[str, list[str]] = {}
        for document in corpus:
            kinds.setdefault(self._count(document.name, sentences(document, settings), counts), []).append(
                document.name
            )
        self.notes += [f"{kind}: {some(names)}" for kind, names in kinds.items()]
        self.tags = dict(counts.most_common())
        if not self.sentences:
            raise DataError(
                "sentences are needed, but there are only comments",
                where=some([document.name for document in corpus]),
                fix="give a file with one word a line",
            )

    def _count(self, name: str, found: Iterable[Sentence], counts: Counter[str]) -> str:
        """Count the sentences of a file, and say how it was read."""
        comments, last = 0, None
        for last in found:
            self.sentences += 1
            self.words += len(last.words)
            self.longest = max(self.longest, len(last.words))
            counts.update(last.tags)
            if last.layout.format == "columns":
                comments += sum(map(bool, map(str.strip, last.lines))) - len(last.rows)
        if last is None:
            return "left out, since there are only comments in it"
        if comments:
            self.notes.append(f"{name}: {comments} lines are comments or begin a document, the others are words")
        return last.layout.in_words

    def __iter__(self) -> Iterator[Sentence]:
        for document in self.corpus:
            yield from sentences(document, self.settings)

    def __len__(self) -> int:
        return self.sentences

    @cached_property
    def record(self) -> dict[str, Any]:
        """What a model card says of the data: sizes, and the SHA-256 over all files."""
        counts = {"sentences": self.sentences, "words": self.words, "tags": len(self.tags)}
        return self.corpus.record | counts

    def split(self, share: float) -> tuple[Part, Part]:
        """The sentences without the last ones, and the last ones, which are to be held out.

        Args:
            share: of the sentences that are held out, between 0 and 1; at least one is.

        Raises:
            DataError: there are too few sentences.
        """
        cut = self.sentences - max(1, int(self.sentences * share))
        if cut < 1:
            raise DataError(
                f"a share of {share:g} is to be held out, but there is only {self.sentences} sentence",
                where=some([document.name for document in self.corpus]),
                fix="give more sentences, or another file to validate on",
            )
        return Part(self, 0, cut), Part(self, cut, self.sentences)


@dataclass(frozen=True)
class Part:
    """Some sentences of a corpus that follow each other.

    Attributes:
        corpus: all sentences.
        start: the first of them, from 0.
        stop: the one after the last.
    """

    corpus: TaggedCorpus
    start: int
    stop: int

    def __iter__(self) -> Iterator[Sentence]:
        return islice(iter(self.corpus), self.start, self.stop)

    def __len__(self) -> int:
        return self.stop - self.start


def read_tagged(
    paths: str | Path | Iterable[str | Path],
    settings: ConllSettings | None = None,
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
) -> TaggedCorpus:
    r"""The tagged sentences of some files, for training or evaluation.

    Files, folders, globs, ``.gz`` and ``-`` are what they are to :func:`gatewise.text.readers.read`.

    Args:
        paths: one, or several.
        settings: where the words and tags stand; None: found out.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: as :func:`gatewise.text.readers.read` and :class:`TaggedCorpus`.

    Example:
        >>> Path("train.conll").write_text("Paris\tB-LOC\nslept\tO\n")
        20
        >>> corpus = read_tagged("train.conll")
        >>> corpus.notes
        ['read as 2 columns between tabs, words in column 1, tags in column 2: train.conll']
    """
    corpus = readers.read(paths, encoding=encoding, stdin=stdin, endings=ENDINGS)
    return TaggedCorpus(corpus, settings or ConllSettings())


def stream_sentences(
    paths: str | Path | Iterable[str | Path],
    settings: ConllSettings | None = None,
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
    notice: Notice,
) -> Iterator[Sentence]:
    r"""The sentences of some files, read once and one at a time, to be tagged; tags need not be there.

    Args:
        paths: one, or several; ``-`` is read as it comes and kept nowhere.
        settings: where the words stand; None: found out.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads; None: the process's own.
        notice: is told what was changed while reading.

    Raises:
        DataError: as :func:`gatewise.text.readers.read`; a line is no line of such a table.

    Example:
        >>> Path("words.txt").write_text("Time\nflies\n")
        11
        >>> sentence, = stream_sentences("words.txt", notice=print)
        >>> sentence.with_tags(["NN", "VBZ"])
        'Time NN\nflies VBZ\n'
    """
    for document in readers.stream(paths, encoding=encoding, stdin=stdin, notice=notice, endings=ENDINGS):
        yield from sentences(document, settings or ConllSettings(), tagged=False)
