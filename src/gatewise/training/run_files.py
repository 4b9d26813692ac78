"""What the files of a run folder are called."""

from __future__ import annotations

CONFIG = "config.toml"
"""The settings; a file to train with again."""
METRICS = "metrics.jsonl"
"""The numbers, a line for each few steps; :mod:`gatewise.training.metrics` says what they are."""
SUMMARY = "summary.json"
"""How it ended."""
