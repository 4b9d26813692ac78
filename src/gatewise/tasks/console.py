"""Where a verb reads and writes: text and results on stdout, everything said about them on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from gatewise.errors import DataError


class Console:
    """The three streams of a command; a test or a program may give its own.

    Args:
        stdin: bytes, read as UTF-8.
        stdout: results.
        stderr: notes and progress.

    Example:
        >>> import io
        >>> out = io.StringIO()
        >>> Console(io.BytesIO(b""), out, io.StringIO()).line("a result")
        >>> out.getvalue()
        'a result\\n'
    """

    def __init__(self, stdin: BinaryIO, stdout: TextIO, stderr: TextIO) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    @classmethod
    def standard(cls) -> Console:
        """The streams of this process."""
        return cls(sys.stdin.buffer, sys.stdout, sys.stderr)

    def write(self, text: str) -> None:
        """Show ``text`` at once, without a line end."""
        self.stdout.write(text)
        self.stdout.flush()

    def line(self, text: str) -> None:
        """A line of the result."""
        self.stdout.write(text + "\n")

    def json(self, value: Any) -> None:
        """A result for machines, on one line."""
        self.line(json.dumps(value, ensure_ascii=False, allow_nan=False))

    def note(self, text: str) -> None:
        """Something the user should see that is no result."""
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def lines(self) -> Iterator[str]:
        """The lines of stdin, without their ends.

        Raises:
            DataError: a line is not UTF-8.
        """
        for number, line in enumerate(self.stdin, start=1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"this is not UTF-8 (byte {line[error.start]:#04x})",
                    where=f"stdin:{number}",
                    fix="convert it to UTF-8",
                ) from None
