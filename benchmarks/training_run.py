"""A gatewise training run, with its curve in the same kind of table as that of the yardstick."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from machine import RESULTS, Table

import gatewise
from gatewise.training.metrics import read_metrics


def options(description: str, data: Path, name: str) -> argparse.Namespace:
    """The command line of a benchmark that trains."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=data, help="where the corpus lies")
    parser.add_argument("--run", type=Path, default=Path("runs") / f"benchmark-{name}", help="run folder, made new")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.csv", help="where the curve goes")
    parser.add_argument("--epochs", type=float, help="instead of the number that fills the time")
    parser.add_argument("--seed", type=int, default=1111)
    return parser.parse_args()


def train(files: list[Path], settings: Mapping[str, Any], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Train, write the curve, and return its rows."""
    chosen = {**settings, "seed": asked.seed, **({"epochs": asked.epochs} if asked.epochs else {})}
    gatewise.train("lm", files, out=str(asked.run), **chosen)
    rows = [*validations(asked.run), *final_scores(asked.run)]
    table = Table(asked.out)
    for row in rows:
        table.add(**row, seed=asked.seed)
    table.close()
    return rows


def validations(run: Path) -> list[dict[str, Any]]:
    """A row for each validation: when, after how many tokens, and how good."""
    return [
        {
            "split": "valid",
            "seconds": line["seconds"],
            "tokens": line["units"],
            "epoch": line["epoch"],
            "learning_rate": line["learning_rate"],
            "loss": line["validation_loss"],
            "perplexity": math.exp(line["validation_loss"]),
            "tokens_per_second": line["units"] / line["seconds"],
        }
        for line in read_metrics(run / "metrics.jsonl")
        if line.get("validation_loss") is not None
    ]


def final_scores(run: Path) -> list[dict[str, Any]]:
    """A row for each text that the saved model (the weights that validated best) was measured on."""
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    history = json.loads((run / "model" / "training.json").read_text(encoding="utf-8"))
    return [
        {
            "split": f"best {name}",
            "seconds": summary["seconds"],
            "tokens": score["tokens"],
            "epoch": summary["epochs"],
            "learning_rate": 0.0,
            "loss": score["loss"],
            "perplexity": math.exp(score["loss"]),
            "tokens_per_second": summary["units_per_second"],
        }
        for name, score in history["scores"].items()
    ]


def tell(rows: list[dict[str, Any]]) -> None:
    """The curve and the end, for a reader."""
    for row in rows:
        print(
            f"{row['split']:>16}  {row['seconds'] / 60:6.2f} min  epoch {row['epoch']:6.2f}  "
            f"loss {row['loss']:.4f}  perplexity {row['perplexity']:8.2f}  {row['tokens_per_second']:,.0f} tokens/s"
        )
