"""Public data sets, with the counts that their description states, compared with plain splitting."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from gatewise.text.labelled import LabelledSettings, check_labels, read_labelled, stratified_split

COUNTED = {
    "sst2/train.tsv": (6920, {"text": "1", "label": "2"}),
    "sst2/dev.tsv": (872, {"text": "1", "label": "2"}),
    "sst2/test.tsv": (1821, {"text": "1", "label": "2"}),
    "pros_cons/train.tsv": (33362, {"text": "2", "label": "1"}),
    "pros_cons/valid.tsv": (4170, {"text": "2", "label": "1"}),
    "pros_cons/test.tsv": (4170, {"text": "2", "label": "1"}),
    "cola/in_domain_train.tsv": (8551, {"text": "4", "label": "2"}),
    "cola/in_domain_dev.tsv": (527, {"text": "4", "label": "2"}),
    "ag_news_sample/train.csv": (5600, {"text": "3", "label": "1"}),
    "ag_news_sample/valid.csv": (1000, {"text": "2", "label": "1"}),
}


@pytest.mark.parametrize("name", COUNTED)
def test_tables(shared_data: Path, name: str):
    count, settings = COUNTED[name]
    corpus = read_labelled(shared_data / name, LabelledSettings(**settings))
    assert len(corpus) == count
    assert corpus.notes == []
    with open(shared_data / name, encoding="utf-8", newline="") as file:
        rows = (
            list(csv.reader(file))
            if name.endswith("csv")
            else [line.split("\t") for line in file.read().rstrip("\n").split("\n")]
        )
    text, label = int(settings["text"]) - 1, int(settings["label"]) - 1
    assert [(example.text, *example.labels) for example in corpus] == [(row[text], row[label]) for row in rows]


@pytest.mark.parametrize(("part", "count"), [("train", 5452), ("test", 500)])
def test_questions(shared_data: Path, part: str, count: int):
    file = shared_data / "trec_questions" / f"{part}.txt"
    fine = read_labelled(file, LabelledSettings(format="label_first"))
    coarse = read_labelled(file, LabelledSettings(format="label_first", label_until=":"))
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert len(fine) == count
    assert [" ".join([*example.labels, example.text]) for example in fine] == lines
    assert coarse.labels == Counter(line.partition(":")[0] for line in lines)
    assert len(coarse.labels) == 6
    assert len(fine.labels) == (50 if part == "train" else len({line.partition(" ")[0] for line in lines}))


@pytest.mark.parametrize(("part", "count"), [("train", 8544), ("dev", 1101), ("test", 2210)])
def test_five_way_sentiment(shared_data: Path, part: str, count: int):
    corpus = read_labelled(shared_data / "sst5" / f"stsa.fine.{part}", LabelledSettings(format="label_first"))
    assert len(corpus) == count
    assert list(corpus.labels) == ["0", "1", "2", "3", "4"]


def test_reviews(shared_data: Path):
    file = shared_data / "movie_reviews" / "movie_reviews.jsonl.gz"
    corpus = read_labelled(file)
    assert corpus.labels == {"neg": 1000, "pos": 1000}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        assert [example.text for example in corpus] == [json.loads(line)["text"] for line in lines]


def test_names(shared_data: Path):
    folder = shared_data / "names_gender"
    corpus = read_labelled(folder)
    assert corpus.labels == {"female": 5001, "male": 2943}
    kept, held = stratified_split(corpus.examples, 0.1, 1)
    assert Counter(example.labels[0] for example in held) == {"female": 500, "male": 294}
    notes = check_labels(kept, held)
    sets = [set((folder / f"{name}.txt").read_text(encoding="utf-8").split("\n")) - {""} for name in ("female", "male")]
    assert len(sets[0] & sets[1]) == 365
    assert [note.partition(":")[0] for note in notes] == [
        "texts to train on that stand there before with another label",
        "texts of dev that are also texts to train on",
    ]
    assert check_labels(corpus.examples)[0].startswith(
        "texts to train on that stand there before with another label: 365,"
    )
