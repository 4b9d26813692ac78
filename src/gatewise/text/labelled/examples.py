"""Labelled texts in memory, and what is known of all of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from gatewise.errors import DataError


class Labelled(NamedTuple):
    """A text and its labels.

    Attributes:
        text: as it stands in the file.
        labels: one, or any number where texts may have several.
        where: the file and the line it begins in, for messages.

    Example:
        >>> Labelled("a stirring film", ("4",), "train.txt:1").labels
        ('4',)
    """

    text: str
    labels: tuple[str, ...]
    where: str


class LabelledCorpus:
    """Labelled texts, in order, and what was noticed while they were read.

    Args:
        examples: in any number.
        files: how many files they come from.
        notes: lines that the user should see.
        several: whether a text may have several labels, or none, even where none of these does.

    Attributes:
        examples: all of them.
        files: how many files they come from.
        notes: lines that the user should see.
        multi_label: whether a text may have several labels, or none.

    Raises:
        DataError: there is no example.

    Example:
        >>> corpus = LabelledCorpus([Labelled("good", ("pos",), "a:1"), Labelled("bad", ("neg",), "a:2")])
        >>> corpus.labels, corpus.multi_label, corpus.record["sha256"][:8]
        ({'neg': 1, 'pos': 1}, False, 'fbbe29b3')
    """

    def __init__(
        self, examples: Iterable[Labelled], files: int = 1, notes: Iterable[str] = (), several: bool = False
    ) -> None:
        self.examples = tuple(examples)
        if not self.examples:
            raise DataError("labelled texts are needed, but there is none")
        self.files = files
        self.notes = [*notes]
        self.multi_label = several or any(len(example.labels) != 1 for example in self.examples)

    def __iter__(self) -> Iterator[Labelled]:
        return iter(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def labels(self) -> dict[str, int]:
        """How many texts have each label; whole numbers in their order, other labels in that of their letters."""
        counted = Counter(label for example in self.examples for label in example.labels)
        numbers = all(label.isascii() and label.isdigit() for label in counted)
        return {label: counted[label] for label in sorted(counted, key=_number if numbers else None)}

    @cached_property
    def record(self) -> dict[str, Any]:
        """What a model card says of the texts: how many files, texts, characters, texts of each label, and the SHA-256.

        That is taken over the examples as lines of JSON, ``["text","label",...]``: however they are stored, equal
        examples in an equal order have the same.
        """
        digest, characters = hashlib.sha256(), 0
        for example in self.examples:
            line = json.dumps([example.text, *example.labels], ensure_ascii=False, separators=(",", ":"))
            digest.update(line.encode("utf-8") + b"\n")
            characters += len(example.text)
        return {
            "files": self.files,
            "examples": len(self.examples),
            "characters": characters,
            "labels": self.labels,
            "sha256": digest.hexdigest(),
        }


def _number(label: str) -> tuple[int, str]:
    return int(label), label
