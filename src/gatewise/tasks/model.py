"""What every trained model offers, whatever its task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


class Model(Protocol):
    """A network with all that it needs to read what it is given, as :func:`gatewise.load` returns it.

    What else it can do belongs to its task: a language model writes, a tagger tags.
    """

    @property
    def history(self) -> dict[str, Any]:
        """How it was trained, on what, and how good it was found to be; ready for JSON."""
        ...

    @property
    def verified(self) -> bool | None:
        """Whether its files were compared with a manifest; None for a file that can have none."""
        ...

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the model folder.

        Args:
            path: the folder.
            replace: whether a model folder that is there may be replaced.

        Raises:
            GatewiseError: the place is taken, or the system refuses; what was there is as before.
        """
        ...

    def predict(self, texts: Sequence[Any], batch_size: int | None = None) -> list[Any]:
        """What it says of each text, in order, ready for JSON.

        Args:
            texts: a line each; of a task that is asked with several texts, such as a question and what to answer it
                from, a list of them each.
            batch_size: how many are computed together; it changes no result. None: as it sees fit.
        """
        ...

    def info(self) -> dict[str, Any]:
        """What it is, its sizes, how it was trained; ready for JSON."""
        ...
