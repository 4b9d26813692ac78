"""What one gets today without gatewise: a word language model on a bare ``torch.nn.LSTM``.

The yardstick for benchmarks/wikitext2.py and benchmarks/throughput.py. It has the settings of the example called
word_language_model that comes with PyTorch, and is written anew from their description: two LSTM layers of 200 units,
embeddings of 200, 20 streams, windows of 35 tokens, dropout 0.2, plain gradient descent from a learning rate of 20
that is divided by 4 whenever an epoch brings no improvement, gradient norm clipped at 0.25, an untied full softmax,
float32. Embedding and decoder start uniform in [-0.1, 0.1], the decoder's bias at zero, the LSTM as torch leaves it.

    python benchmarks/plain_lstm.py --minutes 30

The clock counts training only: validation happens while it stands still. The test perplexity is that of the best
validated weights.
"""

from __future__ import annotations

import argparse
import gzip
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from machine import RESULTS, Table, data_folder
from torch import Tensor, nn
from torch.nn import functional

State = tuple[Tensor, Tensor]


class PlainLanguageModel(nn.Module):
    """Embedding, LSTM, linear layer over the whole vocabulary; dropout between each two."""

    def __init__(self, vocabulary: int, width: int = 200, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, layers, dropout=dropout)
        self.decoder = nn.Linear(width, vocabulary)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def start(self, streams: int) -> State:
        zeros = torch.zeros(self.lstm.num_layers, streams, self.lstm.hidden_size)
        return zeros, zeros.clone()

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:  # [T, B] -> [T, B, V]
        output, state = self.lstm(self.drop(self.embedding(ids)), state)
        return self.decoder(self.drop(output)), state


def training_step(
    model: PlainLanguageModel, inputs: Tensor, targets: Tensor, state: State, rate: float, clip: float = 0.25
) -> tuple[float, State]:
    """Forward, backward, clip, descend; the state goes on, its history is cut."""
    state = (state[0].detach(), state[1].detach())
    model.zero_grad()
    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(parameter.grad, alpha=-rate)
    return loss.item(), state


def words(path: Path) -> Iterator[str]:
    """The tokens of a file that is tokenised already, with ``<eos>`` at the end of each line."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in text.decode("utf-8").split("\n")[:-1]:
        yield from line.split()
        yield "<eos>"


def corpus(folder: Path) -> tuple[dict[str, Tensor], int]:
    """The three splits as ids, and how many different tokens they hold."""
    ids: dict[str, int] = {}
    splits = {}
    for split, name in (("train", "train.txt.gz"), ("valid", "valid.txt"), ("test", "test.txt")):
        splits[split] = torch.tensor([ids.setdefault(word, len(ids)) for word in words(folder / name)])
    return splits, len(ids)


def streams(ids: Tensor, count: int) -> Tensor:
    """Cut a text into ``count`` parallel streams, [T, count]; the few tokens left over are dropped, as there."""
    length = len(ids) // count
    return ids[: length * count].view(count, length).t().contiguous()


def windows(text: Tensor, length: int) -> Iterable[tuple[Tensor, Tensor]]:
    """Inputs and the tokens that follow them, window after window."""
    for start in range(0, len(text) - 1, length):
        end = min(start + length, len(text) - 1)
        yield text[start:end], text[start + 1 : end + 1]


@torch.no_grad()
def mean_loss(model: PlainLanguageModel, ids: Tensor, length: int) -> float:
    """Mean nats per token over ten streams with the state carried along."""
    model.eval()
    text = streams(ids, 10)
    state, total = model.start(10), 0.0
    for inputs, targets in windows(text, length):
        logits, state = model(inputs, state)
        total += functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
    model.train()
    return total / (10 * (len(text) - 1))


class Run:
    """One training run: the clock, the curve and the best weights so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.splits, vocabulary = corpus(options.data)
        self.vocabulary = vocabulary
        torch.manual_seed(options.seed)
        self.model = PlainLanguageModel(vocabulary)
        self.table = Table(options.out)
        self.rate, self.seconds, self.tokens, self.due = 20.0, 0.0, 0, options.every
        self.best, self.best_weights = math.inf, self.model.state_dict()

    def train(self) -> None:
        """Epochs until the clock reaches its limit."""
        limit, epoch_best = self.options.minutes * 60, math.inf
        epoch = 0
        while self.seconds < limit:
            epoch += 1
            if not self.epoch(epoch, limit):
                return
            loss = self.validate(epoch)
            if loss >= epoch_best:
                self.rate /= 4
            epoch_best = min(loss, epoch_best)

    def epoch(self, number: int, limit: float) -> bool:
        """One pass; False when the clock ran out inside it."""
        state = self.model.start(20)
        for inputs, targets in windows(streams(self.splits["train"], 20), 35):
            begin = time.perf_counter()
            _, state = training_step(self.model, inputs, targets, state, self.rate)
            self.seconds += time.perf_counter() - begin
            self.tokens += inputs.numel()
            if self.seconds >= min(self.due, limit):
                self.validate(number)
                self.due += self.options.every
            if self.seconds >= limit:
                return False
        return True

    def validate(self, epoch: int) -> float:
        """A row of the curve; keeps the weights if they are the best so far."""
        loss = mean_loss(self.model, self.splits["valid"], 35)
        if loss < self.best:
            self.best = loss
            self.best_weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.report("valid", epoch, loss)
        return loss

    def test(self) -> None:
        """The last row: the best weights on the test text."""
        self.model.load_state_dict(self.best_weights)
        self.report("test", 0, mean_loss(self.model, self.splits["test"], 35))
        self.table.close()

    def report(self, split: str, epoch: int, loss: float) -> None:
        """The same facts to the table and to the terminal."""
        perplexity, speed = math.exp(loss), self.tokens / self.seconds
        self.table.add(
            split=split, seconds=self.seconds, tokens=self.tokens, epoch=epoch, learning_rate=self.rate, loss=loss,
            perplexity=perplexity, tokens_per_second=speed, vocabulary=self.vocabulary, seed=self.options.seed,
            threads=torch.get_num_threads(),
        )  # fmt: skip
        told = f"{self.seconds:7.0f} s  {self.tokens:9d} tokens  {split} perplexity {perplexity:8.2f}"
        print(f"{told}  {speed:6.0f} tokens/s", flush=True)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the plain torch.nn.LSTM language model on WikiText-2.")
    parser.add_argument("--minutes", type=float, default=30.0, help="minutes of training (validation not counted)")
    parser.add_argument("--every", type=float, default=150.0, help="seconds of training between validations")
    parser.add_argument("--data", type=Path, default=data_folder("wikitext2"), help="folder with the three text files")
    parser.add_argument("--out", type=Path, default=RESULTS / "plain_lstm.csv", help="where the curve goes")
    parser.add_argument("--seed", type=int, default=1111)
    return parser.parse_args()


if __name__ == "__main__":
    run = Run(options())
    run.train()
    run.test()
