"""The model folder of a tagger: what tagging adds to that of all models of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import ModelFileError
from gatewise.models.tagger import Tagger
from gatewise.settings import Settings, setting
from gatewise.storage import Content, Folder
from gatewise.tasks import text_folder
from gatewise.tasks.tagging.card import write_card
from gatewise.tasks.tagging.labels import Tags
from gatewise.tasks.tagging.settings import SentenceBatchSettings, WordSettings
from gatewise.tasks.text_folder import TextParts
from gatewise.text.conll.settings import ConllSettings
from gatewise.text.lexicon import Lexicon

TASK = "tag"


@dataclass(frozen=True)
class SchemeSettings(Settings):
    """The schemes of a model's tags, as :class:`~gatewise.tasks.tagging.labels.Tags` has them."""

    scheme: str = setting("", "in which the network writes entities")
    written: str = setting("", "that of the files that were trained on")


_TABLES: dict[str, type[Settings]] = {
    "scheme": SchemeSettings,
    "words": WordSettings,
    "reading": ConllSettings,
    "batches": SentenceBatchSettings,
}


def parts_of(
    network: Tagger,
    lexicon: Lexicon,
    tags: Tags,
    trained: int,
    tables: dict[str, Settings],
    history: dict[str, Any],
) -> TextParts:
    """What the folder of a tagger is to hold.

    Args:
        network: with its weights.
        lexicon: of its words.
        tags: what its numbers mean.
        trained: how many of the lexicon's words were trained on; they come first.
        tables: how it reads: words, reading, batches.
        history: how it was trained, ready for JSON.
    """
    own = {"scheme": SchemeSettings(tags.scheme, tags.written), **tables}
    return TextParts(network, lexicon, tags.names, own, {"trained": trained}, history)


def tags_of(parts: TextParts, where: str = "config.json") -> Tags:
    """What the network's numbers mean.

    Raises:
        ModelFileError: the tags do not fit their scheme.
    """
    table = parts.tables["scheme"]
    return Tags.from_dict({"names": list(parts.labels), **table.to_dict()}, where)


def to_files(parts: TextParts) -> dict[str, Content]:
    """The files of the model folder, by name."""
    return text_folder.to_files(TASK, parts, write_card(parts.config(TASK), parts.history))


def from_folder(folder: Folder, cell: Cell | type[Cell] | str | None = None) -> TextParts:
    """The tagger in a folder whose files were compared with its manifest.

    Raises:
        ModelFileError: a file is missing, damaged, or does not fit the others.
    """
    parts = text_folder.from_folder(folder, _TABLES, ("trained",), cell)
    if not isinstance(parts.network, Tagger) or not isinstance(parts.vocabulary, Lexicon):
        raise ModelFileError("a tagger with a lexicon is expected, but this is another model", where=str(folder.path))
    tags_of(parts, f"{folder.path}/config.json")
    return parts
