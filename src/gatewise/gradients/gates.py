"""What the gates of a trained layer did at every step of a text, and what they made of its memory.

Letters: T steps, H units, S states side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.bundles import States
from gatewise.cells.declarations import Input, Matrix
from gatewise.cells.spec import Cell
from gatewise.cells.user import GIVE_CELL
from gatewise.gradients.listener import SIGMOIDS, Heard, Listened, Listener
from gatewise.gradients.reading import Reading, reading_of
from gatewise.gradients.subject import Subject
from gatewise.scan.bind import Binding
from gatewise.scan.stored.cell import program_in

ALL = "all gates"
"""Under this name ``missing`` says why there is not one gate to be found."""


@dataclass(frozen=True)
class Carry:
    """How much of a state goes over into the state after the step, unit by unit, while gates and candidates are held.

    ::

        share = ds'_j / ds_j        of c' = f c + i g it is f; of h' = (1 - z) n + z h it is z

    Attributes:
        state: its name.
        by: the gate that it is, such as ``forget``, or ``1 - update``; "" where it is none of them alone.
        share: [T, width].
    """

    state: str
    by: str
    share: Tensor


@dataclass(frozen=True)
class GateRecords:
    """Every gate and state of one layer in one direction at every step of a text, in the order of the text; float64.

    Attributes:
        cell: the name of the cell.
        layer: 0 is the lowest.
        reverse: whether it reads from the end of the text.
        unit: what a token is.
        tokens: T.
        gates: name -> [T, H], between 0 and 1, as they came out of the sigmoid.
        candidates: name -> [T, H], what came out of other nonlinearities, and what is a state itself.
        functions: name -> the nonlinearity, for gates and candidates.
        missing: declared name -> why it was not found.
        states: name -> [T, width] after each step.
        carry: state -> how much of it is carried over; states of which nothing is are left out.
    """

    cell: str
    layer: int
    reverse: bool
    unit: str
    tokens: tuple[str, ...]
    gates: dict[str, Tensor]
    candidates: dict[str, Tensor]
    functions: dict[str, str]
    missing: dict[str, str]
    states: dict[str, Tensor]
    carry: dict[str, Carry]

    @property
    def direction(self) -> str:
        """``forward`` or ``backward``."""
        return "backward" if self.reverse else "forward"

    def to_rows(self, units: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """A row for each step and unit, with a column for each gate, candidate and state.

        Args:
            units: which; None: all, as many as the widest has.
        """
        columns = {f"gate {name}": values for name, values in self.gates.items()}
        columns |= {f"candidate {name}": values for name, values in self.candidates.items()}
        columns |= {f"state {name}": values for name, values in self.states.items()}
        chosen = range(max(values.size(1) for values in columns.values())) if units is None else units
        lists = {name: values.T.tolist() for name, values in columns.items()}
        return [
            {"step": step, "token": token, "unit": unit}
            | {name: values[unit][step] for name, values in lists.items() if unit < len(values)}
            for step, token in enumerate(self.tokens)
            for unit in chosen
        ]


def gate_records(subject: Subject, layer: int = 0, reverse: bool = False) -> GateRecords:
    """What gates and states of one layer in one direction were at every step of a text.

    The cell's step is run once more, for all steps at once, from the states that the text had left before each; while
    it runs, the gates are found by their declared names (`gatewise.gradients.listener`), so this works for any cell
    that has its equation. In float64.

    Args:
        subject: the layers and the text.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.

    Raises:
        MeasureError: there is no such layer or direction, or a number is not finite.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> found = gate_records(subject)
        >>> {name: tuple(values.shape) for name, values in found.gates.items()}, found.carry["hidden"].by
        ({'reset': (5, 4), 'update': (5, 4)}, 'update')
    """
    reading = reading_of(subject, layer, reverse)
    found = _run(reading) if program_in(reading.cell) is None else _Found({}, {}, {ALL: _STORED}, {})
    gates, candidates = found.divided()
    shares = _zoned(reading, found.carry)
    return GateRecords(
        reading.cell.name,
        layer,
        reverse,
        subject.unit,
        subject.tokens,
        gates,
        candidates,
        {name: heard.function for name, heard in found.values.items()},
        found.missing,
        dict(reading.after),
        {name: Carry(name, found.named(name), share) for name, share in shares.items()},
    )


@dataclass(frozen=True)
class _Found:
    """What one run of the step gave.

    Attributes:
        values: name -> what came out of its nonlinearity.
        after: state -> what the step returned for it, which may be one of the values itself.
        missing: name -> why it was not found.
        carry: state -> share [T, width].
    """

    values: Mapping[str, Heard]
    after: Mapping[str, Tensor]
    missing: dict[str, str]
    carry: Mapping[str, Tensor]

    def divided(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The gates, and everything else that came out of a nonlinearity."""
        states = {id(state) for state in self.after.values()}
        is_gate = {name: one.function in SIGMOIDS and id(one.value) not in states for name, one in self.values.items()}
        gates = {name: one.value for name, one in self.values.items() if is_gate[name]}
        return gates, {name: one.value for name, one in self.values.items() if not is_gate[name]}

    def named(self, state: str) -> str:
        """Which gate carries a state over; "" for none."""
        if state not in self.carry:
            return ""
        share = self.carry[state]
        for name, gate in self.divided()[0].items():
            for told, values in ((name, gate), (f"1 - {name}", 1 - gate)):
                if values.shape == share.shape and torch.allclose(values, share, rtol=0.0, atol=_SAME):
                    return told
        return ""


