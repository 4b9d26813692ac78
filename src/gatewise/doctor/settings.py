"""The settings of the doctor; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.doctor.lessons.registry import LESSONS
from gatewise.errors import SettingError
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.settings import LoadSettings, ReportSettings


@dataclass(frozen=True)
class DoctorSettings(Settings):
    """What is looked at, and how far back.

    Example:
        >>> DoctorSettings(distance=50).distance
        50
        >>> DoctorSettings(layer=-1)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: layer must be a whole number of at least 0, but -1 was given
    """

    distance: int = setting(
        0, "how far back to look; 0: 200, or half of the text where that is less", minimum=0, unit="tokens"
    )
    layer: int = setting(0, "look at this layer only, 1 for the one that reads the input; 0: at all", minimum=0)
    unit: int | None = setting(
        None,
        "the unit whose activation colours the text, counted from 0, of the last layer looked at (of its reverse "
        "direction, where it has two); without it, one that keeps long",
        minimum=0,
    )
    positions: int = setting(8, "from how many places of the text to look back", minimum=1, unit="places")
    samples: int | None = setting(
        None,
        "tokens replaced at each distance to see whether the loss worsens; without it 512, or 32 of a whole text",
        minimum=2,
        unit="tokens",
    )
    tokens: int = setting(2048, "read so much of the text at most, up to 2048", minimum=2, below=2049, unit="tokens")
    seed: int = setting(0, "where the random numbers start", minimum=0, below=2**32)
    out: str | None = setting(
        None,
        "the folder for doctor.html and its numbers; default: RUN/doctor, doctor-<name> for another model folder, "
        "lesson-<name> for a lesson",
        metavar="DIR",
    )


@dataclass(frozen=True)
class LessonSettings(Settings):
    """A lesson of the textbook instead of a model.

    Raises:
        SettingError: what belongs to a lesson is given without one.

    Example:
        >>> LessonSettings(lesson="clipping", long=True).long
        True
        >>> LessonSettings(long=True)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: long belongs to a lesson, but lesson is none; give lesson
    """

    lesson: str | None = setting(
        None, "no model, but an experiment of the textbook, done here and now", choices=tuple(LESSONS), metavar="NAME"
    )
    long: bool = setting(False, "with the parts of the lesson that take longer than three minutes")
    seeds: tuple[int, ...] = setting((0, 1, 2), "the lesson is repeated with each", minimum=0, below=2**32)

    def __post_init__(self) -> None:
        """Refuse what would not be read."""
        super().__post_init__()
        given = {"long": self.long, "seeds": self.seeds != (0, 1, 2)}
        unread = [name for name, is_given in given.items() if is_given]
        if self.lesson is None and unread:
            raise SettingError(f"{unread[0]} belongs to a lesson, but lesson is none", fix="give lesson")


def is_examined(name: str) -> bool:
    """Whether a setting of the command is about the examination, not about lessons or what becomes of the result.

    Example:
        >>> is_examined("distance"), is_examined("out"), is_examined("lesson")
        (True, False, False)
    """
    return DOCTOR.home[name] in ("doctor", "loading") and name != "out"


DOCTOR = Group(doctor=DoctorSettings, lessons=LessonSettings, loading=LoadSettings, output=ReportSettings)
