"""WikiText-2, words: n-gram, window-based and LSTM model over one vocabulary, and the mixture of n-gram and LSTM.

    python benchmarks/wikitext2_models.py

Goal: the mixture has a lower test perplexity than either of its models. The n-gram model is the one, of the orders and
smoothings below, with the lowest validation perplexity; the weights of the mixture are found on the validation text.
Nothing is chosen on the test text. Perplexities are over every token, <eos> and <unk> counted, vocabulary 33,278; all
models read the text as one, from line to line. ``--lstm RUN`` takes a finished run of benchmarks/wikitext2.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from machine import RESULTS, Table, data_folder
from wikitext2 import SETTINGS

import gatewise
from gatewise.tasks.language_model.mixing import mix
from gatewise.text.readers import read

ORDERS = (3, 4, 5)
SMOOTHINGS = ("modified-kneser-ney", "kneser-ney", "witten-bell", "katz")
NOT_OF_WINDOWS = ("num_layers", "tie_weights", "input_dropout")
WINDOW = {name: value for name, value in SETTINGS.items() if name not in NOT_OF_WINDOWS} | {
    "window": 5,
    "embedding_size": 200,
    "direct": False,
    "learning_rate": 0.004,
    "epochs": 2.0,
}


def ngrams(train: Path, texts: dict[str, str], runs: Path) -> tuple[str, Any]:
    """The n-gram model that validates best, and its name."""
    found: dict[str, Any] = {}
    for order in ORDERS:
        for smoothing in SMOOTHINGS:
            name = f"n-gram, order {order}, {smoothing}"
            place = runs / f"ngram-{order}-{smoothing}"
            model = gatewise.train(
                "ngram", train, order=order, smoothing=smoothing, pretokenised=True, out=str(place), **texts
            )
            found[name] = model
            print(f"{name}: validation {perplexity(model, 'validation'):.2f}")
    best = min(found, key=lambda name: perplexity(found[name], "validation"))
    return best, found[best]


def perplexity(model: Any, text: str) -> float:
    """What a model's history says of a text."""
    return float(model.history["scores"][text]["perplexity_per_token"])


def main() -> None:
    """Train all, mix, tell, write the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--data", type=Path, default=data_folder("wikitext2"), help="where the corpus lies")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs") / "benchmark-models", help="a new folder for the runs"
    )
    parser.add_argument("--lstm", type=Path, help="a finished LSTM run, instead of training one")
    parser.add_argument("--seed", type=int, default=1111)
    parser.add_argument("--out", type=Path, default=RESULTS / "wikitext2_models.csv")
    asked = parser.parse_args()
    train = asked.data / "train.txt.gz"
    texts = {"valid": str(asked.data / "valid.txt"), "test": str(asked.data / "test.txt")}
    name, counted = ngrams(train, texts, asked.runs)
    models = {name: counted}
    place = str(asked.runs / "window")
    models["window"] = gatewise.train("window", train, out=place, seed=asked.seed, **WINDOW, **texts)
    models["LSTM"] = (
        gatewise.load(asked.lstm)
        if asked.lstm
        else gatewise.train("lm", train, out=str(asked.runs / "lstm"), seed=asked.seed, **SETTINGS, **texts)
    )
    valid = read(texts["valid"], encoding="utf-8")
    both = mix([counted, models["LSTM"]], valid)
    all_of_them = mix([counted, models["window"], models["LSTM"]], valid)
    table = Table(asked.out)
    for name, model in models.items():
        tell(table, name, perplexity(model, "validation"), perplexity(model, "test"), model, asked.seed)
    for name, model in (("n-gram + LSTM", both), ("n-gram + window + LSTM", all_of_them)):
        test = model.evaluate(texts["test"]).measure.perplexity
        tell(table, name, perplexity(model, "validation"), test, model, asked.seed)
    table.close()


def tell(table: Table, name: str, valid: float, test: float, model: Any, seed: int) -> None:
    """A row, printed and written."""
    told = model.info()
    size = told.get("parameters") or sum(told.get("n-grams", {}).values()) or ""
    seconds = model.history.get("training", {}).get("seconds", "")
    weights = " ".join(f"{weight:.3f}" for weight in getattr(model.network, "weights", ()))
    table.add(model=name, valid=valid, test=test, size=size, seconds=seconds, weights=weights, seed=seed)
    print(f"{name}: validation {valid:.2f}, test {test:.2f}  {size} {weights}")


if __name__ == "__main__":
    main()
