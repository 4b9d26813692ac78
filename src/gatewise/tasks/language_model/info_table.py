"""What ``gatewise info`` shows of a model: a table for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from gatewise.drawing.letters import aligned
from gatewise.tasks.told import shown

_WIDTH = 80
_SCORES = {
    "nats/token": "nats_per_token",
    "perplexity": "perplexity_per_token",
    "bits/char": "bits_per_character",
    "tokens": "tokens",
    "unknown": "unknown",
}


def info(told: Mapping[str, Any]) -> str:
    """A model as a table; what there is nothing to say of is left out, and digits are those that a reader wants.

    Args:
        told: as :meth:`~gatewise.tasks.language_model.model.LanguageModel.info` returns it.

    Example:
        >>> score = {"nats_per_token": 1.5, "perplexity_per_token": 4.48, "tokens": 1000, "unknown": 0}
        >>> print(info({"verified": None, "other_settings": {}, "order": 3, "scores": {"test": score}}))
        verified  not possible: an ARPA file has no manifest
        order     3
        scores  nats/token  perplexity  tokens  unknown
          test      1.5000        4.48   1,000        0
    """
    lines: list[str] = []
    plain = {name: _verified(value) if name == "verified" else value for name, value in told.items()}
    alone = {name: value for name, value in plain.items() if not _is_section(value)}
    width = max((len(_label(name)) for name, value in alone.items() if not _is_empty(value)), default=0)
    for name, value in plain.items():
        if _is_empty(value):
            continue
        if name == "scores":
            lines += _scores(value)
        elif name == "text":
            lines += _texts(value)
        elif name == "models":
            lines += ["models", *(f"  {model(one)}" for one in value)]
        elif isinstance(value, Mapping):
            # Sizes of the model are kept with its training too, and said once.
            lines += _section(name, {inner: one for inner, one in value.items() if plain.get(inner) != one})
        else:
            lines += _row(_label(name), value, width)
    return "\n".join(lines)


def model(told: Mapping[str, Any]) -> str:
    """A model of a mixture with its weight.

    Example:
        >>> model({"model_type": "ngram-lm", "weight": 0.25}), model({"model_type": "window-lm", "weight": 1.2345e-7})
        ('ngram-lm with weight 0.2500', 'window-lm with weight 1.2e-07')
    """
    weight = told["weight"]
    return f"{told['model_type']} with weight {weight:{'.1e' if 0 < weight < 5e-5 else '.4f'}}"


def _verified(value: bool | None) -> Any:
    return "not possible: an ARPA file has no manifest" if value is None else value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Sequence | Mapping) and not value)


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _label(name: str) -> str:
    return name.replace("_", " ")


def _row(label: str, value: Any, width: int) -> list[str]:
    """A name and a value, which goes on below itself where it is long."""
    head = f"{label:<{width}}  "
    # A path stays whole, so that it can be copied.
    wrapper = textwrap.TextWrapper(
        _WIDTH, subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(head + _shown(value)) or [head]


def _section(name: str, values: Mapping[str, Any]) -> list[str]:
    rows = {f"  {_label(inner)}": value for inner, value in values.items() if not _is_empty(value)}
    width = max(map(len, rows), default=0)
    lines = [line for label, value in rows.items() for line in _row(label, value, width)]
    return [_label(name), *lines] if lines else []


def _scores(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row for each text that the model was measured on."""
    rows: dict[str, Mapping[str, Any]] = {}
    for name, measured in scores.items():
        rows[f"  {name}"] = measured
        if measured.get("without_unknown"):
            rows[f"  {name}, known tokens"] = measured["without_unknown"]
    kept = {head: key for head, key in _SCORES.items() if any(row.get(key) is not None for row in rows.values())}
    kept = {"nats/token": "nats_per_token", **kept}
    return aligned([("scores", *kept), *((name, *_measures(row, kept.values())) for name, row in rows.items())])


def _measures(row: Mapping[str, Any], keys: Any) -> list[str]:
    forms = {"nats_per_token": ".4f", "perplexity_per_token": ",.2f", "bits_per_character": ".4f"}
    values = {key: row.get(key) for key in keys}
    told = {key: "" if value is None else f"{value:{forms.get(key, ',')}}" for key, value in values.items()}
    return list((told if told["nats_per_token"] else {**told, "nats_per_token": "infinite"}).values())


def _texts(texts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row of counts for each text, and below what else is known of it."""
    counts = list(
        dict.fromkeys(key for text in texts.values() for key, value in text.items() if isinstance(value, int))
    )
    rows = [(f"  {name}", *(_shown(text.get(key)) for key in counts)) for name, text in texts.items()]
    others = [
        (f"  {name} {_label(key)}", value)
        for name, text in texts.items()
        for key, value in text.items()
        if key not in counts and not _is_empty(value)
    ]
    width = max((len(label) for label, _ in others), default=0)
    return [
        *aligned([("text", *map(_label, counts)), *rows]),
        *(line for label, value in others for line in _row(label, value, width)),
    ]


def _shown(value: Any) -> str:
    """As :func:`shown`, but for lists: a list may hold models, whose settings have commas between them."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_label(name)} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_shown, value))
    return shown(value)
