"""The scores of a softmax in tiles, and the gradients that are summed over them; see `gatewise.layers.softmax`.

Letters: N tokens, H features, V vocabulary; c rows and v columns at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.scan.linear import linear_without_graph

TILE = 1024  # columns of a tile on the CPU: with 250 rows it is a megabyte, near what a core's own cache holds
SCORES_ON_CPU = 2**23  # numbers held at once: 32 MiB of float32, about what a last-level cache holds
SCORES_ON_DEVICE = 2**27  # elsewhere few large products are best: 512 MiB of float32
LEAST_ROWS = 64  # fewer rows make the products slow, whatever the vocabulary
ROWS_WITHOUT_GRADIENT = 1024  # then only one tile of a chunk is held: 4 MiB of float32


@dataclass(frozen=True)
class Tiles:
    """One chunk of rows, as softmax needs it: probabilities are exponentials times factors.

    Attributes:
        exponentials: exp(l - maximum of the row in this tile), a tensor [c, v] for each tile.
        factors: exp(maximum - z), [tiles, c, 1].
        log_probs: log p(target), [c].
    """

    exponentials: list[Tensor]
    factors: Tensor
    log_probs: Tensor


@dataclass(frozen=True)
class Problem:
    """l = h W^T + b for all tokens: the operands in the type of the products, and how the result is cut.

    Attributes:
        features: [N, H], detached.
        weight: [V, H], detached.
        bias: [V], detached, or None.
        targets: [N].
        rows: the largest number of rows at once.
        columns: the columns of a tile.
        scoring: whether no gradient will be asked for; then a row's scores do not depend on the batch.
    """

    features: Tensor
    weight: Tensor
    bias: Tensor | None
    targets: Tensor
    rows: int
    columns: int
    scoring: bool

    @classmethod
    def of(
        cls,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        *,
        kind: torch.dtype,
        chunk: int | None,
        scoring: bool = False,
    ) -> Problem:
        """Bring the operands to ``kind`` and choose how to cut; ``chunk`` rows at once where it is given."""
        on_cpu = features.device.type == "cpu"
        room = SCORES_ON_CPU if on_cpu else SCORES_ON_DEVICE
        return cls(
            features.detach().to(kind),
            weight.detach().to(kind),
            None if bias is None else bias.detach().to(kind),
            targets,
            max(LEAST_ROWS, room // weight.size(0)) if chunk is None else chunk,
            min(TILE, weight.size(0)) if on_cpu else weight.size(0),
            scoring,
        )

    @property
    def exact(self) -> torch.dtype:
        """The type of sums: at least float32."""
        return torch.promote_types(self.features.dtype, torch.float32)

    def chunks(self) -> Iterator[slice]:
        """The rows in slices of nearly equal size, so that the last one is no remainder of a few."""
        total = self.features.size(0)
        count = -(-total // self.rows)
        for index in range(count):
            yield slice(total * index // count, total * (index + 1) // count)

    def tiles(self) -> Iterator[slice]:
        """The columns in slices."""
        for start in range(0, self.weight.size(0), self.columns):
            yield slice(start, min(start + self.columns, self.weight.size(0)))

    def log_probs(self, rows: slice, held: Tensor) -> Tensor:
        """log p(target) [c] of a chunk of rows; one tile after the other lies in ``held``, c v numbers or more."""
        targets = self._none_found(rows)
        parts = [self._exponentials(rows, columns, held, targets)[1:] for columns in self.tiles()]
        return targets - _log_sum(parts)

    def exponentials(self, rows: slice, held: Tensor) -> Tiles:
        """All tiles of a chunk of rows, side by side in ``held``, c V numbers or more."""
        targets = self._none_found(rows)
        tiles, parts = [], []
        for columns in self.tiles():
            tile, *part = self._exponentials(rows, columns, held[targets.size(0) * columns.start :], targets)
            tiles.append(tile)
            parts.append(part)
        normaliser = _log_sum(parts)
        factors = torch.stack([maximum - normaliser for maximum, _ in parts]).exp_().unsqueeze(2)
        return Tiles(tiles, factors, targets - normaliser)

    def _none_found(self, rows: slice) -> Tensor:
        return torch.zeros_like(self.targets[rows], dtype=self.exact)

    def _exponentials(
        self, rows: slice, columns: slice, held: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A tile of exp(l - maximum), maximum and sum of its rows [c]; writes l_t to ``targets`` where t lies here."""
        tile = self._scores(rows, columns, held)
        place = (self.targets[rows] - columns.start).unsqueeze(1)
        found = tile.gather(1, place.clamp(0, tile.size(1) - 1)).squeeze(1)
        here = (place >= 0) & (place < tile.size(1))
        torch.where(here.squeeze(1), found.to(self.exact), targets, out=targets)
        maximum = tile.amax(1).to(self.exact)
        wide = tile.to(self.exact)  # the tile itself, unless the products are narrower
        total = wide.sub_(maximum[:, None]).exp_().sum(1)
        if wide is not tile:
            tile.copy_(wide)
        return tile, maximum, total

    def _scores(self, rows: slice, columns: slice, held: Tensor) -> Tensor:
        """l of a tile [c, v], written to the first numbers of ``held``."""
        features, weight = self.features[rows], self.weight[columns]
        bias = None if self.bias is None else self.bias[columns]
        tile = held[: features.size(0) * weight.size(0)].view(features.size(0), weight.size(0))
        if self.scoring:
            linear_without_graph(features, weight, bias, tile)
            return tile
        if bias is None:
            return torch.mm(features, weight.t(), out=tile)
        return torch.addmm(bias, features, weight.t(), out=tile)


