"""Batches of whole texts of nearly equal length, for classifiers and taggers.

Letters: n texts of a set, B texts of a batch, T tokens of the longest of them, W distinct words of the batch,
C characters of the longest of those, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import DataError, SettingError
from gatewise.text.batch import same_stream
from gatewise.text.encoded import EncodedTexts
from gatewise.text.encoders import Ids

_POOL = 64
"""Batches whose texts are sorted by length together."""


@dataclass(frozen=True)
class TypeCharacters:
    """The characters of the distinct words of a batch, and which of them stands where.

    Attributes:
        ids: [C, W], int64; 0 beyond a word's length.
        lengths: [W], int64, at least 1 each.
        index: [T, B], int64: the word of each token; 0 beyond a text's length.
    """

    ids: Tensor
    lengths: Tensor
    index: Tensor


@dataclass(frozen=True)
class TextBatch:
    """Some texts side by side. What stands beyond a text's length can be looked up, and must not be counted.

    Attributes:
        tokens: [T, B], int64, T at least 1; 0 beyond a text's length.
        lengths: [B], int64, on the CPU; 0 allowed.
        order: [B], int64, on the CPU: the number of each text in its set.
        characters: of the distinct words; None where characters are not used.
        targets: labels [B] int64, or [B, L] bool; tags [T, B] int64; or None.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> lexicon = Lexicon.build([["so", "it", "is"]], characters=True)
        >>> batch = draw(EncodedTexts.of_words([["so"], ["it", "is"]], lexicon), np.array([1, 0]))
        >>> batch.tokens.tolist(), batch.lengths.tolist()
        ([[2, 3], [1, 0]], [2, 1])
        >>> batch.characters.ids.T.tolist(), batch.characters.index.tolist()
        ([[2, 3], [1, 4], [1, 2]], [[1, 0], [2, 0]])
    """

    tokens: Tensor
    lengths: Tensor
    order: Tensor
    characters: TypeCharacters | None = None
    targets: Tensor | None = None

    @cached_property
    def valid(self) -> Tensor:
        """[T, B], bool, on the device of the tokens: what is within a text's length."""
        steps = torch.arange(self.tokens.size(0), device=self.tokens.device)
        return steps[:, None] < self.lengths.to(self.tokens.device)

    def to(self, device: torch.device | str) -> TextBatch:
        """The same on another device; lengths and order stay where they are."""
        characters = self.characters
        if characters is not None:
            characters = TypeCharacters(characters.ids.to(device), characters.lengths, characters.index.to(device))
        targets = None if self.targets is None else self.targets.to(device)
        return TextBatch(self.tokens.to(device), self.lengths, self.order, characters, targets)


def draw(texts: EncodedTexts, chosen: Ids) -> TextBatch:
    """The batch of the chosen texts, side by side in that order.

    Args:
        texts: the set.
        chosen: [B], at least one number of a text.
    """
    starts = texts.boundaries[chosen]
    lengths = texts.boundaries[chosen + 1] - starts
    places, valid = _places(starts, lengths)
    ids = np.zeros(places.shape, np.int64)
    ids[valid] = texts.ids[places[valid]]
    tokens, characters = ids, None
    if texts.types is not None:
        tokens = np.zeros_like(ids)
        tokens[valid] = texts.types.word_ids[ids[valid]]
        characters = _characters(texts, ids, valid)
    return TextBatch(
        torch.from_numpy(tokens),
        torch.from_numpy(lengths),
        torch.from_numpy(np.asarray(chosen, np.int64)),
        characters,
        _targets(texts, np.asarray(chosen), places, valid),
    )


