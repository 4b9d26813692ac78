"""What a run is asked to do: its settings, from defaults, preset, config file and flags, and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.cells.user import resolve
from gatewise.errors import SettingError, TrainingError
from gatewise.models.settings import RecurrentLMSettings, WindowLMSettings
from gatewise.settings import did_you_mean, read_tables
from gatewise.tasks.language_model.run_folder import new_name
from gatewise.tasks.language_model.run_settings import GIVEN, SAVED
from gatewise.tasks.language_model.settings import DataSettings, RunSettings
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings

CONFIG = "config.toml"
_PRESETS = Path(__file__).parent / "presets"
_WITHOUT_FILES = "documentation"
_TELLING = {"ngram": "smoothing", "window": "window", "lm": "cell"}
"""For each kind of run a setting of its model that no other kind has."""


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        files: what it trains on.
        kind: of network, as typed after ``train``: "lm" or "window".
        folder: of the run.
        resume: whether the run is there already and goes on.
        cell: the cell; None for a network without.
        data: other texts.
        text: how the text is cut.
        batches: the sizes of batches.
        model: what the network is.
        training: how it is trained.
    """

    files: tuple[str, ...]
    kind: str
    folder: Path
    resume: bool
    cell: Cell | None
    data: DataSettings
    text: TextSettings
    batches: BatchSettings
    model: RecurrentLMSettings | WindowLMSettings
    training: TrainingSettings

    def config(self) -> str:
        """The text of a config file with all settings."""
        saved = SAVED[self.kind]
        return saved.write({table: getattr(self, table) for table in saved.tables})


def make_plan(files: Sequence[str], given: Mapping[str, Any], kind: str = "lm") -> Plan:
    """The plan of a run.

    Args:
        files: as given; none for the default corpus.
        given: settings by name, those of :class:`RunSettings` among them; ``cell`` may be a class or an instance.
        kind: "lm" for a recurrent network, "window" for a window-based one.

    Raises:
        SettingError: a name or a value is refused.
        TrainingError: the run folder is there already, or cannot be resumed with these settings.

    Example:
        >>> make_plan(["notes.txt"], {"out": "my_run", "hidden_size": 64}).model.hidden_size
        64
    """
    own = dict(given)
    cell = own.get("cell")
    if cell is not None and not isinstance(cell, str):
        own["cell"] = f"python:{(cell if isinstance(cell, type) else type(cell)).__qualname__}"
    own, saved = GIVEN[kind].check(own), SAVED[kind]
    asked = RunSettings(**{name: value for name, value in own.items() if name not in saved.home})
    chosen = {name: value for name, value in own.items() if name in saved.home}
    values = _layers(asked, files, kind) | chosen
    folder = Path(asked.out) if asked.out else new_name(kind)
    if asked.resume:
        values = _resumed(asked, values, kind)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError(
            "there is something here already", where=str(folder), fix="give another --out, or --resume to go on with it"
        )
    tables: dict[str, Any] = saved.build(values)
    model = tables["model"]
    refuse_ranks(tables["text"].level, model.softmax)
    made = None
    if isinstance(model, RecurrentLMSettings):
        made = resolve(model.cell if cell is None or isinstance(cell, str) else cell, model.cell_options)
    return Plan(tuple(files), kind, folder, asked.resume, made, **tables)


def presets(kind: str = "lm") -> dict[str, Path]:
    """The presets of a kind of network by name.

    Example:
        >>> "documentation" in presets()
        True
    """
    return {path.stem: path for path in sorted((_PRESETS / kind).glob("*.toml"))}


def _layers(asked: RunSettings, files: Sequence[str], kind: str) -> dict[str, Any]:
    """What preset and config file say; the file wins."""
    name = asked.preset or ("" if files or asked.resume else _WITHOUT_FILES)
    known, saved = presets(kind), SAVED[kind]
    if name and name not in known:
        raise SettingError(f"there is no preset {name}", where="--preset", fix=did_you_mean(name, known))
    values = saved.read(known[name]) if name else {}
    return values | (saved.read(asked.config) if asked.config else {})


def _resumed(asked: RunSettings, values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The settings of the run in ``asked.out``, none of which ``values`` may change."""
    if asked.out is None:
        raise SettingError("--resume needs the run folder", fix="give it as --out DIR")
    path, saved = Path(asked.out) / CONFIG, SAVED[kind]
    if not path.is_file():
        raise TrainingError("there is no run to resume here", where=asked.out, fix="start it without --resume")
    _same_kind(path, kind)
    before = {name: value for table in saved.build(saved.read(path)).values() for name, value in _values(table)}
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


def _same_kind(path: Path, kind: str) -> None:
    """Refuse to resume the run of another command, which is told from the settings that it kept."""
    kept = read_tables(path, {*SAVED[kind].tables}).get("model", {})
    found = next((name for name, field in _TELLING.items() if field in kept), kind)
    if found == kind:
        return
    out = path.parent
    if found == "ngram":
        message, fix = "it holds a run of `train ngram`, and counting is not resumed", "count again, with another --out"
    else:
        message = f"it holds a run of `train {found}`"
        fix = f"go on with: gatewise train {found} --resume --out {out}"
    raise TrainingError(message, where=str(out), fix=fix)


def refuse_ranks(level: str, softmax: str) -> None:
    """The groups of adaptive are cut by rank, and the ids of bytes are no ranks."""
    if level == "byte" and softmax == "adaptive":
        message = "adaptive needs tokens numbered from frequent to rare, but bytes are numbered by their value"
        raise SettingError(message, where="softmax", fix="give softmax=full, or another level")


def _values(table: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(table, field.name)) for field in fields(table)]
