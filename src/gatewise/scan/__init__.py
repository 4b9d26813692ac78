"""Running a cell over sequences: runners behind one door, noise inside a step, the start of the parameters."""

from importlib import import_module

from gatewise.scan.choice import Choice, choose, engine_is_built, instruction_set
from gatewise.scan.initialisation import initialise
from gatewise.scan.noise import Zoneout
from gatewise.scan.packed import Packed
from gatewise.scan.result import Scan
from gatewise.scan.sequence import run, step

__all__ = ["Choice", "Packed", "Scan", "Zoneout", "choose", "initialise", "instruction_set", "run", "step"]

# Loaded now, not at its first use: the engine notes which process it is loaded in, and a process forked later must not
# wait for threads that only its parent has.
if engine_is_built():
    import_module("gatewise.scan.fused.runner")
