"""Tagging as the training loop sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from gatewise.models.tagger import Tagger
from gatewise.storage import write_folder
from gatewise.tasks.identity import identity_of
from gatewise.tasks.tagging.data import Data
from gatewise.tasks.tagging.folder import parts_of, to_files
from gatewise.tasks.tagging.measures import evaluate
from gatewise.tasks.tagging.model import SequenceTagger
from gatewise.tasks.tagging.plan import Plan
from gatewise.tasks.text_folder import TextParts, sizes_of
from gatewise.text.text_batches import TextBatch, TextBatches
from gatewise.training.result import Result
from gatewise.training.selection import Selection
from gatewise.training.task import StepLoss

_TABLES = ("data", "reading", "labels", "words", "batches", "training")


class TaggingTask:
    """A run's network, data and measures; see :class:`gatewise.training.task.Task`.

    Args:
        plan: of the run.
        data: its sentences.
    """

    nats, unit = False, "word"

    def __init__(self, plan: Plan, data: Data) -> None:
        self.plan, self.data, self.name = plan, data, plan.kind
        self.selects_by = Selection("f1" if data.tags.entities else "accuracy", higher=True)
        self._samples: list[str] = []

    def identity(self) -> dict[str, Any]:
        """Settings of tags, words, batches and model, the cell, and the digests of what is read."""
        plan, data = self.plan, self.data
        parts = {"train": data.train, "dev": data.dev, "test": data.test}
        return {
            **plan.labels.to_dict(),
            **plan.words.to_dict(),
            **plan.batches.to_dict(),
            **plan.model.to_dict(),
            **({} if plan.cell is None else identity_of(plan.cell)),
            "lexicon": data.lexicon.fingerprint,
            "tags": data.tags.to_dict(),
            "sentences": {name: part.texts.digest() for name, part in parts.items() if part is not None},
        }

    def network(self) -> Tagger:
        """The network, newly initialised; with the pretrained vectors of the words that have one."""
        plan, data = self.plan, self.data
        settings = plan.model.network()
        allowed = data.tags.allowed() if settings.output == "crf" else None
        made = Tagger(settings, labels=len(data.tags.names), allowed=allowed, cell=plan.cell, **sizes_of(data.lexicon))
        if data.vectors is not None:
            made.encoder.embedder.set_vectors(*data.vectors)
        return made

    def groups(self, network: nn.Module) -> list[list[nn.Parameter]]:
        """One: it is trained from nothing, so that no layer knows more than another."""
        return [[parameter for parameter in network.parameters() if parameter.requires_grad]]

    def computed_by(self, network: nn.Module) -> dict[str, str]:
        """The runner of the recurrent layers, with the reason for it."""
        return _own(network).computed_by()

    def train_batches(self) -> TextBatches:
        """The sentences to train on from the beginning."""
        batches = self.plan.batches
        tokens, seed = batches.batch_tokens, self.plan.training.seed
        return TextBatches(self.data.train.texts, batches.batch_size, tokens=tokens, seed=seed)

    def loss(self, network: nn.Module, batch: TextBatch, carry: Any) -> StepLoss:
        """The loss of a batch; nothing is carried from one to the next."""
        del carry
        return StepLoss(*_own(network).loss(batch))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss, accuracy, that of words that were not trained on; F1 where tags name entities."""
        scores = self._evaluate(network, "dev")
        names = ("loss", "accuracy", "unknown_accuracy", "precision", "recall", "f1")
        measures = {name: scores[name] for name in names if scores.get(name) is not None}
        return {"loss": float("nan")} | measures

    def samples(self, network: nn.Module) -> list[str]:
        """A few sentences of dev with the tags that they are given."""
        model, texts = SequenceTagger(self._parts(network, {})), self.data.record["shown"]
        found = model.tag_all(texts)
        self._samples = [
            " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))
            for words, tags in zip(texts, found, strict=True)
        ]
        return self._samples

    def save(self, network: nn.Module, folder: Path, result: Result) -> None:
        """Write the model folder, with the measures on dev and test."""
        names = ["dev"] + ["test"] * (self.data.test is not None)
        settings = {name: getattr(self.plan, name).to_dict() for name in _TABLES}
        history = {
            "data": self.data.record,
            "settings": settings,
            "training": result.told(),
            "scores": {name: self._evaluate(network, name) for name in names},
            "samples": self._samples,
            "versions": result.versions,
        }
        write_folder(folder, to_files(self._parts(network, history)), replace=True)

    def _evaluate(self, network: nn.Module, name: str) -> dict[str, Any]:
        part = getattr(self.data, name)
        return evaluate(_own(network), self.data.tags, part, self.data.trained).to_dict()

    def _parts(self, network: nn.Module, history: dict[str, Any]) -> TextParts:
        data, plan = self.data, self.plan
        tables = {"words": plan.words, "reading": plan.reading, "batches": plan.batches}
        return parts_of(_own(network), data.lexicon, data.tags, data.trained, tables, history)


def _own(network: nn.Module) -> Tagger:
    assert isinstance(network, Tagger)  # the loop hands back what network() made
    return network
