"""The command line: verbs of the tasks made into commands. Floor 9; imports without torch."""

from gatewise.cli.program import main as main
