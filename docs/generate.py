"""Writes what follows from the code: what the pages say about cells, settings and programs, and the cells' programs.

    python docs/generate.py

Writes docs/cells.md, docs/settings.md, the table of cells in README.md, the program and pictures of
docs/step-program.md, and src/gatewise/scan/programs. Tests compare the committed files with what this would write, so
that none can go stale.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path
from typing import Any

from draw_step_program import drawn_from, pictures
from leaky_cell import Leaky

from gatewise.cells import CELLS, Cell, variants
from gatewise.doctor.declaration import DOCTOR
from gatewise.scan.stored import shipped
from gatewise.scan.trace import trace
from gatewise.settings import Setting
from gatewise.tasks.discovery import find_tasks

REPOSITORY = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by docs/generate.py; change the code, not this page. -->"
FENCE = "\x00"  # stands for three backquotes until the double ones have become single


def pages() -> dict[Path, str]:
    """Every page that is generated, or generated in part, with its whole text."""
    readme = REPOSITORY / "README.md"
    program = str(trace(Leaky()))
    return {
        REPOSITORY / "docs" / "cells.md": cells_page(),
        REPOSITORY / "docs" / "settings.md": settings_page(),
        readme: with_block(readme.read_text(encoding="utf-8"), "cells", cell_table()),
        REPOSITORY / "docs" / "step-program.md": step_program_page(program),
        **step_program_pictures(program),
    }


def with_block(text: str, name: str, block: str) -> str:
    """The text with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    found, count = re.subn(pattern, lambda marks: f"{marks[1]}{block}{marks[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"expected one block <!-- {name} --> ... <!-- /{name} -->, found {count}")
    return found


# --- cells ---


def cell_table() -> str:
    """A row for each cell: name, what it is, constants, twin in torch."""
    lines = ["| cell | what it is | constants | same as |", "|---|---|---|---|"]
    for name, cell in CELLS.items():
        link = f"[`{name}`](docs/cells.md#{name})"
        lines.append(f"| {link} | {first_sentence(cell)} | {', '.join(constants(cell)) or '–'} | {twins(cell)} |")
    return "\n".join(lines) + "\n"


def cells_page() -> str:
    """The page of cells: equation, source and initialisation as the code states them, then what follows."""
    head = [
        "# Cells",
        NOTE,
        "Letters: X input, H hidden, P projection. `x` is the input of a step, `h` the hidden state before it, `c` the "
        "memory before it; a prime marks what the step makes. Products with capital letters are matrix products, all "
        "others go unit by unit.",
    ]
    return "\n\n".join([*head, *(cell_section(name, cell) for name, cell in CELLS.items())]) + "\n"


def cell_section(name: str, cell: type[Cell]) -> str:
    """One cell."""
    states = ", ".join(f"`{state}` [{width}]" for state, width in cell.state.items())
    facts = [
        f"- states: {states}; the first is the output",
        f"- parameters: {', '.join(f'`{d.name}` [{shape(d.dims)}]' for d in cell.declared())}",
        f"- constants: {', '.join(constants(cell)) or 'none'}",
        f"- the same as: {twins(cell)}",
        f"- code: [`{source(cell)}`](../{source(cell)})",
    ]
    return f"## {name}\n\n{markdown(description(cell))}\n\n" + "\n".join(facts)


def description(cell: type[Cell]) -> str:
    """The class's docstring up to its example."""
    return (inspect.getdoc(cell) or "").split("\n\nExample:")[0]


def first_sentence(cell: type[Cell]) -> str:
    """The docstring's first sentence, without its full stop."""
    return description(cell).split("\n\n")[0].replace("\n", " ").replace("``", "`").removesuffix(".")


def shape(dims: tuple[tuple[int, str], ...]) -> str:
    """``((4, "H"), (1, "X"))`` as ``4H, X``."""
    return ", ".join(f"{count if count > 1 else ''}{letter}" for count, letter in dims)


def constants(cell: type[Cell]) -> list[str]:
    """``name=default`` of each constant."""
    return [f"`{name}={value}`" for name, value in cell().constants().items()]


def twins(cell: type[Cell]) -> str:
    """The functions of torch that compute some variant of this cell."""
    found = {variant.torch_twin() for variant in variants() if type(variant) is cell} - {None}
    modules = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}
    names = sorted({f"`torch.nn.{modules[str(twin)]}`" for twin in found})
    return ", ".join(names) + (" with `proj_size`" if cell.has_projection else "") if names else "–"


