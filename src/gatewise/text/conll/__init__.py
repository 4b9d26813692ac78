"""Sentences with one word a line: CoNLL columns and CoNLL-U, read, and written with other tags."""

from __future__ import annotations

from gatewise.text.conll.corpus import Part as Part
from gatewise.text.conll.corpus import TaggedCorpus as TaggedCorpus
from gatewise.text.conll.corpus import read_tagged as read_tagged
from gatewise.text.conll.corpus import stream_sentences as stream_sentences
from gatewise.text.conll.layout import Layout as Layout
from gatewise.text.conll.reading import parse as parse
from gatewise.text.conll.reading import sentences as sentences
from gatewise.text.conll.sentence import Sentence as Sentence
from gatewise.text.conll.settings import ConllSettings as ConllSettings
from gatewise.text.conll.writing import to_columns as to_columns
from gatewise.text.conll.writing import to_conllu as to_conllu
