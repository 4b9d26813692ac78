"""The command ``gatewise compare``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.tasks.console import Console
from gatewise.tasks.language_model.compare import table
from gatewise.tasks.language_model.compare.plan import make_compare_plan
from gatewise.tasks.language_model.compare.run import carry_out
from gatewise.tasks.language_model.compare.screen import Screen


def compare(console: Console, arguments: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Train models of several kinds on one text, and show what was measured of each."""
    plan = make_compare_plan(arguments["files"], given)
    found = carry_out(plan, Screen(console.stderr), console.stdin)
    if given.get("json"):
        console.json(found.to_dict())
    else:
        console.line(
            "\n".join(["", *table.as_text(found.rows), "", *table.endings(found.rows, 80), *table.notes(found, 80)])
        )
    console.note(f"models: {plan.folder}/<model>, picture: {plan.folder}/compare.svg, page: {plan.folder}/compare.html")
    if found.signal is None:
        return 0
    console.note("stopped before the last model; what is shown is finished")
    return 128 + found.signal
