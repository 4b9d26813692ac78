"""Tokens as they come, made into text that can be shown at once."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.text.tokenizer import Tokenizer

_CONTEXT = 16  # tokens before a new one that its text may depend on: spaces between words, bytes of a character
_LONGEST_CHARACTER = 4  # bytes of UTF-8; what is still broken after so many tokens stays broken
_BROKEN = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The text of a growing sequence of tokens, piece by piece.

    Args:
        tokenizer: knows what tokens stand for.
        before: tokens that are shown already.
        shown: the text that is shown already; words after a space in it do not bring their own.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> tokenizer = Tokenizer.train(["any"], TextSettings(level="byte"))
        >>> stream = TextStream(tokenizer)
        >>> [stream.push(token) for token in tokenizer.encode("aé")]
        ['a', '', 'é']
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[int] = (), shown: str = "") -> None:
        self._tokenizer = tokenizer
        self._spaced = tokenizer.level == "word" and shown.endswith(" ")
        self._ids = list(before[-_CONTEXT:])
        self._shown = len(tokenizer.decode(self._ids))
        self._held = 0

    def push(self, token: int) -> str:
        """The text that is certain now that ``token`` came; "" while a character is incomplete."""
        self._ids.append(token)
        text = self._tokenizer.decode(self._ids)
        if text.endswith(_BROKEN) and self._held < _LONGEST_CHARACTER - 1:
            self._held += 1
            return ""
        return self._show(text)

    def finish(self) -> str:
        """What was held back."""
        return self._show(self._tokenizer.decode(self._ids)) if self._held else ""

    def _show(self, text: str) -> str:
        piece = text[self._shown :]
        if self._spaced and piece:
            piece, self._spaced = piece.removeprefix(" "), False
        self._ids = self._ids[-_CONTEXT:]
        self._shown, self._held = len(self._tokenizer.decode(self._ids)), 0
        return piece
