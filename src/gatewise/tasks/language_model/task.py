"""Language modelling as the training loop sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from gatewise.models.neural_lm import NeuralLM
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import WindowLMSettings
from gatewise.models.window_lm import WindowLM
from gatewise.storage import write_folder
from gatewise.tasks.identity import identity_of
from gatewise.tasks.language_model.data import Data
from gatewise.tasks.language_model.folder import Parts, to_files
from gatewise.tasks.language_model.model import Evaluation, LanguageModel, evaluate
from gatewise.tasks.language_model.plan import Plan
from gatewise.text.batch import Batch
from gatewise.text.store import TokenStore
from gatewise.text.streams import BatchStream, stream
from gatewise.training.result import Result
from gatewise.training.selection import Selection
from gatewise.training.task import StepLoss

_UNITS = {"word": "word", "char": "character", "byte": "byte"}
SAMPLE_TOKENS = {"word": 80, "char": 400, "byte": 400, "bpe": 120, "unigram": 120}
"""How long the texts are that a run shows, in tokens of each level."""
_SAMPLES, _TEMPERATURE = 3, 0.8


class LanguageModelTask:
    """A run's network, data and measures; see :class:`gatewise.training.task.Task`.

    Args:
        plan: of the run.
        data: its text.
    """

    nats, selects_by = True, Selection("loss")

    def __init__(self, plan: Plan, data: Data) -> None:
        self.plan, self.data, self.name = plan, data, plan.kind
        self.unit = _UNITS.get(data.tokenizer.level, "token")
        self._samples: list[str] = []

    def identity(self) -> dict[str, Any]:
        """Settings of text, batches and model, the cell, and the SHA-256 of what is read."""
        plan, texts = self.plan, self.data.record["texts"]
        return {
            **plan.text.to_dict(),
            **plan.batches.to_dict(),
            **plan.model.to_dict(),
            **({} if plan.cell is None else identity_of(plan.cell)),
            "tokenizer": self.data.tokenizer.fingerprint,
            "texts": {name: entry["text"] and entry["text"]["sha256"] for name, entry in texts.items()},
        }

    def network(self) -> NeuralLM:
        """The network, newly initialised."""
        plan, sizes = self.plan, (self.data.tokenizer.vocabulary_size, self.data.tokenizer.eos_id)
        if isinstance(plan.model, WindowLMSettings):
            return WindowLM(plan.model, *sizes, unit=plan.text.unit)
        return RecurrentLM(plan.model, *sizes, unit=plan.text.unit, cell=plan.cell)

    def groups(self, network: nn.Module) -> list[list[nn.Parameter]]:
        """One: it is trained from nothing, so that no layer knows more than another."""
        return [list(network.parameters())]

    def computed_by(self, network: nn.Module) -> dict[str, str]:
        """The runner of the recurrent layers, with the reason for it."""
        own = _own(network)
        if not isinstance(own, RecurrentLM):
            return {}
        choice = own.recurrent.choice()
        slow = ", which is slow" if choice.name == "reference" else ""
        return {"recurrent layers": f"{choice.name} ({choice.reason}){slow}"}

    def train_batches(self) -> BatchStream:
        """The training text from its beginning."""
        return stream(self.data.train, self.plan.text, self.plan.batches, self.plan.training.seed)

    def loss(self, network: nn.Module, batch: Batch, carry: Any) -> StepLoss:
        """The loss of a batch; running text carries the state of the layers."""
        total, count, state = _own(network).loss(batch, carry)
        return StepLoss(total, count, state if self.plan.text.unit == "running" else None)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss per token on the held-out text; bits per character where its tokens hold it, else what is unknown."""
        data = self.data
        found = self._evaluate(network, data.valid if data.watched is None else data.watched)
        measures = {"loss": found.measure.nats_per_token}
        if found.measure.bits_per_character is not None:
            measures["bits_per_character"] = found.measure.bits_per_character
        if found.unknown:
            measures["unknown_share"] = found.unknown_share
        return measures

    def samples(self, network: nn.Module) -> list[str]:
        """A few texts that it writes from nothing."""
        length = SAMPLE_TOKENS[self.data.tokenizer.level]
        model = self._model(network, {})
        seed = self.plan.training.seed
        self._samples = model.generate_many(n=_SAMPLES, length=length, temperature=_TEMPERATURE, seed=seed)
        return self._samples

    def save(self, network: nn.Module, folder: Path, result: Result) -> None:
        """Write the model folder, with the measures on the held-out and the test text."""
        stores = {"validation": self.data.valid, "test": self.data.test}
        scores = {name: self._evaluate(network, store).to_dict() for name, store in stores.items() if store is not None}
        settings = {name: getattr(self.plan, name).to_dict() for name in ("text", "batches", "training")}
        history = {
            "data": self.data.record,
            "settings": settings,
            "training": result.told(),
            "scores": scores,
            "samples": self._samples,
            "versions": result.versions,
        }
        write_folder(folder, to_files(self._parts(network, history)), replace=True)

    def _evaluate(self, network: nn.Module, store: TokenStore) -> Evaluation:
        return evaluate(_own(network), store, self.plan.text, self.plan.batches)

    def _model(self, network: nn.Module, history: dict[str, Any]) -> LanguageModel:
        return LanguageModel(self._parts(network, history))

    def _parts(self, network: nn.Module, history: dict[str, Any]) -> Parts:
        return Parts(_own(network), self.data.tokenizer, self.plan.text, self.plan.batches, history)


def _own(network: nn.Module) -> NeuralLM:
    assert isinstance(network, NeuralLM)  # the loop hands back what network() made
    return network
