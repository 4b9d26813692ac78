"""Where a verb reads and writes: text and results on stdout, everything said about them on stderr."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO, cast

from gatewise.errors import DataError, GatewiseError


class _Closed(io.RawIOBase):
    """What stands for a stdin that whoever started the process had closed: not the same as one without a byte."""

    def readinto(self, _buffer: Any) -> int:
        raise DataError("text is to be read from stdin, but it is closed", fix="name a file, or open it with < FILE")


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
        return cls(sys.stdin.buffer if sys.stdin else cast(BinaryIO, _Closed()), sys.stdout, sys.stderr)

    def write(self, text: str) -> None:
        """Show ``text`` at once, without a line end."""
        with writing_to("stdout"):
            self.stdout.write(text)
            self.stdout.flush()

    def line(self, text: str) -> None:
        """A line of the result."""
        with writing_to("stdout"):
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
            DataError: a line is not UTF-8, or holds a NUL byte.
        """
        for number, line in enumerate(self.stdin, start=1):
            if b"\0" in line:
                message = "text is needed, but this holds a NUL byte, as binary data do"
                raise DataError(message, where=f"stdin:{number}", fix="give text only")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"this is not UTF-8 (byte {line[error.start]:#04x})",
                    where=f"stdin:{number}",
                    fix="convert it to UTF-8",
                ) from None


@contextlib.contextmanager
def writing_to(name: str) -> Iterator[None]:
    """Name the stream that the system refuses to write to; a reader that has left is passed on as it is.

    Example:
        >>> with writing_to("stdout"):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
            ...
        gatewise.errors.GatewiseError: stdout: cannot be written: No space left on device
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise GatewiseError(f"cannot be written: {error.strerror or error}", where=name) from error
