"""The kinds of runs: what is typed after ``train``, and the settings it takes; imports without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.settings import Group
from gatewise.tasks.settings import RunSettings

HEAD = "# gatewise train {}\n"
"""The first line of a run's config file."""


@dataclass(frozen=True)
class Kind:
    """A kind of run: what is typed after ``train``, and the settings it takes.

    Attributes:
        name: such as ``lm``; run folders carry it.
        saved: the settings that a run keeps, of which one table may have ``cell`` and ``cell_options``.
        run: the settings that it does not keep.
        presets: a folder with config files.
        without_files: the preset that is taken where no file is given; "" for none.
    """

    name: str
    saved: Group
    run: type[RunSettings]
    presets: Path
    without_files: str = ""

    @property
    def given(self) -> Group:
        """All settings, as the command takes them."""
        return Group(run=self.run, **self.saved.tables)

    def found_presets(self) -> dict[str, Path]:
        """The presets by name."""
        return {path.stem: path for path in sorted(self.presets.glob("*.toml"))}

    def config(self, tables: Mapping[str, Any]) -> str:
        """The text of the config file of a run: its kind, and all settings that it keeps.

        Args:
            tables: the settings of each table.
        """
        return config_of(self.name, self.saved, tables)


def config_of(name: str, saved: Group, tables: Mapping[str, Any]) -> str:
    """The text of a run's config file, whose first line says what was typed after ``train``.

    Args:
        name: of the kind of run.
        saved: the settings that it keeps.
        tables: their values, by table.
    """
    return HEAD.format(name) + saved.write({table: tables[table] for table in saved.tables})
