"""The readable form."""

from __future__ import annotations

from gatewise.cells import find
from scan.program.witness import traced

RNN = """\
step program of rnn(nonlinearity=tanh, start=uniform)
  input     x [X]
  states    hidden [H]
  vectors   bias_ih [H], bias_hh [H]
  matrices  weight_ih [H, X]
            weight_hh [H, H]

forward, all steps at once
    v5 = weight_ih (x)
    v6 = bias_ih + v5

forward, step by step
    v7 = weight_hh (hidden)
    v8 = bias_hh + v7
    v9 = v6 + v8
    v10 = tanh v9
  hidden = v10
  keep hidden, v10

backward, step by step
  stage 1
    v11 = d hidden' * (1 - v10^2)
    v12 += v11
  stage 2
    v13 = weight_hh' (v11)
  d hidden = v13
  keep v11

backward, all steps at once
    v14 = weight_ih' (v11)
  d x = v14
  d weight_ih = (v11)' (x)
  d weight_hh = (v11)' (hidden)
  d bias_ih = v12
  d bias_hh = v12"""


def test_program_is_readable():
    assert str(traced(find("rnn"))) == RNN


def test_gates_stand_under_their_names():
    text = str(traced(find("peephole_lstm")))
    assert " = memory * vector_peep.forget\n" in text
    assert "vectors   bias_ih [4 H], bias_hh [4 H], vector_peep [3 H]" in text
    assert "states    hidden [H], memory [H]" in text
