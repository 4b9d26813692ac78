"""What a recurrent language model is built from; imports without torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting


def unusual(settings: Settings, told: Collection[str] = ()) -> dict[str, Any]:
    """The values that are not the defaults, but for those that are ``told`` elsewhere.

    Example:
        >>> unusual(WindowLMSettings(window=2, tie_weights=True), told=("window",))
        {'tie_weights': True}
    """
    usual = type(settings)().to_dict()
    return {name: value for name, value in settings.to_dict().items() if value != usual[name] and name not in told}


@dataclass(frozen=True)
class CellSettings(Settings):
    """The cell of recurrent layers."""

    cell: str = setting("lstm", "a registered cell, or FILE.py:CLASS for one of your own")
    cell_options: str = setting("", "constants of the cell, such as nonlinearity=relu,start=identity")


@dataclass(frozen=True)
class NeuralLMSettings(Settings):
    """Sizes, regularisation and output layer of every neural language model.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.
    """

    embedding_size: int = setting(128, "width of the vector of a token", minimum=1, maximum=65_536, unit="units")
    hidden_size: int = setting(256, "width of each layer", minimum=1, maximum=65_536, unit="units")
    embedding_dropout: float = setting(0.0, "share of token kinds whose vector is zero for a step", minimum=0, below=1)
    input_dropout: float = setting(0.0, "dropout on the vectors of the tokens", minimum=0, below=1)
    output_dropout: float = setting(0.0, "dropout on what the last layer returns", minimum=0, below=1)
    locked_masks: bool = setting(True, "input, hidden and output dropout keep one mask for all time steps of a batch")
    tie_weights: bool = setting(False, "the output layer uses the vectors of the tokens as its weights")
    softmax: Literal["full", "adaptive"] = setting(
        "full", "adaptive: rare tokens in groups, quicker where the vocabulary is large"
    )
    cutoffs: tuple[int, ...] = setting(
        (), "where the groups of adaptive begin, by rank; none: a tenth and a third of the vocabulary", minimum=1
    )
    tail_rank: int = setting(0, "rank of the map into each group of adaptive; 0: full", minimum=0, unit="units")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if any(low >= high for low, high in pairwise(self.cutoffs)):
            raise SettingError(f"cutoffs must rise, but {', '.join(map(str, self.cutoffs))} was given")
        if self.softmax == "full" and (self.cutoffs or self.tail_rank):
            name = "cutoffs" if self.cutoffs else "tail_rank"
            message = f"{name} belongs to the adaptive softmax, but softmax is full"
            raise SettingError(message, fix="give softmax=adaptive")


@dataclass(frozen=True)
class LayerSettings(Settings):
    """Recurrent layers over each other: what does not depend on what they are used for.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.
    """

    num_layers: int = setting(1, "layers over each other", minimum=1, maximum=64, unit="layers")
    projection_size: int = setting(
        0, "width of the output of a cell with a projection, such as projected_lstm", minimum=0, maximum=65_536
    )
    residual: bool = setting(False, "every layer but the first adds what the layer below returned")
    initial_state: Literal["zero", "learned"] = setting("zero", "the state before the first token")
    hidden_dropout: float = setting(0.0, "dropout between layers", minimum=0, below=1)
    weight_dropout: float = setting(0.0, "dropout on the recurrent weights, one mask a step", minimum=0, below=1)
    zoneout: float = setting(0.0, "probability that a unit keeps its old state", minimum=0, below=1)
    runner: Literal["auto", "reference", "torch", "fused"] = setting("auto", "the only runner allowed, or auto")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.num_layers == 1 and (self.hidden_dropout or self.residual):
            name = "hidden_dropout" if self.hidden_dropout else "residual"
            raise SettingError(f"{name} acts between layers, but num_layers is 1", fix="give num_layers=2 or more")


@dataclass(frozen=True)
class RecurrentLMSettings(LayerSettings, NeuralLMSettings, CellSettings):
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


@dataclass(frozen=True)
class WindowLMSettings(NeuralLMSettings):
    """Window, sizes, regularisation and output layer of a `WindowLM`.

    Example:
        >>> WindowLMSettings(window=4, direct=False).hidden_size
        256
    """

    window: int = setting(4, "how many of the last tokens decide", minimum=1, maximum=1000, unit="tokens")
    direct: bool = setting(True, "direct connections from the vectors of the tokens to the output")


@dataclass(frozen=True)
class NgramLMSettings(Settings):
    """Order and smoothing of an `NgramLM`.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> NgramLMSettings(order=3, prune=(0, 0, 1)).smoothing
        'modified-kneser-ney'
    """

    order: int = setting(5, "n: how many tokens an n-gram has at most", minimum=1, maximum=7, unit="tokens")
    smoothing: Literal[
        "modified-kneser-ney",
        "kneser-ney",
        "witten-bell",
        "katz",
        "jelinek-mercer",
        "stupid-back-off",
        "add-delta",
        "maximum-likelihood",
    ] = setting("modified-kneser-ney", "what is done for words that were not seen after a context")
    delta: float = setting(1.0, "what add-delta adds to every count; 1: Laplace", above=0)
    prune: tuple[int, ...] = setting(
        (), "for each order: n-grams that occur at most so often are left out; the last number holds on", minimum=0
    )

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.delta != 1.0 and self.smoothing != "add-delta":
            message = f"delta belongs to add-delta, but smoothing is {self.smoothing}"
            raise SettingError(message, fix="give smoothing=add-delta")
        if any(low > high for low, high in pairwise(self.prune)):
            told = ", ".join(map(str, self.prune))
            raise SettingError(f"prune must not fall from an order to the next, but {told} was given")
