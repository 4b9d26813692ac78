"""From counts of pairs to an LSTM on the documentation inside this Python: the figures of docs/story.md.

    python benchmarks/story.py

Every model is over the same words and is measured on the same held-out tenth. Networks have the same sizes, batches,
rates and epochs; nothing is chosen on the held-out text but the checkpoint of each (the best validation) and the
weights of the mixture.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from machine import RESULTS, Table

import gatewise
from gatewise.drawing.colours import BLUE, GREEN, GREY, ORANGE
from gatewise.drawing.curves import bars
from gatewise.tasks.language_model.mixing import mix
from gatewise.text.default_corpus import default_corpus
from gatewise.text.settings import TextSettings

NETWORK = {
    "level": "word",
    "vocabulary_size": 0,  # all words, as n-gram models have them
    "batch_size": 16,
    "bptt": 64,
    "embedding_size": 256,
    "hidden_size": 256,
    "softmax": "adaptive",
    "cutoffs": [1000, 4000],
    "input_dropout": 0.2,
    "output_dropout": 0.3,
    "learning_rate": 0.005,
    "weight_decay": 0.1,
    "adam_beta2": 0.99,
    "epochs": 10.0,
}
STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("bigrams, add one", "ngram", {"order": 2, "smoothing": "add-delta"}),
    ("bigrams, Witten-Bell", "ngram", {"order": 2, "smoothing": "witten-bell"}),
    ("bigrams, modified Kneser-Ney", "ngram", {"order": 2}),
    ("trigrams, modified Kneser-Ney", "ngram", {"order": 3}),
    ("5-grams, modified Kneser-Ney", "ngram", {"order": 5}),
    ("window of 4 words", "window", NETWORK | {"window": 4, "direct": False}),
    ("RNN", "lm", NETWORK | {"cell": "rnn", "tie_weights": True}),
    ("GRU", "lm", NETWORK | {"cell": "gru", "tie_weights": True}),
    ("LSTM", "lm", NETWORK | {"cell": "lstm", "tie_weights": True}),
)
COLOURS = {"ngram": GREY, "window": GREEN, "lm": BLUE, "mixture": ORANGE}


def main() -> None:
    """Train all, mix, write table and plot."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs") / "story", help="a new folder for the runs")
    parser.add_argument("--out", type=Path, default=RESULTS / "story.csv")
    parser.add_argument("--plot", type=Path, default=Path("docs") / "story.svg")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table = Table(asked.out)
    shown: list[tuple[str, float, str]] = []
    models: dict[str, Any] = {}

    def tell(name: str, kind: str, model: Any) -> None:
        scores, told = model.history["scores"]["validation"], model.info()
        perplexity = scores["perplexity_per_token"]
        size = told.get("parameters") or sum(told.get("n-grams", {}).values()) or ""
        seconds = model.history.get("training", {}).get("seconds", "")
        weights = " ".join(f"{weight:.3f}" for weight in getattr(model.network, "weights", ()))
        row = {"model": name, "kind": kind, "perplexity": perplexity, "bits_per_token": scores["loss"] / math.log(2)}
        table.add(**row, size=size, seconds=seconds, tokens=scores["tokens"], weights=weights, seed=asked.seed)
        shown.append((name, perplexity, COLOURS[kind]))
        print(f"{name}: perplexity {perplexity:.2f}, {size} {weights}", flush=True)

    for name, kind, settings in STEPS:
        chosen = settings if kind == "ngram" else settings | {"seed": asked.seed}
        place = asked.runs / name.replace(",", "").replace(" ", "-").lower()
        models[name] = gatewise.train(kind, out=str(place), **chosen)
        tell(name, kind, models[name])
    _, held_out = default_corpus().split(TextSettings().validation_share)  # as every run has it
    mixture = mix([models["5-grams, modified Kneser-Ney"], models["LSTM"]], held_out)
    tell("5-grams + LSTM", "mixture", mixture)
    table.close()
    asked.plot.write_text(bars("Perplexity of the held-out tenth", "perplexity", shown), encoding="utf-8")


if __name__ == "__main__":
    main()
