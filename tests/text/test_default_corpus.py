"""The default corpus: docstrings, found without importing anything."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gatewise.errors import DataError
from gatewise.text.default_corpus import default_corpus

ONE = '''"""Module one, which says enough."""
class A:
    """Class A.

      It has   a second paragraph.{spaces}
        An indented line.
    """
'''.replace("{spaces}", "  ")
TWO = """
def f():
    "A function that says enough."
    def g():
        "An inner function, as documented."
"""
LIBRARY = {
    "one.py": ONE,
    "two/__init__.py": TWO,
    "two/again.py": "async def f():\n    '''A function that says enough.'''\n",
    "three.py": "raise SystemExit('imported!')\n",
    "short.py": '"""Too short."""\n',
    "broken.py": "def (:\n",
    "latin.py": "# -*- coding: latin-1 -*-\n'''The na\xefve module, in Latin-1.'''\n",
    "nul.py": '"""This is binary: \\0, not text at all."""\n',
    "surrogate.py": '"""This is no Unicode: \\ud800, as it seems."""\n',
    "test/test_one.py": '"""A test is not documentation of anything."""\n',
    "site-packages/other.py": '"""An installed package is not the standard library."""\n',
    "pydoc_data/topics.py": "topics = {'yield': 'The yield statement\\n' '*******************\\n\\nIt yields.\\n'}\n",
}
EXPECTED = {
    "one": "Module one, which says enough.\n",
    "one.A": "Class A.\n\nIt has   a second paragraph.\n  An indented line.\n",
    "two.f": "A function that says enough.\n",
    "two.f.g": "An inner function, as documented.\n",
    "latin": "The naïve module, in Latin-1.\n",
    "help(yield)": "The yield statement\n*******************\n\nIt yields.\n",
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for name, source in LIBRARY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(source.encode("latin-1" if name == "latin.py" else "utf-8"))
    return tmp_path


def test_documents_are_the_docstrings_and_topics(library: Path):
    corpus = default_corpus(library)
    # The inner function of a function is part of the documentation as well; the second f repeats the first.
    found = {document.name: "".join(document) for document in corpus}
    assert found == EXPECTED
    assert corpus.notes == ["not read, since it could not be parsed: broken.py"]


def test_documents_stand_in_the_order_of_their_digests(library: Path):
    texts = ["".join(document) for document in default_corpus(library)]
    assert texts == sorted(texts, key=lambda text: hashlib.sha256(text.encode()).hexdigest())


def test_the_record_names_the_python(library: Path):
    record = default_corpus(library).record
    assert record["python"] == platform.python_version()
    assert (record["documents"], record["characters"]) == (len(EXPECTED), sum(map(len, EXPECTED.values())))
    assert record == default_corpus(library).record


def test_a_library_without_sources_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="none are there; name text files"):
        default_corpus(tmp_path)


@pytest.mark.slow
def test_the_library_of_this_python_is_read_and_not_imported():
    code = (
        "import json, sys; from gatewise.text.default_corpus import default_corpus; "
        "before = set(sys.modules); corpus = default_corpus(); "
        "print(json.dumps([corpus.record, corpus.notes, sorted(set(sys.modules) - before)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    record, notes, imported = json.loads(done.stdout)
    assert record["characters"] > 1_500_000
    assert record["documents"] > 5000
    assert notes == []
    assert not {"tkinter", "turtle", "antigravity", "pydoc_data.topics", "asyncio"} & set(imported)
