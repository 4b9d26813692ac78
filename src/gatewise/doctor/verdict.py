"""The verdict on a network: what was found, the worst first, from what was measured alone."""

from __future__ import annotations

from dataclasses import replace

from gatewise.doctor.examination import Examination
from gatewise.doctor.findings import Finding, ordered
from gatewise.doctor.rules.growth import judge_growth
from gatewise.doctor.rules.reach import judge_reach
from gatewise.doctor.rules.units import judge_units


def judge(examination: Examination) -> list[Finding]:
    """What is to be said of a network; of a healthy one notes alone, which say how far back it remembers.

    Args:
        examination: what was measured.
    """
    growth, units, reach = judge_growth(examination), judge_units(examination), judge_reach(examination)
    if growth:  # what reaches back through states that explode says nothing of memory
        reach = [replace(finding, advice="") for finding in reach if finding.severity == "note"]
    return ordered([*growth, *units, *reach])
