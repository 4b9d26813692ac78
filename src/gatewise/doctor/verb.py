"""The command ``gatewise doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.doctor.consultation import diagnose
from gatewise.doctor.diagnosis import Diagnosis
from gatewise.doctor.lessons.registry import run_lesson
from gatewise.doctor.run_record import is_run
from gatewise.doctor.settings import DOCTOR, DoctorSettings, LessonSettings, is_examined
from gatewise.doctor.shading import in_terminal
from gatewise.drawing.highlight import shows_colour
from gatewise.errors import SettingError
from gatewise.tasks.console import Console

_RUN = "doctor"


def doctor(console: Console, arguments: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Show a verdict on a model or run, or give a lesson."""
    built = DOCTOR.build(given)
    place, text = arguments["model"], arguments["text"]
    if built["lessons"].lesson is not None:
        _refuse_model(place)
        _refuse_unread(given)
        return _teach(console, built["lessons"], built["doctor"], built["output"].json)
    if not place:
        raise SettingError("a model folder or a run folder is needed", fix="give one, or --lesson NAME")
    out = built["doctor"].out
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise SettingError(f"a folder is expected, but {out} is a file", where="--out", fix="give another name")
    of_doctor = {name: value for name, value in given.items() if is_examined(name)}
    found = diagnose(place, text or None, say=console.note, **of_doctor)
    for note in found.notes:
        console.note(note)
    return _show(console, found, built["doctor"], built["output"].json)


def _show(console: Console, found: Diagnosis, asked: DoctorSettings, as_json: bool) -> None:
    if as_json:
        console.json(found.to_dict())
    else:
        console.line(found.text())
        if asked.unit is not None and found.examination and found.examination.levels:
            console.line("\n" + in_terminal(found.examination, asked.unit, shows_colour(console.stdout)))
    console.note(f"page: {found.write(asked.out or _folder(Path(found.name)))}")


def _folder(place: Path) -> Path:
    """Where the page goes: into the run, also where its model was named, or beside; a model folder is sealed."""
    runs = (one for one in (place, place.resolve().parent) if is_run(one))
    run = next(runs, None)
    return Path(f"doctor-{place.resolve().name}") if run is None else run / _RUN


def _teach(console: Console, asked: LessonSettings, where: DoctorSettings, as_json: bool) -> None:
    assert asked.lesson is not None
    folder = Path(where.out or f"lesson-{asked.lesson}")
    page = run_lesson(asked.lesson, folder, long=asked.long, seeds=asked.seeds, say=console.note)
    if as_json:
        tables = {table.name: list(table.rows) for table in page.tables}
        console.json({"lesson": page.name, "finding": page.finding, "tables": tables})
    else:
        console.line(page.finding)
        for table in page.tables:
            if table.on_page:
                console.line(f"\n{table.caption}\n{table.text()}")
    console.note(f"page: {folder / f'{page.name}.md'}")


def _refuse_unread(given: Mapping[str, Any]) -> None:
    """A setting of the examination that a lesson would not read."""
    unread = [name for name in given if is_examined(name)]
    if unread:
        message = f"--{unread[0].replace('_', '-')} is for the examination of a model, and a lesson does not read it"
        raise SettingError(message, where="--lesson", fix=f"leave out --{unread[0].replace('_', '-')}, or --lesson")


def _refuse_model(place: str) -> None:
    if place:
        fix = "leave out the model, or --lesson"
        raise SettingError(f"a lesson brings its own networks, but {place} was given", where="--lesson", fix=fix)
