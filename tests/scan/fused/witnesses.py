"""What a layer has to compute, said twice: by a plain loop over the equation, and by torch's own layer."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.cells.bundles import States
from gatewise.layers.parameter_names import parameter_name
from gatewise.scan.bind import Binding
from scan.fused.settings import Setting

TWINS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN}


def by_loop(setting: Setting, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every step of the padded batch one by one; a sequence that is not running keeps its state.

    Args:
        setting: the sizes.
        given: the parameters by their names in the layer, ``x`` [T, B, X], and for each state ``initial <name>``
            [S, B, width].

    Returns:
        ``output`` [T, B, H], zeros where no sequence runs, and for each state ``final <name>`` [S, B, width].
    """
    lengths = torch.tensor(setting.running)
    below, directions = given["x"], (False, True) if setting.bidirectional else (False,)
    final: dict[str, list[Tensor]] = {name: [] for name in setting.cell.state}
    for layer in range(setting.num_layers):
        sides = []
        for reverse in directions:
            level = layer * len(directions) + reverse
            states = {name: given[f"initial {name}"][level] for name in setting.cell.state}
            sides.append(_one_level(setting, _bound(setting, given, layer, reverse), below, states, lengths, reverse))
            for name, value in states.items():
                final[name].append(value)
        below = torch.cat(sides, -1)
    return {"output": below} | {f"final {name}": torch.stack(values) for name, values in final.items()}


def _bound(setting: Setting, given: dict[str, Tensor], layer: int, reverse: bool) -> Binding:
    names = setting.cell.parameters(1, setting.hidden_size, setting.proj_size, setting.bias)
    return Binding(setting.cell, {name: given[parameter_name(name, layer, reverse)] for name in names})


def _one_level(
    setting: Setting, p: Binding, below: Tensor, states: dict[str, Tensor], lengths: Tensor, reverse: bool
) -> Tensor:
    """The outputs of one layer in one direction; ``states`` becomes the final ones."""
    outputs = []
    for time in reversed(range(setting.steps)) if reverse else range(setting.steps):
        runs = (time < lengths)[:, None]
        after = setting.cell.step(p.input_gates(below[time]), States(states), p).as_dict()
        states |= {name: torch.where(runs, after[name], before) for name, before in states.items()}
        output = after[setting.cell.output_state]
        outputs.append(torch.where(runs, output, torch.zeros_like(output)))
    return torch.stack(outputs[::-1] if reverse else outputs)


def by_torch(setting: Setting, given: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Torch's layer over the sequences that are not empty.

    Args:
        setting: of a cell that torch has.
        given: as for ``by_loop``.

    Returns:
        As ``by_loop``; and ``given`` with torch's parameters, whose gradients can be asked for.
    """
    layer = _twin(setting)
    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(given[name])
    states = {name: given[f"initial {name}"] for name in setting.cell.state}
    rows = torch.tensor([row for row, length in enumerate(setting.running) if length], dtype=torch.long)
    lengths = torch.tensor(setting.running)[rows]
    packed = pack_padded_sequence(given["x"][:, rows], lengths, enforce_sorted=False)
    begin = [value[:, rows].contiguous() for value in states.values()]
    output, end = layer(packed, tuple(begin) if len(begin) > 1 else begin[0])
    whole = pad_packed_sequence(output, total_length=setting.steps)[0]
    found = {"output": whole.new_zeros(setting.steps, setting.batch, whole.size(2)).index_copy(1, rows, whole)}
    for (name, value), after in zip(states.items(), end if len(begin) > 1 else [end], strict=True):
        found[f"final {name}"] = value.index_copy(1, rows, after)
    return found, given | parameters


def _twin(setting: Setting) -> torch.nn.RNNBase:
    options = {"bias": setting.bias, "bidirectional": setting.bidirectional}
    if setting.cell.name == "rnn":
        options["nonlinearity"] = setting.cell.constants()["nonlinearity"]
    if setting.cell.has_projection:
        options["proj_size"] = setting.proj_size
    kind = TWINS[setting.cell.torch_twin()]
    return kind(setting.input_size, setting.hidden_size, setting.num_layers, dtype=torch.float32, **options)
