"""Running a cell over sequences: runners behind one door, noise inside a step, the start of the parameters."""

from gatewise.scan.choice import Choice, choose, instruction_set
from gatewise.scan.initialisation import initialise
from gatewise.scan.noise import Zoneout
from gatewise.scan.packed import Packed
from gatewise.scan.result import Scan
from gatewise.scan.sequence import run, step

__all__ = ["Choice", "Packed", "Scan", "Zoneout", "choose", "initialise", "instruction_set", "run", "step"]
