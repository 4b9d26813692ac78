"""Text written by a model: piece by piece as it comes, or several texts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gatewise.decoding import Step, beam, greedy, sample
from gatewise.lm import LanguageModel
from gatewise.tasks.language_model.settings import GenerateSettings
from gatewise.tasks.language_model.streaming import TextStream
from gatewise.text.tokenizer import Tokenizer


def pieces(
    network: LanguageModel[Any], tokenizer: Tokenizer, ids: Sequence[int], asked: GenerateSettings
) -> Iterator[str]:
    """One text that goes on from a prompt, without the prompt, as it is written.

    Args:
        network: in evaluation mode.
        tokenizer: of the network.
        ids: the tokens of the prompt.
        asked: how to write; with ``beam`` the text comes in one piece.
    """
    if asked.beam is not None:
        yield texts(network, tokenizer, ids, asked)[0][len(asked.prompt) :]
        return
    stream = TextStream(tokenizer, ids, asked.prompt)
    for step in _steps(network, tokenizer, ids, asked, 1):
        token = step.ids[0]
        if token is not None and not _ends(network, token):
            yield stream.push(token)
    yield stream.finish()


def texts(network: LanguageModel[Any], tokenizer: Tokenizer, ids: Sequence[int], asked: GenerateSettings) -> list[str]:
    """All texts that are asked for, the prompt included; beam search gives the best first.

    Raises:
        SettingError: nothing is left to be written, since all that the model allows is banned.
    """
    if asked.beam is not None:
        written = _searched(network, tokenizer, ids, asked, asked.beam)
    else:
        steps = list(_steps(network, tokenizer, ids, asked, asked.n))
        written = [[token for step in steps if (token := step.ids[row]) is not None] for row in range(asked.n)]
    return [asked.prompt + _text(network, tokenizer, ids, asked.prompt, tokens) for tokens in written]


def _searched(
    network: LanguageModel[Any], tokenizer: Tokenizer, ids: Sequence[int], asked: GenerateSettings, width: int
) -> list[list[int]]:
    found = beam(
        network,
        ids,
        width=width,
        length=asked.length,
        length_penalty=asked.length_penalty,
        banned=_banned(tokenizer),
        count=asked.n,
    )
    return [list(text.ids) for text in found]


def _steps(
    network: LanguageModel[Any], tokenizer: Tokenizer, ids: Sequence[int], asked: GenerateSettings, n: int
) -> Iterator[Step]:
    banned = _banned(tokenizer)
    if asked.greedy:
        return greedy(network, ids, length=asked.length, banned=banned)
    return sample(
        network,
        ids,
        length=asked.length,
        temperature=asked.temperature,
        top_k=asked.top_k,
        top_p=asked.top_p,
        banned=banned,
        seed=asked.seed,
        n=n,
    )


def _text(network: LanguageModel[Any], tokenizer: Tokenizer, ids: Sequence[int], prompt: str, tokens: list[int]) -> str:
    stream = TextStream(tokenizer, ids, prompt)
    kept = [token for token in tokens if not _ends(network, token)]
    return "".join([*map(stream.push, kept), stream.finish()])


def _banned(tokenizer: Tokenizer) -> list[int]:
    """``<unk>`` is not a thing to write."""
    return [] if tokenizer.unk_id is None else [tokenizer.unk_id]


def _ends(network: LanguageModel[Any], token: int) -> bool:
    return network.unit == "sentences" and token == network.eos_id
