"""A trained language model as a program uses it: it writes, scores, ranks, and is saved."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import SettingError
from gatewise.lm import LanguageModel as Scored
from gatewise.lm import Measure, Score, score
from gatewise.models.ngram import NgramLM
from gatewise.models.rebuild import Network
from gatewise.storage import Folder, write_folder
from gatewise.tasks.language_model import arpa, writing
from gatewise.tasks.language_model.folder import Parts, from_folder, to_files
from gatewise.tasks.language_model.prompt import read_prompt
from gatewise.tasks.language_model.reading import one_pass, table_scores, text_of
from gatewise.tasks.language_model.settings import GenerateSettings
from gatewise.text.documents import Corpus
from gatewise.text.readers import read
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import division


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on a text.

    Attributes:
        measure: loss, bits and perplexity; per character only where the tokens hold every character.
        unknown: tokens that are ``<unk>``.
        characters: of the text.
        known: loss, bits and perplexity over the other tokens, where an n-gram model met some that are unknown.
    """

    measure: Measure
    unknown: int
    characters: int
    known: Measure | None = None

    @property
    def unknown_share(self) -> float:
        """How many of the tokens are ``<unk>``, 0 to 1."""
        return self.unknown / self.measure.tokens

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        told = {**self.measure.to_dict(), "characters": self.characters, "unknown": self.unknown}
        return told if self.known is None else {**told, "without_unknown": self.known.to_dict()}


class LanguageModel:
    """A network with its tokenizer, and what it says of itself.

    Made by :func:`gatewise.train` and :func:`gatewise.load`.

    Args:
        parts: as a model folder holds them.
        verified: whether its files were compared with a manifest; None for an ARPA file, which can have none.

    Attributes:
        network: a :class:`~gatewise.models.recurrent_lm.RecurrentLM` or
            :class:`~gatewise.models.window_lm.WindowLM`, which are a ``torch.nn.Module`` like any other, or a
            :class:`~gatewise.models.ngram.NgramLM`.
        tokenizer: text to token ids and back.
        history: the text it read, its settings, how good it was found to be; ready for JSON.
    """

    def __init__(self, parts: Parts, verified: bool | None = True) -> None:
        self.parts, self.verified = parts, verified
        self.network = parts.network
        self.tokenizer = parts.tokenizer
        self.history = parts.history

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the model folder; or an ARPA file, where the name ends in ``.arpa`` or ``.arpa.gz``.

        Args:
            path: the folder, or the file.
            replace: whether a model folder or file that is there may be replaced.

        Raises:
            GatewiseError: the place is taken, the model is none that ARPA can hold, the name is nearly that of an
                ARPA file, or the system refuses; what was there is as before.
        """
        if arpa.is_arpa(path):
            arpa.write(path, self.parts, replace)
        else:
            arpa.refuse_misspelt(path)
            write_folder(path, to_files(self.parts), replace)

    def generate(self, prompt: str = "", **settings: Any) -> str:
        """A text that goes on from ``prompt``, the prompt included.

        Args:
            prompt: characters or words it does not know are named in a warning.
            settings: as :class:`~gatewise.tasks.language_model.settings.GenerateSettings`: ``length``,
                ``temperature``, ``top_k``, ``top_p``, ``seed``, ``greedy``, ``beam``, ``length_penalty``.

        Raises:
            SettingError: a setting is unknown or out of range.
            DataError: nothing in the prompt is known.
        """
        return self.generate_many(prompt, n=1, **settings)[0]

    def generate_many(self, prompt: str = "", n: int = 1, **settings: Any) -> list[str]:
        """``n`` texts that go on from ``prompt``; otherwise as :meth:`generate`."""
        asked = GenerateSettings.from_dict({"prompt": prompt, "n": n, **settings})
        ids, line = read_prompt(self.tokenizer, prompt)
        if line:
            warnings.warn(line, stacklevel=2)
        return writing.texts(self.network, self.tokenizer, ids, asked)

    def stream(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """The text that goes on from ``prompt``, piece by piece, without the prompt; otherwise as :meth:`generate`."""
        asked = GenerateSettings.from_dict({"prompt": prompt, **settings})
        ids, line = read_prompt(self.tokenizer, prompt)
        if line:
            warnings.warn(line, stacklevel=2)
        return writing.pieces(self.network, self.tokenizer, ids, asked)

    def score(self, texts: Iterable[str]) -> list[Score]:
        """The log probability of each text as a line by itself, its end included, and of each of its tokens."""
        return self._score([self.sequence(text) for text in texts], self.parts.batches.batch_size)

    def _score(self, sequences: list[list[int]], batch_size: int) -> list[Score]:
        if isinstance(self.network, NgramLM):
            return table_scores(self.network, sequences)
        lm: Scored[Any] = self.network
        return score(lm, sequences, batch_size=batch_size)

    def predict(self, texts: Sequence[str], batch_size: int | None = None) -> list[Any]:
        """The log probability of each text, as :meth:`score`; ready for JSON, None for that of the impossible."""
        sequences = [self.sequence(text) for text in texts]
        scores = self._score(sequences, batch_size or self.parts.batches.batch_size)
        return [score.log_prob if math.isfinite(score.log_prob) else None for score in scores]

    def rank(self, texts: Iterable[str]) -> list[tuple[str, float]]:
        """The texts with their log probabilities in nats, the most probable first; equal ones in the order given."""
        given = list(texts)
        scored = zip(given, (score.log_prob for score in self.score(given)), strict=True)
        return sorted(scored, key=lambda pair: -pair[1])

    def evaluate(self, files: str | Path | Sequence[str | Path], encoding: str | None = None) -> Evaluation:
        """Loss, bits and perplexity over the text of some files, cut as the training text was.

        Args:
            files: files, folders or globs.
            encoding: of the files; None: that of the training text.

        Raises:
            DataError: a file cannot be used.
        """
        return self.evaluate_corpus(read(files, encoding=encoding or self.parts.text.encoding))

    def evaluate_corpus(self, corpus: Corpus) -> Evaluation:
        """As :meth:`evaluate`, of a text that was read already."""
        with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
            store = TokenStore.build(corpus, self.tokenizer, folder=folder, division=division(self.parts.text))
            return evaluate(self.network, store, self.parts.text, self.parts.batches, self.tokenizer.unk_id)

    def info(self) -> dict[str, Any]:
        """What it is, its sizes, how it was trained and how good it was found to be; ready for JSON."""
        network = self.network
        return {
            "task": "language model",
            "verified": self.verified,
            "level": self.tokenizer.level,
            "unit": network.unit,
            "vocabulary": network.vocabulary_size,
            **network.describe(),
            **{name: self.history[name] for name in ("training", "scores", "versions") if name in self.history},
            "text": {name: _told(entry) for name, entry in self.history.get("data", {}).get("texts", {}).items()},
        }

    def sequence(self, text: str) -> list[int]:
        """The token ids of a line by itself, with the token that ends it.

        A model of running text ends a line with the newline that it has seen in its text; one of sentences, or of
        words, with ``<eos>``.
        """
        newline = self.tokenizer.newline_id if self.parts.text.unit == "running" else None
        return [*self.tokenizer.encode(text), self.tokenizer.eos_id if newline is None else newline]


def load(folder: Folder, cell: Cell | type[Cell] | str | None = None) -> LanguageModel:
    """The model in a folder that was read.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    return LanguageModel(from_folder(folder, cell), folder.verified)


