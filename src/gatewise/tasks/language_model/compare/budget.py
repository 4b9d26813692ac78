"""The time of a comparison: in equal shares, and what one model leaves goes to those that come after it."""

from __future__ import annotations

_LEAST = 1e-3
"""Seconds for which a network whose time others have used up is trained: one step, so that it has its row."""


class Budget:
    """Seconds that are left, and for how many networks.

    Args:
        seconds: for all of them.
        networks: how many there are.

    Example:
        >>> budget = Budget(60.0, networks=3)
        >>> budget.used(6.0)  # by counting n-grams
        >>> budget.share()
        18.0
        >>> budget.used(2.0, networks=1)
        >>> budget.share()
        26.0
    """

    def __init__(self, seconds: float, networks: int) -> None:
        self.left, self.networks = seconds, networks

    def share(self) -> float:
        """What the next network may use."""
        return max(_LEAST, self.left / self.networks)

    def used(self, seconds: float, networks: int = 0) -> None:
        """So much was used, by so many networks."""
        self.left -= seconds
        self.networks -= networks
