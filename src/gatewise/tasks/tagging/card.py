"""The model card of a tagger: what it is, what it read, how it was trained, and how good it was found to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.tasks.tagging.measures import one_line
from gatewise.tasks.told import markdown_table


def write_card(config: Mapping[str, Any], history: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        config: what ``config.json`` holds.
        history: what ``training.json`` holds; may be empty.
    """
    scheme = config["tables"]["scheme"]
    of = f"entities, written in {scheme['written']}" if scheme["scheme"] else f"{len(config['label_names'])} tags"
    parts = [
        "# A sequence tagger, made with gatewise",
        f"It gives each word of a sentence a tag: {of}.",
        "Load it with `gatewise.load(folder)`, or use it from a shell with `gatewise tag FOLDER`.",
        "Every file but this one is listed with its SHA-256 in `manifest.json` and checked on loading.",
        "## Tags\n\n" + ", ".join(f"`{name}`" for name in config["label_names"]),
    ]
    if scores := history.get("scores"):
        parts += ["## Measured", "\n".join(f"- {name}: {one_line(found)}" for name, found in scores.items())]
    if "data" in history:
        parts += ["## Data", "\n".join(_part(name, entry) for name, entry in history["data"]["parts"].items())]
    if "training" in history:
        parts += ["## Training", markdown_table(history["training"])]
    tables = {"model": config["settings"], **history.get("settings", {})}
    parts += [f"## Settings: {name}\n\n{markdown_table(values)}" for name, values in tables.items() if values]
    if "versions" in history:
        parts += ["## Versions", markdown_table(history["versions"])]
    return "\n\n".join(parts) + "\n"


def _part(name: str, entry: Mapping[str, Any]) -> str:
    told = f"- {name}: {entry['sentences']:,} sentences, {entry['words']:,} words, {entry['unknown']:,} of them unknown"
    record = entry["files"]
    return f"{told}; SHA-256 of the files `{record['sha256']}`" if record else f"{told}; held out from train"
