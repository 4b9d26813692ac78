"""What the commands of this task do; each is called with the console, the arguments and the settings given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.tasks import run
from gatewise.tasks.console import Console
from gatewise.tasks.library import opened
from gatewise.tasks.prediction import Meter, parts
from gatewise.tasks.tagging import writing
from gatewise.tasks.tagging.folder import TASK
from gatewise.tasks.tagging.measures import one_line
from gatewise.tasks.tagging.model import SequenceTagger
from gatewise.tasks.tagging.run import RECIPE
from gatewise.tasks.tagging.settings import EVAL, TAG, EvalSettings, SourceSettings
from gatewise.tasks.told import terminal_table
from gatewise.text.conll import read_tagged
from gatewise.text.conll.settings import ConllSettings
from gatewise.text.documents import some

Arguments = Mapping[str, Any]
Given = Mapping[str, Any]


def train(console: Console, arguments: Arguments, given: Given) -> int:
    """Train a tagger, say how good it is, and show what it says of a few sentences."""
    model, code = run.train(RECIPE, console, arguments["files"], given)
    if model is not None:
        for name, scores in model.history["scores"].items():
            console.note(f"{name}: {one_line(scores)}")
        for sample in model.history["samples"]:
            console.line(sample)
    return code


def tag(console: Console, arguments: Arguments, given: Given) -> None:
    """Write text or a tagged file with the tags that the model gives it, as it comes."""
    asked: SourceSettings = TAG.build(given)["text"]
    model = _open(console, arguments, given)
    if asked.nbest > 1:
        model.check_nbest()
    changed: dict[str, list[str]] = {}

    def notice(name: str, what: str) -> None:
        changed.setdefault(what, []).append(name)

    name = arguments["file"]
    source = writing.source(model, name, asked, console.stdin, notice)
    meter, waiting = Meter(console.stderr), name == "-" and console.stdin.isatty()
    long = 0
    for items in parts(source.items, _characters, waiting=waiting):
        written = "".join(writing.tagged(model, source, items, asked.nbest))
        meter.clear()
        console.write(written)
        meter.add(len(items), sum(len(item.words) for item in items))
        long += sum(len(item.words) > model.longest for item in items)
    meter.end()
    for what, files in changed.items():
        console.note(f"{what}: {some(files)}")
    if long:
        told = f"{long:,} sentences have" if long > 1 else "one sentence has"
        console.note(f"{told} more than {model.longest:,} words and was tagged in parts of so many")


def eval(console: Console, arguments: Arguments, given: Given) -> None:
    """Show accuracy, and precision, recall and F1 of tags or entities."""
    asked: EvalSettings = EVAL.build(given)["reading"]
    model = _open(console, arguments, given)
    columns = {field.name for field in ConllSettings.declared()}
    reading = model.reading.replace(**{name: value for name, value in given.items() if name in columns})
    corpus = read_tagged(arguments["file"], reading, encoding=asked.encoding, stdin=console.stdin)
    for note in corpus.notes:
        console.note(note)
    found, notes = model.evaluate_corpus(corpus, asked.unseen_tags)
    for note in notes:
        console.note(note)
    if given.get("json"):
        console.json(found.to_dict())
    elif asked.conlleval:
        console.line(found.conlleval())
    else:
        console.line(str(found))


def info(console: Console, arguments: Arguments, given: Given) -> None:
    """Show what a model is, its sizes, how it was trained, and which runner it will use."""
    model = _open(console, arguments, given)
    console.json(model.info()) if given.get("json") else console.line(terminal_table(_brief(model.info())))


def _brief(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a terminal shows of a model: the measures of each part on one line, sizes of the data on another."""
    data = {
        name: f"{entry['sentences']:,} sentences, {entry['words']:,} words, {entry['unknown']:,} of them unknown"
        for name, entry in told["data"].items()
    }
    scores = {name: one_line(found) for name, found in told.get("scores", {}).items()}
    return {**told, "scores": scores, "data": data}


def _open(console: Console, arguments: Arguments, given: Given) -> SequenceTagger:
    model: SequenceTagger = opened(console, arguments, given, TASK)
    return model


def _characters(item: writing.Item) -> int:
    """About how many characters a sentence has."""
    return 8 * len(item.words) + 8
