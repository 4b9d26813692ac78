"""A group of commands that makes a command only when it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from gatewise.settings import did_you_mean


class Entry(NamedTuple):
    """A command by its help line, made when it is needed."""

    help: str
    make: Callable[[], click.Command]


class LazyGroup(click.Group):
    """Commands by name; the help of the group shows their lines without making them.

    Args:
        entries: what can be called.
        noun: what an entry is, for errors.
        settings: everything else that ``click.Group`` takes.
    """

    def __init__(self, *, entries: dict[str, Entry], noun: str = "command", **settings: Any) -> None:
        super().__init__(**settings)
        self.entries, self.noun = entries, noun

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The names, in the order of declaration."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, made now."""
        entry = self.entries.get(cmd_name)
        return entry.make() if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begins with, or one line that names the nearest."""
        if args and args[0] not in self.entries and not args[0].startswith("-"):
            raise click.UsageError(f"there is no {self.noun} {args[0]}; {did_you_mean(args[0], self.entries)}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The help's list of commands."""
        with formatter.section(self.noun.capitalize() + "s"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
