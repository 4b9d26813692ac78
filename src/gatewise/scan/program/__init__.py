"""The step program: one time step of a cell, forward and backward, as versioned data without torch."""

from gatewise.scan.program.checks import check
from gatewise.scan.program.errors import ProgramError, TraceError
from gatewise.scan.program.file import from_json, to_json
from gatewise.scan.program.form import Program

__all__ = ["Program", "ProgramError", "TraceError", "check", "from_json", "to_json"]