def load_arpa(path: str | Path, cell: Any = None) -> LanguageModel:
    """The model in an ARPA file.

    Raises:
        ModelFileError: it is missing, damaged, or no ARPA file.
        SettingError: a cell is given.
    """
    if cell is not None:
        raise SettingError("an ARPA file holds n-grams and has no cell", fix="leave the cell out")
    return LanguageModel(arpa.read(path), verified=None)


def evaluate(
    network: Network, store: TokenStore, text: TextSettings, batches: BatchSettings, unk_id: int | None = None
) -> Evaluation:
    """How good a network, in evaluation mode, is on an encoded text, every token scored once.

    Args:
        network: the model.
        store: the text.
        text: how it was cut.
        batches: how it is read.
        unk_id: the unknown token; where there are some, an n-gram model is measured without them too.
    """
    counts = store.counts
    predicted = counts.characters if text.lossless and not counts.unknown else 0
    known = None
    if isinstance(network, NgramLM):
        whole = text_of(store, text, network.vocabulary_size)
        measure, known = network.measure(whole, characters=predicted, unknown=unk_id if counts.unknown else None)
    else:
        measure = network.evaluate(one_pass(network, store, text, batches), characters=predicted)
    return Evaluation(measure, counts.unknown, counts.characters, known)


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    counts = {name: entry[name] for name in ("tokens", "unknown", "characters")}
    source = {name: value for name, value in (entry["text"] or {}).items() if name not in counts}
    return {**counts, **source}
