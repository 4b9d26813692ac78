"""What every way of writing begins with: the prompt and the length are checked, the prompt is read."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gatewise.errors import DataError, SettingError
from gatewise.lm.protocol import LanguageModel, S


def read_prompt(lm: LanguageModel[S], prompt: Sequence[int]) -> S:
    """The state of one text after its prompt.

    Args:
        lm: any language model.
        prompt: token ids; may be empty.

    Example:
        >>> from gatewise.lm import Uniform
        >>> len(read_prompt(Uniform(4), [1, 2]))
        1
    """
    state = lm.start(1)
    return lm.advance(state, torch.tensor([list(prompt)]))[1] if prompt else state


def check_prompt(lm: LanguageModel[S], prompt: Sequence[int]) -> None:
    """Refuse ids that the model does not know.

    Raises:
        DataError: an id outside the vocabulary.

    Example:
        >>> from gatewise.lm import Uniform
        >>> check_prompt(Uniform(4), [1, 9])
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: the prompt has the token 9, but the vocabulary is 0 to 3
    """
    for token in (min(prompt), max(prompt)) if prompt else ():
        if not 0 <= token < lm.vocabulary_size:
            raise DataError(f"the prompt has the token {token}, but the vocabulary is 0 to {lm.vocabulary_size - 1}")


def check_length(length: int) -> None:
    """Refuse to write fewer than one token.

    Raises:
        SettingError: a length below 1.

    Example:
        >>> check_length(1)
    """
    if length < 1:
        raise SettingError(f"length must be at least 1, but {length!r} was given")
