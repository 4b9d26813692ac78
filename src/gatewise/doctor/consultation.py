"""A model or a run comes to the doctor: what it is, what of it can be looked at, and the diagnosis."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gatewise.doctor.diagnosis import Diagnosis
from gatewise.doctor.examination import Examination, examine
from gatewise.doctor.run_record import RunRecord, is_run, read_record
from gatewise.doctor.settings import DOCTOR, DoctorSettings, is_examined
from gatewise.doctor.shading import chosen
from gatewise.doctor.weights import BrokenWeight, broken_in, broken_of
from gatewise.errors import ModelFileError, SettingError
from gatewise.gradients.subject import Subject
from gatewise.tasks.declaration import Declaration, resolve
from gatewise.tasks.discovery import find_tasks
from gatewise.tasks.library import UNVERIFIED, open_model, task_of
from gatewise.training.run_files import METRICS

Said = Callable[[str], None]


def diagnose(model: Any, text: str | Path | None = None, *, say: Said | None = None, **settings: Any) -> Diagnosis:
    """Examine a model, a training run, or both where a run is finished.

    Args:
        model: a run folder or model folder; a model as :func:`gatewise.load` returns it; or a
            :class:`~gatewise.gradients.subject.Subject`, which brings its text with it.
        text: a file of what it is to read; None: a text of the task's choosing, where there is one.
        say: is handed a line before each part of the examination.
        settings: by name, those of the command: ``distance``, ``layer``, ``unit``, ``positions``, ``samples``,
            ``tokens``, ``seed``; and ``cell``, the user's own.

    Returns:
        The diagnosis; printing it shows the verdict and the numbers, ``rows`` has all of them, ``write(folder)`` writes
        the page.

    Raises:
        DataError: the text is missing, cannot be used, or is shorter than the distance; or a run wrote nothing down.
        ModelFileError: the folder is missing or damaged. Weights that are no numbers are a finding, not an error.
        SettingError: a setting is refused, or the model has no recurrent layers.

    Example:
        >>> import torch
        >>> import gatewise
        >>> from gatewise.nn import Recurrent
        >>> _ = torch.manual_seed(0)
        >>> layer, inputs = Recurrent("gru", 3, 8).eval(), torch.randn(60, 3)
        >>> def loss(outputs, steps):
        ...     return outputs.square().sum(-1)
        >>> subject = Subject(layer, inputs, tuple("abc" * 20), step_loss=loss, unit="letter")
        >>> diagnosis = gatewise.diagnose(subject, distance=20)
        >>> [finding.cause for finding in diagnosis.findings], sorted(diagnosis.rows)[:3]
        (['too_few', 'gradient'], ['behaviour', 'bounds', 'carried'])
    """
    built = DOCTOR.build(settings)
    _refuse_unread(settings)
    asked, cell = built["doctor"], built["loading"].cell
    if isinstance(model, Subject):
        return _diagnosis(model, asked, "the network", {}, say)
    if isinstance(model, str | Path):
        return _of_path(Path(model), text, asked, cell, say)
    return _of_model(model, text, asked, _task_of_model(model), type(model).__name__, say)


def _refuse_unread(settings: Mapping[str, Any]) -> None:
    """A setting of the command that is about lessons, or about what becomes of the diagnosis."""
    unread = [name for name in settings if not is_examined(name)]
    if unread:
        fix = "call .write(folder) of the diagnosis" if unread[0] == "out" else "leave it out"
        raise SettingError(f"{unread[0]} is for the command, and diagnose does not read it", where="diagnose", fix=fix)


def _of_path(place: Path, text: str | Path | None, asked: DoctorSettings, cell: Any, say: Said | None) -> Diagnosis:
    record, notes = _record(place)
    name = str(place)
    if record is not None and not (place / "model").is_dir():
        note = "the run holds no model yet, so only its training was looked at; finish it: train with --resume"
        note = "the run left no model, so only its training was looked at" if record.died else note
        return Diagnosis(name, _lead_of_run(record), record=record, notes=(note,))
    try:
        loaded = open_model(place, cell)
    except ModelFileError:
        weights = broken_in(place) if place.is_dir() else ()
        if not weights:
            raise
        return Diagnosis(name, "a model that cannot be loaded", record=record, broken=weights, notes=notes)
    if loaded.verified is False:
        notes = (*notes, f"{place}: {UNVERIFIED}")
    found = _of_model(loaded, text, asked, task_of(place), name, say)
    return dataclasses.replace(found, record=record, notes=notes)


def _record(place: Path) -> tuple[RunRecord | None, tuple[str, ...]]:
    """What the run wrote down; a line where it did not and its model can be looked at all the same."""
    if not is_run(place):
        return None, ()
    if not (place / METRICS).is_file() and (place / "model").is_dir():
        return None, (f"{place} has no {METRICS}, so nothing is said of its training",)
    return read_record(place), ()


def _of_model(
    model: Any, text: str | Path | None, asked: DoctorSettings, task: Declaration, name: str, say: Said | None
) -> Diagnosis:
    weights = broken_of(model)
    if weights:
        return Diagnosis(name, "nothing could be measured", broken=weights)
    if not task.examine:
        message = f"models of the task {task.name} cannot be examined: its declaration names no examine"
        raise SettingError(message, where=name, fix="give a model with recurrent layers")
    subject: Subject = resolve(task.examine)(model, None if text is None or text == "" else str(text))
    return _diagnosis(subject, asked, name, model.history, say)


def _diagnosis(
    subject: Subject, asked: DoctorSettings, name: str, history: Mapping[str, Any], say: Said | None
) -> Diagnosis:
    weights: tuple[BrokenWeight, ...] = broken_of(subject)
    if weights:
        return Diagnosis(name, "nothing could be measured", broken=weights)
    _check_unit(subject, asked)
    examination = examine(subject, asked, window=window_of(history), say=say)
    if asked.unit is not None and examination.levels:
        chosen(examination, asked.unit)  # refuses a unit that is not there before anything is shown
    return Diagnosis(name, _lead(examination), examination, unit=asked.unit)


def _check_unit(subject: Subject, asked: DoctorSettings) -> None:
    """Refuse a unit that no state has before minutes are spent; ``chosen`` looks at the very state afterwards."""
    width = max(subject.stack.state_widths.values(), default=0)
    if asked.unit is not None and 0 < width <= asked.unit:
        message = f"no layer has more than {width} units, 0 to {width - 1}, but unit {asked.unit} was asked for"
        raise SettingError(message, where="--unit", fix=f"give 0 to {width - 1}")


def window_of(history: Mapping[str, Any]) -> int | None:
    """How many tokens back training looked at most, from what a model knows of itself; None for whole texts.

    Example:
        >>> window_of({"settings": {"text": {"unit": "running"}, "batches": {"bptt": 64}}}), window_of({})
        (64, None)
    """
    settings = history.get("settings", {})
    running = settings.get("text", {}).get("unit") == "running"
    window = settings.get("batches", {}).get("bptt")
    return window if running and isinstance(window, int) else None


def _task_of_model(model: Any) -> Declaration:
    home = type(model).__module__
    found = next((task for task in find_tasks().values() if task.load.partition(":")[0] == home), None)
    if found is None:
        message = f"a folder, a model of gatewise.load or a Subject is expected, but a {type(model).__name__} came"
        raise SettingError(message, fix="for layers of your own make a gatewise.gradients.subject.Subject")
    return found


def _lead(examination: Examination) -> str:
    subject, stack = examination.subject, examination.subject.stack
    layers = f"{stack.num_layers} layer{'s' * (stack.num_layers > 1)}"
    both = " in both directions" if stack.bidirectional else ""
    unit, length = examination.unit, len(subject.tokens)
    text = f"on a text of {length:,} {unit}s, looking back {examination.distance:,}"
    return f"{stack.cell.name}, {layers} of {stack.hidden_size} units{both}, {text}"


def _lead_of_run(record: RunRecord) -> str:
    return f"a training run, {record.rows[-1]['step']:,} steps so far" if not record.stopped else "a training run"
