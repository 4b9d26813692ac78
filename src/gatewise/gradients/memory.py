"""How far back a gradient reaches: one number out of a curve."""

from __future__ import annotations

import math

from gatewise.gradients.curves import Curve
from gatewise.gradients.errors import MeasureError

SHARE = 0.01
"""The share of its start below which a gradient counts as gone."""


def gradient_memory(curve: Curve, share: float = SHARE) -> float:
    """The distance from which on the geometric mean of the norms stays below a share of its start.

    ::

        min { d : mean_log(e) < mean_log(start) + ln share  for all measured e >= d }

    The start is the first distance at which there is any gradient (1 for the LSTM's memory, which the output of its own
    step has not yet been told by). Between two measured distances the logarithm is taken as a straight line.

    Args:
        curve: norms against distance.
        share: between 0 and 1.

    Returns:
        The distance in tokens, not always a whole number; ``math.inf`` where the gradient does not stay below within
        the curve, whose last distance is then what is known; 0 where there is no gradient at all.

    Raises:
        MeasureError: the share is not between 0 and 1.

    Example:
        >>> import torch
        >>> logs = torch.tensor([[0.0, -2.0, -4.0, -6.0]])
        >>> round(gradient_memory(Curve.of_exact(torch.arange(4), logs)), 3)
        2.303
        >>> gradient_memory(Curve.of_exact(torch.arange(2), logs[:, :2]))
        inf
    """
    if not 0.0 < share < 1.0:
        raise MeasureError(f"expected a share between 0 and 1, but {share} came", where="share")
    points = list(zip(curve.distances.tolist(), curve.mean_log.tolist(), strict=True))
    start = next((place for place, (_, log) in enumerate(points) if log > -math.inf), None)
    if start is None:
        return 0.0
    bound = points[start][1] + math.log(share)
    above = max(place for place, (_, log) in enumerate(points) if place == start or log >= bound)
    if above == len(points) - 1:
        return math.inf
    (near, high), (far, low) = points[above], points[above + 1]
    return float(far) if low == -math.inf else near + (far - near) * (high - bound) / (high - low)
