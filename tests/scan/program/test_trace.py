"""The trace: every operation that can be expressed is right, every other is refused with its name and line."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from gatewise.cells import find
from gatewise.scan import trace as trace_module
from gatewise.scan.lowering.operations import LOWERINGS
from gatewise.scan.program import TraceError
from gatewise.scan.trace import trace
from scan.program.expressions import EXPRESSIONS, REFUSED, Expression, cell_of
from scan.program.witness import Case, compare


def bfloat16() -> AbstractContextManager[object]:
    return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_equals_reference(name: str):
    cell = cell_of(EXPRESSIONS[name])
    program = trace(cell)
    compare(program, cell, Case())
    compare(program, cell, Case(hidden_size=5, input_size=1, batch_sizes=(2, 1), reverse=True))


def test_every_lowering_is_used_by_an_expression(monkeypatch: pytest.MonkeyPatch):
    used = set()
    lower = trace_module.lower

    def noted(context, name, arguments, options):
        used.add(name)
        return lower(context, name, arguments, options)

    monkeypatch.setattr(trace_module, "lower", noted)
    for expression in EXPRESSIONS.values():
        trace(cell_of(expression))
    assert sorted(LOWERINGS.keys() - used) == []


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_operation_and_line(name: str):
    expression, message = REFUSED[name]
    with pytest.raises(TraceError) as caught:
        trace(cell_of(expression))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    lines = {f"{inspect.getsourcefile(expression)}:{line}" for line in (line_of(expression), line_of(cell_of) + 3)}
    assert any(str(caught.value).startswith(f"{place}:") for place in lines | steps()), str(caught.value)


def test_a_lowering_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(LOWERINGS, "aten.tanh_backward", LOWERINGS["aten.sigmoid_backward"])
    with pytest.raises(TraceError, match="its trace computes another value than the step: the gradient of x"):
        trace(find("lstm"))


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, bfloat16])
def test_modes_of_the_caller_do_not_reach_the_trace(mode: Callable[[], AbstractContextManager[object]]):
    expected = trace(find("gru"))
    torch.set_default_dtype(torch.float32)
    with mode():
        before = torch.get_rng_state()
        assert trace(find("gru")) == expected
        assert torch.equal(torch.get_rng_state(), before)


def test_random_numbers_of_a_step_are_not_the_callers():
    before = torch.get_rng_state()
    with pytest.raises(TraceError):
        trace(cell_of(REFUSED["random"][0]))
    assert torch.equal(torch.get_rng_state(), before)


def test_trace_is_loaded_only_when_asked_for_and_brings_no_compiler():
    code = """
import sys, gatewise.nn, gatewise.layers.recurrent
assert "gatewise.scan.trace" not in sys.modules
from gatewise.cells import find
from gatewise.scan.trace import trace
trace(find("lstm"))
print(sorted({"torch._dynamo", "torch._inductor", "sympy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout == "[]\n"


SCRIPT = """
import torch
from torch.nn import functional
from gatewise.cells import Cell, Input, Matrix
from gatewise.nn import Recurrent

class Own(Cell):
    state = {"hidden": "H"}
    W = Input(("a",))
    R = Matrix("H", ("a",))

    def step(self, x, s, p):
        return bent(self, x.a + p.R(s.hidden).a, s)

def bent(cell, a, s):
    return s.next(hidden=OPERATION)

if __name__ == "__main__":
    print(Recurrent(Own(), 3, 4))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("functional.hardshrink(a)", "the gradient of hardshrink cannot be expressed"),
        ("functional.ctc(a)", "AttributeError: module 'torch.nn.functional' has no attribute 'ctc'"),
        ("torch.lerp(a, s.hidden, a)", "lerp: a weight that is a tensor cannot be expressed; write"),
        ("functional.dropout(a)", "the operation empty_like cannot be expressed; it comes from inside what this line"),
        ("torch.linalg.vector_norm(a, 3)", "the operation linalg_vector_norm cannot be expressed)"),
        ("a.norm(p=3)", "the operation linalg_vector_norm cannot be expressed; it comes from inside what this line"),
        ("functional.dropout(\n  a * 2,\n  0.5)", "the operation empty_like cannot be expressed; it comes from inside"),
        ("torch.cumsum(\n  a * 2,\n  1)", "the operation cumsum cannot be expressed)"),
    ],
)
def test_line_of_a_cell_in_the_running_script_is_one_of_its_step(operation: str, message: str, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("OPERATION", operation), encoding="utf-8")
    ran = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True, encoding="utf-8")
    assert f"{script}:16: {message}" in ran.stdout


def line_of(function: Expression) -> int:
    return function.__code__.co_firstlineno


def steps() -> set[str]:
    """Where the step itself is defined: for what is no single operation's fault."""
    code = type(cell_of(EXPRESSIONS["add and sub"])).step.__code__
    return {f"{code.co_filename}:{code.co_firstlineno}"}
