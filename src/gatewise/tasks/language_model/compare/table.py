"""The table of a comparison: for a terminal of 80 columns, as CSV, and what has to be said with it."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence

from gatewise.drawing.letters import aligned
from gatewise.tasks.language_model.compare.row import Comparison, Row

HEADS = (
    ("", "model"),
    ("training", "tokens"),
    ("", "perplexity"),
    ("bits/", "char"),
    ("parameters", "or n-grams"),
    ("on", "disk"),
    ("seconds", "to train"),
    ("tokens/s", "to score"),
)
_COLUMNS = (
    "model", "tokens", "perplexity", "bits_per_character", "parameters", "ngrams", "bytes", "seconds",
    "tokens_per_second", "epochs", "ended", "folder",
)  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """A row as it is shown, under :data:`HEADS`.

    Example:
        >>> cells(Row("gru", 5000, 99.5, 2.5, 20_000, None, 90_000, 3.21, 1e5, 2.0, "time", "runs/gru"))
        ('gru', '5,000', '99.50', '2.500', '20,000', '90 kB', '3.2', '100,000')
    """
    count = row.ngrams if row.parameters is None else row.parameters
    return (
        row.model,
        f"{row.tokens:,}",
        f"{row.perplexity:,.2f}" if row.perplexity < 1e6 else f"{row.perplexity:.2e}",
        "" if row.bits_per_character is None else f"{row.bits_per_character:.3f}",
        f"{count:,}",
        size(row.bytes),
        f"{row.seconds:,.1f}",
        f"{row.tokens_per_second:,.0f}",
    )


def as_text(rows: Sequence[Row]) -> list[str]:
    """The lines of the table, with a blank one between sizes; a column that has nothing to say is left out.

    Example:
        >>> row = Row("gru", 5000, 99.5, None, 20_000, None, 90_000, 3.21, 1e5, 2.0, "time", "runs/gru")
        >>> print("\\n".join(as_text([row])))
               training              parameters     on   seconds  tokens/s
        model    tokens  perplexity  or n-grams   disk  to train  to score
        gru       5,000       99.50      20,000  90 kB       3.2   100,000
    """
    shown = [cells(row) for row in rows]
    kept = [column for column in range(len(HEADS)) if any(line[column] for line in shown)]
    lines = [*([head[line] for head in HEADS] for line in (0, 1)), *shown]
    first, second, *others = aligned([[line[column] for column in kept] for line in lines])
    text = [first, second]
    for index, row in enumerate(rows):
        if index and row.tokens != rows[index - 1].tokens:
            text.append("")
        text.append(others[index])
    return text


def notes(found: Comparison, width: int = 0) -> list[str]:
    """What the numbers mean, a sentence each; in lines of ``width`` characters, where it is not 0."""
    sentences = [
        f"Perplexity is per token ({found.token}), on the {found.text} text of {found.text_tokens:,} tokens.",
        "The tokens were learnt once, from the whole training text, and are the same for every model and size.",
        "A network trains until its time is over or validation stops improving, and keeps the weights that "
        "validated best; the seconds are those of training alone.",
    ]
    return [line for sentence in sentences for line in (textwrap.wrap(sentence, width) if width else [sentence])]


def endings(rows: Sequence[Row], width: int = 0) -> list[str]:
    """How often each network read its text, and what ended its training; for it, the table has no room.

    Example:
        >>> row = Row("gru", 5000, 99.5, None, 20_000, None, 90_000, 3.21, 1e5, 2.0, "time", "runs/gru")
        >>> endings([row])
        ['Epochs, and what ended training: gru 2.0 (time).']
    """
    networks = [row for row in rows if row.parameters is not None]
    sized = len({row.tokens for row in rows}) > 1
    told = [f"{row.model}{f', {row.tokens:,} tokens:' * sized} {epochs(row)} ({row.ended})" for row in networks]
    sentence = f"Epochs, and what ended training: {('; ' if sized else ', ').join(told)}."
    return (textwrap.wrap(sentence, width) if width else [sentence]) if told else []


def epochs(row: Row) -> str:
    """How often a model read its text.

    Example:
        >>> epochs(Row("gru", 5000, 99.5, None, 20_000, None, 90_000, 3.21, 1e5, 1234.56, "time", "runs/gru"))
        '1,234.6'
    """
    return f"{row.epochs:,.1f}"


def as_csv(rows: Sequence[Row]) -> str:
    """The rows with all their digits; what a model does not have is empty."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        values = row.to_dict()
        writer.writerow("" if values[name] is None else values[name] for name in _COLUMNS)
    return written.getvalue()


def size(count: int) -> str:
    """Bytes for a reader.

    Example:
        >>> size(900), size(90_500), size(2_345_678)
        ('900 B', '90 kB', '2.3 MB')
    """
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
