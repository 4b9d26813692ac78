"""The model card: what a model is, what it read, how it was trained, and how good it was found to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.lm.measures import per_token
from gatewise.tasks.told import markdown_table

_KINDS = {
    "recurrent-lm": "A recurrent language model",
    "window-lm": "A window-based neural language model",
    "ngram-lm": "An n-gram language model",
    "mixture-lm": "A mixture of language models",
}


def write_card(config: Mapping[str, Any], history: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        config: what ``config.json`` holds.
        history: what ``training.json`` holds; may be empty.

    Example:
        >>> card = write_card({"model_type": "ngram-lm", "text": {"level": "char"}, "settings": {}}, {})
        >>> card.splitlines()[0]
        '# An n-gram language model over characters, made with gatewise'
    """
    level = {"char": "characters", "word": "words", "byte": "bytes"}.get(config["text"]["level"], "subwords")
    parts = [
        f"# {_KINDS[config['model_type']]} over {level}, made with gatewise",
        "Load it with `gatewise.load(folder)`, or use it from a shell with `gatewise generate FOLDER`.",
        "Every file but this one is listed with its SHA-256 in `manifest.json` and checked on loading.",
    ]
    scores = history.get("scores", {})
    if scores:
        parts += ["## Measured", "\n".join(_score(name, values) for name, values in scores.items())]
        precision = history.get("settings", {}).get("training", {}).get("precision", "float32")
        if precision != "float32":
            parts.append(f"Measured in float32; the losses during training, validation too, are of {precision}.")
    if "data" in history:
        parts += ["## Text", "\n".join(_text(name, entry) for name, entry in history["data"]["texts"].items())]
    if "training" in history:
        parts += ["## Training", markdown_table(history["training"])]
    tables = {"model": config.get("settings", {}), **_models(config), **history.get("settings", {})}
    parts += [f"## Settings: {name}\n\n{markdown_table(values)}" for name, values in tables.items() if values]
    if "versions" in history:
        parts += ["## Versions", markdown_table(history["versions"])]
    return "\n\n".join(parts) + "\n"


def _models(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The models of a mixture with their weights."""
    weighed = zip(config.get("models", ()), config.get("weights", ()), strict=True)
    return {
        f"model {number} of the mixture": {"weight": weight, "kind": model["model_type"], **model["settings"]}
        for number, (model, weight) in enumerate(weighed, start=1)
    }


def _score(name: str, values: Mapping[str, Any]) -> str:
    if values["nats_per_token"] is None:
        told = ["loss infinite (a token has probability 0)"]
    else:
        told = [
            f"loss {values['nats_per_token']:.4f} nats per token = {values['bits_per_token']:.4f} bits per token",
            per_token(values["perplexity_per_token"]),
        ]
    if values.get("bits_per_character") is not None:
        told.append(f"{values['bits_per_character']:.4f} bits per character")
    unknown = f"{values['unknown']:,} of them unknown ({values['unknown'] / values['tokens']:.2%})"
    return f"- {name}: {', '.join(told)}, over {values['tokens']:,} tokens, {unknown}"


def _text(name: str, entry: Mapping[str, Any]) -> str:
    counts = f"{entry['tokens']:,} tokens, {entry['unknown']:,} of them unknown, {entry['characters']:,} characters"
    told = f"- {name}: {counts}"
    record = entry["text"]
    if record is None:
        return f"{told}; held out from the training text"
    python = f" of Python {record['python']}" if "python" in record else ""
    held = "; read" if name == "train" else ""
    return (
        f"{told}{held}: {record['documents']:,} documents{python}, {record['characters']:,} characters, "
        f"SHA-256 `{record['sha256']}`"
    )
