"""What a refused command line looks like: exit code 2, nothing on stdout, one line on stderr that says why."""

from __future__ import annotations


def line_of(code: int, out: str, err: str) -> str:
    """The line, without what it begins with; anything that was noted before may stand above it."""
    lines = err.splitlines()
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    return lines[-1].removeprefix("error: ")
