"""The settings of tagging and of its verbs; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.models.encoder_settings import TaggerSettings
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.settings import LoadSettings, ReportSettings
from gatewise.tasks.text_settings import TextBatchSettings
from gatewise.text.conll.settings import ConllSettings
from gatewise.text.settings import Encoding
from gatewise.training.settings import TrainingSettings

Unseen = Literal["error", "wrong"]


@dataclass(frozen=True)
class DataSettings(Settings):
    """Tagged files beside those that are trained on, and how all are read."""

    dev: str | None = setting(
        None, "tagged file that chooses the best weights; without it, the last sentences are held out", metavar="FILE"
    )
    test: str | None = setting(None, "tagged file to report the final model on", metavar="FILE")
    validation_share: float = setting(0.1, "share of the sentences that is held out without dev", above=0, below=1)
    unseen_tags: Unseen = setting(
        "error",
        "what a tag of dev or test is that no sentence to train on has: an error, or a word tagged wrong",
    )
    encoding: Encoding = setting("utf-8", "the encoding of the files")


@dataclass(frozen=True)
class TagSettings(Settings):
    """How tags are learnt that name entities."""

    scheme: Literal["auto", "BIOES", "BIO", "IOB1", "none"] = setting(
        "auto",
        "how the network writes entities inside, whatever the files do; auto: BIOES where the tags name entities; "
        "none: tags are tags. What comes out is written as the files to train on are",
    )


@dataclass(frozen=True)
class WordSettings(Settings):
    """Which words a tagger knows, and how plain text is cut into words."""

    minimum_count: int = setting(1, "rarer words become <unk>, and are known by their characters only", minimum=1)
    vocabulary_size: int = setting(0, "keep this many words at most; 0: all", minimum=0)
    lowercase: bool = setting(False, "look words up in small letters; their characters stay as they are")
    cutting: Literal["words", "spaces", "english", "french"] = setting(
        "words", "how the model cuts plain text into words; it should be as in the files to train on"
    )
    vectors: str | None = setting(
        None, "pretrained word vectors to begin with: word2vec, GloVe or fastText as text", metavar="FILE"
    )


@dataclass(frozen=True)
class SentenceBatchSettings(TextBatchSettings):
    """How many sentences are computed together, and how long they may be."""

    longest_sentence: int = setting(
        1000, "a longer sentence to train on is an error; in prediction it is tagged in parts", minimum=1, unit="words"
    )


@dataclass(frozen=True)
class TaggingSettings(TaggerSettings):
    """The network; the words' characters are read unless it is told otherwise.

    Example:
        >>> TaggingSettings().characters
        'rnn'
    """

    characters: Literal["none", "rnn", "cnn"] = setting(
        "rnn", "what reads the characters of a word: nothing, the cell in both directions, or filters"
    )
    character_hidden_size: int = setting(
        50, "width of each direction of rnn, or how many filters cnn has", minimum=1, maximum=65_536, unit="units"
    )
    word_dropout: float = setting(0.15, "share of words that training replaces by <unk>", minimum=0, below=1)
    input_dropout: float = setting(0.2, "dropout on what the first layer reads", minimum=0, below=1)
    output_dropout: float = setting(0.3, "dropout on what the last layer returns", minimum=0, below=1)

    def network(self) -> TaggerSettings:
        """The settings of the network; without what is told of characters where none are read."""
        values = self.to_dict()
        if self.characters == "none":
            values = {name: value for name, value in values.items() if not name.startswith("character_")}
        return TaggerSettings.from_dict(values)


@dataclass(frozen=True)
class FitSettings(TrainingSettings):
    """How a tagger is trained; as :class:`TrainingSettings` but for defaults."""

    learning_rate: float = setting(0.005, "the highest learning rate of the schedule", above=0)
    epochs: float = setting(6.0, "times to go through the training data", above=0)


@dataclass(frozen=True)
class EvalSettings(ConllSettings):
    """How a tagged file is read that a model is measured on."""

    unseen_tags: Unseen = setting("error", "what a tag is that the model has not: an error, or a word tagged wrong")
    encoding: Encoding = setting("utf-8", "the encoding of the file")
    conlleval: bool = setting(False, "the lines that the script conlleval prints")


@dataclass(frozen=True)
class SourceSettings(Settings):
    """What is tagged, and how the result is written.

    Raises:
        SettingError: values that contradict each other.
    """

    pretokenised: bool = setting(False, "words of plain text are what stands between spaces")
    cutting: Literal["words", "spaces", "english", "french"] | None = setting(
        None, "how plain text is cut into words; without it, as the model was told in training"
    )
    conllu: bool = setting(False, "CoNLL-U in, the same out with other tags; by itself where the name ends in .conllu")
    columns: bool = setting(
        False, "a word a line in, the same out with the tags; by itself where the name ends in .conll, .bio or .iob"
    )
    add: bool = setting(False, "in columns: put the tags into one more column instead of replacing those in the last")
    tag_column: int = setting(-1, "in columns: where the tags stand, from 1; negative: counted from the end")
    word_column: int = setting(1, "in columns: where the words stand, from 1; negative: counted from the end")
    tags: Literal["upos", "xpos", "feats"] | None = setting(
        None, "the column of CoNLL-U that the tags go to; without it, the one that the model was trained on"
    )
    nbest: int = setting(
        1, "how many sequences of tags for each sentence, with their probabilities", minimum=1, maximum=1000
    )
    json: bool = setting(False, "a JSON object for each line of text: words, tags, offsets, entities")
    encoding: Encoding = setting("utf-8", "the encoding of the file")

    def __post_init__(self) -> None:
        """Refuse what would not be read."""
        super().__post_init__()
        if self.conllu and self.columns:
            raise SettingError("conllu and columns exclude each other", fix="give one of them")
        if self.pretokenised and self.cutting not in (None, "spaces"):
            message = f"pretokenised text is cut at spaces, but cutting is {self.cutting}"
            raise SettingError(message, fix="leave one of them out")


EVAL = Group(reading=EvalSettings, loading=LoadSettings, output=ReportSettings)
TAG = Group(text=SourceSettings, loading=LoadSettings)
INFO = Group(loading=LoadSettings, output=ReportSettings)
