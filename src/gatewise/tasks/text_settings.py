"""The settings that classifiers and taggers have in common; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class TextBatchSettings(Settings):
    """How many texts are read side by side."""

    batch_size: int = setting(32, "texts side by side at most", minimum=1, maximum=1_000_000, unit="texts")
    batch_tokens: int = setting(
        0, "tokens side by side at most, padding counted, for texts of any length; 0: no limit", minimum=0
    )
