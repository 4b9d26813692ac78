"""A linear-chain CRF by writing down every path: the witness of the recursions, in Python's own numbers."""

from __future__ import annotations

import itertools
import math

import torch

from gatewise.layers.crf import LinearChainCRF


def random_crf(labels, spread=1.0, masks=False, **options):
    """A CRF in float64 with random parameters, and random masks of which about a third forbids."""
    if masks:
        options["allowed"] = torch.rand(labels, labels) > 0.35
        options["allowed_starts"] = torch.rand(labels) > 0.35
        options["allowed_ends"] = torch.rand(labels) > 0.35
        options["allowed_starts"][0] = options["allowed_ends"][0] = options["allowed"][0, 0] = True
    crf = LinearChainCRF(labels, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter) * spread)
    return crf


def every_path(crf, emissions):
    """(score, path) of every allowed path of one sequence [T, L], the best first, equal ones by their labels."""
    rows, labels = emissions.double().tolist(), crf.labels
    moves, starts, ends = (part.tolist() for part in (crf.transitions.double(), crf.starts.double(), crf.ends.double()))
    masks = (crf.allowed, crf.allowed_starts, crf.allowed_ends)
    shapes = ((labels, labels), (labels,), (labels,))
    may, first, last = (
        (torch.ones(shape) if mask is None else mask).bool().tolist() for mask, shape in zip(masks, shapes, strict=True)
    )
    found = []
    for path in itertools.product(range(labels), repeat=len(rows)):
        pairs = list(itertools.pairwise(path))
        if first[path[0]] and last[path[-1]] and all(may[i][j] for i, j in pairs):
            terms = [rows[t][j] for t, j in enumerate(path)] + [moves[i][j] for i, j in pairs]
            found.append((math.fsum([starts[path[0]], *terms, ends[path[-1]]]), path))
    return sorted(found, key=lambda each: (-each[0], each[1]))


def log_partition(paths):
    """log of the sum of exp(score)."""
    top = max(score for score, _ in paths)
    return top + math.log(math.fsum(math.exp(score - top) for score, _ in paths))


def expectations(paths, labels):
    """What to expect of a path: marginals [T, L], pairs of neighbours [L, L]; both as lists."""
    total, steps = log_partition(paths), len(paths[0][1])
    marginals = torch.zeros(steps, labels, dtype=torch.float64)
    pairs = torch.zeros(labels, labels, dtype=torch.float64)
    for score, path in paths:
        weight = math.exp(score - total)
        marginals[range(steps), list(path)] += weight
        for i, j in itertools.pairwise(path):
            pairs[i, j] += weight
    return marginals, pairs
