"""Tagged sentences as numbers, with whatever is wrong with their tags said once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from gatewise.errors import DataError
from gatewise.settings import nearest
from gatewise.tasks.tagging.entities import Ids
from gatewise.tasks.tagging.labels import Tags, starts_of
from gatewise.text.conll import Part as Some
from gatewise.text.conll import Sentence, TaggedCorpus
from gatewise.text.documents import some
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon

_EACH = "every word counts as tagged wrong"


@dataclass(frozen=True)
class Part:
    """Tagged sentences of a data set.

    Attributes:
        texts: words, with tags as targets: ids of the network's tags, and from L on those of ``beside``.
        beside: tags that the network does not know.
    """

    texts: EncodedTexts
    beside: tuple[str, ...] = ()

    @property
    def tags(self) -> Ids:
        """The tags of all sentences in a row, [N]."""
        assert self.texts.targets is not None
        return self.texts.targets


class Read:
    """The sentences of a part in memory: words, and the tags of the file as numbers.

    Args:
        sentences: of a corpus, or some of them.
        name: what the part is called, such as "dev".

    Attributes:
        words: of each sentence.
        sequences: the tags of each.
        names: the different tags, in the order of their numbers.
        ids: [N], the tags as numbers.
        starts: the first token of each sentence.
    """

    def __init__(self, sentences: TaggedCorpus | Some, name: str) -> None:
        self.sentences, self.name = sentences, name
        self.words: list[tuple[str, ...]] = []
        self.sequences: list[tuple[str, ...]] = []
        numbers: dict[str, int] = {}
        for sentence in sentences:
            self.words.append(sentence.words)
            self.sequences.append(sentence.tags)
            for tag in sentence.tags:
                numbers.setdefault(tag, len(numbers))
        self.names = tuple(numbers)
        lengths = np.fromiter(map(len, self.words), np.int64, len(self.words))
        self.starts, self.ends = starts_of(lengths), np.cumsum(lengths)
        flat = (number for tags in self.sequences for number in map(numbers.__getitem__, tags))
        self.ids = np.fromiter(flat, np.int64, int(lengths.sum()))

    def encode(self, tags: Tags, lexicon: Lexicon, unseen: str) -> tuple[Part, list[str]]:
        """The part as numbers, and what the user should see of its tags.

        Args:
            tags: those of the network.
            lexicon: its words.
            unseen: "error", or "wrong" where tags that the network does not know count as mistakes.

        Raises:
            DataError: a tag is not known.
        """
        notes = self._unknown(tags, unseen)
        changed = tags.changed(self.ids, self.names, self.starts)
        if len(changed):
            notes.append(
                f"{self.name}: {len(changed):,} tags do not follow {tags.written} (the first at "
                f"{self.where(int(changed[0]))}); they are read as conlleval reads them"
            )
        found = tags.encode(self.ids, self.names, self.starts)
        return Part(EncodedTexts.of_words(self.words, lexicon).with_tags(found), tags.beside(self.names)), notes

    def _unknown(self, tags: Tags, unseen: str) -> list[str]:
        unknown = [tag for tag in self.names if not tags.knows(tag)]
        if not unknown:
            return []
        count, where = self._count(unknown), self.where(self._first(unknown[0]))
        misfit = next((tag for tag in unknown if not tags.fits(tag)), None)
        if misfit is not None:
            message = f"tags of entities are needed, as in B-{tags.types[0]}, but {misfit!r} was found"
            raise DataError(message, where=self.where(self._first(misfit)), fix="choose the column of the entity tags")
        if unseen == "error":
            known = tags.types if tags.entities else tags.names
            name = unknown[0][2:] if tags.entities else unknown[0]
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else f"known are {some(sorted(known))}"
            message = f"the tag {unknown[0]} is in {self.name}, but no sentence to train on has it"
            fix = f"{hint}; or give --unseen-tags wrong to count such words as mistakes"
            raise DataError(message, where=where, fix=fix)
        return [f"{self.name}: {count:,} words have a tag that no sentence to train on has: {some(unknown)}"]

    def _first(self, tag: str) -> int:
        return int(np.argmax(self.ids == self.names.index(tag)))

    def _count(self, tags: Sequence[str]) -> int:
        return int(np.isin(self.ids, [self.names.index(tag) for tag in tags]).sum())

    def where(self, place: int) -> str:
        """The file and line of a word, counted over all sentences."""
        number = int(np.searchsorted(self.ends, place, side="right"))
        return self._sentence(number).where(place - (int(self.ends[number - 1]) if number else 0))

    def _sentence(self, number: int) -> Sentence:
        return next(islice(iter(self.sentences), number, None))

    def refuse_longer(self, longest: int) -> None:
        """Refuse a sentence of more words.

        Raises:
            DataError: there is one.
        """
        for number, words in enumerate(self.words):
            if len(words) > longest:
                raise DataError(
                    f"a sentence may have {longest:,} words, but this one has {len(words):,}",
                    where=self._sentence(number).where(),
                    fix="put blank lines between sentences, or give --longest-sentence",
                )


def repeated(train: Iterable[Sequence[str]], part: Read) -> Iterator[str]:
    """A line where sentences of a part are also trained on."""
    known = set(train)
    both = [number for number, words in enumerate(part.words) if len(words) > 4 and words in known]
    if both:
        first = int(part.ends[both[0] - 1]) if both[0] else 0
        told = f"sentences of 5 words or more that are trained on too: {len(both):,}, such as {part.where(first)}"
        yield f"{part.name}: {told}"
