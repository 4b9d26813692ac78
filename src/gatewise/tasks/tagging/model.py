"""A trained tagger as a program uses it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gatewise.cells import Cell
from gatewise.errors import DataError, SettingError
from gatewise.models.tagger import Tagger
from gatewise.storage import Folder, write_folder
from gatewise.tasks.prediction import TOKENS, computed
from gatewise.tasks.tagging.entities import Ids
from gatewise.tasks.tagging.folder import from_folder, tags_of, to_files
from gatewise.tasks.tagging.labels import Tags, starts_of
from gatewise.tasks.tagging.measures import Evaluation, evaluate
from gatewise.tasks.tagging.parts import Read
from gatewise.tasks.tagging.settings import SentenceBatchSettings, Unseen, WordSettings
from gatewise.tasks.text_folder import TextParts
from gatewise.text.conll import ConllSettings, TaggedCorpus, read_tagged
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon
from gatewise.text.schemes import to_spans
from gatewise.text.text_batches import TextBatch
from gatewise.text.words import Cutting, places

Words = Sequence[str]


class Ranked(NamedTuple):
    """One of the n best sequences of tags of a sentence.

    Attributes:
        tags: of its words.
        probability: of the whole sequence.
    """

    tags: list[str]
    probability: float


class SequenceTagger:
    """A network with its words and tags, and what it says of itself.

    Made by :func:`gatewise.train` and :func:`gatewise.load`.

    Args:
        parts: as a model folder holds them.
        verified: whether its files were compared with a manifest.

    Attributes:
        network: a :class:`~gatewise.models.tagger.Tagger`, a ``torch.nn.Module`` like any other.
        lexicon: the words and characters that it knows.
        tags: what the network's numbers mean.
        history: what it was trained on, its settings, how good it was found to be; ready for JSON.

    Example:
        >>> import gatewise
        >>> _ = Path("tags.conll").write_text("it\\tPRON\\nrains\\tVERB\\n\\n" * 20)
        >>> model = gatewise.train("tag", "tags.conll", hidden_size=8, learning_rate=0.05, out="run")
        >>> model.tag(["it", "rains"])
        ['PRON', 'VERB']
        >>> model.predict(["it rains"])[0]["offsets"]
        [[0, 2], [3, 8]]
        >>> model.evaluate("tags.conll").accuracy
        1.0
    """

    def __init__(self, parts: TextParts, verified: bool | None = True) -> None:
        network, lexicon = parts.network, parts.vocabulary
        assert isinstance(network, Tagger)
        assert isinstance(lexicon, Lexicon)
        self.parts, self.verified = parts, verified
        self.network, self.lexicon, self.history = network, lexicon, parts.history

    @cached_property
    def tags(self) -> Tags:
        """What the network's numbers mean."""
        return tags_of(self.parts)

    @property
    def cutting(self) -> Cutting:
        """How plain text is cut into words."""
        words = self.parts.tables["words"]
        assert isinstance(words, WordSettings)
        return words.cutting

    @property
    def reading(self) -> ConllSettings:
        """Where words and tags stood in the files to train on."""
        reading = self.parts.tables["reading"]
        assert isinstance(reading, ConllSettings)
        return reading

    @property
    def longest(self) -> int:
        """Words that are tagged as one sentence; a longer one is tagged in parts."""
        batches = self.parts.tables["batches"]
        assert isinstance(batches, SentenceBatchSettings)
        return batches.longest_sentence

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the model folder.

        Args:
            path: the folder.
            replace: whether a model folder that is there may be replaced.

        Raises:
            GatewiseError: the place is taken, or the system refuses; what was there is as before.
        """
        write_folder(path, to_files(self.parts), replace)

    def tag(self, words: Words) -> list[str]:
        """The tags of the words of one sentence.

        Raises:
            DataError: a word is empty or no Unicode, or a text came instead of words.
        """
        return self.tag_all([words])[0]

    def tag_all(self, sentences: Sequence[Words], batch_size: int | None = None) -> list[list[str]]:
        """The tags of the words of each sentence, in order; one of no words has none.

        Args:
            sentences: words of each.
            batch_size: how many are computed together; it changes no result. None: as it sees fit.

        Raises:
            DataError: as :meth:`tag`.
        """
        longest = self.longest
        pieces = [words[at : at + longest] for words in sentences for at in range(0, max(1, len(words)), longest)]
        found = computed(self.network, self._encode(pieces), self.network.predict, batch_size)
        ids = np.concatenate([np.zeros(0, np.int64), *(row.numpy() for row in found)])
        ends = np.cumsum([0, *map(len, sentences)])
        starts = starts_of(np.diff(ends))
        if self.network.crf is None:
            ids = self.tags.repair(ids, starts)
        names = self.tags.write(ids, starts)
        return [names[begin:end] for begin, end in pairwise(ends.tolist())]

    def nbest(self, sentences: Sequence[Words], n: int, batch_size: int | None = None) -> list[list[Ranked]]:
        """The n most probable sequences of tags of each sentence, the best first; fewer where there are fewer.

        Args:
            sentences: words of each, not more than :attr:`longest`.
            n: how many.
            batch_size: as of :meth:`tag_all`.

        Raises:
            SettingError: the model has no CRF.
            DataError: a sentence is too long, or as :meth:`tag`.
        """
        self.check_nbest()
        for words in sentences:
            if len(words) > self.longest:
                message = f"the n best are found of at most {self.longest:,} words, but {len(words):,} came"
                raise DataError(message, fix="give shorter sentences")
        # The n best take n times the memory of the best.
        tokens = max(1, TOKENS // n)
        return computed(self.network, self._encode(sentences), lambda batch: self._ranked(batch, n), batch_size, tokens)

    def check_nbest(self) -> None:
        """Refuse to look for the n best where tags are chosen each by itself.

        Raises:
            SettingError: the model has no CRF.
        """
        if self.network.crf is None:
            message = "the n best sequences are a CRF's to find, but this model was trained with output softmax"
            raise SettingError(message, where="nbest", fix="train with --output crf")

    def predict(self, texts: Sequence[str], batch_size: int | None = None) -> list[Any]:
        """Words, tags and places of each text, which is cut into words as in training; entities where tags name some.

        Args:
            texts: a sentence each.
            batch_size: how many are computed together; it changes no result. None: as it sees fit.

        Returns:
            For each ``{"words", "tags", "offsets"}``, and ``"entities"``: ``{"type", "text", "begin", "end", "first",
            "last"}`` with characters from begin to end and words from first to last, both without the last.
        """
        cut = [places(text, self.cutting) for text in texts]
        words = [[text[begin:end] for begin, end in found] for text, found in zip(texts, cut, strict=True)]
        tagged = zip(texts, words, cut, self.tag_all(words, batch_size), strict=True)
        return [self.told(*one) for one in tagged]

    def told(self, text: str, words: Words, offsets: Sequence[tuple[int, int]], tags: Sequence[str]) -> dict[str, Any]:
        """What :meth:`predict` says of a text."""
        found = {"words": list(words), "tags": list(tags), "offsets": [list(place) for place in offsets]}
        if not self.tags.entities:
            return found
        entities = [
            {
                "type": kind,
                "text": text[offsets[first][0] : offsets[last - 1][1]],
                "begin": offsets[first][0],
                "end": offsets[last - 1][1],
                "first": first,
                "last": last,
            }
            for kind, first, last in to_spans(tags)
        ]
        return found | {"entities": entities}

    def evaluate(
        self, files: str | Path | Sequence[str | Path], unseen_tags: Unseen = "error", **reading: Any
    ) -> Evaluation:
        """Accuracy, and precision, recall and F1 of tags or entities, on tagged files.

        Args:
            files: files, folders or globs.
            unseen_tags: "wrong": words whose tag the model does not know count as mistakes; "error": they are refused.
            reading: where words and tags stand, as :class:`~gatewise.text.conll.ConllSettings` has it; else as in the
                files to train on.

        Raises:
            DataError: a file cannot be used.
        """
        return self.evaluate_corpus(read_tagged(files, self.reading.replace(**reading)), unseen_tags)[0]

    def evaluate_corpus(self, corpus: TaggedCorpus, unseen_tags: Unseen = "error") -> tuple[Evaluation, list[str]]:
        """As :meth:`evaluate`, of files that were read already; with what the user should see of their tags."""
        part, notes = Read(corpus, "the file").encode(self.tags, self.lexicon, unseen_tags)
        return evaluate(self.network, self.tags, part, int(self.parts.numbers["trained"])), notes

    def info(self) -> dict[str, Any]:
        """What it is, its sizes, how it was trained and how good it was found to be; ready for JSON."""
        tags = self.tags
        of = {"entities": list(tags.types), "scheme": tags.scheme, "written": tags.written} if tags.entities else {}
        return {
            "task": "sequence tagging",
            "verified": self.verified,
            **(of or {"tags": list(tags.names)}),
            "words": len(self.lexicon) - 1,
            "cutting": self.cutting,
            "output": self.network.settings.output,
            **self.network.describe(),
            **{name: self.history[name] for name in ("training", "scores", "versions") if name in self.history},
            "data": self.history.get("data", {}).get("parts", {}),
        }

    def _encode(self, sentences: Sequence[Words]) -> EncodedTexts:
        if any(isinstance(words, str) for words in sentences):
            raise DataError("words are needed, but a text came", fix="give a list of words, or use predict for texts")
        return EncodedTexts.of_words(sentences, self.lexicon)

    def _ranked(self, batch: TextBatch, n: int) -> list[list[Ranked]]:
        paths = self.network.nbest(batch, n)
        assert not isinstance(paths.tags, tuple)
        tags = paths.tags.permute(1, 2, 0).cpu().numpy()  # [B, n, T]
        return [
            [
                Ranked(self._written(row[rank, :length]), probability)
                for rank, probability in enumerate(probabilities)
                if probability > 0
            ]
            for row, length, probabilities in zip(
                tags, batch.lengths.tolist(), paths.probabilities.tolist(), strict=True
            )
        ]

    def _written(self, ids: Ids) -> list[str]:
        return self.tags.write(np.ascontiguousarray(ids, np.int64), np.zeros(min(1, len(ids)), np.int64))


def load(folder: Folder, cell: Cell | type[Cell] | str | None = None) -> SequenceTagger:
    """The model in a folder that was read.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    return SequenceTagger(from_folder(folder, cell), folder.verified)
