"""The tags of a tagger: what they are called inside the network and in files, and whether they name entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from gatewise.errors import ModelFileError, SettingError
from gatewise.models.allowed import Allowed
from gatewise.tasks.tagging.entities import USED, Ids, Rewriter, bilou, plain, tags_of, type_of
from gatewise.text.schemes import detect, transitions


@dataclass(frozen=True)
class Tags:
    """The tags that a network knows.

    Where tags name entities the network learns them in a scheme of its own, in which the data were written anew by the
    rules of conlleval, so that every sequence it sees is valid; what it says is written in the scheme of the data.

    Attributes:
        names: in the order of their ids, L.
        scheme: in which ``names`` write entities; "" where the tags name none.
        written: the scheme of the files that were trained on; "" where the tags name no entities.

    Example:
        >>> tags = Tags.of([["O", "B-PER", "I-PER"]], {"O": 1, "B-PER": 1, "I-PER": 1})
        >>> tags.names, tags.scheme, tags.written
        (('O', 'B-PER', 'I-PER', 'E-PER', 'S-PER'), 'BIOES', 'BIO')
        >>> tags.write(np.array([1, 3, 4]), np.array([0, 2]))
        ['B-PER', 'I-PER', 'B-PER']
    """

    names: tuple[str, ...]
    scheme: str = ""
    written: str = ""

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]], counts: Mapping[str, int], scheme: str = "auto") -> Self:
        """The tags of the sentences to train on.

        Args:
            sequences: the tags of each.
            counts: each tag with its count, in the order that ids are to have.
            scheme: that the network learns entities in; "auto": BIOES where there are entities; "none": there are none.

        Raises:
            SettingError: a scheme is asked for, but the tags name no entities.
        """
        written = None if scheme == "none" else detect(sequences)
        if written is None:
            if scheme not in ("auto", "none"):
                told = ", ".join(list(counts)[:3])
                message = f"scheme {scheme} writes entities, but the tags name none (they are {told} and so on)"
                fix = "leave it out, or choose the column of the entity tags"
                raise SettingError(message, where="--scheme", fix=fix)
            return cls(tuple(counts))
        inside = "BIOES" if scheme == "auto" else scheme
        types = {kind for tag in counts if (kind := type_of(tag)) is not None}
        return cls(tags_of(sorted(types), inside), inside, written)

    @property
    def entities(self) -> bool:
        """Whether the tags name entities."""
        return bool(self.scheme)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The types of entities."""
        kinds = (type_of(name) for name in self.names) if self.entities else ()
        return tuple(dict.fromkeys(kind for kind in kinds if kind is not None))

    def knows(self, tag: str) -> bool:
        """Whether a tag in a file is one of these, in whatever scheme."""
        if not self.entities:
            return tag in self._numbers
        return tag == "O" or type_of(tag) in self.types

    def fits(self, tag: str) -> bool:
        """Whether a tag can be measured beside these: any where they name no entities, else those of a scheme."""
        return not self.entities or tag == "O" or type_of(tag) is not None

    def beside(self, tags: Iterable[str]) -> tuple[str, ...]:
        """The names of those tags in a file that are not known, for ids from L on; entities in the network's scheme."""
        unknown = [tag for tag in tags if not self.knows(tag)]
        if not self.entities:
            return tuple(unknown)
        return tags_of(sorted({str(type_of(tag)) for tag in unknown}), self.scheme)[1:]

    def encode(self, ids: Ids, source: Sequence[str], starts: Ids) -> Ids:
        """Ids of the network, and beyond of :meth:`beside`, for ids of the tags of a file.

        Args:
            ids: [N], of all sentences in a row.
            source: what they mean; all of them fit.
            starts: the first token of each sentence that is not empty, rising.
        """
        target = (*self.names, *self.beside(source))
        if self.entities:
            return Rewriter(source, target, self.scheme)(ids, starts)
        numbers = {name: number for number, name in enumerate(target)}
        return np.array([numbers[tag] for tag in source], np.int64)[ids]

    def changed(self, ids: Ids, source: Sequence[str], starts: Ids) -> Ids:
        """The places of the tags of a file that do not follow the scheme of the files to train on, [any number]."""
        if not self.entities:
            return np.zeros(0, np.int64)
        same = [plain(tag) for tag in source]
        target = tuple(
            dict.fromkeys(
                (*tags_of([kind for tag in source if (kind := type_of(tag)) is not None], self.written), *same)
            )
        )
        numbers = np.array([target.index(tag) for tag in same], np.int64)
        return np.flatnonzero(Rewriter(source, target, self.written)(ids, starts) != numbers[ids])

    def repair(self, ids: Ids, starts: Ids) -> Ids:
        """What a network said that need not follow its scheme, written anew; entities are those that conlleval sees."""
        return self._repair(ids, starts) if self.entities else ids

    def for_files(self, ids: Ids, starts: Ids, beside: tuple[str, ...] = ()) -> tuple[Ids, tuple[str, ...]]:
        """Ids in the scheme of the files, and what they mean; those of BILOU as BIOES has them."""
        names = (*self.names, *beside)
        if not self.entities:
            return ids, names
        kinds = dict.fromkeys(kind for name in names if (kind := type_of(name)) is not None)
        target = tags_of(list(kinds), self.written)
        return Rewriter(names, target, self.written)(ids, starts), target

    def write(self, ids: Ids, starts: Ids) -> list[str]:
        """The tags as files have them, [N]."""
        if not self.entities:
            return [self.names[number] for number in ids.tolist()]
        names = list(map(bilou, self._target)) if self.written == "BILOU" else self._target
        return [names[number] for number in self._to_files(ids, starts).tolist()]

    def allowed(self) -> Allowed | None:
        """Which tag may follow which; None where any may."""
        return Allowed(*transitions(self.names, self.scheme)) if self.entities else None

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {"names": list(self.names), "scheme": self.scheme, "written": self.written}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str) -> Self:
        """What :meth:`to_dict` gave.

        Raises:
            ModelFileError: it is something else.
        """
        names, scheme, written = (content.get(name) for name in ("names", "scheme", "written"))
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise ModelFileError("the names of the tags are expected as texts", where=where)
        if len(set(names)) < len(names) or not names:
            raise ModelFileError("every tag is expected once", where=where)
        known = {*USED, ""}
        if scheme not in known - {"BILOU"} or written not in known or bool(scheme) != bool(written):
            raise ModelFileError(f"no scheme of tags is called {scheme!r} or {written!r}", where=where)
        found = cls(tuple(names), scheme, written)
        if scheme and found.names != tags_of(found.types, scheme):
            raise ModelFileError(f"the tags are not those of the scheme {scheme}", where=where)
        return found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def _repair(self) -> Rewriter:
        return Rewriter(self.names, self.names, self.scheme)

    @cached_property
    def _target(self) -> tuple[str, ...]:
        return tags_of(self.types, self.written)

    @cached_property
    def _to_files(self) -> Rewriter:
        return Rewriter(self.names, self._target, self.written)


def starts_of(lengths: Ids) -> Ids:
    """The first token of each sentence that is not empty.

    Example:
        >>> starts_of(np.array([2, 0, 3])).tolist()
        [0, 2]
    """
    filled = lengths[lengths > 0]
    return np.cumsum(filled) - filled
