"""The same estimates written with dictionaries and recursion, as textbooks have them: the arrays are compared with it.

A text is a list of sentences of ids; EOS ends each, and stands before its first word.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property

V, EOS = 9, 0
TEXT = [[1, 2, 3], [1, 2, 4], [1, 2, 3, 5], [6], [2, 3], [], [1, 1, 1, 2], [6, 1, 2, 3], [3, 2, 1], [5, 5]] * 2 + [
    [4, 6, 2, 3, 5],
    [7, 1],
    [1, 7, 2, 3],
]
"""Word 8 never occurs."""


class Plain:
    """Counts of all orders, and the probability of a word after a context under each method."""

    def __init__(
        self, order: int, text: list[list[int]] | None = None, delta: float = 1.0, weight: float = 0.5
    ) -> None:
        self.order, self.delta, self.weight = order, delta, weight
        self.sentences = [[*sentence, EOS] for sentence in TEXT]

    @cached_property
    def counts(self) -> Counter[tuple[int, ...]]:
        """How often each n-gram of up to ``order`` words occurs; ("<s>", ...) where a sentence begins."""
        found: Counter[tuple] = Counter()
        for sentence in self.sentences:
            words = ["<s>", *sentence]
            for end in range(1, len(words)):
                for length in range(1, self.order + 1):
                    if end - length + 1 >= 0:
                        found[tuple(words[end - length + 1 : end + 1])] += 1
        return found

    def after(self, context: tuple) -> dict[int, int]:
        """What occurs after a context, and how often."""
        return self._index.get(context, {})

    @cached_property
    def _index(self) -> dict[tuple, dict[int, int]]:
        found: dict[tuple, dict[int, int]] = {}
        for gram, count in self.counts.items():
            found.setdefault(gram[:-1], {})[gram[-1]] = count
        return found

    @cached_property
    def _adjusted(self) -> dict[tuple, dict[int, int]]:
        found: dict[tuple, dict[int, int]] = {}
        for gram, count in self.counts.items():
            if len(gram) == self.order or gram[0] == "<s>":
                used = count
            else:
                used = len({longer[0] for longer in self.counts if len(longer) == len(gram) + 1 and longer[1:] == gram})
            found.setdefault(gram[:-1], {})[gram[-1]] = used
        return found

    def shorter(self, method: str, word: int, context: tuple) -> float:
        """The probability after the next shorter context; of none, 1 / V."""
        return getattr(self, method)(word, context[1:]) if context else 1 / V

    def maximum_likelihood(self, word, context):
        seen = self.after(context)
        if not seen:
            return self.shorter("maximum_likelihood", word, context)
        return seen.get(word, 0) / sum(seen.values())

    def add_delta(self, word, context):
        seen = self.after(context)
        if not seen:
            return self.shorter("add_delta", word, context)
        return (seen.get(word, 0) + self.delta) / (sum(seen.values()) + self.delta * V)

    def jelinek_mercer(self, word, context):
        seen = self.after(context)
        lower = self.shorter("jelinek_mercer", word, context)
        if not seen:
            return lower
        return self.weight * seen.get(word, 0) / sum(seen.values()) + (1 - self.weight) * lower

    def witten_bell(self, word, context):
        seen = self.after(context)
        lower = self.shorter("witten_bell", word, context)
        if not seen:
            return lower
        return (seen.get(word, 0) + len(seen) * lower) / (sum(seen.values()) + len(seen))

    def stupid_back_off(self, word, context):
        scores = {other: self._stupid(other, context) for other in range(V)}
        return scores[word] / sum(scores.values())

    def _stupid(self, word, context):
        seen = self.after(context)
        if word in seen:
            return seen[word] / sum(seen.values())
        return 0.4 * (self._stupid(word, context[1:]) if context else 1 / V)

    def kneser_ney(self, word, context):
        n = self._counts_of_counts(len(context) + 1, 2)
        d = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.75
        return self._interpolated("kneser_ney", word, context, lambda _: d)

    def modified_kneser_ney(self, word, context):
        n = self._counts_of_counts(len(context) + 1, 4)
        taken = (0.5, 1.0, 1.5)
        if all(n[r] for r in (1, 2, 3, 4)):
            y = n[1] / (n[1] + 2 * n[2])
            own = tuple(r - (r + 1) * y * n[r + 1] / n[r] for r in (1, 2, 3))
            taken = own if all(0 <= d <= r for r, d in enumerate(own, start=1)) else taken
        return self._interpolated("modified_kneser_ney", word, context, lambda c: taken[min(c, 3) - 1])

    def _counts_of_counts(self, length, largest):
        grams = [
            used for context, seen in self._adjusted.items() if len(context) + 1 == length for used in seen.values()
        ]
        return {r: sum(used == r for used in grams) for r in range(1, largest + 1)}

    def _interpolated(self, method, word, context, discount):
        seen = self._adjusted.get(context, {})
        lower = self.shorter(method, word, context)
        if not seen:
            return lower
        total = sum(seen.values())
        left = sum(min(discount(c), c) for c in seen.values()) / total
        own = seen.get(word, 0)
        return (own - min(discount(own), own) if own else 0) / total + left * lower

    def katz(self, word, context):
        """Discounts that this text does not define: a half is taken from each count."""
        seen = self.after(context)
        if not seen:
            return self.shorter("katz", word, context)
        if word in seen:
            return (seen[word] - 0.5) / sum(seen.values())
        unseen = sum(self.shorter("katz", other, context) for other in range(V) if other not in seen)
        return 0.5 * len(seen) / sum(seen.values()) * self.shorter("katz", word, context) / unseen
