"""The settings of the verbs; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.errors import SettingError
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.settings import LoadSettings, ReportSettings
from gatewise.text.settings import Encoding


@dataclass(frozen=True)
class DataSettings(Settings):
    """Texts beside the training text."""

    valid: str | None = setting(None, "text to validate on; without it, a share of the training text", metavar="FILE")
    test: str | None = setting(None, "text to report the final model on", metavar="FILE")


@dataclass(frozen=True)
class ReadSettings(Settings):
    """How a text is read that the model did not train on."""

    encoding: Encoding | None = setting(None, "the encoding of the text; without it, that of the training text")


@dataclass(frozen=True)
class GenerateSettings(Settings):
    """How text is written."""

    prompt: str = setting("", "the text to go on from")
    length: int = setting(200, "how much to write at most", minimum=1, unit="tokens")
    temperature: float = setting(1.0, "below 1 more of the likely, above 1 more surprise", above=0)
    top_k: int | None = setting(None, "draw from the k most likely tokens only", minimum=1)
    top_p: float | None = setting(None, "draw from the likeliest tokens that hold this probability", above=0, maximum=1)
    seed: int = setting(0, "the same seed writes the same text", minimum=0)
    n: int = setting(1, "how many texts", minimum=1, unit="texts")
    greedy: bool = setting(False, "always the likeliest token")
    beam: int | None = setting(None, "beam search of this width instead of drawing", minimum=1, metavar="WIDTH")
    length_penalty: float = setting(
        0.0, "beam compares log p / tokens^this: 0 favours short texts, 1 takes the mean of the tokens", minimum=0
    )

    def __post_init__(self) -> None:
        """Refuse what would not be read."""
        super().__post_init__()
        way = "greedy" if self.greedy else "beam" if self.beam is not None else ""
        drawing = {"temperature": 1.0, "top_k": None, "top_p": None}
        unread = [name for name, default in drawing.items() if getattr(self, name) != default]
        if self.greedy and self.beam is not None:
            raise SettingError("greedy and beam exclude each other", fix="give one of them")
        if way and unread:
            raise SettingError(f"{way} draws nothing, so {unread[0]} would not be read", fix=f"leave out {unread[0]}")
        if self.greedy and self.n > 1:
            raise SettingError(f"greedy writes one text only, but n is {self.n}", fix="leave out n, or greedy")
        self._refuse_of_beam()

    def _refuse_of_beam(self) -> None:
        if self.beam is None and self.length_penalty:
            raise SettingError("length_penalty belongs to beam search, but beam is none", fix="give beam")
        if self.beam is not None and self.n > self.beam:
            message = f"a beam of width {self.beam} finds at most {self.beam} texts, but n is {self.n}"
            raise SettingError(message, fix="widen the beam")


@dataclass(frozen=True)
class ScoreSettings(Settings):
    """The form of scores."""

    tokens: bool = setting(False, "the log probability of each token too")


@dataclass(frozen=True)
class MixSettings(Settings):
    """How models are mixed."""

    out: str = setting("mixture", "the model folder, made new", metavar="DIR")
    valid: str | None = setting(
        None,
        "held-out text: the weights are those under which it is most probable; without it, the validation text that "
        "the runs have in common",
        metavar="FILE",
    )
    weights: tuple[float, ...] = setting((), "a weight for each model, together 1, in place of those found", minimum=0)


EVAL = Group(reading=ReadSettings, loading=LoadSettings, output=ReportSettings)
GENERATE = Group(writing=GenerateSettings, loading=LoadSettings, output=ReportSettings)
SCORE = Group(scores=ScoreSettings, reading=ReadSettings, loading=LoadSettings, output=ReportSettings)
RANK = Group(loading=LoadSettings, output=ReportSettings)
MIX = Group(mixture=MixSettings, reading=ReadSettings, output=ReportSettings)
CONVERT = Group(loading=LoadSettings)
INFO = Group(loading=LoadSettings, output=ReportSettings)