def source(cell: type[Cell]) -> str:
    """The cell's file, from the top of the repository."""
    return "src/" + cell.__module__.replace(".", "/") + ".py"


def markdown(text: str) -> str:
    """A docstring as Markdown: literal blocks are fenced, arguments become a list, double backquotes single ones."""
    text = re.sub(r"^::\n\n((?:(?: {4}.*)?\n)+)", fenced, text + "\n", flags=re.MULTILINE)
    text = re.sub(r"^Args:\n((?: {4}.*\n)+)", arguments, text, flags=re.MULTILINE)
    return text.replace("``", "`").replace(FENCE, "```").strip()


def fenced(block: re.Match[str]) -> str:
    """A literal block."""
    body = inspect.cleandoc(block[1])
    return f"{FENCE}text\n{body}\n{FENCE}\n\n"


def arguments(block: re.Match[str]) -> str:
    """The section of arguments."""
    return "".join(f"- `{name}`: {text}\n" for name, text in re.findall(r"^ {4}(\w+): (.*)\n", block[1], re.MULTILINE))


# --- settings ---


def settings_page() -> str:
    """The page of settings: every task's tables, each field a flag, a key and a keyword."""
    head = [
        "# Settings",
        NOTE,
        "Each is a flag of `gatewise train` (`--hidden-size 512`), a key of a config file (`[model]` followed by "
        "`hidden_size = 512`, given with `--config FILE.toml`) and a keyword of `gatewise.train` "
        "(`hidden_size=512`). A flag wins over a config file. The flags of the other commands follow.",
    ]
    tasks = find_tasks().values()
    verbs = [(f"train {task.name}", task.train) for task in tasks]
    shared = Counter(verb.name for task in tasks for verb in task.verbs)
    verbs += [
        (f"{verb.name} ({task.name})" if shared[verb.name] > 1 else verb.name, verb)
        for task in tasks
        for verb in task.verbs
    ]
    verbs.append((DOCTOR.name, DOCTOR))
    sections = [
        f"## {name}: [{table}]\n\n{settings_table(fields)}"
        for name, verb in verbs
        for table, fields in verb.group().declared().items()
    ]
    return "\n\n".join([*head, *sections]) + "\n"


def settings_table(fields: tuple[Setting, ...]) -> str:
    """A row for each setting."""
    rows = [f"| `{field.name}` | {shown(field.default)} | {escaped(told(field))} |" for field in fields]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def told(field: Setting) -> str:
    """What a setting means, with its unit and what it may be."""
    return f"{field.help}{f', in {field.unit}' if field.unit else ''} ({field.expected})"


def shown(value: Any) -> str:
    """A default."""
    if value is None or value in ("", ()):
        return "–"
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def escaped(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


# --- the step program ---


def step_program_page(program: str) -> str:
    """The page with the cell as it stands in its file, and its program as it is traced now."""
    text = (REPOSITORY / "docs" / "step-program.md").read_text(encoding="utf-8")
    text = with_block(text, "cell", f"```python\n{inspect.getsource(Leaky)}```\n")
    return with_block(text, "program", f"```text\n{program}\n```\n")


def step_program_pictures(program: str) -> dict[Path, str]:
    """The pictures of that page: the committed ones while they show this program, else new ones."""
    folder, mark = REPOSITORY / "docs", drawn_from(program)
    committed = {path: path.read_text(encoding="utf-8") for path in folder.glob("step-*.svg")}
    if len(committed) == 2 and all(mark in text for text in committed.values()):
        return committed
    return {folder / name: text for name, text in pictures(program).items()}


def programs() -> dict[Path, bytes]:
    """Every file of the folder of programs."""
    return {shipped.FOLDER / name: data for name, data in shipped.files().items()}


def main() -> None:
    """Write the files that have changed and name them; a program that no cell has any more is removed."""
    kept = programs()
    for path, data in ({path: text.encode("utf-8") for path, text in pages().items()} | kept).items():
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            print(f"wrote {path.relative_to(REPOSITORY)}")
    for path in set(shipped.FOLDER.iterdir()) - kept.keys():
        path.unlink()
        print(f"removed {path.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
