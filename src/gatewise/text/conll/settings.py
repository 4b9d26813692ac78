"""Where the words and the tags stand in a tagged text; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class ConllSettings(Settings):
    """How a file with one word a line is read.

    Example:
        >>> ConllSettings(tags="xpos").format
        'auto'
    """

    format: Literal["auto", "columns", "conllu"] = setting(
        "auto", "CoNLL-U, or words and tags in columns; auto: by the file's name and its first sentence"
    )
    tags: Literal["upos", "xpos", "feats"] = setting("upos", "the column of a CoNLL-U file that holds the tags")
    word_column: int = setting(1, "where the words stand in a file of columns, from 1; negative: counted from the end")
    tag_column: int = setting(-1, "where the tags stand in a file of columns, from 1; negative: counted from the end")
    separator: Literal["auto", "tab", "space"] = setting(
        "auto", "what stands between columns: one tab, or any number of spaces and tabs; auto: a tab if there is one"
    )
    comment: str = setting(
        "",
        "lines of a file of columns that begin so are comments; empty: '# ' in lines without a tab of a file with tabs",
    )

    def __post_init__(self) -> None:
        """Refuse a column that cannot be."""
        super().__post_init__()
        for name in ("word_column", "tag_column"):
            if getattr(self, name) == 0:
                raise SettingError(f"columns are counted from 1, but {name} is 0", fix="give 1 for the first column")
