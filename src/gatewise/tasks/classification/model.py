"""A trained classifier as a program uses it: it labels texts, says how sure it is, and why.

Letters: n texts, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gatewise.cells import Cell
from gatewise.errors import ModelFileError, SettingError
from gatewise.models.classifier import Classifier
from gatewise.models.explanation import Method
from gatewise.settings import did_you_mean
from gatewise.storage import Folder, write_folder
from gatewise.tasks.classification.card import write_card
from gatewise.tasks.classification.data import targets
from gatewise.tasks.classification.encoding import Reader
from gatewise.tasks.classification.evaluation import THRESHOLD, Array, Evaluation, evaluate, probabilities
from gatewise.tasks.classification.explaining import Explanation, weigh
from gatewise.tasks.classification.settings import TokenSettings
from gatewise.tasks.prediction import computed, rows
from gatewise.tasks.text_folder import TextParts, from_folder, to_files
from gatewise.text.encoded import EncodedTexts
from gatewise.text.labelled import LabelledCorpus, LabelledSettings, read_labelled
from gatewise.text.text_batches import TextBatch

TASK = "classify"
TABLES = {"reading": LabelledSettings, "tokens": TokenSettings}
NUMBERS = ("temperature", "majority")


class TextClassifier:
    """A network with its vocabulary and labels, and what it says of itself.

    Made by :func:`gatewise.train` and :func:`gatewise.load`.

    Args:
        parts: as a model folder holds them.
        verified: whether its files were compared with a manifest.

    Attributes:
        network: a :class:`~gatewise.models.classifier.Classifier`, in evaluation mode.
        labels: their names, L of them.
        temperature: by which logits are divided for probabilities.
        reading: how texts and labels stood in the files that it was trained on.
        history: the texts it was trained on, its settings, how good it was found to be; ready for JSON.

    Example:
        >>> import gatewise
        >>> _ = Path("films.csv").write_text("text,label\\n" + "so good,pos\\nso bad,neg\\n" * 20)
        >>> model = gatewise.train("classify", "films.csv", hidden_size=8, learning_rate=0.02, out="run")
        >>> model.predict(["good film", "a bad one"])
        ['pos', 'neg']
        >>> explained = model.explain("so good")
        >>> explained.label, max(zip(explained.weights, explained.words, strict=True))[1]
        ('pos', 'good')
        >>> model.evaluate("films.csv").accuracy
        1.0
    """

    def __init__(self, parts: TextParts, verified: bool = True) -> None:
        network, reading, tokens = parts.network, parts.tables["reading"], parts.tables["tokens"]
        assert isinstance(network, Classifier)
        assert isinstance(reading, LabelledSettings)
        assert isinstance(tokens, TokenSettings)
        self.parts, self.verified, self.network, self.reading = parts, verified, network, reading
        self.labels, self.history = parts.labels, parts.history
        self.temperature = float(parts.numbers["temperature"])
        self.reader = Reader(parts.vocabulary, tokens)

    @property
    def multi_label(self) -> bool:
        """Whether a text may have any number of labels."""
        return self.network.settings.multi_label

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the model folder; see :meth:`gatewise.tasks.model.Model.save`."""
        write_folder(path, files_of(self.parts), replace)

    def logits(self, texts: Sequence[str] | EncodedTexts, batch_size: int | None = None) -> Array:
        """The score of each label of each text, [n, L], before temperature.

        Args:
            texts: as they are, or encoded by ``reader``.
            batch_size: how many are computed together; it changes no result but for rounding.
        """
        encoded = texts if isinstance(texts, EncodedTexts) else self.reader.encode(texts)
        return logits_of(self.network, encoded, batch_size)

    def probabilities(self, texts: Sequence[str] | EncodedTexts, batch_size: int | None = None) -> Array:
        """The probability of each label of each text, [n, L], calibrated; in the order of ``labels``."""
        return probabilities(self.logits(texts, batch_size), self.multi_label, self.temperature)

    def predict(self, texts: Sequence[str], batch_size: int | None = None) -> list[Any]:
        """The label of each text; where texts may have several, the list of those with a probability above 0.5."""
        return self.labels_of(self.probabilities(texts, batch_size))

    def labels_of(self, chances: Array) -> list[Any]:
        """What follows from probabilities [n, L]: a label for each text, or a list of them."""
        if self.multi_label:
            return [[self.labels[place] for place in np.flatnonzero(row > THRESHOLD).tolist()] for row in chances]
        return [self.labels[place] for place in chances.argmax(1).tolist()]

    def explain(self, text: str, label: str | None = None, method: Method = "leave-one-out") -> Explanation:
        """How much each word of a text speaks for a label.

        Args:
            text: any.
            label: which; None: the most probable.
            method: "leave-one-out": by how much the score falls without the word; "gradient": the same to first order,
                as quick for a long text as for a short one.

        Raises:
            SettingError: there is no such label or method.
        """
        if label is not None and label not in self.labels:
            raise SettingError(f"there is no label {label}", fix=did_you_mean(label, self.labels))
        chances = self.probabilities([text])[0]
        number = int(chances.argmax()) if label is None else self.labels.index(label)
        words, weights, separator = weigh(self.network, self.reader, text, number, method)
        return Explanation(
            self.labels[number], float(chances[number]), tuple(words), tuple(weights.tolist()), separator
        )

    def evaluate(self, files: str | Path | Sequence[str | Path], **reading: Any) -> Evaluation:
        """Accuracy, F1, calibration and mistakes on labelled texts.

        Args:
            files: in any form that it may be trained on.
            reading: how texts and labels stand in them where it is another way than in training, such as ``text="3"``;
                see :class:`~gatewise.text.labelled.settings.LabelledSettings`.

        Raises:
            DataError: a file cannot be used, or has a label that the model has not.
        """
        return self.evaluate_corpus(self.read(files, **reading))

    def read(
        self, files: str | Path | Sequence[str | Path], stdin: BinaryIO | None = None, **reading: Any
    ) -> LabelledCorpus:
        """Labelled texts, read as in training but for what is given."""
        return read_labelled(files, self.reading.replace(**reading), stdin)

    def evaluate_corpus(self, corpus: LabelledCorpus) -> Evaluation:
        """As :meth:`evaluate`, of texts that were read already."""
        gold = targets(corpus.examples, self.labels, self.multi_label)
        logits = self.logits([example.text for example in corpus])
        return evaluate(logits, gold, self.labels, corpus.examples, self.temperature, self.majority)

    @property
    def majority(self) -> int | None:
        """The number of the most frequent label of the training texts; None where texts may have several."""
        return None if self.multi_label else int(self.parts.numbers["majority"])

    def info(self) -> dict[str, Any]:
        """What it is, its sizes, how it was trained and how good it was found to be; ready for JSON."""
        tokens = self.reader.settings
        told = self.network.describe()
        return {
            "task": "text classification",
            "verified": self.verified,
            "level": tokens.level,
            "label_names": list(self.labels),
            "multi_label": self.multi_label,
            "vocabulary": self.network.vocabulary_size,
            "temperature": self.temperature,
            **told,
            "pooling": self.network.settings.pooling,
            "scores": {name: _short(score) for name, score in self.history.get("scores", {}).items()},
            **{name: self.history[name] for name in ("training", "versions", "texts") if name in self.history},
        }


