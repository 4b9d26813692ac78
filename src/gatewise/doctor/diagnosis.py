"""What came out of an examination: findings, numbers, and the page."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gatewise.doctor.csv_text import csv_text
from gatewise.doctor.examination import Examination
from gatewise.doctor.findings import Finding, finite, is_quiet, ordered
from gatewise.doctor.rules.course import judge_run
from gatewise.doctor.run_record import RunRecord
from gatewise.doctor.tables import PARTS, tables, whole
from gatewise.doctor.verdict import judge
from gatewise.doctor.weights import BrokenWeight, judge_weights
from gatewise.storage import make_folder, write_atomically

_WIDTH = 80
PAGE = "doctor.html"


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found; printing it shows the verdict and the numbers.

    Attributes:
        name: of what was examined.
        lead: what it is, and on what it was examined, in one line.
        examination: what was measured; None where nothing could be.
        record: of the training run; None where there is none.
        broken: the weights that are no numbers.
        notes: what the reader should know besides.
        unit: the unit by which the text is coloured, if one was asked for.
    """

    name: str
    lead: str
    examination: Examination | None = None
    record: RunRecord | None = None
    broken: tuple[BrokenWeight, ...] = ()
    notes: tuple[str, ...] = ()
    unit: int | None = None

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict, the worst first."""
        of_weights = judge_weights(self.broken)
        of_network = judge(self.examination) if self.examination else []
        return tuple(ordered([*of_weights, *of_network, *(judge_run(self.record) if self.record else [])]))

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return is_quiet(self.findings)

    @cached_property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Every number that was measured, as lists of rows by name: ``pandas.DataFrame(diagnosis.rows["gates"])``."""
        return whole(self.examination) if self.examination else {}

    def verdict(self, width: int = _WIDTH) -> str:
        """The findings with their advice, in lines of at most so many letters."""
        blocks = [_block(finding, width) for finding in self.findings]
        quiet = [_wrapped("Nothing is wrong with it.", "", width)] if self.healthy else []
        return "\n".join([*quiet, *blocks])

    def text(self, width: int = _WIDTH) -> str:
        """For a terminal: the verdict, then the numbers."""
        parts = [_wrapped(f"{self.name}: {self.lead}", "", width), self.verdict(width)]
        parts += [table.text() for table in tables(self.examination)] if self.examination else []
        return "\n\n".join(parts)

    __str__ = text

    def to_dict(self) -> dict[str, Any]:
        """The verdict and every number, ready for JSON."""
        numbers = {name: [_plain(row) for row in rows] for name, rows in self.rows.items()}
        return {
            "name": self.name,
            "lead": self.lead,
            "healthy": self.healthy,
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
            "seconds": self.examination.seconds if self.examination else 0.0,
            "numbers": numbers,
        }

    def write(self, folder: str | Path) -> Path:
        """Write ``doctor.html``, and a CSV file for each part of :attr:`rows`, into a folder, which is made if need be.

        Returns:
            The path of the page.

        Raises:
            GatewiseError: the system refuses.
        """
        from gatewise.doctor.page import page  # here, since it draws: matplotlib takes a while to load

        folder = Path(folder)
        make_folder(folder)
        if (folder / PAGE).exists():  # the numbers of an earlier diagnosis would stand beside these as if they were its
            for name in PARTS - self.rows.keys():
                (folder / f"{name}.csv").unlink(missing_ok=True)
        for name, rows in self.rows.items():
            write_atomically(folder / f"{name}.csv", csv_text(rows).encode("utf-8"))
        path = folder / PAGE
        write_atomically(path, page(self).encode("utf-8"))
        return path


def _block(finding: Finding, width: int) -> str:
    label = "" if finding.severity == "note" else f"{finding.severity.upper()}: "
    lines = [_wrapped(f"{label}{sentence(finding.sentence)}", "", width)]
    if finding.advice:
        lines.append(_wrapped(sentence(finding.advice), "  -> ", width))
    return "\n".join(lines)


def sentence(text: str) -> str:
    """A sentence with its capital letter and its full stop; a flag or name at its beginning stays as it is.

    Example:
        >>> sentence("layer 1 explodes"), sentence("weight_hh_l0 holds NaN"), sentence("")
        ('Layer 1 explodes.', 'weight_hh_l0 holds NaN.', '')
    """
    if not text:
        return ""
    first = text.split(" ", 1)[0]
    plain = first.isalpha()
    return f"{text[0].upper() if plain else text[0]}{text[1:]}."


def _wrapped(text: str, mark: str, width: int) -> str:
    indent = " " * len(mark) if mark else "  "
    return textwrap.fill(text, width, initial_indent=mark, subsequent_indent=indent, break_on_hyphens=False)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: finite(value) if isinstance(value, float) else value for name, value in row.items()}
