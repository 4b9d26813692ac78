"""The doctor: examines a model or a run, says what it found in plain words, and shows it.

Importing it imports no torch. The room itself can be called, since ``gatewise.doctor`` is at once the name of the room
and that of what one asks of it, beside ``gatewise.train`` and ``gatewise.load``:

    >>> import gatewise
    >>> gatewise.doctor("nowhere")
    Traceback (most recent call last):
        ...
    gatewise.errors.ModelFileError: nowhere: there is no such folder
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class _Room(types.ModuleType):
    """A module that can be called (Python's data model, "Customizing module attribute access")."""

    def __call__(self, model: Any, text: Any = None, **settings: Any) -> Any:
        """See :func:`gatewise.doctor.consultation.consult`."""
        return importlib.import_module("gatewise.doctor.consultation").consult(model, text, **settings)


sys.modules[__name__].__class__ = _Room
