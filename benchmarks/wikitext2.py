"""WikiText-2, words: gatewise in the 30 minutes that benchmarks/plain_lstm.py has, and both curves in one picture.

    python benchmarks/plain_lstm.py --minutes 30
    python benchmarks/wikitext2.py

Goal: a test perplexity of at most 0.75 times that of the plain script, both over every token with <eos> and <unk>
counted, with the same vocabulary of 33,278. The number of epochs is fixed, so that the schedule is known from the
start; it is the number that fills 30 minutes on two cores, and the table states the time it took.
"""

from __future__ import annotations

from machine import RESULTS, data_folder
from plot import draw
from training_run import options, tell, train

SETTINGS = {
    "level": "word",
    "pretokenised": True,
    "batch_size": 40,
    "bptt": 70,
    "embedding_size": 300,
    "hidden_size": 500,
    "num_layers": 1,
    "tie_weights": True,
    "softmax": "adaptive",
    "cutoffs": [1000, 6000, 15000],
    "input_dropout": 0.2,
    "output_dropout": 0.3,
    "optimizer": "adamw",
    "learning_rate": 0.006,
    "adam_beta2": 0.99,
    "weight_decay": 0.1,
    "schedule": "cosine",
    "clip_norm": 0.25,
    "epochs": 4.2,
    "validate_every": 373,  # half an epoch
}


def main() -> None:
    """Train, tell, draw."""
    asked = options(str(__doc__).split("\n")[0], data_folder("wikitext2"), "wikitext2")
    texts = {"valid": str(asked.data / "valid.txt"), "test": str(asked.data / "test.txt")}
    tell(train([asked.data / "train.txt.gz"], SETTINGS | texts, asked))
    plain = RESULTS / "plain_lstm.csv"
    if plain.exists():
        title = "WikiText-2: validation perplexity"
        draw(title, "perplexity", {"gatewise": asked.out, "plain torch.nn.LSTM": plain}, asked.out.with_suffix(".svg"))
    else:
        print(f"no {plain}: run benchmarks/plain_lstm.py for the other curve")


if __name__ == "__main__":
    main()
