"""Prediction on the CPU: our classifier and tagger beside plain PyTorch code of the same network with the same weights.

    python benchmarks/prediction.py

From texts to labels, in turns, two threads. The plain side is what one writes by hand: words split at spaces and looked
up in a dict, texts sorted by length, padded and packed batch by batch, ``torch.nn.LSTM``, pooling, the best score, and
back into order. Networks are trained for one step only: speed does not depend on what was learnt. Goals:
at least 2 times the tokens per second at batch 1, at least as many at batch 64.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from machine import RESULTS, Table, data_folder
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

import gatewise
from gatewise.text.conll import read_tagged

GOALS = {1: 2.0, 64: 1.0}


class Plain(nn.Module):
    """The network written by hand: vectors, a bidirectional LSTM, perhaps the greatest over time, scores."""

    def __init__(self, network: Any, words: dict[str, int], unknown: int, pooled: bool) -> None:
        super().__init__()
        encoder = network.encoder
        self.words, self.unknown, self.pooled = words, unknown, pooled
        self.vectors = nn.Embedding.from_pretrained(encoder.embedder.words.weight.detach())
        layer = encoder.recurrent
        self.layers = nn.LSTM(layer.input_size, layer.hidden_size, layer.num_layers, bidirectional=True)
        self.layers.load_state_dict(layer.state_dict())
        self.output = network.output

    @torch.no_grad()
    def predict(self, given: Sequence[str], batch_size: int) -> list[Any]:
        """The best label of each text, or of each word."""
        texts = [text.split() for text in given]
        found: list[Any] = [None] * len(texts)
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        for first in range(0, len(order), batch_size):
            chosen = order[first : first + batch_size]
            ids = [torch.tensor([self.words.get(word, self.unknown) for word in texts[place]]) for place in chosen]
            lengths = torch.tensor([len(row) for row in ids])
            packed = pack_padded_sequence(self.vectors(pad_sequence(ids)), lengths)
            outputs, _ = pad_packed_sequence(self.layers(packed)[0], padding_value=-torch.inf if self.pooled else 0.0)
            best = self.best(outputs)
            for place, labels, length in zip(chosen, best, lengths.tolist(), strict=True):
                found[place] = labels if self.pooled else labels[:length]
        return found

    def best(self, outputs: Tensor) -> list[Any]:
        """The number of the best label, or of that of each word, for each text of a batch."""
        if self.pooled:
            numbers: list[Any] = self.output(outputs.amax(0)).argmax(1).tolist()
            return numbers
        of_words: list[Any] = self.output(outputs).argmax(2).T.tolist()
        return of_words


def classifier(place: Path) -> tuple[Any, list[str]]:
    """A classifier of sentences, and the sentences."""
    path = data_folder("sst2") / "train.tsv"
    settings = {"text": "1", "label": "2", "cutting": "spaces", "pooling": "max", "max_steps": 1}
    model = gatewise.train("classify", path, out=str(place / "classifier"), **settings)
    return model, [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]


def tagger(place: Path) -> tuple[Any, list[str]]:
    """A tagger of parts of speech without characters and CRF, and sentences."""
    folder = data_folder("ud_english_ewt")
    settings = {"output": "softmax", "characters": "none", "cutting": "spaces", "max_steps": 1}
    model = gatewise.train("tag", folder / "en_ewt-ud-train.conllu.gz", out=str(place / "tagger"), **settings)
    sentences = read_tagged(folder / "en_ewt-ud-train.conllu.gz")
    return model, [" ".join(sentence.words) for sentence in sentences]


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Both models, both batch sizes, both sides in turns."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--texts", type=int, default=4000, help="how many at batch 64; a tenth of them at batch 1")
    parser.add_argument("--out", type=Path, default=RESULTS / "prediction.csv")
    asked = parser.parse_args()
    table = Table(asked.out)
    with tempfile.TemporaryDirectory() as place:
        for name, make in (("classifier", classifier), ("tagger", tagger)):
            model, texts = make(Path(place))
            vocabulary = model.parts.vocabulary
            words = {word: number for number, word in enumerate(vocabulary.words)}
            plain = Plain(model.network, words, vocabulary.unk_id, pooled=name == "classifier").eval()
            for batch_size, goal in GOALS.items():
                chosen = texts[: asked.texts if batch_size > 1 else asked.texts // 10]
                tokens = sum(len(text.split()) for text in chosen)
                sides: dict[str, Callable[[], Any]] = {
                    "gatewise": partial(model.predict, chosen, batch_size=batch_size),
                    "plain PyTorch": partial(plain.predict, chosen, batch_size=batch_size),
                }
                agree(model, sides)
                times: dict[str, list[float]] = {side: [] for side in sides}
                for _ in range(asked.rounds):
                    for side, work in sides.items():
                        times[side].append(seconds(work))
                medians = {side: statistics.median(found) for side, found in times.items()}
                for side, found in times.items():
                    speeds = [tokens / second for second in found]
                    row = {"model": name, "batch": batch_size, "side": side, "tokens_per_s": tokens / medians[side]}
                    table.add(**row, least=min(speeds), most=max(speeds), rounds=asked.rounds)
                ratio = medians["plain PyTorch"] / medians["gatewise"]
                told = ", ".join(f"{side} {tokens / median:,.0f} tokens/s" for side, median in medians.items())
                print(f"{name}, batch {batch_size}: {told}; {ratio:.2f} x (goal {goal:g})", flush=True)
    table.close()


def agree(model: Any, sides: dict[str, Callable[[], Any]]) -> None:
    """Say how often the two sides say the same: they are the same network, so nearly always."""
    ours, theirs = (work() for work in sides.values())
    names = model.parts.labels
    same = 0
    for one, other in zip(ours, theirs, strict=True):
        tagged = isinstance(one, dict)
        same += one["tags"] == [names[number] for number in other] if tagged else one == names[other]
    print(f"{same} of {len(ours)} predictions are the same", flush=True)


if __name__ == "__main__":
    main()
