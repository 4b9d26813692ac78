"""The sentences of a run: read, checked, held out, encoded, kept in the run folder, and recorded for the model card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from gatewise.errors import DataError
from gatewise.storage import write_atomically
from gatewise.tasks.run import Said
from gatewise.tasks.run_folder import read_record, write_record
from gatewise.tasks.tagging.labels import Tags
from gatewise.tasks.tagging.parts import Part, Read, repeated
from gatewise.tasks.tagging.plan import Plan
from gatewise.tasks.text_folder import LEXICON
from gatewise.tasks.word_vectors import Pretrained, keep, kept
from gatewise.text.conll import TaggedCorpus, read_tagged
from gatewise.text.encoded_file import read_encoded, write_encoded
from gatewise.text.lexicon import Lexicon

_SHOWN, _LEAST, _MOST = 5, 4, 25  # sentences that are shown, and their words


@dataclass(frozen=True)
class Data:
    """Everything that a run knows of its sentences.

    Attributes:
        tags: learnt from the sentences to train on alone.
        lexicon: likewise.
        trained: how many of the lexicon's words are in these sentences, the unknown one counted; they come first.
        train: the sentences to train on.
        dev: those that choose the best weights.
        test: those to report the final model on, or None.
        record: the files, their sizes and SHA-256, and a few sentences of dev to show; ready for JSON.
        vectors: pretrained vectors of the lexicon's words, [V, E], and which words have one, [V]; or None.
    """

    tags: Tags
    lexicon: Lexicon
    trained: int
    train: Part
    dev: Part
    test: Part | None
    record: dict[str, Any]
    vectors: tuple[Tensor, Tensor] | None = None


def read_data(plan: Plan, said: Said, stdin: BinaryIO | None = None) -> Data:
    """Read, check and encode the sentences of a new run.

    Args:
        plan: of the run; the data go into its folder.
        said: is told what the user should see.
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: a file cannot be used; the line says which and where.
        SettingError: a scheme is asked for that the tags are not of.
    """
    corpora = _corpora(plan, stdin)
    for note in dict.fromkeys(note for corpus in corpora.values() for note in corpus.notes):
        said(note)
    train, dev = Read(*_divided(corpora, plan, 0)), Read(*_divided(corpora, plan, 1))
    parts = {"train": train, "dev": dev}
    if "test" in corpora:
        parts["test"] = Read(corpora["test"], "test")
    for part in parts.values():
        part.refuse_longer(plan.batches.longest_sentence)
    if len(train.names) < 2:
        message = f"two tags or more are needed to learn from, but every word has the tag {train.names[0]}"
        raise DataError(message, where=train.where(0), fix="choose the column of the tags")
    counts = {tag: count for tag, count in corpora["train"].tags.items() if tag in train.names}
    tags = Tags.of(train.sequences, counts, plan.labels.scheme)
    pretrained = _pretrained(parts.values(), plan)
    lexicon, trained = _lexicon(train, list(parts.values())[1:], pretrained, plan)
    if pretrained is not None:
        said(pretrained.told(lexicon))
    encoded: dict[str, Part] = {}
    for name, part in parts.items():
        encoded[name], notes = part.encode(tags, lexicon, plan.data.unseen_tags)
        for note in [*notes, *([] if name == "train" else repeated(train.words, part))]:
            said(note)
    said(_told(tags, lexicon, encoded))
    record = {
        "files": list(plan.files),
        "tags": tags.to_dict(),
        "trained": trained,
        "shown": list(islice((list(words) for words in dev.words if _LEAST <= len(words) <= _MOST), _SHOWN)),
        "parts": {name: _entry(corpora.get(name), part) for name, part in encoded.items()},
    }
    vectors = None if pretrained is None else pretrained.rows(lexicon)
    data = Data(tags, lexicon, trained, encoded["train"], encoded["dev"], encoded.get("test"), record, vectors)
    _write(plan.folder / "data", data, encoded)
    return data


def _corpora(plan: Plan, stdin: BinaryIO | None) -> dict[str, TaggedCorpus]:
    files = {"train": plan.files, "dev": plan.data.dev, "test": plan.data.test}
    return {
        name: read_tagged(paths, plan.reading, encoding=plan.data.encoding, stdin=stdin)
        for name, paths in files.items()
        if paths
    }


def _divided(corpora: dict[str, TaggedCorpus], plan: Plan, side: int) -> tuple[Any, str]:
    """The sentences to train on (0) or to validate on (1), with their name."""
    if "dev" in corpora:
        return (corpora["train"], "train") if side == 0 else (corpora["dev"], "dev")
    return corpora["train"].split(plan.data.validation_share)[side], ("train", "the sentences held out")[side]


def _pretrained(parts: Iterable[Read], plan: Plan) -> Pretrained | None:
    """The pretrained vectors of all words of the run, where there are to be some."""
    if plan.words.vectors is None:
        return None
    words = (word for part in parts for sentence in part.words for word in sentence)
    return Pretrained(plan.words.vectors, words, plan.model.embedding_size)


def _lexicon(train: Read, others: Iterable[Read], pretrained: Pretrained | None, plan: Plan) -> tuple[Lexicon, int]:
    """The words, and how many of them are trained on; behind them those that only a pretrained vector is known of."""
    given = plan.words
    base = Lexicon.build(
        train.words,
        minimum_count=given.minimum_count,
        vocabulary_size=given.vocabulary_size,
        lowercase=given.lowercase,
        characters=plan.model.characters != "none",
    )
    if pretrained is None:
        return base, len(base)
    words = pretrained.known(word for part in (train, *others) for sentence in part.words for word in sentence)
    more = dict.fromkeys(word.lower() if given.lowercase else word for word in words)
    kept = [word for word in more if word not in base]
    return Lexicon([*base.words[1:], *kept], base.characters, lowercase=given.lowercase), len(base)


def _told(tags: Tags, lexicon: Lexicon, parts: dict[str, Part]) -> str:
    sizes = ", ".join(f"{name} {len(part.texts):,} ({len(part.tags):,} words)" for name, part in parts.items())
    if tags.entities:
        kinds = f"entities of {len(tags.types)} types in {tags.written}, learnt as {tags.scheme}"
    else:
        kinds = f"{len(tags.names)} tags"
    unknown = parts["dev"].texts.unknown / max(1, len(parts["dev"].tags))
    return f"sentences: {sizes}; {kinds}; {len(lexicon) - 1:,} words known, {unknown:.1%} of dev are not"


def _entry(corpus: TaggedCorpus | None, part: Part) -> dict[str, Any]:
    """The files' own record where the part has files of its own, and counts."""
    return {
        "files": None if corpus is None else corpus.record,
        "sentences": len(part.texts),
        "words": len(part.tags),
        "unknown": part.texts.unknown,
        "beside": list(part.beside),
    }


def _write(folder: Path, data: Data, parts: dict[str, Part]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        write_encoded(folder / f"{name}.safetensors", part.texts)
    if data.vectors is not None:
        keep(folder, *data.vectors)
    write_atomically(folder / LEXICON, data.lexicon.to_bytes())
    write_record(folder, data.record)


def reopen_data(folder: Path) -> Data:
    """What :func:`read_data` left in ``folder``.

    Raises:
        TrainingError: there is nothing, or it was left unfinished.
        ModelFileError: it is damaged.
    """
    record = read_record(folder)
    lexicon = Lexicon.from_bytes((folder / LEXICON).read_bytes(), str(folder / LEXICON))
    tags = Tags.from_dict(record["tags"], f"{folder}/record.json")
    parts = dict(_reopened(folder, record, lexicon))
    return Data(tags, lexicon, record["trained"], parts["train"], parts["dev"], parts.get("test"), record, kept(folder))


def _reopened(folder: Path, record: dict[str, Any], lexicon: Lexicon) -> Iterator[tuple[str, Part]]:
    for name, entry in record["parts"].items():
        texts = read_encoded(folder / f"{name}.safetensors", lexicon.fingerprint)
        yield name, Part(texts, tuple(entry["beside"]))
