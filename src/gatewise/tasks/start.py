"""Where a run starts from: its folder, and its settings from defaults, preset, config file and flags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.cells.user import resolve
from gatewise.errors import SettingError, TrainingError
from gatewise.settings import Group, did_you_mean
from gatewise.tasks.discovery import find_tasks
from gatewise.tasks.kind import HEAD, Kind
from gatewise.tasks.run_folder import check_new, new_name
from gatewise.tasks.settings import RunSettings
from gatewise.training.run_files import CONFIG


@dataclass(frozen=True)
class Start:
    """A run before it begins.

    Attributes:
        folder: of the run.
        resume: whether the run is there already and goes on.
        cell: the cell of its recurrent layers; None where the settings know none.
        tables: the settings it keeps, by table.
    """

    folder: Path
    resume: bool
    cell: Cell | None
    tables: dict[str, Any]


def start(kind: Kind, files: Sequence[str], given: Mapping[str, Any]) -> Start:
    """Put the settings of a run together; the config file wins over the preset, and what is given over both.

    Args:
        kind: of run.
        files: what it trains on; none for the default.
        given: settings by name; ``cell`` may be a class or an instance.

    Raises:
        SettingError: a name or a value is refused.
        TrainingError: the run folder is there already, or cannot be resumed with these settings.
    """
    own = dict(given)
    cell = own.get("cell")
    if cell is not None and not isinstance(cell, str):
        own["cell"] = f"python:{(cell if isinstance(cell, type) else type(cell)).__qualname__}"
    own, saved = kind.given.check(own), kind.saved
    asked = kind.run(**{name: value for name, value in own.items() if name not in saved.home})
    chosen = {name: value for name, value in own.items() if name in saved.home}
    values = _layers(kind, asked, files) | chosen
    folder = Path(asked.out) if asked.out else new_name(kind.name)
    if asked.resume:
        values = _resumed(kind, asked, values)
    else:
        check_new(folder, "give another --out, or --resume to go on with it")
    tables: dict[str, Any] = saved.build(values)
    return Start(folder, asked.resume, _cell(saved, tables, cell), tables)


def _cell(saved: Group, tables: Mapping[str, Any], given: Any) -> Cell | None:
    if "cell" not in saved.home:
        return None
    settings = tables[saved.home["cell"]]
    return resolve(settings.cell if given is None or isinstance(given, str) else given, settings.cell_options)


def _layers(kind: Kind, asked: RunSettings, files: Sequence[str]) -> dict[str, Any]:
    """What preset and config file say; the file wins."""
    name = asked.preset or ("" if files or asked.resume else kind.without_files)
    known = kind.found_presets()
    if name and name not in known:
        raise SettingError(f"there is no preset {name}", where="--preset", fix=did_you_mean(name, known))
    values = kind.saved.read(known[name]) if name else {}
    return values | (kind.saved.read(asked.config) if asked.config else {})


def _resumed(kind: Kind, asked: RunSettings, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the run in ``asked.out``, none of which ``values`` may change."""
    if asked.out is None:
        raise SettingError("--resume needs the run folder", fix="give it as --out DIR")
    path = Path(asked.out) / CONFIG
    if not path.is_file():
        raise TrainingError("there is no run to resume here", where=asked.out, fix="start it without --resume")
    _same_kind(path, kind.name)
    tables = kind.saved.build(kind.saved.read(path)).values()
    before = {field.name: getattr(table, field.name) for table in tables for field in table.declared()}
    changed = [f"{name} was {before[name]} and is {value}" for name, value in values.items() if before[name] != value]
    if changed:
        told = ", ".join(changed)
        raise TrainingError(
            f"a resumed run keeps its settings, but {told}", where=asked.out, fix="leave them out, or start a new run"
        )
    if ":" in before.get("cell", "") and "cell" not in values:
        # The folder may come from anywhere: what it names is never imported unless the user names it too.
        raise SettingError(
            f"this run trains your own cell {before['cell']}", where=asked.out, fix=f"give --cell {before['cell']}"
        )
    return before


def _same_kind(path: Path, name: str) -> None:
    """Refuse to resume the run of another command, which the first line of the config file names."""
    with open(path, encoding="utf-8", errors="replace") as file:
        found = re.fullmatch(HEAD.format(r"([\w-]+)"), file.readline())
    if found is None or found[1] == name:
        return
    other = find_tasks().get(found[1])
    on = f"go on with: gatewise train {found[1]} --resume --out {path.parent}"
    fix = other.train.without.get("--resume", on) if other else on
    raise TrainingError(f"it holds a run of `train {found[1]}`", where=str(path.parent), fix=fix)
