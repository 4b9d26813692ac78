"""What a language model is: two primitives over an immutable batched state, and the distribution a state stands for.

Letters: n sequences, T tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Literal, Protocol, Self, TypeVar

from torch import Tensor


class State(Protocol):
    """Where a language model stands in each of n texts; never changed, only replaced.

    Example:
        >>> import torch
        >>> from gatewise.lm.uniform import Uniform
        >>> state: State = Uniform(4).start(2)
        >>> len(state.select(torch.tensor([1, 1, 0])))
        3
    """

    def __len__(self) -> int:
        """n."""
        ...

    def select(self, index: Tensor) -> Self:
        """The rows ``index`` [m] (int64, in any order, repeated or left out) as a state of m texts."""
        ...


S = TypeVar("S", bound=State)


class LanguageModel(Protocol[S]):
    """A distribution over texts, token by token: all that `gatewise.lm` and `gatewise.decoding` need to know.

    Example:
        >>> import torch
        >>> from gatewise.lm.uniform import NoState, Uniform
        >>> lm: LanguageModel[NoState] = Uniform(4)
        >>> log_probs, state = lm.advance(lm.start(1), torch.tensor([[3, 2]]))
        >>> log_probs.exp().tolist()
        [[0.25, 0.25]]
    """

    @property
    def vocabulary_size(self) -> int:
        """V."""
        ...

    @property
    def eos_id(self) -> int:
        """The token that ends a text, and that every text starts after."""
        ...

    @property
    def unit(self) -> Literal["running", "sentences"]:
        """Whether the model runs over text without end, or over sentences that end with ``eos_id``."""
        ...

    def start(self, n: int) -> S:
        """The state of n texts before their first token, as after ``eos_id``."""
        ...

    def advance(self, state: S, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, S]:
        """Read some tokens of each text.

        Args:
            state: of n texts.
            ids: [n, T], int64.
            lengths: [n], how many of the T tokens are there, 0 to T; None: all. What stands beyond is not read.

        Returns:
            The log probability of each token after those before it, [n, T] in nats, 0 beyond the lengths; and the
            state after each text's last token.
        """
        ...

    def next(self, state: S) -> Tensor:
        """The log probability of every token that may come next, [n, V] in nats."""
        ...
