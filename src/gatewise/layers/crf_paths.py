"""The best paths of a linear-chain CRF: Viterbi's recursion with the n best endings of a path in place of one.

The recursion runs from the ends to the starts, so that paths are then read off from their beginning: of paths whose
scores are equal as computed, the one with the lower label at the first step where they differ comes first.
Letters: N rows, b sequences, L labels, n paths.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.layers.crf_rows import Chains, Scores, parts_of


def best_paths(scores: Scores, chains: Chains, n: int) -> tuple[Tensor, Tensor]:
    """The n best paths of each sequence, the best first, exact.

    Args:
        scores: in float64.
        chains: along which rows.
        n: how many, at least 1.

    Returns:
        Labels [N, n] and the scores of the paths [b, n]: where there are fewer than n allowed paths, -1 and minus
        infinity.

    Example:
        >>> from gatewise.layers.ragged import arrange
        >>> rows = torch.tensor([[0.0, 3.0], [1.0, 0.0]]).double()
        >>> chains = Chains.of(arrange(rows, 2, where="CRF"), torch.device("cpu"))
        >>> labels, found = best_paths(Scores(rows, torch.zeros(2, 2), torch.zeros(2), torch.zeros(2)), chains, 3)
        >>> labels.T.tolist(), found.tolist()
        ([[1, 0], [1, 1], [0, 0]], [[4.0, 3.0, 1.0]])
    """
    found = scores.rows.new_empty(0, n)
    tables: list[Tensor] = []  # for each step but the last: of the n best endings from each label, how they go on
    heads = scores.rows.new_empty(0, scores.rows.size(1), n)
    ends = heads.new_full((1, *heads.shape[1:]), -torch.inf)
    ends[0, :, 0] = scores.ends
    for (row,) in reversed(chains.steps(scores.rows)):
        values, table = _merge(heads, scores.transitions, n)
        tables.append(table)
        entering = len(row) - len(values)
        heads = torch.cat([values, ends.expand(entering, -1, -1)]) + row[:, :, None]
    if not chains.sizes:
        return torch.empty(0, n, dtype=torch.int64, device=found.device), found
    values, begin = _merge(heads, scores.starts[None], n)
    return _read(begin[:, 0], tables[::-1], values[:, 0], chains), values[:, 0]


def _merge(heads: Tensor, transitions: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n best of all transitions followed by the endings beyond them.

    The endings of each label are sorted, so that the best that is left is at the front of one of them: n times the
    best front is taken and the next of its label moves up. L^2 n comparisons, where sorting takes L^2 n log(L n).

    Args:
        heads: [m, L, n] the endings that begin with each label, the best first.
        transitions: [I, L] into these labels.
        n: how many are wanted.

    Returns:
        Scores [m, I, n], and where each goes on [m, I, n]: its label times n plus its place among that label's endings.
    """
    shape = (len(heads), len(transitions), n)
    values, places = heads.new_empty(shape), torch.empty(shape, dtype=torch.int64, device=heads.device)
    for part in parts_of(len(heads), transitions):
        _merge_part(heads[part], transitions, values[part], places[part])
    return values, places


def _merge_part(heads: Tensor, transitions: Tensor, values: Tensor, places: Tensor) -> None:
    count, labels, n = heads.shape
    fronts = transitions + heads[:, None, :, 0]
    taken = torch.zeros(fronts.shape if n > 1 else (), dtype=torch.int64, device=heads.device)
    beyond = torch.cat([heads, heads.new_full((count, labels, 1), -torch.inf)], 2).view(count, -1)
    for k in range(n):
        best, label = fronts.max(2)  # of equals the first, which is the lowest label
        values[:, :, k], places[:, :, k] = best, label * n
        if n == 1:
            return
        at = label[:, :, None]
        place = taken.gather(2, at)
        places[:, :, k] += place[:, :, 0]
        taken.scatter_(2, at, place + 1)
        following = beyond.gather(1, (label * (n + 1) + place[:, :, 0] + 1))
        step = transitions.expand(count, -1, -1).gather(2, at)
        fronts.scatter_(2, at, step + following[:, :, None])


def _read(place: Tensor, tables: list[Tensor], values: Tensor, chains: Chains) -> Tensor:
    """The labels [N, n] of the paths that begin at ``place`` [b, n]; ``tables`` as `_merge` returns them, by step."""
    n = place.size(1)
    steps = [place]
    for table in tables[:-1]:
        steps.append(table.view(len(table), -1).gather(1, steps[-1][: len(table)]))
    labels = torch.cat(steps) // n
    return labels.masked_fill_(values.index_select(0, chains.ranks).isneginf(), -1)