class Gradients:
    """The gradients of the summed loss by features, weight and bias; those that nobody asked for are None.

    d loss / d h = p W - W_t,  d loss / d W_j = sum (p_j - [j = t]) h,  d loss / d b_j = sum p_j - [j = t]

    Args:
        problem: what the loss is of.
        asked: for features, weight and bias, whether the gradient is wanted.
    """

    def __init__(self, problem: Problem, asked: tuple[bool, bool, bool]) -> None:
        def zeros(like: Tensor | None, wanted: bool) -> Tensor | None:
            return torch.zeros_like(like, dtype=problem.exact) if like is not None and wanted else None

        self.problem = problem
        self.features = zeros(problem.features, asked[0])
        self.weight = zeros(problem.weight, asked[1])
        self.bias = zeros(problem.bias, asked[2])

    def add_chunk(self, rows: slice, tiles: Tiles) -> None:
        """Add the terms with p of one chunk of rows; the tiles become p."""
        problem = self.problem
        for columns, tile, factor in zip(problem.tiles(), tiles.exponentials, tiles.factors, strict=True):
            p = torch.mul(tile, factor, out=tile)
            if self.features is not None:
                _add_product(self.features[rows], p, problem.weight[columns])
            if self.weight is not None:
                _add_product(self.weight[columns], p.t(), problem.features[rows])
            if self.bias is not None:
                self.bias[columns] += p.sum(0, dtype=problem.exact)

    def subtract_targets(self) -> None:
        """Add the terms of the targets' own scores, for all rows: - W_t, - h, - 1."""
        problem = self.problem
        if self.features is not None:
            self.features -= problem.weight.index_select(0, problem.targets)
        if self.weight is not None:
            self.weight.index_add_(0, problem.targets, problem.features.to(problem.exact), alpha=-1)
        if self.bias is not None:
            self.bias.index_add_(0, problem.targets, self.bias.new_ones(problem.targets.size(0)), alpha=-1)


def _log_sum(parts: Iterable[Sequence[Tensor]]) -> Tensor:
    """log sum exp over all tiles, from the maximum and the sum of each."""
    return torch.stack([maximum + total.log() for maximum, total in parts]).logsumexp(0)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left right, where total may be wider than the type of the product."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += torch.mm(left, right)
