"""The model card: what a classifier is, what it read, how it was trained, and how good it was found to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.tasks.classification.evaluation import one_line
from gatewise.tasks.told import markdown_table

_TOKENS = {"word": "words", "char": "characters", "byte": "bytes"}


def write_card(config: Mapping[str, Any], history: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        config: what ``config.json`` holds.
        history: what ``training.json`` holds; may be empty.

    Example:
        >>> config = {"label_names": ["bad", "good"], "settings": {"multi_label": False},
        ...     "tables": {"tokens": {"level": "word"}}, "numbers": {"temperature": 1.5}}
        >>> write_card(config, {}).splitlines()[0]
        '# A text classifier over words with 2 labels, made with gatewise'
    """
    tokens = config["tables"]["tokens"]
    names, several = config["label_names"], config["settings"]["multi_label"]
    level = _TOKENS.get(tokens["level"], "subwords")
    shown = ", ".join(f"`{name}`" for name in names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    each = "any number of labels above the probability 0.5" if several else "the most probable label"
    parts = [
        f"# A text classifier over {level} with {len(names)} labels, made with gatewise",
        f"A text is given {each}, of {shown}.",
        "Load it with `gatewise.load(folder)`, or use it from a shell with `gatewise classify FOLDER`.",
        "Every file but this one is listed with its SHA-256 in `manifest.json` and checked on loading.",
    ]
    scores = history.get("scores", {})
    if scores:
        parts += ["## Measured", "\n".join(f"- {name}: {one_line(score)}" for name, score in scores.items())]
        parts.append(_calibration(config["numbers"]["temperature"]))
    if "texts" in history:
        parts += ["## Texts", "\n".join(_text(name, entry) for name, entry in history["texts"].items())]
    if "from_lm" in history:
        parts.append(f"Its vectors and layers began as those of the language model {history['from_lm']}.")
    if "training" in history:
        parts += ["## Training", markdown_table(history["training"])]
    tables = {"model": config["settings"], **config["tables"], **history.get("settings", {})}
    parts += [f"## Settings: {name}\n\n{markdown_table(values)}" for name, values in tables.items()]
    if "versions" in history:
        parts += ["## Versions", markdown_table(history["versions"])]
    return "\n\n".join(parts) + "\n"


def _calibration(temperature: float) -> str:
    return (
        f"Logits are divided by the temperature {temperature:.4g}, which was fitted on the texts of dev: the "
        "calibration error told for these is that of texts which it was fitted on."
    )


def _text(name: str, entry: Mapping[str, Any]) -> str:
    counts = f"{entry['examples']:,} texts, {entry['tokens']:,} tokens, {entry['unknown']:,} of them unknown"
    labels = list(entry["labels"].items())
    shown = ", ".join(f"{label} {count:,}" for label, count in labels[:20])
    more = f" and {len(labels) - 20} more labels" if len(labels) > 20 else ""
    return f"- {name}: {counts} ({shown}{more}), SHA-256 `{entry['sha256']}`"
