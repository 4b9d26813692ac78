"""Whether the parts of a data set fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gatewise.errors import DataError
from gatewise.settings import nearest
from gatewise.text.documents import some
from gatewise.text.labelled.examples import Labelled


def check_labels(train: Sequence[Labelled], dev: Sequence[Labelled] = (), test: Sequence[Labelled] = ()) -> list[str]:
    """What the user should see of the parts of a data set: classes with one text, absent labels, texts in two parts.

    Args:
        train: texts to train on.
        dev: texts to validate on, or none.
        test: texts to report on, or none.

    Raises:
        DataError: a label is in ``dev`` or ``test`` that no text to train on has, or all of these have the same.

    Example:
        >>> train = [Labelled("good", ("pos",), "a:1"), Labelled("bad", ("neg",), "a:2"), Labelled("", ("neg",), "a:3")]
        >>> check_labels(train, [Labelled("bad", ("neg",), "b:1")])
        ['classes with one text to train on: pos',
         'labels that no text of dev has: pos',
         'texts of dev that are also texts to train on: 1, such as b:1 (as a:2)']
        >>> check_labels(train, [Labelled("bad", ("Neg",), "b:1")])
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: b:1: the label Neg is in dev, but no text to train on has it; did you mean neg?
    """
    counted = Counter(label for example in train for label in example.labels)
    if len({frozenset(example.labels) for example in train}) < 2:
        has = f"all have {some(sorted(counted))}" if counted else "none has a label" if train else "there is no text"
        message = f"texts of two classes or more are needed to train on, but {has}"
        where = train[0].where.rpartition(":")[0] if train else ""
        raise DataError(message, where=where, fix="give texts of other classes too")
    notes = _of_training(train, counted)
    for name, part in (("dev", dev), ("test", test)):
        if part:
            _known(part, counted, name)
            notes += _beside(train, counted, part, name)
    return notes


def _of_training(train: Sequence[Labelled], counted: Counter[str]) -> list[str]:
    alone = sorted(label for label, count in counted.items() if count == 1)
    notes = [f"classes with one text to train on: {some(alone)}"] if alone else []
    first: dict[str, Labelled] = {}
    differing = []
    for example in train:
        before = first.setdefault(example.text, example)
        if set(before.labels) != set(example.labels):
            differing.append(f"{example.where} (as {before.where})")
    if differing:
        notes.append(f"texts to train on that stand there before with another label: {_such(differing)}")
    return notes


def _known(part: Sequence[Labelled], counted: Counter[str], name: str) -> None:
    for example in part:
        for label in example.labels:
            if label not in counted:
                close = nearest(label, counted)
                fix = f"did you mean {close}?" if close else f"known are: {some(sorted(counted))}"
                message = f"the label {label} is in {name}, but no text to train on has it"
                raise DataError(message, where=example.where, fix=fix)


def _beside(train: Sequence[Labelled], counted: Counter[str], part: Sequence[Labelled], name: str) -> list[str]:
    there = {label for example in part for label in example.labels}
    missing = sorted(label for label in counted if label not in there)
    notes = [f"labels that no text of {name} has: {some(missing)}"] if missing else []
    trained = {example.text: example.where for example in train}
    both = [f"{text.where} (as {trained[text.text]})" for text in part if text.text in trained]
    return notes + ([f"texts of {name} that are also texts to train on: {_such(both)}"] if both else [])


def _such(places: list[str]) -> str:
    return f"{len(places)}, such as {places[0]}"
