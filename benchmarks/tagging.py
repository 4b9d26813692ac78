"""Tagging from scratch: parts of speech of two treebanks, and entities with a CRF beside softmax; three seeds each.

    python benchmarks/tagging.py                     # every set; about 40 minutes
    python benchmarks/tagging.py --sets ewt,sequoia

Settings were chosen on the dev sentences alone. WNUT-17 has no test sentences here: its F1 is that of dev, by which the
best weights of each run were chosen too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from machine import RESULTS, Table, data_folder

import gatewise

ENGLISH, FRENCH, POSTS = (data_folder(name) for name in ("ud_english_ewt", "ud_french_sequoia", "wnut17"))
CRF, SOFTMAX = {"preset": "entities", "output": "crf"}, {"preset": "entities", "output": "softmax"}
SETS: Mapping[str, tuple[str, str, str | None, dict[str, Any]]] = {
    "ewt": (
        f"{ENGLISH}/en_ewt-ud-train.conllu.gz",
        f"{ENGLISH}/en_ewt-ud-dev.conllu",
        f"{ENGLISH}/en_ewt-ud-test.conllu",
        {},
    ),
    "sequoia": (
        f"{FRENCH}/fr_sequoia-ud-train.conllu.gz",
        f"{FRENCH}/fr_sequoia-ud-dev.conllu",
        f"{FRENCH}/fr_sequoia-ud-test.conllu",
        {"preset": "small"},
    ),
    "wnut17-crf": (f"{POSTS}/wnut17train.conll", f"{POSTS}/emerging.dev.conll", None, CRF),
    "wnut17-softmax": (f"{POSTS}/wnut17train.conll", f"{POSTS}/emerging.dev.conll", None, SOFTMAX),
}
"""Files to train on, of dev and of test, and settings."""


def measured(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """Train once and measure: accuracy of tags, and F1 of entities where the tags name some."""
    train, dev, test, settings = SETS[name]
    files = {key: path for key, path in (("dev", dev), ("test", test)) if path}
    began = time.perf_counter()
    model = gatewise.train("tag", train, out=str(folder / f"run-{time.time_ns()}"), seed=seed, **files, **settings)
    scores = model.history["scores"]
    told: dict[str, Any] = {"set": name, "seed": seed}
    for part in ("dev", "test"):
        found = scores.get(part, {})
        told |= {f"{part}_accuracy": found.get("accuracy", ""), f"{part}_unknown": found.get("unknown_accuracy", "")}
        told[f"{part}_f1"] = found.get("f1", "")
    return told | {"seconds": time.perf_counter() - began}


def main() -> None:
    """Every set asked for, every seed."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--sets", default="ewt,sequoia,wnut17-crf,wnut17-softmax", help="names with commas between")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--out", type=Path, default=RESULTS / "tagging.csv")
    asked = parser.parse_args()
    table = Table(asked.out)
    with tempfile.TemporaryDirectory() as place:
        for name in asked.sets.split(","):
            for seed in range(asked.seeds):
                row = measured(name, seed, Path(place))
                table.add(**row)
                print(" ".join(f"{key} {value}" for key, value in row.items() if value != ""), flush=True)
    table.close()


if __name__ == "__main__":
    main()