_STORED = f"the cell is known by its program only, {GIVE_CELL}"
_SAME = 1e-9  # two ways to compute a number between 0 and 1 in float64 differ by some 1e-16
_SMALLEST = 1e-12


def _run(reading: Reading) -> _Found:
    """Run the step for all steps of the text at once, listening."""
    cell, bound, listener = reading.cell, Binding(reading.cell, reading.weights), Listener()
    with torch.no_grad():
        x = bound.input_gates(reading.inputs)
    before = {name: state.clone().requires_grad_() for name, state in reading.before.items()}
    with torch.enable_grad(), listener:
        listener.name(x.tensor, x.names)
        after = cell.step(x, States(before), Listened(bound, listener)).as_dict()
    values = {name: one for name, heard in listener.heard.items() if (one := _one(heard)) is not None}
    missing = {name: _reason(listener.heard.get(name, [])) for name in _declared(cell) if name not in values}
    carry = {name: share for name in before if (share := _carried(before[name], after[name])) is not None}
    return _Found(values, after, missing, carry)


def _one(heard: list[Heard]) -> Heard | None:
    """The value of a gate; one that was computed for it alone is meant before one that was computed for all."""
    alone = [one for one in heard if not one.together] or heard
    return alone[0] if len(alone) == 1 else None


def _reason(heard: list[Heard]) -> str:
    if heard:
        return f"{len(heard)} nonlinearities are applied to it: {', '.join(one.function for one in heard)}"
    return "no nonlinearity that is known is applied to it by itself"


def _declared(cell: Cell) -> Iterator[str]:
    """The names of the cell's gates, each once."""
    names: dict[str, None] = {}
    for declaration in cell.declarations.values():
        gates = declaration.gates if isinstance(declaration, Input | Matrix) else None
        names |= dict.fromkeys(gates or ())
    return iter(names)


def _carried(before: Tensor, after: Tensor) -> Tensor | None:
    """The diagonal of d after / d before, [T, width]; None where it is zero, or where units are mixed."""
    if not after.requires_grad:
        return None
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(after.shape, generator=generator, dtype=after.dtype) + 0.5
    (share,) = torch.autograd.grad(after, before, torch.ones_like(after), retain_graph=True, allow_unused=True)
    if share is None or not (share.abs() > _SMALLEST).any():
        return None
    (weighed,) = torch.autograd.grad(after, before, weights, retain_graph=True)
    return share if torch.allclose(weighed, weights * share, rtol=0.0, atol=_SAME) else None


def _zoned(reading: Reading, carry: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The shares with what zoneout leaves of the old state besides."""
    found = dict(carry)
    for name, rate in reading.zoneout.items():
        found[name] = rate + (1 - rate) * found.get(name, torch.zeros_like(reading.after[name]))
    return found
