"""What the doctor has to say: one thing it found, in plain words, with what to do and the number behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["fault", "warning", "note"]
ORDER: dict[Severity, int] = {"fault": 0, "warning": 1, "note": 2}
"""What is said first. A fault keeps the network from learning or answering, a warning costs it something, a note is
how it is; a healthy network has notes alone."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: how bad it is.
        cause: what it is, for programs: a name that stays, such as ``exploding``.
        sentence: what was found, in plain words, without a full stop.
        advice: what to do, in the imperative, without a full stop; "" where there is nothing to do.
        measure: what the number is, with its unit.
        value: the number behind the sentence; None where it is no number.
        limit: the threshold that it passed; None where there is none.

    Example:
        >>> dead = Finding("fault", "dead", "60 of 64 units are 0 at every step", "lower the rate", "dead units", 60.0)
        >>> dead.line
        'FAULT    60 of 64 units are 0 at every step'
    """

    severity: Severity
    cause: str
    sentence: str
    advice: str
    measure: str
    value: float | None
    limit: float | None = None

    @property
    def line(self) -> str:
        """The sentence with its severity before it, which a note has not."""
        return f"{'' if self.severity == 'note' else self.severity.upper():<9}{self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; a number that is not finite is a text there."""
        plain = asdict(self)
        return plain | {"value": finite(self.value)}


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, otherwise in the order given.

    Example:
        >>> rank = lambda severity: Finding(severity, "", "", "", "", None)
        >>> [finding.severity for finding in ordered([rank("note"), rank("fault"), rank("warning")])]
        ['fault', 'warning', 'note']
    """
    return sorted(findings, key=lambda finding: ORDER[finding.severity])


def is_quiet(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong: there are notes alone.

    Example:
        >>> is_quiet([Finding("note", "memory", "it looks back 40 words", "", "distance in words", 40.0)])
        True
    """
    return all(finding.severity == "note" for finding in findings)


def finite(value: float | None) -> float | str | None:
    """A number as JSON can hold it.

    Example:
        >>> finite(1.5), finite(float("inf")), finite(float("nan"))
        (1.5, 'inf', 'nan')
    """
    if value is None or value - value == 0:
        return value
    return str(value)
