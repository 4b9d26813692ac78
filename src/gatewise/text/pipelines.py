"""The Hugging Face pipeline of each level: what a ``tokenizer.json`` holds, and how its level is known again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Pipeline

from gatewise.errors import ModelFileError
from gatewise.text.pieces import CHUNK

Level = Literal["word", "char", "byte", "bpe", "unigram"]

EOS = "<eos>"
UNK = "<unk>"
NEWLINE = {"word": EOS, "char": "\n", "byte": "Ċ", "bpe": "Ċ", "unigram": "Ċ"}
"""How a newline is written in the vocabulary of each level."""

WORD = r"\w+(?:['’]\w+)*|[^\w\s]"
"""What a word of plain text is: an apostrophe inside a word belongs to it, any other sign is a word by itself."""

SPACES = r"[ \t\r\x0b\f]+"
"""What stands between the words of pretokenised text."""

_CHARACTER = r"[\s\S]"
_WORD = rf"{EOS}|{WORD}"


class Form(NamedTuple):
    """What a tokenizer does with text before the vocabulary is asked.

    Attributes:
        level: what a token is.
        pretokenised: words are what stands between spaces (level word only).
        lowercase: letters are made small first.
    """

    level: Level
    pretokenised: bool = False
    lowercase: bool = False


EMPTY: dict[Level, Callable[[], models.Model]] = {
    "word": lambda: models.WordLevel({EOS: 0, UNK: 1}, unk_token=UNK),
    "char": lambda: models.WordLevel({EOS: 0, UNK: 1}, unk_token=UNK),
    "byte": models.BPE,
    "bpe": models.BPE,
    "unigram": lambda: models.Unigram([(EOS, 0.0)]),
}
"""The kind of model of each level, before it has learnt anything."""

_FORMS = [
    Form(level, pretokenised, lowercase)
    for level in EMPTY
    for pretokenised in (False, True)[: 1 + (level == "word")]
    for lowercase in (False, True)
]


def pipeline(form: Form, model: models.Model) -> Pipeline:
    """The whole pipeline around ``model``: normalizer, pre-tokenizer and decoder of its form."""
    level, pretokenised, lowercase = form
    made = Pipeline(model)
    steps: list[Any] = [normalizers.Lowercase()] if lowercase else []
    if level == "word":
        # Plain text has no special tokens: "<eos>" in it is three ordinary tokens, and the newline is the only <eos>.
        steps += [] if pretokenised else [normalizers.Replace(EOS, "< eos >")]
        steps += [normalizers.Replace("\n", f" {EOS} ")]
    if steps:
        made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.Sequence(_pre_tokenizers(level, pretokenised))
    if level in ("byte", "bpe", "unigram"):
        made.decoder = decoders.ByteLevel()
    if level == "char":
        made.decoder = decoders.Fuse()
    return made


def _pre_tokenizers(level: Level, pretokenised: bool) -> list[Any]:
    if level == "char":
        return [pre_tokenizers.Split(Regex(_CHARACTER), "isolated")]
    if level == "byte":
        return [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    if pretokenised:
        return [pre_tokenizers.Split(Regex(SPACES), "removed")]
    chunk = pre_tokenizers.Split(Regex(CHUNK), "isolated")
    if level == "word":
        return [chunk, pre_tokenizers.Split(Regex(_WORD), "removed", invert=True)]
    return [chunk, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]


def recognise(content: dict[str, Any], where: str) -> Form:
    """What the content of a ``tokenizer.json`` does with text, which must be what one of our pipelines does.

    Args:
        content: the parsed file, as the library writes it.
        where: where it came from, for the error.

    Raises:
        ModelFileError: it is none of ours.
    """
    for form in _FORMS:
        twin = json.loads(pipeline(form, EMPTY[form.level]()).to_str())
        if _frame(twin) == _frame(content) and _whole(form.level, content["model"]):
            return form
    raise ModelFileError(
        "a tokenizer made by gatewise was expected, but this one cuts text in another way or lacks tokens",
        where=where,
        fix="use the tokenizer.json of a gatewise model",
    )


def _frame(content: dict[str, Any]) -> dict[str, Any]:
    """Everything but the vocabulary."""
    model = {key: value for key, value in content["model"].items() if key not in ("vocab", "merges")}
    return content | {"model": model}


def _whole(level: Level, model: dict[str, Any]) -> bool:
    """Whether the vocabulary has what its level needs, and each id once."""
    if level == "unigram":
        tokens = [token for token, _ in model["vocab"]]
    else:
        tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
        if list(map(model["vocab"].__getitem__, tokens)) != list(range(len(tokens))):
            return False
    needed = {EOS, UNK} if level in ("word", "char") else {EOS, *pre_tokenizers.ByteLevel.alphabet()}
    return needed <= set(tokens) and len(set(tokens)) == len(tokens)
