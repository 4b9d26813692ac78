"""Bytes to text, strictly: what is no text is an error that names the file and the line."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from gatewise.errors import DataError

Notice = Callable[[str, str], None]
"""Takes the name of a file and what was changed in it."""

CRLF, MARK = "CRLF line ends are read as LF", "the byte order mark at the beginning is left out"
"""What may be noticed before the first piece of a text that has it, so that a copy can have it too."""

_PIECE = 1 << 20
_TEXT = "give text files only"
_SIGNATURES = {
    b"\x1f\x8b": "gzip data; give it a name that ends in .gz, or decompress it",
    b"PK\x03\x04": "a zip archive or an office document; extract its text",
    b"%PDF": "a PDF; extract its text",
    b"\xff\xfe": "UTF-16; give --encoding utf-16",
    b"\xfe\xff": "UTF-16; give --encoding utf-16",
    b"\x28\xb5\x2f\xfd": "zstd data; decompress it",
    b"\xfd7zXZ": "xz data; decompress it",
    b"BZh": "bzip2 data; decompress it",
}


def read_bytes(file: BinaryIO, name: str, line: int) -> bytes:
    """The next megabyte of a file; b"" at its end.

    Args:
        file: open bytes, decompressed.
        name: of the file, for messages.
        line: where the bytes begin, for messages.

    Raises:
        DataError: damaged gzip data, or the file cannot be read.

    Example:
        >>> read_bytes(io.BytesIO(b"one"), "note.txt", 1)
        b'one'
    """
    try:
        return file.read(_PIECE)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        where = f"{name}:{line}"
        raise DataError(f"the gzip data are damaged ({error})", where=where, fix="get the file again") from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", where=name) from None


def refuse_foreign(data: bytes, name: str) -> None:
    """Raise an error where a file begins as an archive, a document or UTF-16 does.

    Args:
        data: how the file begins.
        name: of the file, for messages.

    Raises:
        DataError: it does; the line says what to do.

    Example:
        >>> refuse_foreign(b"PK\\x03\\x04", "glove.zip")
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: glove.zip:1: text is needed, but this looks like a zip archive or an office document;
        extract its text
    """
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            what, _, fix = kind.partition("; ")
            raise DataError(f"text is needed, but this looks like {what}", where=f"{name}:1", fix=fix)


class TextFile:
    r"""The text of some bytes, about a megabyte at a time.

    Line ends become ``\n``, a byte order mark at the beginning is left out, and both are told to ``notice``.

    Args:
        open_bytes: opens the bytes; called for each pass.
        name: for messages.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        notice: is told once what was changed.

    Example:
        >>> list(TextFile(lambda: io.BytesIO(b"one\r\ntwo"), "note.txt", "utf-8", print).pieces())
        note.txt CRLF line ends are read as LF
        ['one\ntwo']
    """

    def __init__(self, open_bytes: Callable[[], BinaryIO], name: str, encoding: str, notice: Notice) -> None:
        self.open_bytes, self.name, self.encoding, self.notice = open_bytes, name, encoding, notice
        self.told: set[str] = set()

    def pieces(self) -> Iterator[str]:
        """The text.

        Raises:
            DataError: the bytes are no text in this encoding, or damaged gzip data; the line says where.
        """
        decoder = codecs.getincrementaldecoder("utf-8-sig" if self.encoding == "utf-8" else self.encoding)("strict")
        endings = io.IncrementalNewlineDecoder(decoder, translate=True)
        lines, first = 1, True
        with self.open_bytes() as file:
            while True:
                data = read_bytes(file, self.name, lines)
                if first:
                    self._look_at(data)
                piece = self._decode(endings, data, lines)
                lines += piece.count("\n")
                self._tell_endings(endings.newlines)
                if piece:
                    yield piece
                if not data:
                    break
                first = False

    def _look_at(self, data: bytes) -> None:
        if self.encoding == "utf-16":
            return
        refuse_foreign(data, self.name)
        if data.startswith(codecs.BOM_UTF8):
            self._tell(MARK)

    def _decode(self, decoder: io.IncrementalNewlineDecoder, data: bytes, lines: int) -> str:
        nul = data.find(b"\0") if self.encoding != "utf-16" else -1
        if nul >= 0:
            where = f"{self.name}:{lines + data.count(bytes([10]), 0, nul)}"
            raise DataError("text is needed, but this holds a NUL byte, as binary data do", where=where, fix=_TEXT)
        try:
            piece = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise self._undecodable(error, lines) from None
        if "\0" in piece:
            where = f"{self.name}:{lines + piece.count(chr(10), 0, piece.index(chr(0)))}"
            raise DataError("text is needed, but this holds a NUL character", where=where, fix=_TEXT)
        return piece

    def _undecodable(self, error: UnicodeDecodeError, lines: int) -> DataError:
        before = error.object[: error.start].decode(self.encoding, "replace")
        line = lines + before.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        what = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.start + 1])
        fix = "if it is Latin-1, give --encoding latin-1" if self.encoding == "utf-8" else "give another --encoding"
        message = f"text must be {self.encoding.upper()}, but the byte {what} is not ({error.reason})"
        return DataError(message, where=f"{self.name}:{line}", fix=fix)

    def _tell_endings(self, seen: str | tuple[str, ...] | None) -> None:
        told = {"\r\n": CRLF, "\r": "CR line ends are read as LF"}
        for ending in [seen] if isinstance(seen, str) else seen or ():
            if ending in told:
                self._tell(told[ending])

    def _tell(self, what: str) -> None:
        if what not in self.told:
            self.told.add(what)
            self.notice(self.name, what)
