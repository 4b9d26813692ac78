"""How good a tagger is on tagged sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.measures import ClassificationReport, EntityReport, classification_report, entity_report_of_ids
from gatewise.models.tagger import Tagger
from gatewise.tasks.prediction import TEXTS, TOKENS
from gatewise.tasks.tagging.entities import Ids
from gatewise.tasks.tagging.labels import Tags, starts_of
from gatewise.tasks.tagging.parts import Part
from gatewise.text.text_batches import TextBatch, one_pass


@dataclass(frozen=True)
class Evaluation:
    """How good a tagger is on tagged sentences.

    Attributes:
        report: of each tag where tags are tags, of each type of entity where they name entities, with accuracies.
        sentences: how many.
        words: how many.
        right: words with the right tag; where tags name entities, in the scheme of the files to train on.
        unknown: words that were not trained on.
        right_unknown: how many of them have the right tag.
        loss: nats for each word, of the sentences in which every tag is known; None where there is none.
    """

    report: ClassificationReport | EntityReport
    sentences: int
    words: int
    right: int
    unknown: int
    right_unknown: int
    loss: float | None

    @property
    def accuracy(self) -> float:
        """The share of words with the right tag."""
        return self.right / self.words

    @property
    def unknown_accuracy(self) -> float | None:
        """The same of the words that were not trained on; None where there are none."""
        return self.right_unknown / self.unknown if self.unknown else None

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        told = {
            "sentences": self.sentences,
            "words": self.words,
            "accuracy": self.accuracy,
            "unknown": self.unknown,
            "unknown_accuracy": self.unknown_accuracy,
            "loss": self.loss,
        }
        if isinstance(self.report, EntityReport):
            left_out = ("tokens", "token_accuracy")
            return told | {name: value for name, value in self.report.to_dict().items() if name not in left_out}
        names = zip(self.report.labels, self.report.counts, strict=True)
        tags = {name: counts.to_dict() for name, counts in names if counts.occurs}
        return told | {"macro": self.report.macro, "tags": tags}

    def __str__(self) -> str:
        """Lines for a terminal."""
        report = self.report.table() if isinstance(self.report, EntityReport) else _without_last(self.report.table())
        return f"{report}\n{one_line(self.to_dict())}"

    def conlleval(self) -> str:
        """The lines that the script conlleval prints.

        Raises:
            DataError: the tags name no entities.
        """
        if not isinstance(self.report, EntityReport):
            message = "conlleval measures entities, but the tags of this model name none"
            raise DataError(message, fix="leave --conlleval out")
        return self.report.conlleval()


def _without_last(table: str) -> str:
    """The table of tags without what is told of texts."""
    return "\n".join(line for line in table.splitlines() if not line.startswith("accuracy "))


def one_line(scores: dict[str, Any]) -> str:
    """The main measures, of what :meth:`Evaluation.to_dict` gives.

    Example:
        >>> one_line({"accuracy": 0.9412, "words": 25000, "unknown": 2500, "unknown_accuracy": 0.81, "sentences": 2000})
        'accuracy 94.12% of 25,000 words (of the 2,500 not trained on 81.00%), 2,000 sentences'
    """
    told = f"accuracy {scores['accuracy']:.2%} of {scores['words']:,} words"
    if scores["unknown"]:
        told += f" (of the {scores['unknown']:,} not trained on {scores['unknown_accuracy']:.2%})"
    if "f1" in scores:
        measures = ", ".join(f"{name} {scores[key]:.2%}" for name, key in _OF_ENTITIES.items())
        told = f"{measures} of {scores['gold']:,} entities; {told}"
    return f"{told}, {scores['sentences']:,} sentence{'s' if scores['sentences'] != 1 else ''}"


_OF_ENTITIES = {"F1": "f1", "precision": "precision", "recall": "recall"}


def evaluate(network: Tagger, tags: Tags, part: Part, trained: int, batch_size: int | None = None) -> Evaluation:
    """How good a network, in evaluation mode, is on tagged sentences.

    Args:
        network: the model.
        tags: what its numbers mean.
        part: the sentences.
        trained: how many of the first ids of words are of words that were trained on.
        batch_size: sentences that are computed together.

    Raises:
        DataError: there is no word.
    """
    gold, lengths = part.tags, part.texts.lengths
    if not len(gold):
        raise DataError("there are no words, so nothing can be measured", fix="give a file with tagged words")
    found, loss = _predicted(network, part, batch_size)
    starts = starts_of(lengths)
    if network.crf is None:
        found = tags.repair(found, starts)
    gold, names = tags.for_files(gold, starts, part.beside)
    found, _ = tags.for_files(found, starts, part.beside)
    right = gold == found
    unknown = _unknown(part, trained)
    report: ClassificationReport | EntityReport
    if tags.entities:
        report = entity_report_of_ids(gold, found, lengths, names)
    else:
        report = classification_report(gold, found, names)
    counts = int(right.sum()), int(unknown.sum()), int((right & unknown).sum())
    return Evaluation(report, len(part.texts), len(gold), *counts, loss)


def _unknown(part: Part, trained: int) -> NDArray[np.bool_]:
    """Which words were not trained on, [N]."""
    types = part.texts.types
    assert types is not None
    unknown = (types.word_ids == part.texts.unk_id) | (types.word_ids >= trained)
    flags: NDArray[np.bool_] = unknown[part.texts.ids]
    return flags


def _predicted(network: Tagger, part: Part, batch_size: int | None) -> tuple[Ids, float | None]:
    """The best tags, [N], and the loss for each word of the sentences in which all tags are known."""
    found, bounds = np.empty_like(part.tags), part.texts.boundaries
    total, words = 0.0, 0
    for batch in one_pass(part.texts, batch_size or TEXTS, tokens=TOKENS):
        known, scored = _known(batch, network.labels)
        best, losses = network.judge(known)
        for number, ids in zip(batch.order.tolist(), best, strict=True):
            found[bounds[number] : bounds[number + 1]] = ids.numpy()
        total += float(losses[scored].double().sum())
        words += int(batch.lengths[scored].sum())
    return found, total / words if words else None


def _known(batch: TextBatch, labels: int) -> tuple[TextBatch, Any]:
    """The batch with tag 0 throughout the sentences that have an unknown tag, and which sentences have none, [B]."""
    assert batch.targets is not None
    scored = (batch.targets < labels).all(0)
    return replace(batch, targets=batch.targets.where(scored, 0)), scored
