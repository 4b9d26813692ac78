"""The settings that every task's commands have; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class RunSettings(Settings):
    """Where a run lies and where its settings come from; flags only."""

    out: str | None = setting(None, "the run folder, made new; default: runs/<task>-<date>-<time>", metavar="DIR")
    resume: bool = setting(False, "go on with the run in --out where its last checkpoint left it")
    preset: str | None = setting(None, "settings to start from, by name", metavar="NAME")
    config: str | None = setting(None, "a TOML file with the tables below; flags win over it", metavar="FILE.toml")


@dataclass(frozen=True)
class LoadSettings(Settings):
    """What a model folder cannot say about itself."""

    cell: str | None = setting(
        None, "the user's own cell; without it the model runs from the program that it holds", metavar="FILE.py:CLASS"
    )


@dataclass(frozen=True)
class ReportSettings(Settings):
    """The form of a result."""

    json: bool = setting(False, "the result as JSON")
