"""Texts with labels: read from tables, JSON lines, files and folders of classes; divided; checked; streamed."""

from gatewise.text.labelled.check import check_labels
from gatewise.text.labelled.examples import Labelled, LabelledCorpus
from gatewise.text.labelled.reading import read_labelled, stream_texts
from gatewise.text.labelled.settings import LabelledSettings
from gatewise.text.labelled.split import stratified_split

__all__ = [
    "Labelled",
    "LabelledCorpus",
    "LabelledSettings",
    "check_labels",
    "read_labelled",
    "stratified_split",
    "stream_texts",
]
