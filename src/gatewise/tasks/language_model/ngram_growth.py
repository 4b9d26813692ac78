"""What n-grams cost and what they miss: how many there are as a text grows, and how many of another text's are new."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gatewise.drawing.colours import BLUE, GREEN, GREY, ORANGE, VIOLET
from gatewise.drawing.curves import Line, chart
from gatewise.models.ngram import Growth, growths
from gatewise.storage import write_atomically
from gatewise.tasks.language_model.data import read_data
from gatewise.tasks.language_model.reading import text_of
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.run_folder import check_new, new_folder
from gatewise.text.settings import TextSettings

TABLE, STORAGE, SPARSITY = "ngrams.csv", "storage.svg", "sparsity.svg"
_HALVINGS, _LEAST = 6, 100
_COLOURS = (GREY, BLUE, ORANGE, GREEN, VIOLET, "#b5485d", "#8a7a2f")


@dataclass(frozen=True)
class Course:
    """The n-grams of a text that doubles and doubles.

    Attributes:
        growths: the shortest beginning of the text first.
        other: what the text is called whose unseen n-grams were counted, and how many tokens it has.
    """

    growths: tuple[Growth, ...]
    other: tuple[str, int]


def course(
    files: Sequence[str],
    text: TextSettings,
    order: int,
    said: Callable[[str], None],
    test: str | None = None,
    stdin: BinaryIO | None = None,
) -> Course:
    """Count the n-grams of a text and of its beginnings.

    Args:
        files: files, folders, globs or ``-``; none means the documentation inside this Python.
        text: how the text is cut.
        order: of the longest n-grams.
        said: is told what the user should see.
        test: the text whose unseen n-grams are counted; None: a share of the text is held out.
        stdin: what ``-`` reads.

    Raises:
        DataError: a text cannot be used.
        SettingError: an order that is not from 1 to 7.
    """
    with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
        other_name = "test" if test else "held-out"
        data = read_data(files, DataSettings(valid=test), text, Path(folder), said, stdin, {"valid": other_name})
        tokenizer = data.tokenizer
        train, other = (text_of(store, text, tokenizer.vocabulary_size) for store in (data.train, data.valid))
        sizes = [len(train.ids) >> halved for halved in range(_HALVINGS, -1, -1)]
        sizes = [size for size in sizes if size >= _LEAST] or [len(train.ids)]
        return Course(tuple(growths(train, other, sizes, order)), (other_name, len(other.ids)))


def table(found: Course) -> str:
    """Three small tables: n-grams, bytes, and the share of n-grams that are new, by tokens and order."""
    rows, name, tokens = found.growths, *found.other
    parts = [
        _table("n-grams", [(row.tokens, [f"{count:,}" for count in row.ngrams]) for row in rows]),
        _table(
            "bytes of these n-grams in a model",
            [(row.tokens, [*map(_size, row.bytes), _size(sum(row.bytes))]) for row in rows],
            together=True,
        ),
        _table(
            f"n-grams of the {name} text ({tokens:,} tokens) that were never seen",
            [(row.tokens, [_percent(share) for share in row.unseen]) for row in rows],
        ),
    ]
    return "\n\n".join(parts)


def _table(title: str, rows: Sequence[tuple[int, Sequence[str]]], *, together: bool = False) -> str:
    orders = len(rows[0][1]) - together
    head = ["tokens", *(f"order {order}" for order in range(1, orders + 1)), *(["together"] if together else [])]
    lines = [head, *([f"{tokens:,}", *cells] for tokens, cells in rows)]
    return "\n".join([title, *("".join(f"{cell:>11}" for cell in line) for line in lines)])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _size(count: int) -> str:
    """Bytes for a reader.

    Example:
        >>> _size(900), _size(1_234_567)
        ('900 B', '1.23 MB')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def write(found: Course, folder: str | Path) -> None:
    """The table as CSV and two plots, in a new folder.

    Raises:
        TrainingError: there is something in the folder.
        GatewiseError: the system refuses a file.
    """
    place = Path(folder)
    check_new(place)
    with new_folder(place):
        write_atomically(place / TABLE, _csv(found).encode("utf-8"))
        write_atomically(place / STORAGE, storage_chart(found).encode("utf-8"))
        write_atomically(place / SPARSITY, sparsity_chart(found).encode("utf-8"))


def _csv(found: Course) -> str:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(["tokens", "order", "ngrams", "bytes", "unseen"])
    for row in found.growths:
        for order, (ngrams, room, share) in enumerate(zip(row.ngrams, row.bytes, row.unseen, strict=True), start=1):
            rows.writerow([row.tokens, order, ngrams, room, "" if share is None else f"{share:.6f}"])
    return written.getvalue()


def storage_chart(found: Course) -> str:
    """Bytes against tokens, a line for each order."""
    most = max(max(growth.bytes) for growth in found.growths)
    size, unit = (1e6, "megabytes") if most >= 1e6 else (1e3, "kilobytes")
    lines = _lines(found, lambda growth, order: growth.bytes[order] / size)
    return chart("The storage problem", "tokens of the text", unit, lines, log=True, log_x=True)


def sparsity_chart(found: Course) -> str:
    """The share of unseen n-grams against tokens, a line for each order."""
    lines = _lines(found, lambda growth, order: math.nan if (share := growth.unseen[order]) is None else 100 * share)
    label = "% of n-grams never seen"
    return chart("The sparsity problem", "tokens of the text", label, lines, log_x=True, zero=True)


def _lines(found: Course, value: Callable[[Growth, int], float]) -> list[Line]:
    orders = len(found.growths[0].ngrams)
    return [
        Line(
            f"order {order + 1}",
            [(growth.tokens, value(growth, order)) for growth in found.growths],
            _COLOURS[order],
            "marked",
        )
        for order in range(orders)
    ]
