"""Rows of numbers as the text of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a CSV file, with all digits.

    Example:
        >>> csv_text([{"distance": 1, "norm": 0.5}])
        'distance,norm\\n1,0.5\\n'
    """
    rows = list(rows)
    written = io.StringIO()
    writer = csv.DictWriter(written, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
