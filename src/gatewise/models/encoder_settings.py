"""What a text classifier and a tagger are built from; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.models.settings import CellSettings, LayerSettings
from gatewise.settings import setting


@dataclass(frozen=True)
class EncoderSettings(LayerSettings, CellSettings):
    """Vectors of words, perhaps made of characters too, and the recurrent layers that read them.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> EncoderSettings(character_hidden_size=50)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: character_hidden_size belongs to characters, but characters is none; give ...
    """

    embedding_size: int = setting(100, "width of the vector of a token", minimum=1, maximum=65_536, unit="units")
    hidden_size: int = setting(200, "width of each layer and direction", minimum=1, maximum=65_536, unit="units")
    bidirectional: bool = setting(True, "a second set of parameters reads every text from its end")
    characters: Literal["none", "rnn", "cnn"] = setting(
        "none", "what reads the characters of a word: nothing, the cell in both directions, or filters"
    )
    character_embedding_size: int = setting(
        25, "width of the vector of a character", minimum=1, maximum=65_536, unit="units"
    )
    character_hidden_size: int = setting(
        25, "width of each direction of rnn, or how many filters cnn has", minimum=1, maximum=65_536, unit="units"
    )
    word_dropout: float = setting(0.0, "share of tokens that training replaces by <unk>", minimum=0, below=1)
    embedding_dropout: float = setting(0.0, "share of token kinds whose vector is zero for a step", minimum=0, below=1)
    input_dropout: float = setting(0.0, "dropout on what the first layer reads", minimum=0, below=1)
    output_dropout: float = setting(0.0, "dropout on what the last layer returns", minimum=0, below=1)
    locked_masks: bool = setting(True, "input, hidden and output dropout keep one mask for all time steps of a text")
    freeze_vectors: bool = setting(False, "training leaves the vectors of the tokens as they are")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        usual = {field.name: field.default for field in self.declared()}
        for name in ("character_embedding_size", "character_hidden_size"):
            if self.characters == "none" and getattr(self, name) != usual[name]:
                message = f"{name} belongs to characters, but characters is none"
                raise SettingError(message, fix="give characters=rnn or characters=cnn")


@dataclass(frozen=True)
class ClassifierSettings(EncoderSettings):
    """Encoder, pooling and loss of a `Classifier`.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> ClassifierSettings(pooling="attention", class_weights="balanced").hidden_size
        200
    """

    pooling: Literal["last", "mean", "max", "all", "attention"] = setting(
        "all", "one vector of all steps of a text; all: last, max and mean side by side"
    )
    multi_label: bool = setting(False, "a text may have any number of labels, none included")
    class_weights: Literal["none", "balanced"] = setting(
        "none", "balanced: in the loss rare labels weigh as much in all as frequent ones"
    )
    direct_order: int = setting(
        0, "n-grams of up to so many tokens have connections of their own to the labels", minimum=0, maximum=8
    )
    direct_minimum: int = setting(1, "texts that an n-gram of two tokens or more must be in for that", minimum=1)


@dataclass(frozen=True)
class TaggerSettings(EncoderSettings):
    """Encoder and output layer of a `Tagger`.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> TaggerSettings(characters="cnn").output
        'crf'
    """

    output: Literal["softmax", "crf"] = setting(
        "crf", "crf: the tags of a text are scored together; softmax: each tag by itself"
    )