def logits_of(network: Classifier, texts: EncodedTexts, batch_size: int | None = None) -> Array:
    """The scores [n, L] that a network in evaluation mode gives encoded texts, in order."""

    def compute(batch: TextBatch) -> list[Any]:
        return rows(network.logits(batch).float())

    found = computed(network, texts, compute, batch_size)
    return np.stack(found) if found else np.zeros((0, network.labels), np.float32)


def files_of(parts: TextParts) -> dict[str, Any]:
    """The files of the model folder."""
    return to_files(TASK, parts, write_card(parts.config(TASK), parts.history))


def load(folder: Folder, cell: Cell | type[Cell] | str | None = None) -> TextClassifier:
    """The model in a folder that was read.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    parts = from_folder(folder, TABLES, NUMBERS, cell)
    where = f"{folder.path}/config.json"
    if not isinstance(parts.network, Classifier):
        raise ModelFileError(f"a classifier is expected, but a {parts.network.model_type} came", where=where)
    if not parts.numbers["temperature"] > 0:
        raise ModelFileError(f"temperature must be above 0, but {parts.numbers['temperature']:g} came", where=where)
    if not 0 <= parts.numbers["majority"] < len(parts.labels):
        raise ModelFileError(f"majority must be a label, but {parts.numbers['majority']:g} came", where=where)
    return TextClassifier(parts, folder.verified)


def _short(score: dict[str, Any]) -> dict[str, Any]:
    """What ``info`` tells of the measures on a text."""
    first = "exact_match" if "exact_match" in score else "accuracy"
    names = {first: score[first], "macro_f1": score["macro"]["f1"], "micro_f1": score["micro"]["f1"]}
    kept = ("ece", "ece_uncalibrated", "nll")
    return {"texts": score["texts"], **names, **{name: score["calibration"][name] for name in kept}}
