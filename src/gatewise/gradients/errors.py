"""The mistake of measuring what is not there, or what is no number."""

from __future__ import annotations

from gatewise.errors import GatewiseError


class MeasureError(GatewiseError, ValueError):
    """A text, a level or a state of which the measurement asked for cannot be made.

    Example:
        >>> str(MeasureError("the text has 5 tokens, expected more than 20", fix="give a smaller distance"))
        'the text has 5 tokens, expected more than 20; give a smaller distance'
    """
