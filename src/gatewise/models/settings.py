"""What a recurrent language model is built from; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class RecurrentLMSettings(Settings):
    """Cell, sizes, regularisation and output layer of a `RecurrentLM`.

    The defaults are a character model for an ordinary computer. For words, tie the weights and let the embedding be
    as wide as a layer: ``embedding_size=400, hidden_size=400, tie_weights=True`` with some dropout.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> RecurrentLMSettings(cell="rnn", cell_options="nonlinearity=relu,start=identity").hidden_size
        256
        >>> RecurrentLMSettings(softmax="adaptive", cutoffs=(2000, 1000))
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: cutoffs must rise, but 2000, 1000 was given
    """

    cell: str = setting("lstm", "a registered cell, or FILE.py:CLASS for one of your own")
    cell_options: str = setting("", "constants of the cell, such as nonlinearity=relu,start=identity")
    embedding_size: int = setting(128, "width of the vector of a token", minimum=1, maximum=65_536, unit="units")
    hidden_size: int = setting(256, "width of each layer", minimum=1, maximum=65_536, unit="units")
    num_layers: int = setting(1, "layers over each other", minimum=1, maximum=64, unit="layers")
    projection_size: int = setting(
        0, "width of the output of a cell with a projection, such as projected_lstm", minimum=0, maximum=65_536
    )
    residual: bool = setting(False, "every layer but the first adds what the layer below returned")
    initial_state: Literal["zero", "learned"] = setting("zero", "the state before the first token")
    embedding_dropout: float = setting(0.0, "share of token kinds whose vector is zero for a step", minimum=0, below=1)
    input_dropout: float = setting(0.0, "dropout on the vectors of the tokens", minimum=0, below=1)
    hidden_dropout: float = setting(0.0, "dropout between layers", minimum=0, below=1)
    output_dropout: float = setting(0.0, "dropout on what the last layer returns", minimum=0, below=1)
    locked_masks: bool = setting(True, "input, hidden and output dropout keep one mask for all time steps of a batch")
    weight_dropout: float = setting(0.0, "dropout on the recurrent weights, one mask a step", minimum=0, below=1)
    zoneout: float = setting(0.0, "probability that a unit keeps its old state", minimum=0, below=1)
    tie_weights: bool = setting(False, "the output layer uses the vectors of the tokens as its weights")
    softmax: Literal["full", "adaptive"] = setting(
        "full", "adaptive: rare tokens in groups, quicker where the vocabulary is large"
    )
    cutoffs: tuple[int, ...] = setting(
        (), "where the groups of adaptive begin, by rank; none: a tenth and a third of the vocabulary", minimum=1
    )
    tail_rank: int = setting(0, "rank of the map into each group of adaptive; 0: full", minimum=0, unit="units")
    runner: Literal["auto", "reference", "torch", "fused"] = setting("auto", "the only runner allowed, or auto")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if any(low >= high for low, high in pairwise(self.cutoffs)):
            raise SettingError(f"cutoffs must rise, but {', '.join(map(str, self.cutoffs))} was given")
        self._refuse_unread()

    def _refuse_unread(self) -> None:
        """A value that nothing would read is a mistake of whoever gave it."""
        if self.softmax == "full" and (self.cutoffs or self.tail_rank):
            name = "cutoffs" if self.cutoffs else "tail_rank"
            message = f"{name} belongs to the adaptive softmax, but softmax is full"
            raise SettingError(message, fix="give softmax=adaptive")
        if self.num_layers == 1 and (self.hidden_dropout or self.residual):
            name = "hidden_dropout" if self.hidden_dropout else "residual"
            raise SettingError(f"{name} acts between layers, but num_layers is 1", fix="give num_layers=2 or more")
