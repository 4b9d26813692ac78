"""A verb of a task made into a command: arguments, flags in sections, and the call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import click

from gatewise.cli.options import SettingOption
from gatewise.tasks.console import Console
from gatewise.tasks.declaration import Verb, resolve


class VerbCommand(click.Command):
    """A command whose help shows the flags under the tables they belong to.

    Args:
        without: flags of other commands that it does not have, each with the reason.
    """

    def __init__(self, *, without: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.without = without

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for each table of settings; the arguments stand above, in words."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                table = getattr(param, "table", "") or "Options"
                sections.setdefault(table.capitalize(), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def debug_option() -> click.Option:
    """``--debug``, which every command takes: tracebacks are shown."""

    def remember(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value:
            ctx.find_root().obj["debug"] = True

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=remember, help="show tracebacks"
    )


def command_of(verb: Verb) -> click.Command:
    """The command that runs a verb; its settings are imported now, its code only when it runs.

    Args:
        verb: as a task declares it.
    """
    taken = {argument.name for argument in verb.arguments}
    arguments = [
        click.Argument([argument.name], nargs=-1 if argument.many else 1, required=not argument.many)
        for argument in verb.arguments
    ]
    group = verb.group()
    both = "config" in group.home
    options = [
        SettingOption(setting, table, both and table != "run")
        for table, settings in group.declared().items()
        for setting in settings
    ]

    def call(**values: Any) -> None:
        given = {name: value for name, value in values.items() if name not in taken and value is not None}
        chosen = {name: values[name] for name in taken}
        code = resolve(verb.run)(Console.standard(), chosen, given)
        click.get_current_context().exit(code or 0)

    return VerbCommand(
        name=verb.name,
        params=[*arguments, *options, debug_option()],
        callback=call,
        help=_long_help(verb),
        without=verb.without,
    )


def _long_help(verb: Verb) -> str:
    arguments = "\n".join(f"  {argument.name.upper():<8} {argument.help}" for argument in verb.arguments)
    examples = "\n".join("  " + line for line in inspect.cleandoc(verb.example).splitlines())
    parts = [verb.help[0].upper() + verb.help[1:] + "."]
    parts += ["\b\n" + block for block in (arguments, examples) if block]
    return "\n\n".join(parts)
