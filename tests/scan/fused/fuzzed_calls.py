"""Calls of the engine with arguments that are wrong at random; a program, so that a crash is only this process's.

``python fuzzed_calls.py FIRST LAST`` makes the calls FIRST .. LAST - 1 and writes the number of each before it is made:
after a crash the last line says which one it was.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.cells import find
from gatewise.scan import _engine
from gatewise.scan.fused.encode import encode
from gatewise.scan.trace import trace

Array = NDArray[Any]
CELLS = ("rnn", "gru", "projected_lstm", "layer_norm_lstm", "peephole_lstm")
ARGUMENTS = (
    "program",
    "widths",
    "batch_sizes",
    "reverse",
    "threads",
    "isa",
    "low",
    "x",
    "initial",
    "vectors",
    "matrices",
    "save",
    "sequences",
    "seed",
    "start",
)
GUARD, CANARY = 64, 12345.0
"""Numbers before and behind every array that the engine writes to, and what stands in them."""


@dataclass(frozen=True)
class Known:
    """A program that the engine has read, and the names of its widths and sizes."""

    program: Any
    widths: tuple[str, ...]
    vectors: tuple[str, ...]
    matrices: tuple[str, ...]


@cache
def known(name: str) -> Known:
    """A registered cell for the engine."""
    program = trace(find(name))
    encoded = encode(program)
    vectors, matrices = (tuple(one.name for one in part) for part in (program.vectors, program.matrices))
    return Known(_engine.Program.read(encoded.codes, encoded.numbers), encoded.widths, vectors, matrices)


class Call:
    """A call that would work, of which ``spoil`` makes one that may not."""

    def __init__(self, die: random.Random) -> None:
        self.die = die
        self.dtype = die.choice((np.float32, np.float64))
        self.numbers = np.random.default_rng(die.randrange(2**32))
        self.guarded: list[Array] = []
        cell = find(name := die.choice(CELLS))
        sizes = {"X": die.choice((1, 3, 16, 17)), "H": die.choice((2, 5, 16, 19)), "P": 1 if cell.has_projection else 0}
        given = known(name)
        steps = die.randint(1, 5)
        batch_sizes = sorted((die.randint(1, 5) for _ in range(steps)), reverse=True)
        shapes = {key: spec.shape for key, spec in cell.parameters(sizes["X"], sizes["H"], sizes["P"]).items()}
        self.states = [(batch_sizes[0], units) for units in cell.state_widths(sizes["H"], sizes["P"]).values()]
        self.rows = sum(batch_sizes)
        self.arguments: dict[str, Any] = {
            "program": given.program,
            "widths": [sizes.get(width) or int(width) for width in given.widths],
            "batch_sizes": batch_sizes,
            "reverse": die.random() < 0.5,
            "threads": die.choice((1, 1, 1, 2, 3)),
            "isa": die.choice(("", *_engine.instruction_sets())),
            "low": self.dtype == np.float32 and die.random() < 0.5,
            "x": self.array(self.rows, sizes["X"]),
            "initial": [self.array(*shape) for shape in self.states],
            "vectors": [self.array(*shapes[key]) for key in given.vectors],
            "matrices": [self.array(*shapes[key]) for key in given.matrices],
            "save": die.random() < 0.8,
            "sequences": [],
            "seed": die.choice((0, 1, 2**32 - 1)),
            "start": die.choice((0, 7)),
        }

    def array(self, *shape: int) -> Array:
        return self.numbers.standard_normal(shape).astype(self.dtype)

    def out(self, *shape: int) -> Array:
        """An array to be written to, between guards."""
        room = np.full(int(np.prod(shape)) + 2 * GUARD, CANARY, self.dtype)
        self.guarded.append(room)
        return room[GUARD:-GUARD].reshape(shape)

    def unharmed(self) -> bool:
        """Whether nothing was written outside."""
        return all((room[:GUARD] == CANARY).all() and (room[-GUARD:] == CANARY).all() for room in self.guarded)

    def results(self) -> list[Any]:
        """The arguments of ``forward``."""
        states: list[Any] = [self.out(self.rows, width) for _, width in self.states]
        return [[state if self.die.random() < 0.7 else None for state in states], [self.out(*s) for s in self.states]]

    def gradients(self) -> list[Any]:
        """The arguments of ``backward``."""
        rows = [self.array(self.rows, width) for _, width in self.states]
        found: list[Any] = [rows, [self.array(*shape) for shape in self.states], self.out(*self.arguments["x"].shape)]
        return found + [
            [self.out(*one.shape) for one in self.arguments[part]] for part in ("initial", "vectors", "matrices")
        ]


NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2,
    7,
    65_536,
    2**31 - 1,
    -(2**31),
    2**31,
    2**63,
    -(2**70),
    1.5,
    float("nan"),
    None,
    "3",
    True,
    [1],
)
OBJECTS: tuple[Any, ...] = (None, 0, 1.5, "x", b"x", [], (), {}, object(), [None], [[1.0]], np.float32(1), Ellipsis)
WRONG: dict[str, Callable[[Array], Any]] = {
    "one row more": lambda a: np.concatenate([a, a[:1]]),
    "one row less": lambda a: a[:-1],
    "nothing": lambda a: a[:0],
    "flat": lambda a: a.reshape(-1),
    "axis": lambda a: a[None],
    "number": lambda a: a.reshape(-1)[:1].reshape(()),
    "turned": lambda a: np.asfortranarray(a),
    "transposed": lambda a: a.T,
    "backwards": lambda a: a[::-1],
    "every other": lambda a: np.repeat(a, 2, 0)[::2],
    "the same row": lambda a: np.broadcast_to(a[:1], a.shape),
    "other float": lambda a: a.astype(np.float64 if a.dtype == np.float32 else np.float32),
    "half": lambda a: a.astype(np.float16),
    "whole": lambda a: a.astype(np.int32),
    "truth": lambda a: a > 0,
    "complex": lambda a: a.astype(np.complex64),
    "objects": lambda a: a.astype(object),
    "words": lambda a: a.astype(str),
    "other end": lambda a: a.astype(a.dtype.newbyteorder()),
    "odd address": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, a.size, 1).reshape(a.shape),
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "no numbers": lambda a: np.full_like(a, np.nan),
    "infinite": lambda a: np.full_like(a, -np.inf),
    "denormal": lambda a: np.full_like(a, np.finfo(a.dtype).smallest_subnormal),
    "large": lambda a: np.full_like(a, np.finfo(a.dtype).max),
    "list": lambda a: a.tolist(),
    "bytes": lambda a: a.tobytes(),
}


def spoil(die: random.Random, value: Any) -> Any:
    """Something wrong in place of an argument."""
    if die.random() < 0.1:
        return die.choice(OBJECTS)
    if isinstance(value, np.ndarray):
        fresh = value.size and value.ndim and value.dtype.kind == "f"  # not spoiled already
        return WRONG[die.choice(sorted(WRONG))](value) if fresh else value
    if isinstance(value, list):
        return spoil_list(die, value)
    if isinstance(value, bool | int):
        return die.choice(tuple(number for number in NUMBERS if number != 65_536))
    return die.choice(OBJECTS) if not isinstance(value, str) else die.choice(("", "avx9", "portable\0", "ä" * 99, None))


def spoil_list(die: random.Random, value: list[Any]) -> Any:
    """A list that lacks something, or in which something is wrong."""
    place = die.randrange(len(value)) if value else 0
    found = list(value)
    kind = die.randrange(6)
    if kind == 0 or not value:
        return die.choice(([], found * 2, [*found, None], tuple(found), None, iter(found)))
    if kind == 1:
        del found[place]
    elif kind == 2:
        found.insert(place, found[-1])
    elif kind == 3:
        found.reverse()
    elif isinstance(found[place], int):
        found[place] = die.choice(NUMBERS)
    else:
        found[place] = spoil(die, found[place])
    return found


def attempt(act: Callable[..., Any], arguments: list[Any]) -> Any:
    """What a call gives, or None where it is refused; any other error goes on."""
    try:
        return act(*arguments)
    except (ValueError, TypeError):
        return None


def spoiled(die: random.Random, arguments: list[Any]) -> list[Any]:
    """Arguments of which none, one or two are wrong."""
    for _ in range(die.choice((0, 0, 1, 1, 2))):
        place = die.randrange(len(arguments))
        arguments[place] = spoil(die, arguments[place])
    if die.random() < 0.03:
        arguments.pop()
    return arguments


def make_call(seed: int) -> str:
    """One call: a scan is made, then run forward and backward in some order; returns how far it came."""
    die = random.Random(seed)
    call = Call(die)
    kind = _engine.Scan32 if (call.dtype == np.float32) != (die.random() < 0.02) else _engine.Scan64
    kept = dict(call.arguments)  # the arrays stay, whatever becomes of the list of arguments
    results, gradients = call.results(), call.gradients()
    scan = attempt(kind, spoiled(die, [call.arguments[name] for name in ARGUMENTS]))
    if scan is None:
        return "refused"
    order = die.choice(("fb", "fb", "fb", "b", "fbb", "ffb"))
    for letter in order:
        act, arguments = (scan.forward, results) if letter == "f" else (scan.backward, gradients)
        attempt(act, spoiled(die, list(arguments)))
    if not call.unharmed():
        raise AssertionError(f"call {seed} wrote outside its arrays")
    return "made" if kept else ""


def main() -> None:
    """Make the calls that the command line names, and say how many were refused at once."""
    first, last = map(int, sys.argv[1:])
    counts = {"refused": 0, "made": 0}
    for seed in range(first, last):
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()
        counts[make_call(seed)] += 1
    print(counts["refused"], counts["made"])


if __name__ == "__main__":
    np.seterr(all="ignore")  # numbers that do not fit another type are what is wanted here
    main()
