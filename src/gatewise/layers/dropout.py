"""The dropout family of a recurrent layer: what is set to zero, and for how long the same mask stays.

| name | acts on | one mask for | source |
|---|---|---|---|
| dropout | the input of every layer but the first | every row by itself | Zaremba et al. 2014, arXiv:1409.2329v5 |
| locked | the input of every layer but the first | a sequence | Gal & Ghahramani 2016, arXiv:1512.05287v5 |
| weight | the recurrent matrices | a forward pass | Merity et al. 2018, arXiv:1708.02182v1 |

(Zoneout acts inside the time loop and lives in `gatewise.scan`.) What is kept is divided by 1 - rate, so that the
expectation stays. All masks come from torch's generator of the tensor's device. Without training nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.layers.ragged import Layout


def locked_dropout(input: Tensor, rate: float, training: bool) -> Tensor:
    """Set features to zero for a whole sequence: y[t, b, h] = x[t, b, h] m[b, h] / (1 - rate), m ~ Bernoulli(1 - rate).

    Args:
        input: [T, B, H].
        rate: probability that a feature of a sequence is zero, 0 to 1.
        training: False returns the input as it is.

    Example:
        >>> y = locked_dropout(torch.ones(3, 1, 100), 0.5, training=True)
        >>> y.unique().tolist(), torch.equal(y[0], y[2])
        ([0.0, 2.0], True)
    """
    if not training or rate == 0.0:
        return input
    return input * functional.dropout(torch.ones_like(input[0]), rate)


def locked_dropout_of_rows(rows: Tensor, layout: Layout, rate: float, training: bool) -> Tensor:
    """`locked_dropout` for the rows [N, H] of a scan; a sequence's mask does not depend on the lengths.

    Example:
        >>> from gatewise.layers.ragged import arrange
        >>> layout = arrange(torch.zeros(2, 2, 1), 1, lengths=[1, 2], where="LSTM")
        >>> y = locked_dropout_of_rows(torch.ones(3, 100), layout, 0.5, training=True)
        >>> torch.equal(y[0], y[2]), torch.equal(y[0], y[1])    # rows 0 and 2 belong to the longer sequence
        (True, False)
    """
    if not training or rate == 0.0:
        return rows
    mask = functional.dropout(rows.new_ones(layout.batch, rows.size(-1)), rate)
    return rows * mask.index_select(0, layout.sequences(rows.device))


def weight_dropout(
    weights: Mapping[str, Tensor], names: frozenset[str], rate: float, training: bool
) -> dict[str, Tensor]:
    """Set single weights of the named matrices to zero: R' = R * M / (1 - rate), M ~ Bernoulli(1 - rate).

    Args:
        weights: the parameters of a cell.
        names: those to act on.
        rate: probability that a weight is zero, 0 to 1.
        training: False returns the weights as they are.

    Example:
        >>> y = weight_dropout({"R": torch.ones(10, 10), "b": torch.ones(2)}, frozenset({"R"}), 0.5, training=True)
        >>> y["R"].unique().tolist(), y["b"].tolist()
        ([0.0, 2.0], [1.0, 1.0])
    """
    if not training or rate == 0.0:
        return dict(weights)
    return {name: functional.dropout(w, rate) if name in names else w for name, w in weights.items()}
