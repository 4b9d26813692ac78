"""Writes the programs of all registered cells as C++ for the engine's tests: ``write_programs.py FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

from gatewise.cells import variants
from gatewise.scan.fused.encode import encode
from gatewise.scan.trace import trace


def main() -> None:
    """One initialiser of a ``Cell`` a line."""
    lines, seen = [], set()
    for cell in variants():
        encoded = encode(trace(cell))
        if encoded.codes.tobytes() in seen:  # cells that differ in how they begin only
            continue
        seen.add(encoded.codes.tobytes())
        codes, numbers = (", ".join(map(repr, array.tolist())) for array in (encoded.codes, encoded.numbers))
        lines.append(f'{{"{cell!r}", {{{{{codes}}}, {{{numbers}}}}}}},\n')
    Path(sys.argv[1]).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
