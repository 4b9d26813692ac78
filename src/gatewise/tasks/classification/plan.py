"""What a run is asked to do: its settings, those of a language model that it starts from among them, and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.cells.registry import is_registered
from gatewise.errors import ModelFileError, SettingError
from gatewise.models.classifier import Classifier
from gatewise.models.encoder_settings import ClassifierSettings
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.settings import Settings
from gatewise.tasks.classification.run_settings import KIND
from gatewise.tasks.classification.settings import DataSettings, FitSettings, NetworkSettings, TokenSettings
from gatewise.tasks.library import open_model
from gatewise.tasks.start import start
from gatewise.tasks.text_settings import TextBatchSettings
from gatewise.text.labelled import LabelledSettings
from gatewise.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Origin:
    """The language model that a classifier starts from.

    Attributes:
        path: as given.
        network: its weights are copied.
        tokenizer: makes the tokens.
    """

    path: str
    network: RecurrentLM
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        files: what it trains on.
        kind: "classify".
        folder: of the run.
        resume: whether the run is there already and goes on.
        cell: of the recurrent layers.
        data: what is read beside the texts to train on.
        reading: how texts and labels stand in the files.
        tokens: how a text becomes tokens.
        batches: the sizes of batches.
        model: what the network is.
        training: how it is trained.
        origin: the language model that a new run starts from; None without, and where the run goes on.
    """

    files: tuple[str, ...]
    kind: str
    folder: Path
    resume: bool
    cell: Cell
    data: DataSettings
    reading: LabelledSettings
    tokens: TokenSettings
    batches: TextBatchSettings
    model: NetworkSettings
    training: FitSettings
    origin: Origin | None = None

    def config(self) -> str:
        """The text of a config file with all settings."""
        return KIND.config({table: getattr(self, table) for table in KIND.saved.tables})


def make_plan(files: Sequence[str], given: Mapping[str, Any]) -> Plan:
    """The plan of a run.

    Args:
        files: as given.
        given: settings by name, those of :class:`~gatewise.tasks.settings.RunSettings` among them; ``cell`` may be a
            class or an instance.

    Raises:
        SettingError: a name or a value is refused, or is another than that of the language model to start from.
        ModelFileError: there is no such language model.
        TrainingError: the run folder is there already, or cannot be resumed with these settings.

    Example:
        >>> make_plan(["a.csv"], {"out": "my_run", "level": "char"}).tokens.level
        'char'
    """
    begun = start(KIND, files, given)
    tables, cell, origin = begun.tables, begun.cell, None
    assert cell is not None  # the settings have one
    if tables["data"].from_lm and not begun.resume:
        origin = _origin(tables["data"].from_lm, None if is_registered(cell) else cell)
        _check_cell(origin, cell, tables["model"], given)
        tables, cell = _of_language_model(origin, tables, given), origin.network.cell
    _check(tables)
    return Plan(tuple(files), KIND.name, begun.folder, begun.resume, cell, **tables, origin=origin)


def _origin(path: str, cell: Cell | None) -> Origin:
    model = open_model(path, cell, "lm")
    network = model.network
    if not isinstance(network, RecurrentLM):
        message = f"a language model with recurrent layers is needed, but this is a {network.config()['model_type']}"
        raise ModelFileError(message, where=path, fix="train one with: gatewise train lm")
    return Origin(path, network, model.tokenizer)


def _of_language_model(origin: Origin, tables: Mapping[str, Settings], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with those that only the language model can say taken from it.

    Raises:
        SettingError: another value was asked for.
    """
    network, tokenizer = origin.network, origin.tokenizer
    model, tokens = tables["model"], tables["tokens"]
    assert isinstance(model, NetworkSettings)
    bare = ClassifierSettings.from_dict(model.to_dict() | {"characters": "none"} | _USUAL_CHARACTERS)
    taken = Classifier.from_language_model(network, 2, bare).settings.to_dict()
    taken |= {"cell": model.cell} if ":" in model.cell else {}  # where the user says that it lies now
    own = {"level": tokenizer.level, "vocabulary_size": 0, "minimum_count": 0, "lowercase": tokenizer.form.lowercase}
    wanted = {"model": taken, "tokens": tokens.to_dict() | own | {"cutting": "words", "vectors": None}}
    for table, values in wanted.items():
        usual = type(tables[table])().to_dict()
        for name, value in values.items():
            asked = tables[table].to_dict()[name]
            if name != "cell" and asked != value and (name in given or asked != usual[name]):
                message = f"{name} is {_shown(asked)}, but the language model has {_shown(value)}"
                raise SettingError(message, where=origin.path, fix=f"leave {name} out: it is taken from there")
    made = {table: type(tables[table]).from_dict(values) for table, values in wanted.items()}
    return {**tables, **made}


def _check_cell(origin: Origin, cell: Cell, model: NetworkSettings, given: Mapping[str, Any]) -> None:
    """Refuse another cell than that of the language model, and to train on one of the user's own without its code."""
    own = origin.network.settings.cell
    asked = "cell" in given or model.cell != NetworkSettings().cell
    if ":" in own and not asked:
        raise SettingError(f"it has your own cell {own}", where=origin.path, fix=f"give --cell {own}")
    if asked and type(cell) is not type(origin.network.cell):
        message = f"cell is {model.cell}, but the language model has {own}"
        raise SettingError(message, where=origin.path, fix="leave cell out: it is taken from there")


_USUAL_CHARACTERS = {
    name: ClassifierSettings().to_dict()[name] for name in ("character_embedding_size", "character_hidden_size")
}


def _check(tables: Mapping[str, Any]) -> None:
    """Refuse settings of several tables that contradict each other."""
    tokens, model = tables["tokens"], tables["model"]
    if tokens.level != "word" and model.characters != "none":
        message = f"characters are read of words, but level is {tokens.level}"
        raise SettingError(message, where="characters", fix="leave characters out, or give level=word")
    if tokens.level not in ("word", "char") and model.word_dropout:
        message = f"word_dropout replaces tokens by <unk>, which the level {tokens.level} has not"
        raise SettingError(message, where="word_dropout", fix="leave it out")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)
