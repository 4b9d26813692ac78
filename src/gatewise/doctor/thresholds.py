"""Every number at which the doctor changes its mind, with the reason for it; nowhere else does one stand.

A threshold is far from what healthy networks show and far from what broken ones do, so that a verdict does not hang on
the last digit; those that were found by trying say on what.
"""

from __future__ import annotations

KEPT = 0.01
"""Share of its start at which a gradient counts as gone: under Adam, whose steps do not shrink with the gradient, what
comes from farther back is then drowned by what is near."""

GROWN = 10.0
"""Times its start by which the gradient of an output by an earlier state may have grown at the farthest distance. That
of a trained network may double over a few steps, and is far below its start at 100; a cell that is carried unchanged
keeps it at 1 for ever. One that explodes passes 10 and goes on."""

STILL_GROWING = 0.5
"""It explodes if it is, at the farthest distance, still above this share of its peak: a bump that decays is none."""

ENOUGH = 100.0
"""Places of the text from which it can be said that no replaced token matters: from fewer the mean is so uncertain that
a model which uses 20 characters looks as if it used none (19 places: 0.6 nats, give or take 0.7)."""

TOO_SHORT = 4.0
"""Tokens of gradient memory below which not even the words of a phrase are connected; a tanh network before any
training remembers about as far."""

DEAD = 0.1
"""Share of the units of a level that may be dead without a word: a tenth costs hardly more than a narrower layer."""

MOSTLY = 0.5
"""Share of the units of a level from which a fault of units is a fault of the level."""

SHUT = 0.1
"""A gate below this lets nothing through: what passes it ten times is gone. The share below it is what the literature
calls left-saturated (Karpathy et al. 2015)."""

ALWAYS = 0.99
"""Share of the steps at which "always" is said."""

SATURATED = 0.95
"""Share of all values of a level's gates below 0.1 or above 0.9 from which they are switches that hardly learn, as the
sigmoid's slope is below 0.09 there. Tried on LSTM, peephole LSTM and GRU over characters: 0.6 to 0.87 at good rates,
0.98 and more after ten times those, or with recurrent weights ten times as large."""

PINNED, RADIUS = 0.85, 6.0
"""The same for a cell without gates: share of its outputs within 1 % of the ends of tanh or sigmoid, and the spectral
radius of R. Trained at good rates: up to 0.78 and 4.3; at ten times those 0.98 and 13."""

LARGE = 1e6
"""Greatest state of a healthy network by far; beyond it an output layer only sees the largest units."""

BOUNCE = 1.8
"""How many times longer the gradient may be while the learning rate is high than once it is low, beyond what the loss
is higher. At a rate that is too high the weights jump from wall to wall of a valley, and the gradient, which measures
the jumps, shrinks with the rate. One that only shrinks with the loss belongs to a task that is being solved. Tried on
RNN, GRU and LSTM over characters: 0.7 to 1.3 at good rates, mostly 1.5 to 3.6 at ten times those."""

BOUNCE_IF_LATE = 1.4, 1.0
"""The same where, besides, the loss fell by so many times more once the rate was low than while it was high, the
beginning left out: 0.1 to 1.1 times at good rates, often several times at ten times those."""

LATE_IF_BOUNCE = 2.0, 1.8
"""It is enough that the loss fell by so many times more once the rate was low, where the gradient shrank so much."""

CLIPPED = 0.5
"""Share of the steps that are clipped from which the clipping, and no longer the rate, decides the length of a step."""

FELL = 0.01
"""Share of its loss that a run must lose from its first line to its last ones so that it has learnt anything to speak
of: a balanced guess between two labels, 0.69 nats, moves by less from one line to the next."""

FEWEST = 8
"""Lines of metrics that the course of a run can be judged by; fewer are as good as none."""
