"""A verb of a task made into a command: arguments, flags in sections, and the call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from gatewise.cli.options import SettingOption
from gatewise.errors import ModelFileError, SettingError
from gatewise.settings import Setting
from gatewise.tasks.console import Console
from gatewise.tasks.declaration import Argument, Verb, resolve


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


def command_of(verbs: Mapping[str, Verb]) -> click.Command:
    """The command that runs a verb; its settings are imported now, its code only when it runs.

    Args:
        verbs: by task; where there are several, the task of the model decides which of them is run.
    """
    first = next(iter(verbs.values()))
    taken = {argument.name for argument in first.arguments}
    arguments = [_argument(argument) for argument in first.arguments]

    def call(**values: Any) -> None:
        given = {name: value for name, value in values.items() if name not in taken and value is not None}
        chosen = {name: values[name] for name in taken}
        verb = first if len(verbs) == 1 else _of_model(verbs, chosen["model"], given)
        code = resolve(verb.run)(Console.standard(), chosen, given)
        click.get_current_context().exit(code or 0)

    return VerbCommand(
        name=first.name,
        params=[*arguments, *_options(verbs), debug_option()],
        callback=call,
        help=_long_help(verbs),
        without=first.without,
    )


def _argument(argument: Argument) -> click.Argument:
    if argument.many:
        return click.Argument([argument.name], nargs=-1, required=False)
    if argument.default is None:
        return click.Argument([argument.name])
    return click.Argument([argument.name], required=False, default=argument.default)


def _options(verbs: Mapping[str, Verb]) -> list[click.Option]:
    """The flags of all; one that several have is that of the first, with what any of them lets one choose."""
    found: dict[str, tuple[Setting, str, bool]] = {}
    for verb in verbs.values():
        group = verb.group()
        both = "config" in group.home
        for table, settings in group.declared().items():
            for setting in settings:
                first, home, switch = found.get(setting.name, (setting, table, both and table != "run"))
                found[setting.name] = (_either(first, setting), home, switch)
    return [SettingOption(*parts) for parts in found.values()]


def _either(first: Setting, other: Setting) -> Setting:
    """The first, with the choices of both; the task that a value is for looks at it again."""
    if first.choices is None or other.choices is None:
        return replace(first, choices=None)
    return replace(first, choices=tuple(dict.fromkeys((*first.choices, *other.choices))))


def _of_model(verbs: Mapping[str, Verb], model: str, given: Mapping[str, Any]) -> Verb:
    """The verb of the task that a model was trained for.

    Raises:
        ModelFileError: there is no such model, or its task has no verb of this name.
        SettingError: a flag is given that the verb of this task does not have.
    """
    from gatewise.tasks.library import task_of  # here, since no help needs it

    task = task_of(model)
    name = next(iter(verbs.values())).name
    if task.name not in verbs:
        fix = f"what can be done with it: gatewise {', '.join(verb.name for verb in task.verbs)}"
        raise ModelFileError(f"{name} is not for a model of the task {task.name}", where=model, fix=fix)
    known = verbs[task.name].group().home
    for setting in given:
        if setting not in known:
            flag = "--" + setting.replace("_", "-")
            raise SettingError(f"{flag} is not for a model of the task {task.name}", where=model, fix="leave it out")
    return verbs[task.name]


def _long_help(verbs: Mapping[str, Verb]) -> str:
    first = next(iter(verbs.values()))
    arguments = []
    for place, argument in enumerate(first.arguments):
        told = {verb.arguments[place].help: task for task, verb in verbs.items()}
        helps = [help if len(told) == 1 else f"{help} ({task})" for help, task in told.items()]
        arguments += [f"  {argument.name.upper() if not line else '':<8} {help}" for line, help in enumerate(helps)]
    examples = ["  " + line for verb in verbs.values() for line in inspect.cleandoc(verb.example).splitlines()]
    parts = [first.help[0].upper() + first.help[1:] + "."]
    parts += ["\b\n" + "\n".join(block) for block in (arguments, examples) if block]
    return "\n\n".join(parts)
