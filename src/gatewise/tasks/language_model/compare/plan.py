"""What a comparison is asked to do, and from it the plan of each of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells.user import resolve
from gatewise.models.settings import NgramLMSettings, RecurrentLMSettings, WindowLMSettings
from gatewise.tasks.language_model.compare.settings import COMPARE, CompareSettings, SharedSettings
from gatewise.tasks.language_model.ngram_run import NgramPlan
from gatewise.tasks.language_model.plan import Plan, refuse_ranks
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.run_folder import check_new, new_name
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings

_EPOCHS = 10_000
"""More than there is time for: a network ends with its time, or when validation stops improving."""
_STEPS_BETWEEN_VALIDATIONS = 25
_EPOCHS_WITHOUT_IMPROVEMENT = 3


@dataclass(frozen=True)
class ComparePlan:
    """A comparison before it begins.

    Attributes:
        files: what it trains on.
        folder: where all of it goes.
        asked: which models, how long, on how much.
        data: other texts.
        text: how the text is cut.
        batches: the sizes of batches.
        shared: what the models have in common.
    """

    files: tuple[str, ...]
    folder: Path
    asked: CompareSettings
    data: DataSettings
    text: TextSettings
    batches: BatchSettings
    shared: SharedSettings

    @property
    def networks(self) -> tuple[str, ...]:
        """The models that are trained step by step, in the order asked for, each once."""
        return tuple(dict.fromkeys(name for name in self.asked.models if name != "ngram"))

    def ngram(self, folder: Path) -> NgramPlan:
        """The plan of an n-gram model."""
        model = NgramLMSettings(order=self.shared.order)
        return NgramPlan(self.files, folder, None, None, self.data, self.text, model)

    def network(self, name: str, folder: Path, seconds: float, steps_per_epoch: int) -> Plan:
        """The plan of a network.

        Args:
            name: "window", or the cell.
            folder: of the run.
            seconds: that it may train.
            steps_per_epoch: of its text.
        """
        shared = self.shared
        sizes: dict[str, Any] = {
            field: getattr(shared, field) for field in ("embedding_size", "hidden_size", "output_dropout", "softmax")
        }
        recurrent = None if name == "window" else RecurrentLMSettings(cell=name, **sizes)
        return Plan(
            files=self.files,
            kind="lm" if recurrent else "window",
            folder=folder,
            resume=False,
            cell=resolve(name, "") if recurrent else None,
            data=self.data,
            text=self.text,
            batches=self.batches,
            # Without direct connections its output layer is as large as those of the others.
            model=recurrent or WindowLMSettings(window=shared.window, direct=False, **sizes),
            training=self._training(name, seconds, steps_per_epoch),
        )

    def _training(self, name: str, seconds: float, steps_per_epoch: int) -> TrainingSettings:
        every = min(steps_per_epoch, _STEPS_BETWEEN_VALIDATIONS)
        return TrainingSettings(
            learning_rate=self.shared.rate(name),
            adam_beta2=0.99,
            weight_decay=0.1,
            warmup=0.05,
            epochs=_EPOCHS,
            max_minutes=seconds / 60,
            validate_every=every,
            patience=-(-_EPOCHS_WITHOUT_IMPROVEMENT * steps_per_epoch // every),
            checkpoint_every=1_000_000,
            keep=1,
            log_every=20,
            seed=self.shared.seed,
            threads=self.shared.threads,
        )


def make_compare_plan(files: Sequence[str], given: Mapping[str, Any]) -> ComparePlan:
    """The plan of a comparison.

    Args:
        files: as given; none for the default corpus.
        given: settings by name.

    Raises:
        SettingError: a name or a value is refused.
        TrainingError: the folder is there already.

    Example:
        >>> make_compare_plan(["notes.txt"], {"out": "my_run", "models": ["gru", "ngram"]}).networks
        ('gru',)
    """
    tables: dict[str, Any] = COMPARE.build(given)
    asked: CompareSettings = tables["compare"]
    refuse_ranks(tables["text"].level, tables["shared"].softmax)
    folder = Path(asked.out) if asked.out else new_name("compare")
    check_new(folder)
    batches = BatchSettings(**tables["batches"].to_dict())
    return ComparePlan(tuple(files), folder, asked, tables["data"], tables["text"].plain(), batches, tables["shared"])
