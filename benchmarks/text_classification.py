"""Text classification from scratch, beside a bag-of-bigrams naive Bayes: accuracy on dev and test, three seeds each.

    python benchmarks/text_classification.py                     # every set; about 90 minutes
    python benchmarks/text_classification.py --sets sst2,trec

Settings were chosen on the dev texts alone; they are presets. Where a set has no dev
texts, a share of the training texts of every label is held out (seed 0, the same for all). The naive Bayes is
scikit-learn's (``pip install scikit-learn``), with its defaults, over words and pairs of neighbours, of names over runs
of up to five letters; it is trained on the same texts. The calibration error is that of the test texts, or of dev where
there are none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import RESULTS, Table, data_folder

import gatewise
from gatewise.text.labelled import Labelled, LabelledSettings, read_labelled, stratified_split

COLUMNS = {"text": "1", "label": "2"}
LABEL_FIRST = {"format": "label_first"}
WORDS: dict[str, Any] = {"token_pattern": r"\S+", "ngram_range": (1, 2)}
LETTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (1, 5)}
SENTENCES: dict[str, Any] = {"preset": "sentences"}


@dataclass(frozen=True)
class Set:
    """Labelled texts and how they are learnt.

    Attributes:
        train: a file.
        dev: a file.
        test: a file, or None where only dev is measured.
        reading: how the files are read.
        settings: of the network and its training.
        counted: what the naive Bayes counts.
    """

    train: str
    dev: str
    test: str | None
    reading: dict[str, Any]
    settings: dict[str, Any]
    counted: dict[str, Any] = field(default_factory=lambda: WORDS)


def sst2(_: Path) -> Iterator[Set]:
    """Sentences of reviews, good or bad."""
    folder = data_folder("sst2")
    yield Set(f"{folder}/train.tsv", f"{folder}/dev.tsv", f"{folder}/test.tsv", COLUMNS, SENTENCES)


def sst5(_: Path) -> Iterator[Set]:
    """The same in five steps."""
    place = f"{data_folder('sst5')}/stsa.fine"
    yield Set(f"{place}.train", f"{place}.dev", f"{place}.test", LABEL_FIRST, SENTENCES)


def trec(place: Path) -> Iterator[Set]:
    """Questions and what they ask for, six classes."""
    folder, reading = data_folder("trec_questions"), LABEL_FIRST | {"label_until": ":"}
    train, dev = divided([f"{folder}/train.txt"], reading, 0.1, place)
    whole = read_labelled([f"{folder}/test.txt"], LabelledSettings(**reading)).examples
    yield Set(train, dev, written(whole, place / "test.tsv"), COLUMNS, {"preset": "questions"})


def names(place: Path) -> Iterator[Set]:
    """Given names of women and men."""
    files = [f"{data_folder('names_gender')}/{name}.txt" for name in ("female", "male")]
    yield Set(*divided(files, {"format": "class_files"}, 0.2, place), None, COLUMNS, {"preset": "names"}, LETTERS)


def reviews(place: Path) -> Iterator[Set]:
    """Whole reviews, good or bad: ten sets, in each of which another tenth is the test."""
    with gzip.open(f"{data_folder('movie_reviews')}/movie_reviews.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    for held_out in range(10):
        parts: dict[bool, list[Labelled]] = {True: [], False: []}
        for record in records:
            text = " ".join(record["text"].split())
            parts[record["fold"] == held_out].append(Labelled(text, (record["label"],), ""))
        kept, dev = stratified_split(parts[False], 0.1, 0)
        paths = [
            written(examples, place / f"{name}{held_out}.tsv")
            for name, examples in (("train", kept), ("dev", dev), ("test", parts[True]))
        ]
        yield Set(*paths, COLUMNS, {"preset": "reviews"})


SETS = {"sst2": sst2, "sst5": sst5, "trec": trec, "names": names, "reviews": reviews}


def divided(files: Sequence[str], reading: dict[str, Any], share: float, place: Path) -> tuple[str, str]:
    """Two files: what is trained on, and a share of every label."""
    kept, held_out = stratified_split(read_labelled(files, LabelledSettings(**reading)).examples, share, 0)
    return written(kept, place / "train.tsv"), written(held_out, place / "dev.tsv")


def written(examples: Sequence[Labelled], path: Path) -> str:
    """A file of texts and labels."""
    path.write_text("".join(f"{text}\t{labels[0]}\n" for text, labels, _ in examples), encoding="utf-8")
    return str(path)


def network(chosen: Set, seed: int, folder: Path) -> dict[str, Any]:
    """Train once and measure."""
    files = {name: path for name, path in (("dev", chosen.dev), ("test", chosen.test)) if path}
    began = time.perf_counter()
    settings = {**files, **chosen.reading, **chosen.settings, "seed": seed}
    model = gatewise.train("classify", chosen.train, out=str(folder / f"run-{time.time_ns()}"), **settings)
    scores = model.history["scores"]
    return {
        "dev": scores["dev"]["accuracy"],
        "test": scores["test"]["accuracy"] if chosen.test else "",
        "calibration_error": scores["test" if chosen.test else "dev"]["calibration"]["ece"],
        "seconds": time.perf_counter() - began,
    }


def naive_bayes(chosen: Set) -> dict[str, Any]:
    """Words and pairs of neighbours, of names letters and runs of up to five, counted; the same files."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    settings = LabelledSettings(**chosen.reading)
    began = time.perf_counter()
    model = make_pipeline(CountVectorizer(**chosen.counted), MultinomialNB())
    model.fit(*texts_and_labels(chosen.train, settings))
    found = {
        name: model.score(*texts_and_labels(path, settings)) if path else ""
        for name, path in (("dev", chosen.dev), ("test", chosen.test))
    }
    return {**found, "calibration_error": "", "seconds": time.perf_counter() - began}


def texts_and_labels(file: str, settings: LabelledSettings) -> tuple[list[str], list[str]]:
    """What is in a file."""
    examples = read_labelled([file], settings).examples
    return [example.text for example in examples], [example.labels[0] for example in examples]


def tell(table: Table, row: dict[str, Any]) -> None:
    """One row, in the file and on the screen."""
    table.add(**row)
    print(" ".join(f"{key} {value}" for key, value in row.items() if value != ""), flush=True)


def main() -> None:
    """Every set asked for, every seed."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--sets", default="sst2,sst5,trec,names,reviews", help="names with commas between")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--out", type=Path, default=RESULTS / "text_classification.csv")
    asked = parser.parse_args()
    table = Table(asked.out)
    with tempfile.TemporaryDirectory() as place:
        for name in asked.sets.split(","):
            seeds = range(1 if name == "reviews" else asked.seeds)  # ten folds are enough of a range
            for number, chosen in enumerate(SETS[name](Path(place))):
                part = {"set": name, "fold": number if name == "reviews" else ""}
                for seed in seeds:
                    tell(table, {**part, "side": "gatewise", "seed": seed, **network(chosen, seed, Path(place))})
                tell(table, {**part, "side": "naive Bayes", "seed": "", **naive_bayes(chosen)})
    table.close()


if __name__ == "__main__":
    main()
