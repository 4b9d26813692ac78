"""A cell of your own: an LSTM that squashes with softsign, written as its equation and trained by the engine.

The engine has never heard of this cell. It is traced once into a step program, forward and backward, which is printed
at the end (docs/step-program.md explains it). Takes a few seconds.

python examples/own_cell.py
gatewise train lm notes.txt --cell examples/own_cell.py:SoftsignLSTM
"""

import torch

from gatewise.cells import Cell, Input, Matrix
from gatewise.cells.functions import sigmoid, softsign
from gatewise.nn import Recurrent
from gatewise.scan.trace import trace


class SoftsignLSTM(Cell):
    """LSTM with softsign(a) = a / (1 + |a|) in place of tanh: cheaper, and slower to saturate."""

    state = {"hidden": "H", "memory": "H"}  # the first is the output; both are H wide
    W = Input(("input", "forget", "cell", "output"))
    R = Matrix("H", ("input", "forget", "cell", "output"))
    scale: float = 1.0  # a constant: saved with the model, set by --cell-options scale=2

    def step(self, x, s, p):
        gate = x + p.R(s.hidden)
        memory = sigmoid(gate.forget) * s.memory + sigmoid(gate.input) * softsign(gate.cell)
        return s.next(hidden=self.scale * sigmoid(gate.output) * softsign(memory), memory=memory)


def main() -> None:
    """Teach a layer of the cell to say whether the numbers so far add up to more than nothing."""
    torch.manual_seed(0)
    layer = Recurrent(SoftsignLSTM(), input_size=1, hidden_size=16, runner="fused")  # an error where it cannot
    head = torch.nn.Linear(layer.output_size, 1)
    optimizer = torch.optim.AdamW([*layer.parameters(), *head.parameters()], lr=0.01)
    print(layer)
    for step in range(201):
        numbers = torch.randn(20, 32, 1)  # [T, B, X]
        output, _ = layer(numbers)
        target = (numbers.cumsum(0) > 0).float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(output), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step:3}  loss {loss.item():.3f}  (guessing: 0.693)  runner: {layer.runner_used}")
    print(f"\n{trace(layer.cell)}")


if __name__ == "__main__":
    main()
