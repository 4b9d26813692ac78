"""Groups of layers that are fine-tuned apart: slower towards the input, and unfrozen one after another."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gatewise.errors import SettingError, TrainingError
from gatewise.training.settings import TrainingSettings

_ROUNDING = 1e-9  # 3/10 of an epoch, divided by an ``unfreeze_every`` of 0.1, is a little less than 3


class LayerGroups:
    """The layers of a network in groups, from the input's side to the output's.

    Group i of G, counted from 1, has the learning rate  r_i = r / rate_decay^(G - i)  and is trained from the epoch
    (G - i) unfreeze_every  on. Until then it asks for no gradient, so that the backward pass ends above it, its weights
    do not decay, and what the optimiser remembers of it stays zero.

    Args:
        groups: what ``Task.groups`` gives. Parameters that are never trained (``requires_grad`` is False) do not count,
            nor does a group that has no others.
        network: whose parameters they are.
        settings: ``rate_decay`` and ``unfreeze_every``.

    Attributes:
        groups: the parameters that are trained.
        trained: how many groups are trained now, from the last one on; at first all.

    Raises:
        TrainingError: a trained parameter is in no group or in two, or a group has one of another network.
        SettingError: the settings ask for several groups, and there is only one.

    Source: Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146, sections
    3.2 (discriminative fine-tuning, with 2.6 for ``rate_decay``) and 3.3 (gradual unfreezing, a group an epoch).

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(2, 1))
        >>> settings = TrainingSettings(rate_decay=2.0, unfreeze_every=1.5)
        >>> groups = LayerGroups([list(layer.parameters()) for layer in network], network, settings)
        >>> [groups.share(layer.bias) for layer in network], [groups.due(epoch) for epoch in (0.0, 1.4, 1.5, 3.0, 9.0)]
        ([0.25, 0.5, 1.0], [1, 1, 2, 3, 3])
    """

    def __init__(
        self, groups: Sequence[Sequence[nn.Parameter]], network: nn.Module, settings: TrainingSettings
    ) -> None:
        _check(groups, network)
        every = [[parameter for parameter in group if parameter.requires_grad] for group in groups]
        self.groups = [group for group in every if group]
        self.unfreeze_every, self.trained = settings.unfreeze_every, len(self.groups)
        self._shares = {
            id(parameter): settings.rate_decay ** -(len(self.groups) - number)
            for number, group in enumerate(self.groups, start=1)
            for parameter in group
        }
        if len(self.groups) == 1:
            _refuse("rate_decay", settings.rate_decay, 1)
            _refuse("unfreeze_every", settings.unfreeze_every, 0)

    def share(self, parameter: Tensor) -> float:
        """What the learning rate is multiplied by for a parameter: 1 in the last group."""
        return self._shares[id(parameter)]

    def due(self, epoch: float) -> int:
        """How many groups are trained at an epoch, from the last one on."""
        if not self.unfreeze_every:
            return len(self.groups)
        return min(len(self.groups), 1 + int(epoch / self.unfreeze_every + _ROUNDING))

    def train(self, count: int) -> None:
        """Have the last ``count`` groups trained, and the others frozen."""
        if count == self.trained:
            return
        for place, group in enumerate(reversed(self.groups)):
            for parameter in group:
                parameter.requires_grad_(place < count)
        self.trained = count

    def told(self, count: int, step: int) -> str:
        """That from a step on ``count`` groups are trained, in words.

        Example:
            >>> network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
            >>> settings = TrainingSettings(unfreeze_every=1.0)
            >>> groups = LayerGroups([list(layer.parameters()) for layer in network], network, settings)
            >>> groups.told(2, step=501)
            'from step 501 layer group 1 of 2 is trained too: 11 of 11 parameters'
        """
        most, sizes = len(self.groups), [sum(map(Tensor.numel, group)) for group in reversed(self.groups)]
        return (
            f"from step {step:,} layer group {most + 1 - count} of {most} is trained{' too' * (count > 1)}: "
            f"{sum(sizes[:count]):,} of {sum(sizes):,} parameters"
        )

    def never(self, epoch: float) -> str:
        """Which groups are still frozen at the epoch of the last step, in words; empty where none is."""
        frozen = len(self.groups) - self.due(epoch)
        which = "layer group 1 is" if frozen == 1 else f"layer groups 1 to {frozen} are"
        return f"the run ends before {which} unfrozen" if frozen else ""


def _check(groups: Sequence[Sequence[nn.Parameter]], network: nn.Module) -> None:
    """That each trained parameter of the network is in one group, and nothing else is in any."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found: dict[int, int] = {}
    for number, group in enumerate(groups, start=1):
        for parameter in group:
            if id(parameter) not in names:
                raise TrainingError(f"layer group {number} has a parameter that the network has not")
            if id(parameter) in found:
                raise TrainingError(
                    f"{names[id(parameter)]} is in layer group {found[id(parameter)]} and in {number}",
                    fix="a parameter belongs into one group",
                )
            found[id(parameter)] = number
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and id(parameter) not in found:
            raise TrainingError(f"{name} is trained, but it is in no layer group", fix="each belongs into one group")


def _refuse(name: str, value: float, off: float) -> None:
    if value != off:
        raise SettingError(
            f"{name} is {value:g}, but this network has one group of layers, and it takes two",
            fix=f"set {name} to {off:g}",
        )
