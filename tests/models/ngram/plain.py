"""The same estimates written with dictionaries and recursion, as textbooks have them: the arrays are compared with it.

A text is a list of sentences of ids; EOS ends each, and stands before its first word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
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
        self,
        order: int,
        text: list[list[int]] = TEXT,
        delta: float = 1.0,
        weight: float | Sequence[Sequence[float]] = 0.5,
    ) -> None:
        self.order, self.delta = order, delta
        self.weights = [[weight] * 16] * order if isinstance(weight, float) else weight
        self.sentences = [[*sentence, EOS] for sentence in text]

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
        weight = self.weights[len(context)][self.size(context)]
        return weight * seen.get(word, 0) / sum(seen.values()) + (1 - weight) * lower

    def size(self, context):
        """How often the count of a context can be halved."""
        return sum(self.after(context).values()).bit_length() - 1

    def held_out_nats(self, text: list[list[int]]) -> float:
        """The log probability per token of another text under jelinek_mercer."""
        found = [math.log(self.jelinek_mercer(word, context)) for word, context in self.places(text)]
        return sum(found) / len(found)

    def places(self, text: list[list[int]]) -> list[tuple[int, tuple]]:
        """Each word of another text with the context that the highest order sees."""
        whole = [("<s>", *sentence, EOS) for sentence in text]
        return [
            (words[end], words[max(0, end - self.order + 1) : end]) for words in whole for end in range(1, len(words))
        ]

    def expectation_maximisation(self, text: list[list[int]], rounds: int) -> None:
        """Changes the weights to those of so many rounds, one token after the other; none above t / (t + 1)."""
        known = [self._known(word, context) for word, context in self.places(text)]
        for _ in range(rounds):
            above: Counter[tuple[int, int]] = Counter()
            below: Counter[tuple[int, int]] = Counter()
            tokens: Counter[tuple[int, int]] = Counter()
            for orders in known:
                rest, owed = 1.0, []
                for order, size, share in orders:
                    owed.append(rest * self.weights[order][size] * share)
                    rest *= 1 - self.weights[order][size]
                owed.append(rest / V)
                for index, (order, size, _) in enumerate(orders):
                    above[order, size] += owed[index] / sum(owed)
                    below[order, size] += sum(owed[index:]) / sum(owed)
                    tokens[order, size] += 1
            self.weights = [list(row) for row in self.weights]
            for (order, size), t in tokens.items():
                if below[order, size]:
                    self.weights[order][size] = min(above[order, size] / below[order, size], t / (t + 1))

    def _known(self, word, context):
        """The order, the size of the context and the share of the word, longest context first."""
        seen = [(len(part), self.after(part)) for part in (context[at:] for at in range(len(context) + 1))]
        tails = [context[len(context) - length :] for length, _ in seen]
        return [
            (length, self.size(tail), after.get(word, 0) / sum(after.values()))
            for (length, after), tail in zip(seen, tails, strict=True)
            if after
        ]

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
            taken = own if all(d > 1e-9 for d in own) else taken
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
        seen = self.after(context)
        if not seen:
            return self.shorter("katz", word, context)
        kept = {other: c * self._katz_ratio(len(context) + 1, c) for other, c in seen.items()}
        total = sum(seen.values())
        if sum(kept.values()) == total:  # all so frequent that nothing is taken: one more is made up
            total += 1
        if word in seen:
            return kept[word] / total
        unseen = sum(self.shorter("katz", other, context) for other in range(V) if other not in seen)
        return (total - sum(kept.values())) / total * self.shorter("katz", word, context) / unseen

    def _katz_ratio(self, length, c):
        """d_r of Chen and Goodman 1998, section 2.5, with k = 5; where it is undefined a half is taken."""
        n = Counter(c for gram, c in self.counts.items() if len(gram) == length)
        if not all(n[r] for r in range(1, 7)) or 6 * n[6] >= n[1]:
            return (c - 0.5) / c
        common = Fraction(6 * n[6], n[1])
        ratios = [(Fraction((r + 1) * n[r + 1], r * n[r]) - common) / (1 - common) for r in range(1, 6)]
        if not all(0 < d <= 1 for d in ratios):
            return (c - 0.5) / c
        return float(ratios[c - 1]) if c <= 5 else 1
