"""The page of a lesson: text, tables and pictures in order, written as Markdown with CSV and SVG files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewise.doctor.csv_text import csv_text
from gatewise.drawing.letters import aligned
from gatewise.storage.atomic import make_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Value = str | int | float | None
Row = Mapping[str, Value]


def shown(value: Value) -> str:
    """A value for readers: four significant digits, "–" for what is not there.

    Example:
        >>> shown(0.123456), shown(1234567.0), shown(3), shown(None)
        ('0.1235', '1.235e+06', '3', '–')
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Table:
    """Numbers of a lesson: a file ``LESSON-NAME.csv``, and unless it is too long a table on the page.

    Attributes:
        name: of the file.
        caption: what it says, with units.
        rows: all with the same keys, which are the headings.
        on_page: False for many rows, to which the page then only leads.

    Example:
        >>> table = Table("lengths", "Lengths in cm.", [{"what": "hand", "length": 18.0}])
        >>> print(table.markdown())
        | what | length |
        |---|---|
        | hand | 18 |
        >>> print(table.text())
        what  length
        hand  18
    """

    name: str
    caption: str
    rows: Sequence[Row]
    on_page: bool = True

    def csv(self) -> str:
        """All rows, numbers with up to nine significant digits."""
        short = ({k: f"{v:.9g}" if isinstance(v, float) else v for k, v in row.items()} for row in self.rows)
        return csv_text(short)

    def markdown(self) -> str:
        """A Markdown table."""
        lines = [list(self.rows[0]), ["---"] * len(self.rows[0]), *([shown(v) for v in r.values()] for r in self.rows)]
        text = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return text.replace("| --- ", "|---").replace("|--- |", "|---|")

    def text(self) -> str:
        """Aligned columns for a terminal."""
        lines = [list(self.rows[0]), *([shown(value) for value in row.values()] for row in self.rows)]
        return "\n".join(aligned(lines))


@dataclass(frozen=True)
class Picture:
    """A picture of a lesson: a file ``LESSON-NAME.svg``.

    Attributes:
        name: of the file.
        caption: what is to be seen, in words, for readers who cannot see it too.
        figure: the drawing.
    """

    name: str
    caption: str
    figure: Figure


Part = str | Table | Picture


@dataclass(frozen=True)
class Page:
    """What a lesson found.

    Attributes:
        name: of the lesson.
        title: the heading.
        finding: the result in a few plain sentences, as Markdown without headings.
        parts: Markdown, tables and pictures in order.
        footer: how, where and in what time it was made.

    Example:
        >>> page = Page("lengths", "Lengths", "Hands are short.", ("As measured:",))
        >>> page.markdown().splitlines()[0]
        '# Lengths'
    """

    name: str
    title: str
    finding: str
    parts: tuple[Part, ...]
    footer: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables in the order of the page."""
        return tuple(part for part in self.parts if isinstance(part, Table))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures in the order of the page."""
        return tuple(part for part in self.parts if isinstance(part, Picture))

    def markdown(self) -> str:
        """The whole page."""
        blocks = [f"# {self.title}", f"**Found:** {self.finding}", *map(self._block, self.parts)]
        return "\n\n".join([*blocks, *([self.footer] if self.footer else [])]) + "\n"

    def write(self, folder: str | Path) -> Path:
        """Write the page and its files into a folder, which is made where it is not there.

        Returns:
            The path of the Markdown file, which is written last.

        Raises:
            GatewiseError: the system refuses.
        """
        from gatewise.doctor.lessons.figures import rendered

        folder = Path(folder)
        make_folder(folder)
        for table in self.tables:
            write_atomically(folder / f"{self.name}-{table.name}.csv", table.csv().encode("utf-8"))
        for picture in self.pictures:
            write_atomically(folder / f"{self.name}-{picture.name}.svg", rendered(picture.figure))
        path = folder / f"{self.name}.md"
        write_atomically(path, self.markdown().encode("utf-8"))
        return path

    def _block(self, part: Part) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Picture):
            return f"![{part.caption}]({self.name}-{part.name}.svg)\n\n*{part.caption}*"
        file = f"[{self.name}-{part.name}.csv]({self.name}-{part.name}.csv)"
        return f"{part.caption} ({file})\n\n{part.markdown()}" if part.on_page else f"{part.caption} ({file})"
