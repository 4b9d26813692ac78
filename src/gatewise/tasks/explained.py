"""A page of texts with their words in colour, written as the texts come, and there as a whole or not at all."""

from __future__ import annotations

import html
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from gatewise.drawing.letters import printable
from gatewise.errors import GatewiseError
from gatewise.training.report import document

_BREAK = "<!-- texts -->"


class ExplainedPage:
    """The page; used with ``with``, at whose end it takes its place, unless an error ends it.

    Args:
        path: of the page; one that is there is replaced.
        title: its heading.

    Raises:
        GatewiseError: the system refuses.

    Example:
        >>> with ExplainedPage(Path("page.html"), "words") as page:
        ...     page.add("good", "<p>so good</p>")
        >>> "so good" in Path("page.html").read_text()
        True
    """

    def __init__(self, path: Path, title: str) -> None:
        self.path = path
        lead = "Blue words speak for the label, orange ones against it; the weight stands where the mouse points."
        heading = f"<h1>{_text(title)}</h1>"
        whole = document(title, [heading, f'<p class="lead">{lead}</p>', _BREAK])
        self._head, _, self._tail = whole.partition(_BREAK)
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._file = open(self._beside, "w", encoding="utf-8")
        except OSError as error:
            raise GatewiseError(f"cannot be written: {error.strerror}", where=str(self.path)) from None
        self._write(self._head)
        return self

    def add(self, label: str, marked: str) -> None:
        """A text.

        Args:
            label: stands above it.
            marked: the text as HTML.
        """
        self._write(f'<p class="lead">{_text(label)}</p>{marked}\n')

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        try:
            if kind is None:
                self._write(self._tail)
            self._file.close()
            if kind is None:
                os.replace(self._beside, self.path)
        except OSError as refused:
            raise GatewiseError(f"cannot be written: {refused.strerror}", where=str(self.path)) from None
        finally:
            self._beside.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        assert self._file is not None
        try:
            self._file.write(text)
        except OSError as error:
            raise GatewiseError(f"cannot be written: {error.strerror}", where=str(self.path)) from None


def _text(value: str) -> str:
    return html.escape(printable(value))