def _places(starts: Ids, lengths: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Where the numbers of each part are, [T, B], and which of these places belong to it; T is at least 1."""
    steps = np.arange(max(1, int(lengths.max())))[:, None]
    return steps + starts, steps < lengths


def _characters(texts: EncodedTexts, ids: Ids, valid: NDArray[np.bool_]) -> TypeCharacters | None:
    types = texts.types
    if types is None or types.characters is None or types.starts is None:
        return None
    used, numbers = np.unique(ids[valid], return_inverse=True)
    index = np.zeros_like(ids)
    index[valid] = numbers
    if not len(used):  # only empty texts: a word that nobody reads, of one unknown character
        return TypeCharacters(torch.zeros(1, 1).long(), torch.ones(1).long(), torch.from_numpy(index))
    starts = types.starts[used]
    lengths = types.starts[used + 1] - starts
    places, within = _places(starts, lengths)
    found = np.zeros(places.shape, np.int64)
    found[within] = types.characters[places[within]]
    return TypeCharacters(torch.from_numpy(found), torch.from_numpy(lengths), torch.from_numpy(index))


def _targets(texts: EncodedTexts, chosen: Ids, places: Ids, valid: NDArray[np.bool_]) -> Tensor | None:
    if texts.targets is None:
        return None
    if not texts.tagged:
        return torch.from_numpy(texts.targets[chosen])
    tags = np.zeros(places.shape, np.int64)
    tags[valid] = texts.targets[places[valid]]
    return torch.from_numpy(tags)


class TextBatches:
    """Batches without end, in an order drawn for each epoch from seed and epoch.

    The texts are shuffled, sorted by length within pools of 64 batches, cut into batches, and the batches shuffled:
    little padding, and still another mixture each epoch. It is a `gatewise.training.task.BatchStream`.

    Args:
        texts: the set.
        batch_size: texts in a batch at most.
        tokens: T x B of a batch at most, padding counted; a longer text is a batch by itself. 0: no limit.
        seed: of the orders.

    Raises:
        DataError: there is no text.
        SettingError: a size out of its range.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> texts = [["so"], ["it", "is"], ["is", "it", "so"]]
        >>> stream = TextBatches(EncodedTexts.of_words(texts, Lexicon.build(texts)), batch_size=2)
        >>> sorted(number for _ in range(2) for number in next(stream).order.tolist()), stream.epoch
        ([0, 1, 2], 1.0)
    """

    def __init__(self, texts: EncodedTexts, batch_size: int, *, tokens: int = 0, seed: int = 0) -> None:
        check_sizes(batch_size, tokens)
        if not len(texts):
            raise DataError("training needs texts, but there is not one", fix="give a file with texts")
        self.texts, self.batch_size, self.tokens, self.seed = texts, batch_size, tokens, seed
        self._epoch = self._index = 0
        self._drawn: tuple[int, list[Ids]] | None = None

    @property
    def epoch(self) -> float:
        """Epochs given out so far, with the fraction of the one that goes on."""
        return self._epoch + (self._index / len(self._batches) if self._index else 0.0)

    @cached_property
    def batches_per_epoch(self) -> int:
        """Batches in which every text is given out once, in the first epoch; a limit of tokens lets others differ."""
        return len(self._draw(0)) if self.tokens else -(-len(self.texts) // self.batch_size)

    @property
    def _batches(self) -> list[Ids]:
        """The batches of the epoch that goes on."""
        if self._drawn is None or self._drawn[0] != self._epoch:
            self._drawn = (self._epoch, self._draw(self._epoch))
        return self._drawn[1]

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> TextBatch:
        """The next batch."""
        batches = self._batches
        batch = draw(self.texts, batches[self._index])
        self._index += 1
        if self._index == len(batches):
            self._epoch, self._index = self._epoch + 1, 0
        return batch

    def _draw(self, epoch: int) -> list[Ids]:
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = generator.permutation(len(self.texts))
        pool = np.arange(len(shuffled)) // (self.batch_size * _POOL)
        lengths = self.texts.lengths[shuffled]
        # Rising in one pool and falling in the next, so that no batch stands over a step from long to short.
        order = shuffled[np.lexsort((np.where(pool % 2, -lengths, lengths), pool))]
        batches = list(_cut(order, self.texts.lengths, self.batch_size, self.tokens))
        return [batches[index] for index in generator.permutation(len(batches))]

    def state(self) -> dict[str, Any]:
        """Where the stream stands, in a form that JSON can hold."""
        return self._identity | {"place": {"epoch": self._epoch, "index": self._index}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream over the same texts and with the same settings stood.

        Raises:
            DataError: the state belongs to other texts or to other settings.
        """
        same_stream(state, self._identity)
        self._epoch, self._index = int(state["place"]["epoch"]), int(state["place"]["index"])

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return {
            "stream": "texts",
            "texts": len(self.texts),
            "data": self.texts.digest(),
            "batch_size": self.batch_size,
            "batch_tokens": self.tokens,
            "seed": self.seed,
        }


def check_sizes(batch_size: int, tokens: int) -> None:
    """Refuse sizes of batches that cannot be.

    Raises:
        SettingError: a size out of its range.

    Example:
        >>> check_sizes(0, 0)
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: batch_size must be at least 1, but 0 was given
    """
    if batch_size < 1:
        raise SettingError(f"batch_size must be at least 1, but {batch_size} was given")
    if tokens < 0:
        raise SettingError(f"the tokens of a batch must be at least 1, or 0 for no limit, but {tokens} was given")


def one_pass(texts: EncodedTexts, batch_size: int, *, tokens: int = 0) -> Iterator[TextBatch]:
    """Every text once, from the shortest to the longest, for evaluation and prediction; one batch in memory.

    Args:
        texts: the set.
        batch_size: texts in a batch at most.
        tokens: T x B of a batch at most, padding counted; a longer text is a batch by itself. 0: no limit.

    Raises:
        SettingError: a size out of its range.
    """
    check_sizes(batch_size, tokens)
    lengths = texts.lengths
    for chosen in _cut(np.argsort(lengths, kind="stable"), lengths, batch_size, tokens):
        yield draw(texts, chosen)


def in_order(results: Iterable[tuple[TextBatch, Sequence[Any]]]) -> list[Any]:
    """What was found for each text, in the order of the set.

    Args:
        results: the batches of one pass, each with something for each of its texts.

    Example:
        >>> from gatewise.text.lexicon import Lexicon
        >>> texts = [["it", "is"], ["so"]]
        >>> batches = one_pass(EncodedTexts.of_words(texts, Lexicon.build(texts)), batch_size=1)
        >>> in_order((batch, [length for length in batch.lengths.tolist()]) for batch in batches)
        [2, 1]
    """
    found: dict[int, Any] = {}
    for batch, values in results:
        found.update(zip(batch.order.tolist(), values, strict=True))
    return [found[number] for number in range(len(found))]


def _cut(order: Ids, lengths: Ids, batch_size: int, tokens: int) -> Iterator[Ids]:
    first = 0
    while first < len(order):
        rows = order[first : first + batch_size]
        if tokens:
            padded = np.maximum.accumulate(np.maximum(lengths[rows], 1)) * np.arange(1, len(rows) + 1)
            rows = rows[: max(1, int(np.count_nonzero(padded <= tokens)))]
        yield rows
        first += len(rows)
