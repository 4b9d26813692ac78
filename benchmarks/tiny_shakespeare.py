"""Tiny Shakespeare, characters, first 90 % / last 10 %: the validation loss over at most ten minutes of training.

    python benchmarks/tiny_shakespeare.py

Goal: at most 1.60 nats per character. Every character of the last tenth is scored once, in one stream, which is
stricter than the mean over random crops that is often quoted. The number of epochs is fixed; the table states the time.
"""

from __future__ import annotations

from machine import data_folder
from plot import draw
from training_run import options, tell, train

SETTINGS = {
    "level": "char",
    "validation_share": 0.1,
    "batch_size": 32,
    "bptt": 128,
    "embedding_size": 64,
    "hidden_size": 512,
    "num_layers": 1,
    "output_dropout": 0.2,
    "optimizer": "adamw",
    "learning_rate": 0.008,
    "adam_beta2": 0.99,
    "weight_decay": 0.1,
    "schedule": "cosine",
    "clip_norm": 1.0,
    "epochs": 7,
    "validate_every": 245,  # an epoch
}


def main() -> None:
    """Train, tell, draw."""
    asked = options(str(__doc__).split("\n")[0], data_folder("tinyshakespeare"), "tiny_shakespeare")
    tell(train([asked.data / "input.txt"], SETTINGS, asked))
    draw("Tiny Shakespeare: validation loss", "loss", {"gatewise": asked.out}, asked.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
