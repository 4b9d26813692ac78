"""The labelled texts of a run: read, divided, encoded, and kept so that the run can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from torch import Tensor

from gatewise.errors import DataError
from gatewise.storage import parse_json, write_atomically
from gatewise.tasks.classification.encoding import Reader, words_of
from gatewise.tasks.classification.plan import Plan
from gatewise.tasks.run import Said
from gatewise.tasks.run_folder import read_record, write_record
from gatewise.tasks.text_folder import LEXICON, TOKENIZER, Vocabulary, read_vocabulary, vocabulary_file
from gatewise.tasks.word_vectors import Pretrained, keep, kept
from gatewise.text.encoded import EncodedTexts
from gatewise.text.encoded_file import read_encoded, write_encoded
from gatewise.text.labelled import Labelled, LabelledCorpus, check_labels, read_labelled, stratified_split
from gatewise.text.lexicon import Lexicon
from gatewise.text.pipelines import UNK
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Data:
    """Everything that a run knows of its texts.

    Attributes:
        vocabulary: learnt from the texts to train on, or that of a language model.
        labels: of the texts to train on, in the order of their numbers.
        parts: "train", "dev" and perhaps "test", encoded, with their labels.
        examples: the texts of "dev" and "test" as they stand in their files.
        vectors: pretrained ones [V, D] and the words that have one [V]; None without.
        record: files, sizes and SHA-256, ready for JSON.
    """

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    parts: Mapping[str, EncodedTexts]
    examples: Mapping[str, Sequence[Labelled]]
    vectors: tuple[Tensor, Tensor] | None
    record: dict[str, Any]


def read_data(plan: Plan, folder: Path, note: Said, stdin: BinaryIO | None = None) -> Data:
    """Read and encode the texts of a new run.

    Args:
        plan: of the run.
        folder: where all of it is kept; made new.
        note: is told what the user should see.
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: a text or label cannot be used; the line says which and where.
        SettingError: a setting does not go with the texts.
    """
    parts = _divided(plan, note, stdin)
    if not plan.model.multi_label:
        _refuse_several(parts)
    train = LabelledCorpus(parts["train"])
    for line in check_labels(*(parts.get(name, ()) for name in ("train", "dev", "test"))):
        note(line)
    labels = tuple(train.labels)
    folder.mkdir()
    vocabulary, vectors = _vocabulary(plan, parts, folder, note)
    reader = Reader(vocabulary, plan.tokens)
    encoded = {}
    for name, examples in parts.items():
        whole = reader.whole(example.text for example in examples)
        encoded[name] = reader.cut(whole).with_labels(targets(examples, labels, plan.model.multi_label))
        for line in _noticed(name, whole, encoded[name], plan.tokens.longest_text):
            note(line)
        write_encoded(folder / f"{name}.safetensors", encoded[name])
    _refuse_unknown(encoded["train"])
    record = {
        "files": list(plan.files),
        "labels": train.labels,
        "texts": {name: _entry(parts[name], encoded[name]) for name in parts},
        "divided": plan.data.dev is None,
    }
    kept_texts = {name: part for name, part in parts.items() if name != "train"}
    for name, examples in kept_texts.items():
        lines = (json.dumps([example.text, example.labels, example.where]) for example in examples)
        write_atomically(folder / f"{name}.jsonl", "".join(f"{line}\n" for line in lines).encode())
    write_atomically(folder / vocabulary_file(vocabulary), vocabulary.to_bytes())
    write_record(folder, record)
    return Data(vocabulary, labels, encoded, kept_texts, vectors, record)


def reopen_data(folder: Path) -> Data:
    """What :func:`read_data` left in ``folder``.

    Raises:
        TrainingError: there is nothing, or it was left unfinished.
        ModelFileError: it is damaged.
    """
    record = read_record(folder)
    name = LEXICON if (folder / LEXICON).is_file() else TOKENIZER
    vocabulary = read_vocabulary((folder / name).read_bytes(), name, str(folder / name))
    parts = {part: read_encoded(folder / f"{part}.safetensors", vocabulary.fingerprint) for part in record["texts"]}
    examples = {part: _read_texts(folder / f"{part}.jsonl") for part in record["texts"] if part != "train"}
    return Data(vocabulary, tuple(record["labels"]), parts, examples, kept(folder), record)


def targets(examples: Sequence[Labelled], labels: Sequence[str], several: bool) -> Any:
    """The labels of texts as numbers: [n], or with ``several`` truth values [n, L].

    Raises:
        DataError: a label that the model does not have, or none where there must be one.

    Example:
        >>> targets([Labelled("so", ("b",), "a:1"), Labelled("it", ("a",), "a:2")], ["a", "b"], False).tolist()
        [1, 0]
    """
    number = {label: place for place, label in enumerate(labels)}
    found = np.zeros((len(examples), len(labels)), np.bool_)
    for row, example in enumerate(examples):
        for label in example.labels:
            if label not in number:
                known = ", ".join(labels) if len(labels) <= 8 else f"{len(labels)} others"
                message = f"the label {label} is none of those the model has: {known}"
                raise DataError(message, where=example.where, fix="train with it, or take the text out")
            found[row, number[label]] = True
    if several:
        return found
    _refuse_several({"": examples})
    return found.argmax(1)


def _divided(plan: Plan, note: Said, stdin: BinaryIO | None) -> dict[str, Sequence[Labelled]]:
    """The texts to train on, to validate on and to report on."""
    parts: dict[str, Sequence[Labelled]] = {}
    for name, files in {"train": plan.files, "dev": plan.data.dev, "test": plan.data.test}.items():
        if files is not None:
            corpus = read_labelled(files, plan.reading, stdin)
            parts[name] = corpus.examples
            for line in corpus.notes:
                note(line)
    if plan.data.dev is None:
        check_labels(parts["train"])  # that there are two classes is said before they are divided
        train, dev = stratified_split(parts["train"], plan.data.validation_share, plan.data.split_seed)
        note(f"held out for validation: {len(dev):,} of {len(train) + len(dev):,} texts, of every label alike")
        parts = {"train": train, "dev": dev, **{name: part for name, part in parts.items() if name == "test"}}
    return parts


def _refuse_several(parts: Mapping[str, Iterable[Labelled]]) -> None:
    for examples in parts.values():
        for example in examples:
            if len(example.labels) != 1:
                has = f"{len(example.labels)} labels" if example.labels else "no label"
                message = f"every text must have one label, but this one has {has}"
                raise DataError(message, where=example.where, fix="train with --multi-label, or mend the text")


def _vocabulary(
    plan: Plan, parts: Mapping[str, Sequence[Labelled]], folder: Path, note: Said
) -> tuple[Vocabulary, tuple[Tensor, Tensor] | None]:
    """The vocabulary, and the pretrained vectors of its words."""
    tokens, train = plan.tokens, parts["train"]
    if plan.origin is not None:
        return plan.origin.tokenizer, None
    if tokens.level != "word":
        settings = TextSettings(
            level=tokens.level,
            vocabulary_size=tokens.vocabulary_size,
            minimum_count=tokens.minimum_count,
            lowercase=tokens.lowercase,
        )
        return Tokenizer.train((f"{example.text}\n" for example in train), settings), None
    pretrained: Pretrained | None = None
    more: list[str] = []
    if tokens.vectors is not None:
        forms = dict.fromkeys(
            word for part in parts.values() for example in part for word in words_of(example.text, tokens.cutting)
        )
        pretrained = Pretrained(tokens.vectors, forms, plan.model.embedding_size)
        more = list(pretrained.known(forms))
    lexicon = Lexicon.build(
        (words_of(example.text, tokens.cutting) for example in train),
        minimum_count=tokens.minimum_count or 2,
        vocabulary_size=tokens.vocabulary_size,
        lowercase=tokens.lowercase,
        characters=plan.model.characters != "none",
        more=more,
    )
    if pretrained is None:
        return lexicon, None
    for line in (*pretrained.read.notes, pretrained.told(lexicon)):
        note(line)
    vectors = pretrained.rows(lexicon)
    keep(folder, *vectors)
    return lexicon, vectors


def _noticed(name: str, whole: EncodedTexts, texts: EncodedTexts, longest: int) -> list[str]:
    found = []
    if long := int(np.count_nonzero(whole.lengths > longest)):
        halves = f"the first {(longest + 1) // 2:,} and the last {longest // 2:,} tokens are read"
        found.append(f"{name}: {long:,} texts have more than {longest:,} tokens, of which {halves}")
    if texts.unknown and name != "train":
        found.append(f"unknown: {texts.unknown / len(texts.ids):.2%} of the tokens of {name}")
    return found


def _refuse_unknown(texts: EncodedTexts) -> None:
    if texts.types is not None and texts.types.characters is None and texts.unknown == len(texts.ids):
        message = f"all {len(texts.ids):,} words of the training texts are {UNK}: there is nothing to learn"
        raise DataError(message, fix="give --minimum-count 1 to keep words that occur once, or more texts")


def _entry(examples: Sequence[Labelled], texts: EncodedTexts) -> dict[str, Any]:
    return {**LabelledCorpus(examples).record, "tokens": len(texts.ids), "unknown": texts.unknown}


def _read_texts(path: Path) -> list[Labelled]:
    lines = [parse_json(line, str(path)) for line in path.read_bytes().splitlines()]
    return [Labelled(text, tuple(labels), where) for text, labels, where in lines]
