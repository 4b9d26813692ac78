"""What the commands of this task do; each is called with the console, the arguments and the settings given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gatewise.drawing.highlight import shows_colour
from gatewise.errors import SettingError
from gatewise.tasks import run
from gatewise.tasks.classification import pages
from gatewise.tasks.classification.evaluation import one_line
from gatewise.tasks.classification.explaining import Explanation
from gatewise.tasks.classification.labelling import Told, told_of
from gatewise.tasks.classification.model import TASK, TextClassifier
from gatewise.tasks.classification.run import RECIPE
from gatewise.tasks.classification.settings import CLASSIFY, ClassifySettings, ColumnSettings, TableSettings
from gatewise.tasks.console import Console
from gatewise.tasks.explained import ExplainedPage
from gatewise.tasks.library import opened
from gatewise.tasks.prediction import Meter, parts
from gatewise.tasks.run_folder import check_new
from gatewise.tasks.told import terminal_table
from gatewise.text.labelled import stream_texts

Arguments = Mapping[str, Any]
Given = Mapping[str, Any]


def train(console: Console, arguments: Arguments, given: Given) -> int:
    """Train a classifier, and say how good it is."""
    model, code = run.train(RECIPE, console, arguments["files"], given)
    if model is None:
        return code
    history = model.history
    if "calibration" in history:
        console.note(history["calibration"])
    for name, score in history["scores"].items():
        console.line(f"{name}: {one_line(score)}")
    return code


def classify(console: Console, arguments: Arguments, given: Given) -> None:
    """Show the label of each text, a line for a line."""
    asked: ClassifySettings = CLASSIFY.build(given)["telling"]
    if asked.html is not None and Path(asked.html).is_dir():
        raise SettingError("a file is needed, but this is a folder", where=asked.html, fix="give the name of a page")
    model = _open(console, arguments, given)
    explained = asked.explain or asked.html is not None
    colour = asked.explain and shows_colour(console.stdout)
    meter = Meter(console.stderr)
    try:
        with _page(asked.html, str(arguments["model"])) as page:
            for part in parts(_texts(console, model, arguments, given), len, waiting=_typed(console, arguments)):
                lines = []
                for told in told_of(model, part, asked.method if explained else None, meter):
                    if page is not None and told.explanation is not None:
                        page.add(told.label_line, told.explanation.html())
                    lines.append(_line(told, asked, bool(given.get("json")), colour))
                meter.clear()
                console.write("".join(f"{line}\n" for line in lines))
    finally:
        meter.clear()  # so that what is said of an error stands on a line of its own
    meter.end()
    if asked.html is not None:
        console.note(f"page: {asked.html}")


def eval(console: Console, arguments: Arguments, given: Given) -> None:
    """Show how good a classifier is on labelled texts."""
    report = given.get("report")
    if report is not None:
        check_new(Path(report), "give another --report")
    model = _open(console, arguments, given)
    corpus = model.read(arguments["file"], console.stdin, **TableSettings.of(given))
    for note in corpus.notes:
        console.note(note)
    found = model.evaluate_corpus(corpus)
    if report is not None:
        pages.write(Path(report), found, f"{Path(arguments['model']).name} on {Path(arguments['file']).name}")
        console.note(f"report: {report}/{pages.PAGE}")
    if given.get("json"):
        console.json(found.to_dict())
    else:
        console.line(str(found))


def info(console: Console, arguments: Arguments, given: Given) -> None:
    """Show what a classifier is, its sizes, how it was trained, and which runner it will use."""
    told = _open(console, arguments, given).info()
    console.json(told) if given.get("json") else console.line(terminal_table(told))


def _open(console: Console, arguments: Arguments, given: Given) -> TextClassifier:
    model: TextClassifier = opened(console, arguments, given, TASK)
    return model


def _texts(console: Console, model: TextClassifier, arguments: Arguments, given: Given) -> Iterator[str]:
    """The texts of the file; a table has its columns where the training texts had theirs."""
    reading = model.reading.replace(**{"format": "auto"} | ColumnSettings.of(given))
    return stream_texts(arguments["file"], reading, console.stdin, lambda name, what: console.note(f"{name}: {what}"))


def _typed(console: Console, arguments: Arguments) -> bool:
    """Whether somebody types the texts and waits for each answer."""
    return bool(arguments["file"] == "-" and getattr(console.stdin, "isatty", lambda: False)())


def _line(told: Told, asked: ClassifySettings, as_json: bool, colour: bool) -> str:
    if as_json:
        return told.json_line()
    explanation: Explanation | None = told.explanation if asked.explain else None
    return told.label_line if explanation is None else f"{told.label_line}\t{explanation.terminal(colour)}"


@contextlib.contextmanager
def _page(path: str | None, title: str) -> Iterator[ExplainedPage | None]:
    if path is None:
        yield None
        return
    with ExplainedPage(Path(path), f"{Path(title).name}: which words spoke for the label") as page:
        yield page
