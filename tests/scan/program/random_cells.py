"""Cells with random equations: one to three states, one or two products, over everything that can be expressed."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells import Cell, Gates, Input, Matrix, Norm, Parameters, States, Vector
from gatewise.cells.functions import relu, sigmoid, softsign, tanh

UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "softsign": softsign,
    "neg": lambda a: -a,
    "half": lambda a: 0.5 * a - 0.25,
    "from one": lambda a: 1.0 - a,
    "exp": lambda a: (a.tanh() - 1.0).exp(),
    "log": lambda a: (a.abs() + 1.0).log(),
    "sqrt": lambda a: (a * a + 0.5) ** 0.5,
    "square": lambda a: a.tanh() ** 2,
    "cube": lambda a: a.tanh().pow(3),
    "reciprocal": lambda a: (1.0 + a * a).reciprocal(),
    "rsqrt": lambda a: (1.0 + a * a).rsqrt(),
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "log1p": lambda a: a.abs().log1p(),
    "expm1": lambda a: a.tanh().expm1(),
    "clamp": lambda a: a.clamp(-0.5, 0.75),
    "softplus": functional.softplus,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "elu": functional.elu,
    "leaky relu": functional.leaky_relu,
    "hard tanh": functional.hardtanh,
    "mish": functional.mish,
    "log sigmoid": functional.logsigmoid,
    "centred": lambda a: a - a.mean(-1, keepdim=True),
    "share": lambda a: a.softmax(-1) * 3.0,
    "norm": lambda a: a / (a.square().sum(1, keepdim=True) + 1.0).sqrt(),
    "layer norm": lambda a: functional.layer_norm(a, a.shape[-1:]),
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": lambda a, b: a / (1.0 + b.abs()),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": lambda a, b: torch.where(a > b, a, 0.5 * b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "mix": lambda a, b: a.sigmoid() * b + (1.0 - a.sigmoid()) * a,
    "alpha": lambda a, b: torch.add(a, b, alpha=0.4),
}
GATES = ("first", "second", "third")
STATES = ("hidden", "memory", "trace")


def make(seed: int, *, whole: bool = False) -> Cell:
    """A cell whose equation is drawn from a seed.

    Args:
        seed: decides everything.
        whole: everything that the step computes has a part in every state, so that nothing in it is without effect.
    """
    draw = random.Random(seed)
    gates = GATES[: draw.randint(1, 3)]
    names = STATES[: draw.randint(1, 3)]
    body: dict[str, object] = {
        "__module__": __name__,
        "__annotations__": {"rank": int},
        "rank": 2,
        "state": dict.fromkeys(names, "H"),
        "W": Input(gates, bias=draw.random() < 0.7),
        "R": Matrix("H", gates, bias=draw.random() < 0.5),
        "diagonal": Vector("one", "two"),
    }
    second = draw.choice(["none", "square", "low rank"])
    if second == "square":
        body["S"] = Matrix("H", ("mixed",), bias=draw.random() < 0.5)
    elif second == "low rank":
        body |= {"A": Matrix("H", "rank"), "B": Matrix("rank", "H", bias=True)}
    if draw.random() < 0.4:
        body["norm"] = Norm(gates)
    over = draw.choice(["gate", "all"])
    plan = [(draw.choice([*UNARY, *BINARY] * 2 + ["second"]), draw.random(), draw.random()) for _ in range(10)]
    ends = [draw.random() for _ in names]

    def step(self: Cell, x: Gates, s: States, p: Parameters) -> States:
        del self
        states = list(s.as_dict().values())
        bundle = x + p.R(states[-1])
        bundle = p.norm(bundle, over=over) if "norm" in body else bundle
        pool = [getattr(bundle, gate) for gate in gates] + states
        pool.append(p.diagonal.one * states[0] + p.diagonal.two.sigmoid())
        for name, one, other in plan:
            a, b = pool[int(one * len(pool))], pool[int(other * len(pool))]
            pool.append(_apply(name, a, b, second, p))
        made = [pool[-1 - int(share * 6)] for share in ends]
        if whole:
            made = [value + 0.1 * sum(pool, _apply("second", pool[0], pool[1], second, p)) for value in made]
        return s.next(**{name: value.tanh() for name, value in zip(names, made, strict=True)})

    return type(f"Random{seed}", (Cell,), {**body, "step": step})()


def _apply(name: str, a: Tensor, b: Tensor, second: str, p: Parameters) -> Tensor:
    if name == "second":
        if second == "none":
            return a + b
        product: Tensor = p.S(a).mixed if second == "square" else p.B(p.A(a))
        return product * b.sigmoid()
    return UNARY[name](a) if name in UNARY else BINARY[name](a, b)
