"""Text classification as the training loop sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.measures import accuracy, classification_report, multi_label_report, negative_log_likelihood
from gatewise.models.classifier import Classifier
from gatewise.models.encoder_settings import ClassifierSettings
from gatewise.storage import write_folder
from gatewise.tasks.classification import pages
from gatewise.tasks.classification.data import Data
from gatewise.tasks.classification.evaluation import (
    THRESHOLD,
    Array,
    Evaluation,
    evaluate,
    probabilities,
    temperature_of,
)
from gatewise.tasks.classification.model import files_of, logits_of
from gatewise.tasks.classification.plan import Plan
from gatewise.tasks.identity import identity_of
from gatewise.tasks.text_folder import TextParts, sizes_of
from gatewise.text.ngram_ratios import NgramRatios, ngram_ratios
from gatewise.text.text_batches import TextBatch, TextBatches
from gatewise.training.result import Result
from gatewise.training.selection import Selection
from gatewise.training.task import StepLoss

_SAMPLES = 5


class ClassificationTask:
    """A run's network, data and measures; see :class:`gatewise.training.task.Task`.

    Args:
        plan: of the run.
        data: its texts.
    """

    name, unit, nats = "classify", "text", False

    def __init__(self, plan: Plan, data: Data) -> None:
        self.plan, self.data = plan, data
        self.several = plan.model.multi_label
        self.selects_by = Selection("micro_f1" if self.several else "accuracy", higher=True)

    def identity(self) -> dict[str, Any]:
        """Settings of texts, batches and model, the cell, and the SHA-256 of what is read."""
        plan, texts = self.plan, self.data.record["texts"]
        return {
            **plan.tokens.to_dict(),
            **plan.batches.to_dict(),
            **plan.model.to_dict(),
            **identity_of(plan.cell),
            "vocabulary": self.data.vocabulary.fingerprint,
            "from_lm": plan.data.from_lm,
            "texts": {name: entry["sha256"] for name, entry in texts.items()},
        }

    def network(self) -> Classifier:
        """The network: newly initialised, with pretrained vectors where there are some, or from a language model."""
        plan, data, counted = self.plan, self.data, self._counted()
        ngrams = counted.sizes if counted else ()
        settings = ClassifierSettings.from_dict(plan.model.to_dict())
        if plan.origin is not None:
            unk_id = plan.origin.tokenizer.unk_id
            found = Classifier.from_language_model(
                plan.origin.network, len(data.labels), settings, unk_id=unk_id, ngrams=ngrams
            )
        else:
            bare = settings.replace(cell_options="")
            found = Classifier(
                bare, labels=len(data.labels), ngrams=ngrams, cell=plan.cell, **sizes_of(data.vocabulary)
            )
            found.set_settings(settings)
        if counted:
            found.set_ratios(counted)
        if data.vectors is not None:
            found.encoder.embedder.set_vectors(*data.vectors)
        if settings.class_weights == "balanced":
            counts = [data.record["texts"]["train"]["labels"].get(label, 0) for label in data.labels]
            found.balance(counts, len(data.parts["train"]))
        return found.train()

    def groups(self, network: nn.Module) -> list[list[nn.Parameter]]:
        """Vectors, layer by layer, and what is above them."""
        return _own(network).groups()

    def computed_by(self, network: nn.Module) -> dict[str, str]:
        """The runners of the recurrent layers, with the reason for them."""
        return _own(network).computed_by()

    def train_batches(self) -> TextBatches:
        """The training texts from their beginning."""
        batches = self.plan.batches
        seed = self.plan.training.seed
        return TextBatches(self.data.parts["train"], batches.batch_size, tokens=batches.batch_tokens, seed=seed)

    def loss(self, network: nn.Module, batch: TextBatch, carry: Any) -> StepLoss:
        """The loss of a batch, weighted by label where that is asked for."""
        del carry
        return StepLoss(*_own(network).loss(batch))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss per text without weights, accuracy and F1 on the held-out texts."""
        logits, gold = self._logits(network, "dev")
        given = self._given(logits)
        if self.several:
            report = multi_label_report(gold, given, self.data.labels)
            loss = negative_log_likelihood(logits, gold) * len(self.data.labels)
            return {
                "loss": loss,
                "micro_f1": report.micro.f1,
                "macro_f1": report.macro["f1"],
                "exactly_right": report.exact_match,
            }
        f1 = classification_report(gold, given, self.data.labels).macro["f1"]
        return {"loss": negative_log_likelihood(logits, gold), "accuracy": accuracy(gold, given), "macro_f1": f1}

    def samples(self, network: nn.Module) -> list[str]:
        """The mistakes on the held-out texts that it is surest of."""
        found = self._evaluate(network, "dev", 1.0)
        return [mistake.line(400) for mistake in found.mistakes[:_SAMPLES]]

    def save(self, network: nn.Module, folder: Path, result: Result) -> None:
        """Fit the temperature, and write the model folder and the pages of measures on the held-out and test texts."""
        plan, data = self.plan, self.data
        with torch.no_grad():
            temperature, note = temperature_of(*self._logits(network, "dev"))
            found = {name: self._evaluate(network, name, temperature) for name in data.parts if name != "train"}
        settings = {name: getattr(plan, name).to_dict() for name in ("data", "batches", "training")}
        history = {
            "texts": data.record["texts"],
            "settings": settings,
            "training": result.told(),
            "scores": {name: evaluation.to_dict() for name, evaluation in found.items()},
            "versions": result.versions,
            **({"from_lm": plan.data.from_lm} if plan.data.from_lm else {}),
            **({"calibration": note} if note else {}),
        }
        tables = {"reading": plan.reading, "tokens": plan.tokens}
        numbers = {"temperature": temperature, "majority": float(self._majority() or 0)}
        parts = TextParts(_own(network), data.vocabulary, data.labels, tables, numbers, history)
        write_folder(folder, files_of(parts), replace=True)
        for name, evaluation in found.items():
            pages.write(result.folder / "evaluation" / name, evaluation, f"{result.folder.name}: {name}")

    def _counted(self) -> NgramRatios | None:
        """The n-grams of the training texts that have connections of their own to the labels."""
        model, data, texts = self.plan.model, self.data, self.data.parts["train"]
        if not model.direct_order:
            return None
        ids = texts.ids if texts.types is None else texts.types.word_ids[texts.ids]
        labels = texts.targets if self.several else np.eye(len(data.labels), dtype=np.bool_)[texts.targets]
        assert labels is not None
        size = data.vocabulary.vocabulary_size
        return ngram_ratios(ids, texts.boundaries, labels, size, model.direct_order, model.direct_minimum)

    def _logits(self, network: nn.Module, part: str) -> tuple[Array, Array]:
        texts = self.data.parts[part]
        assert texts.targets is not None
        return logits_of(_own(network), texts), texts.targets

    def _given(self, logits: Array) -> Array:
        chances = probabilities(logits, self.several, 1.0)
        return chances > THRESHOLD if self.several else chances.argmax(1)

    def _evaluate(self, network: nn.Module, part: str, temperature: float) -> Evaluation:
        logits, gold = self._logits(network, part)
        examples = self.data.examples[part]
        return evaluate(logits, gold, self.data.labels, examples, temperature, self._majority())

    def _majority(self) -> int | None:
        """The number of the most frequent label of the training texts."""
        gold = self.data.parts["train"].targets
        assert gold is not None
        return None if self.several else int(np.bincount(gold, minlength=len(self.data.labels)).argmax())


def _own(network: nn.Module) -> Classifier:
    assert isinstance(network, Classifier)  # the loop hands back what network() made
    return network
