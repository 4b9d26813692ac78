"""A prompt as tokens, and what of it the model does not know."""

from __future__ import annotations

from gatewise.errors import DataError
from gatewise.text.tokenizer import Tokenizer

_MOST_NAMED = 10


def read_prompt(tokenizer: Tokenizer, text: str) -> tuple[list[int], str]:
    """The tokens of a prompt, and a line that names what is unknown in it, "" where nothing is.

    Args:
        tokenizer: of the model.
        text: what the user wrote; may be empty.

    Raises:
        DataError: nothing in the prompt is known.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> tokenizer = Tokenizer.train(["abc"], TextSettings(level="char"))
        >>> read_prompt(tokenizer, "a€b")
        ([2, 1, 3], "the model does not know these characters of the prompt, and reads <unk> for each: '€'")
    """
    ids = tokenizer.encode(text)
    unknown = _unknown(tokenizer, text)
    if not unknown:
        return ids, ""
    what = "characters" if tokenizer.level == "char" else "words"
    named = ", ".join(map(repr, unknown[:_MOST_NAMED])) + " ..." * (len(unknown) > _MOST_NAMED)
    if all(token == tokenizer.unk_id for token in ids):
        raise DataError(
            f"the model knows none of the {what} of the prompt ({named})",
            where="prompt",
            fix=f"use {what} of the text it was trained on",
        )
    return ids, f"the model does not know these {what} of the prompt, and reads <unk> for each: {named}"


def _unknown(tokenizer: Tokenizer, text: str) -> list[str]:
    """Every unknown word or character once, in the order of the text."""
    if tokenizer.unk_id is None:
        return []
    pipeline = tokenizer.pipeline
    text = pipeline.normalizer.normalize_str(text) if pipeline.normalizer else text
    found = dict.fromkeys(word.strip("\n") or "\n" for word, _ in pipeline.pre_tokenizer.pre_tokenize_str(text))
    return [word for word in found if word not in tokenizer.vocabulary and tokenizer.encode(word) == [tokenizer.unk_id]]
