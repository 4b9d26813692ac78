"""A share of labelled texts held out, of every class alike."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from gatewise.errors import DataError, SettingError
from gatewise.text.labelled.examples import Labelled


def stratified_split(
    examples: Sequence[Labelled], share: float, seed: int = 0
) -> tuple[list[Labelled], list[Labelled]]:
    """The texts to train on, and those held out, both in the order they came in.

    Of n texts with a label, share * n are held out, rounded down or up so that the whole comes out right, and at least
    one stays. Where texts have several labels the rarest are divided first, and a frequent label gets its share only as
    nearly as that allows. This is the iterative stratification of Sechidis et al. (2011), "On the Stratification of
    Multi-Label Data", for two parts.

    Args:
        examples: in any order.
        share: that is held out, between 0 and 1.
        seed: of the choice.

    Raises:
        SettingError: the share is not between 0 and 1.
        DataError: there are too few texts to hold any out.

    Example:
        >>> examples = [Labelled(str(n), ("even" if n % 2 == 0 else "odd",), f"a:{n}") for n in range(20)]
        >>> kept, held = stratified_split(examples, 0.2)
        >>> len(kept), sorted(example.labels[0] for example in held)
        (16, ['even', 'even', 'odd', 'odd'])
    """
    if not 0 < share < 1:
        raise SettingError(f"the share that is held out must be between 0 and 1, but {share:g} was given")
    groups: dict[str | None, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        for label in example.labels or (None,):
            groups[label].append(index)
    staying = Counter({label: len(members) for label, members in groups.items()})
    generator = np.random.default_rng(seed)
    held: dict[int, bool] = {}
    owed = 0.0  # what rounding has left over
    for label in sorted(groups, key=lambda label: (len(groups[label]), label is None, label or "")):
        members = groups[label]
        free = [index for index in members if index not in held]
        already = sum(held.get(index, False) for index in members)
        wanted = share * len(members) + owed
        rounded = math.floor(wanted + 0.5)
        if len(members) > 1:
            owed = wanted - rounded
        for index in (free[number] for number in generator.permutation(len(free))):
            labels = examples[index].labels or (None,)
            held[index] = already < rounded and all(staying[other] > 1 for other in labels)
            if held[index]:
                already += 1
                staying.subtract(labels)
    parts: tuple[list[Labelled], list[Labelled]] = ([], [])
    for index, example in enumerate(examples):
        parts[held[index]].append(example)
    if not parts[1]:
        raise DataError(
            f"a share of {share:g} is to be held out, but of {len(examples)} texts that is none",
            where=examples[0].where.rpartition(":")[0] if examples else "",
            fix="give more texts, a larger share, or other texts to validate on",
        )
    return parts
