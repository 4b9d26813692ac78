"""The settings of training a classifier, and of the verbs on one; imports without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gatewise.errors import SettingError
from gatewise.models.encoder_settings import ClassifierSettings
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.settings import LoadSettings, ReportSettings
from gatewise.text.labelled.settings import Format
from gatewise.text.settings import Encoding
from gatewise.training.settings import TrainingSettings


@dataclass(frozen=True)
class DataSettings(Settings):
    """What is read beside the texts to train on."""

    dev: str | None = setting(
        None, "labelled texts to validate on; without it, a share of those to train on", metavar="FILE"
    )
    test: str | None = setting(None, "labelled texts to report the final model on", metavar="FILE")
    validation_share: float = setting(
        0.1, "share of the texts of every label held out for validation where no dev is given", above=0, below=1
    )
    split_seed: int = setting(0, "of the choice of texts that are held out", minimum=0)
    from_lm: str | None = setting(
        None, "a language model with recurrent layers to start from: its tokens, vectors and layers", metavar="MODEL"
    )


@dataclass(frozen=True)
class TokenSettings(Settings):
    """How a text becomes tokens.

    Raises:
        SettingError: a value out of its range, or values that contradict each other.

    Example:
        >>> TokenSettings(level="char", cutting="spaces")
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: cutting is of words, but level is char; leave it out, or give level=word
    """

    vocabulary_size: int = setting(
        0, "keep this many at most, <unk> counted; 0: all, and 4096 pieces for bpe and unigram", minimum=0
    )
    minimum_count: int = setting(0, "rarer ones become <unk>; 0: 2 for words, else 1", minimum=0)
    lowercase: bool = setting(False, "look words up in small letters")
    vectors: str | None = setting(
        None, "pretrained vectors of words, in the text format of word2vec, GloVe or fastText", metavar="FILE"
    )
    level: Literal["word", "char", "byte", "bpe", "unigram"] = setting("word", "what a token is")
    cutting: Literal["words", "spaces", "english", "french"] = setting(
        "words", "what a word is; spaces: what stands between spaces; or the rule of a language"
    )
    longest_text: int = setting(
        1000, "of a longer text the first half and the last half of so many are read", minimum=2, unit="tokens"
    )

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        for name, usual in (("cutting", "words"), ("vectors", None)):
            if self.level != "word" and getattr(self, name) != usual:
                message = f"{name} {'is' if name == 'cutting' else 'are'} of words, but level is {self.level}"
                raise SettingError(message, fix="leave it out, or give level=word")


@dataclass(frozen=True)
class NetworkSettings(ClassifierSettings):
    """A classifier for some thousand short texts; as :class:`ClassifierSettings` but for defaults."""

    hidden_size: int = setting(128, "width of each layer and direction", minimum=1, maximum=65_536, unit="units")
    word_dropout: float = setting(0.0, "share of tokens that training replaces by <unk>", minimum=0, below=1)
    input_dropout: float = setting(0.4, "dropout on what the first layer reads", minimum=0, below=1)
    output_dropout: float = setting(0.4, "dropout on what the last layer returns", minimum=0, below=1)


@dataclass(frozen=True)
class FitSettings(TrainingSettings):
    """How a classifier is trained; as :class:`TrainingSettings` but for defaults."""

    epochs: float = setting(8.0, "times to go through the training data", above=0)
    weight_decay: float | None = setting(
        0.1,
        "weight decay of matrices, not of vectors; none: 0.01 for adamw, 0 for sgd, 1.2e-6 for nt-asgd",
        minimum=0,
    )


@dataclass(frozen=True)
class ColumnSettings(Settings):
    """How texts are found in a file, where it is another way than in training; see ``gatewise train classify``."""

    text: str | None = setting(None, "column of the text, by name or number", metavar="COLUMN")
    format: Format | None = setting(None, "form of the file; auto: what its name ends in")
    header: Literal["auto", "yes", "no"] | None = setting(None, "whether a table begins with names of columns")
    delimiter: str | None = setting(None, "the sign between columns, or tab")
    quotes: Literal["auto", "yes", "no"] | None = setting(None, "whether double quotes enclose cells")
    encoding: Encoding | None = setting(None, "the encoding of the text; without it, that of the training text")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the given values that are of this table."""
        names = {field.name for field in cls.declared()}
        return {name: value for name, value in given.items() if name in names}


@dataclass(frozen=True)
class TableSettings(ColumnSettings):
    """How texts and their labels are found in a file, where it is another way than in training."""

    label: str | None = setting(None, "column of the label, by name or number", metavar="COLUMN")
    label_separator: str | None = setting(None, "divides the labels of a text that may have several")
    label_until: str | None = setting(None, "of a label only what stands before this sign counts")
    label_prefix: str | None = setting(None, "what each label begins with where lines begin with several")


@dataclass(frozen=True)
class ClassifySettings(Settings):
    """What is told of each text beside its label."""

    explain: bool = setting(False, "show which words spoke for the label, and which against it")
    method: Literal["leave-one-out", "gradient"] = setting(
        "leave-one-out",
        "how words are weighed; leave-one-out: the score without each; gradient: quicker for long texts",
    )
    html: str | None = setting(None, "write the explained texts as a page", metavar="FILE")


@dataclass(frozen=True)
class EvalSettings(Settings):
    """Where more than the measures goes."""

    report: str | None = setting(
        None, "of a classifier: a new folder for the confusion plot and the errors", metavar="DIR"
    )


CLASSIFY = Group(texts=ColumnSettings, telling=ClassifySettings, loading=LoadSettings, output=ReportSettings)
EVAL = Group(texts=TableSettings, telling=EvalSettings, loading=LoadSettings, output=ReportSettings)
INFO = Group(loading=LoadSettings, output=ReportSettings)
