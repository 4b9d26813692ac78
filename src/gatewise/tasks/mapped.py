"""Which files of a model folder are mapped from the disk instead of being read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gatewise.storage import Buffer, parse_json

_TABLES = ("ngram-lm", "mixture-lm")


def mapped(files: Mapping[str, Buffer]) -> Collection[str]:
    """The table of an n-gram model, which is looked up in where it lies; weights are multiplied with, and are read.

    Args:
        files: contents by name, those of tensors not among them.

    Raises:
        ModelFileError: ``config.json`` is no JSON.

    Example:
        >>> mapped({"config.json": b'{"model_type": "ngram-lm"}'}), mapped({})
        (('model.safetensors',), ())
    """
    config = parse_json(files["config.json"], "config.json") if "config.json" in files else None
    table = isinstance(config, dict) and config.get("model_type") in _TABLES
    return ("model.safetensors",) if table else ()
