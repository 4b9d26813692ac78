"""What a task must offer, so that one loop trains them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gatewise.training.selection import Selection

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gatewise.training.result import Result


@dataclass(frozen=True, slots=True)
class StepLoss:
    """The loss of one batch.

    Attributes:
        total: the sum of the losses of all units, a scalar that gradients flow from.
        count: how many units were summed, at least 1.
        carry: what the next batch continues from: tensors in dicts, lists and tuples, or None. The loop detaches it.
    """

    total: Tensor
    count: int
    carry: Any = None


class BatchStream(Protocol):
    """Batches without end, epoch after epoch, with a place that can be saved and gone back to."""

    def __next__(self) -> Any:
        """The next batch, whatever the task's own ``loss`` takes."""
        ...

    @property
    def epoch(self) -> float:
        """How many times the data has been read, with the fraction of the present time."""
        ...

    @property
    def batches_per_epoch(self) -> int:
        """How many batches make an epoch, at least 1."""
        ...

    def state(self) -> dict[str, Any]:
        """The place in the data: numbers, texts, lists, dicts, tensors."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a place that :meth:`state` gave, so that the batches are the same as they would have been."""
        ...


class Task(Protocol):
    """A thing to learn: its network, its data, its loss, and how the result is measured and kept.

    The loop calls :meth:`network` and :meth:`train_batches` once, after it has seeded the random numbers.
    """

    @property
    def name(self) -> str:
        """The task in a word, such as ``lm``."""
        ...

    @property
    def unit(self) -> str:
        """What ``StepLoss.count`` counts, in the singular, such as ``token``."""
        ...

    @property
    def nats(self) -> bool:
        """Whether the loss is a negative natural log probability per unit, so that exp(loss) is a perplexity."""
        ...

    @property
    def selects_by(self) -> Selection:
        """The measure of :meth:`validate` that says which weights are best, such as the loss."""
        ...

    def identity(self) -> dict[str, Any]:
        """What must be the same when a run is resumed: settings of model and data, fingerprints; ready for JSON.

        A dict inside it is shown in the report as a table of settings.
        """
        ...

    def network(self) -> nn.Module:
        """The network to train, on its device, newly initialised."""
        ...

    def groups(self, network: nn.Module) -> list[list[nn.Parameter]]:
        """The parameters in groups of layers, from the input's side to the output's; each trained one is in one.

        A group learns ``rate_decay`` times slower than the one above it, and ``unfreeze_every`` lets them be trained
        one after another. A network that is not fine-tuned is one group.
        """
        ...

    def computed_by(self, network: nn.Module) -> dict[str, str]:
        """What carries out the parts of the network that can be computed in more than one way: part -> how, in words.

        It is said when a run begins, kept with its versions, and compared with them when it is resumed.
        """
        ...

    def train_batches(self) -> BatchStream:
        """The training data from its beginning."""
        ...

    def loss(self, network: nn.Module, batch: Any, carry: Any) -> StepLoss:
        """The loss of a batch that continues from ``carry`` (None: from the beginning).

        Asked for once more where a step was not finite, to find out where that began.
        """
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measures on held-out data; the ``loss``, a mean per unit, and what :attr:`selects_by` names are among them.

        The network is in evaluation mode, without gradients; random numbers drawn here do not change the training.
        """
        ...

    def samples(self, network: nn.Module) -> list[str]:
        """A few texts that show what the network has learnt, for the report."""
        ...

    def save(self, network: nn.Module, folder: Path, result: Result) -> None:
        """Write the model to ``folder``; the network holds the weights that validated best."""
        ...
