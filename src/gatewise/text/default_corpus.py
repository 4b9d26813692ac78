"""The default corpus: the documentation inside the Python that runs this."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import platform
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from gatewise.errors import DataError
from gatewise.text.documents import Corpus, Document, some

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "_bundled", "pydoc_data"}
_SHORTEST = 20
"""Characters below which a docstring says nothing that can be learnt from."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def default_corpus(library: str | Path | None = None) -> Corpus:
    """The docstrings of the standard library and the topics of ``help()``, each a document.

    The sources are parsed, never imported. Left out are installed packages, tests, and what repeats another word for
    word. The documents stand in the order of their SHA-256: the same on every machine with the same library, and
    mixed, so that a held-out last part is like the rest. The corpus's record names the version of Python.

    Args:
        library: the folder of a standard library; None: that of the running Python.

    Raises:
        DataError: there are no sources there.

    Example:
        >>> import json
        >>> corpus = default_corpus(Path(json.__file__).parent)  # a part of the library, to be quick
        >>> any("JSON (JavaScript Object Notation)" in "".join(document) for document in corpus)
        True
    """
    folder = Path(library or sysconfig.get_path("stdlib"))
    unreadable: list[str] = []
    texts: dict[str, tuple[str, str]] = {}
    for name, text in _texts(folder, unreadable):
        text = "\n".join(line.rstrip() for line in inspect.cleandoc(text).splitlines()) + "\n"
        if len(text) > _SHORTEST and not _NO_TEXT.search(text):
            texts.setdefault(hashlib.sha256(text.encode("utf-8")).hexdigest(), (name, text))
    if not texts:
        raise DataError(
            "the default corpus is read from the sources of Python's standard library, but none are there",
            where=str(folder),
            fix="name text files to train on",
        )
    corpus = Corpus(Document.of(*texts[key]) for key in sorted(texts))
    corpus.record["python"] = platform.python_version()
    if unreadable:
        corpus.notes.append(f"not read, since it could not be parsed: {some(unreadable)}")
    return corpus


def _texts(folder: Path, unreadable: list[str]) -> Iterator[tuple[str, str]]:
    """Name and text of every docstring and every topic."""
    for file in _sources(folder):
        module = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        tree = _parsed(file, unreadable)
        if tree is not None:
            yield from _docstrings(tree, module)
    topics = folder / "pydoc_data" / "topics.py"
    tree = _parsed(topics, unreadable) if topics.is_file() else None
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            for name, text in ast.literal_eval(node.value).items():
                yield f"help({name})", text


def _sources(folder: Path) -> Iterator[Path]:
    """The modules of the library, sorted."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        yield from (Path(place, name) for name in sorted(files) if name.endswith(".py"))


def _parsed(file: Path, unreadable: list[str]) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a library's odd escapes are not the user's
            return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        unreadable.append(file.name)
        return None


def _docstrings(node: _Documented, name: str) -> Iterator[tuple[str, str]]:
    """Name and docstring of a module, class or function, and of those inside it."""
    text = ast.get_docstring(node, clean=False)
    if text:
        yield name, text
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings(inner, f"{name}.{inner.name}")
