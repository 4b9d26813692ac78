"""The door to every runner: a cell over a batch of sequences, or over one time step."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError
from gatewise.scan.checks import check_input, check_parameters
from gatewise.scan.choice import choose
from gatewise.scan.noise import Zoneout
from gatewise.scan.packed import Packed
from gatewise.scan.reference import run_reference
from gatewise.scan.result import Scan
from gatewise.scan.torch_runner import run_torch
from gatewise.scan.transforms import transform_of


def run(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    runner: str = "auto",
    zoneout: Zoneout | None = None,
    keep_states: bool = False,
) -> Scan:
    """One layer in one direction: the cell over every time step of every sequence.

    Letters: N rows of all time steps, B sequences, X input.

    Args:
        cell: the cell.
        parameters: name -> tensor, named and shaped as ``cell.parameters`` says; all biases may be missing together.
        x: the sequences, the longest first.
        initial: state -> [B, width], in which each sequence begins (in reverse, at its own end).
        reverse: whether time runs backwards; outputs stay in the order of the input's rows.
        runner: "auto", "reference", "torch" or "fused"; see ``choose``.
        zoneout: which units keep their old value, if any.
        keep_states: whether all states of all steps are returned.

    Returns:
        outputs [N, out], the final states [B, width], the states [N, width] if asked for, and the runner's name.

    Raises:
        ShapeError: a tensor that does not fit the cell or the others.
        SettingError: a runner that is unknown or cannot do what is asked.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> cell = find("gru")
        >>> weights = {name: torch.ones(spec.shape) for name, spec in cell.parameters(3, 5).items()}
        >>> scan = run(cell, weights, Packed(torch.zeros(4, 3), (2, 1, 1)), {"hidden": torch.zeros(2, 5)})
        >>> scan.outputs.shape, scan.final["hidden"].shape, scan.runner
        (torch.Size([4, 5]), torch.Size([2, 5]), 'fused')
    """
    sizes = check_parameters(cell, parameters)
    check_input(cell, sizes, parameters["weight_ih"], x.data, initial, x.rows)
    choice = choose(
        cell,
        runner=runner,
        zoneout=zoneout is not None,
        keep_states=keep_states,
        parameter=parameters["weight_ih"],
        bias=len(parameters) == len(cell.declared()),
        sizes=sizes,
        transform=transform_of((x.data, *initial.values(), *parameters.values())),
        uniform=x.uniform,
    )
    if not x.batch_sizes:
        raise ShapeError("a sequence of at least one time step is expected, but none came", where=f"cell {cell.name}")
    if choice.name == "fused":
        from gatewise.scan.fused.runner import run_fused

        return run_fused(cell, parameters, x, initial, reverse=reverse, zoneout=zoneout, keep_states=keep_states)
    if choice.name == "torch":
        return run_torch(cell, parameters, x, initial, reverse=reverse, keep_states=keep_states)
    return run_reference(cell, parameters, x, initial, reverse=reverse, zoneout=zoneout, keep_states=keep_states)


def step(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    states: Mapping[str, Tensor],
    *,
    zoneout: Zoneout | None = None,
) -> dict[str, Tensor]:
    """One time step with explicit state, as for streaming; steps one by one equal the sequence.

    Args:
        cell: the cell.
        parameters: name -> tensor, as for ``run``.
        x: [B, X].
        states: state -> [B, width].
        zoneout: as for ``run``; its ``start`` is the number of this step.

    Returns:
        the next states, state -> [B, width]; the first is the output.

    Raises:
        ShapeError: a tensor that does not fit the cell or the others.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> cell = find("rnn")
        >>> weights = {name: torch.zeros(spec.shape) for name, spec in cell.parameters(3, 5).items()}
        >>> step(cell, weights, torch.ones(1, 3), {"hidden": torch.ones(1, 5)})["hidden"].tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    sizes = check_parameters(cell, parameters)
    check_input(cell, sizes, parameters["weight_ih"], x, states, x.size(0))
    return run_reference(cell, parameters, Packed(x, (x.size(0),)), states, zoneout=zoneout).final
