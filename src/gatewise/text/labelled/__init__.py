"""Texts with labels: read from tables, JSON lines, files and folders of classes; divided; checked; streamed.

Importing this imports nothing else, so that the help of a command can show settings without reading anything.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.text.labelled.check import check_labels as check_labels
    from gatewise.text.labelled.examples import Labelled as Labelled
    from gatewise.text.labelled.examples import LabelledCorpus as LabelledCorpus
    from gatewise.text.labelled.reading import read_labelled as read_labelled
    from gatewise.text.labelled.reading import stream_texts as stream_texts
    from gatewise.text.labelled.settings import LabelledSettings as LabelledSettings
    from gatewise.text.labelled.split import stratified_split as stratified_split

_HOME = {
    "check_labels": "check",
    "Labelled": "examples",
    "LabelledCorpus": "examples",
    "read_labelled": "reading",
    "stream_texts": "reading",
    "LabelledSettings": "settings",
    "stratified_split": "split",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
