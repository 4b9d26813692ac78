"""An ARPA file as a language model, and a language model as an ARPA file."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from gatewise.errors import DataError, GatewiseError, ModelFileError, SettingError
from gatewise.models.ngram import NgramLM, read_arpa, write_arpa
from gatewise.models.settings import NgramLMSettings
from gatewise.tasks.language_model.folder import Parts
from gatewise.tasks.language_model.ngram_settings import READING
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer
from gatewise.training.result import versions

ENDINGS = (".arpa", ".arpa.gz")
_NEAR = 0.8
"""Two letters in the other order, or one left out or put in, are as near as this."""
TEXT = TextSettings(level="word", pretokenised=True, reset_at="line")
"""Words are what stands between spaces, and every line begins anew: as KenLM reads a text."""


def is_arpa(path: str | Path) -> bool:
    """Whether a name is that of an ARPA file.

    Example:
        >>> is_arpa("model.arpa.gz"), is_arpa("runs/ngram")
        (True, False)
    """
    return Path(path).name.lower().endswith(ENDINGS)


def refuse_misspelt(path: str | Path) -> None:
    """Refuse a name for a model folder, thus none of an ARPA file, that is nearly one of those.

    Raises:
        SettingError: its ending is near ``.arpa``.

    Example:
        >>> refuse_misspelt("runs/model-2.0")
        >>> refuse_misspelt("a.arp")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: a.arp: an ARPA file ends in .arpa or .arpa.gz; did you mean a.arpa? ...
    """
    place = Path(path)
    for number, suffix in enumerate(place.suffixes):
        if not get_close_matches(suffix.lower(), [".arpa"], cutoff=_NEAR):
            continue
        packed = ".gz" if place.suffixes[number + 1 :] else ""
        stem = place.name.removesuffix("".join(place.suffixes[number:]))
        fix = f"did you mean {place.with_name(f'{stem}.arpa{packed}')}? (a folder needs another name)"
        raise SettingError(f"an ARPA file ends in {' or '.join(ENDINGS)}", where=str(path), fix=fix)


def read(path: str | Path) -> Parts:
    """The model in an ARPA file, over exactly its words.

    Raises:
        ModelFileError: it is missing, damaged, no ARPA file, or has a word that stands for something else here.
    """
    found = read_arpa(path)
    try:
        tokenizer = Tokenizer.of_words(found.words[2:])
    except DataError as error:
        raise ModelFileError(error.message, where=str(path), fix="give that word another name in the file") from None
    network = NgramLM(found.table)
    history = {"training": {"read from": Path(path).name}, "versions": versions()}
    return Parts(network, tokenizer, TEXT, READING, history)


def write(path: str | Path, parts: Parts, replace: bool = False) -> None:
    """Write a model as an ARPA file.

    Args:
        path: the file.
        parts: the model.
        replace: whether a file that is there may be replaced.

    Raises:
        GatewiseError: there is a file or folder, the model is none that ARPA can hold, or the system refuses.
    """
    check_free(path, replace)
    if not isinstance(parts.network, NgramLM):
        kind = parts.network.config()["model_type"]
        message = f"an ARPA file holds an n-gram model, but this is a {kind}"
        raise GatewiseError(message, where=str(path), fix="give the name of a folder")
    write_arpa(path, parts.network.table, parts.tokenizer.tokens(range(parts.tokenizer.vocabulary_size)))


def check_free(path: str | Path, replace: bool = False) -> None:
    """Whether an ARPA file may be written, as far as that is known before.

    Raises:
        GatewiseError: there is a folder, or a file that may not be replaced, or no folder to write it in.
    """
    if os.path.isdir(path):
        raise GatewiseError("a file cannot be written here: a folder has this name", where=str(path))
    if os.path.lexists(path) and not replace:
        raise GatewiseError("there is a file already", where=str(path), fix="choose another name")
    if not Path(path).absolute().parent.is_dir():
        raise GatewiseError("cannot be written: its folder is not there", where=str(path), fix="make the folder first")


def check_settings(path: str | Path, text: TextSettings, model: NgramLMSettings) -> None:
    """Whether a model that is still to be counted can become this ARPA file.

    Raises:
        GatewiseError: as :func:`check_free`.
        SettingError: another ending, or a model that ARPA cannot hold.
    """
    if not is_arpa(path):
        raise SettingError(f"arpa must end in {' or '.join(ENDINGS)}, but {str(path)!r} was given")
    if text.level in ("char", "byte"):
        message = f"ARPA divides words by white space, which {text.level} tokens hold"
        raise SettingError(message, where="arpa", fix="give --level word, bpe or unigram")
    if model.smoothing == "add-delta":
        message = "add-delta shares what is left equally among all words, which an ARPA file cannot say"
        raise SettingError(message, where="arpa", fix="give another --smoothing")
    if model.order > 2 and text.unit == "running" and text.reset_at == "never":
        message = "the model would go on from one line into the next, which an ARPA file cannot say"
        raise SettingError(message, where="arpa", fix="give --reset-at line, or --unit sentences")
    check_free(path)
