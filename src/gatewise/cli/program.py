"""The program ``gatewise``: finds the command, and turns every end into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence

import click

from gatewise.cli.command import command_of, debug_option
from gatewise.cli.lazy import Entry, LazyGroup
from gatewise.doctor.declaration import DOCTOR
from gatewise.errors import GatewiseError
from gatewise.settings import nearest
from gatewise.tasks.console import writing_to
from gatewise.tasks.declaration import Verb
from gatewise.tasks.discovery import find_tasks, look

USER_MISTAKE, OWN_MISTAKE, INTERRUPTED, PIPE_CLOSED = 2, 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words after ``gatewise``; those of this process where left out.

    Returns:
        the exit code: 0; 2 for what the user can mend; 1 for a mistake of ours; 130 and 143 after Ctrl-C and SIGTERM.

    Example:
        >>> main(["--version"]) # doctest: +ELLIPSIS
        gatewise ...
        0
    """
    _prepare_streams()
    asked: dict[str, bool] = {"debug": False}
    try:
        return _run(sys.argv[1:] if argv is None else list(argv), asked)
    except BrokenPipeError:
        _let_go_of_stdout()
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", INTERRUPTED, debug=asked["debug"])
    except (GatewiseError, click.ClickException, OSError) as error:
        return _say(f"error: {_in_one_line(error)}", USER_MISTAKE, debug=asked["debug"])
    except Exception as error:
        if mistake := _users_mistake(error):
            return _say(f"error: {mistake}", USER_MISTAKE, debug=asked["debug"])
        line = f"error: {_blame(error)}; this is a mistake in gatewise: please report it with what --debug shows"
        return _say(line, OWN_MISTAKE, debug=asked["debug"])


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us: what would be shown is dropped, not an error
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open until the end)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")  # what a model writes is UTF-8, whatever the locale


def _run(argv: list[str], asked: dict[str, bool]) -> int:
    # click's own main() would answer Ctrl-C, a closed pipe and every error in its own way; the parts below it do not.
    root = _root()
    for problem in look().problems:
        print(f"warning: {problem}", file=sys.stderr)
    try:
        with root.make_context("gatewise", argv, obj=asked) as context:
            root.invoke(context)
    except click.exceptions.NoArgsIsHelpError as bare:
        print(bare.ctx.get_help() if bare.ctx else "")
    except click.exceptions.Exit as end:
        _flush()
        return end.exit_code
    _flush()
    return 0


def _flush() -> None:
    with writing_to("stdout"):
        sys.stdout.flush()


def _root() -> LazyGroup:
    entries = {"train": Entry("train a model: " + ", ".join(find_tasks()), _train)}
    verbs: dict[str, dict[str, Verb]] = {}
    for task in find_tasks().values():
        for verb in task.verbs:
            verbs.setdefault(verb.name, {})[task.name] = verb
    verbs[DOCTOR.name] = {"": DOCTOR}
    entries |= {name: Entry(next(iter(found.values())).help, _maker(found)) for name, found in verbs.items()}
    return LazyGroup(
        name="gatewise",
        entries=entries,
        help="Recurrent language processing: train models that write, score, classify and tag text.",
        params=[debug_option(), _version_option()],
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )


def _train() -> LazyGroup:
    tasks = find_tasks().values()
    entries = {task.name: Entry(task.help, _maker({task.name: task.train})) for task in tasks}
    return LazyGroup(name="train", entries=entries, noun="task", help="Train a model for a task.")


def _maker(verbs: Mapping[str, Verb]) -> Callable[[], click.Command]:
    return lambda: command_of(verbs)


def _version_option() -> click.Option:
    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value:
            from gatewise import __version__

            click.echo(f"gatewise {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="show the version"
    )


def _in_one_line(error: Exception) -> str:
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        params = error.ctx.command.get_params(error.ctx)
        flags = [
            flag for param in params if isinstance(param, click.Option) for flag in (*param.opts, *param.secondary_opts)
        ]
        reasons = getattr(error.ctx.command, "without", {})
        close = nearest(error.option_name, flags)
        told = f"did you mean {close}?" if close else f"{error.ctx.command_path} --help shows all there are"
        why = reasons.get(error.option_name) or told
        text = f"there is no option {error.option_name}; {why}"
    elif isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error)
    command = f"{error.ctx.command_path}: " if isinstance(error, click.UsageError) and error.ctx else ""
    return command + " ".join(text.split()).rstrip(".")


def _users_mistake(error: Exception) -> GatewiseError | None:
    """What went wrong in a cell of the user's own."""
    from gatewise.cells.user import users_mistake  # here, since only this path needs it

    return users_mistake(error)


def _blame(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = " ".join(str(error).split())
    return f"unexpected {type(error).__name__} ({what}) at {os.path.basename(place.filename)}:{place.lineno}"


def _say(line: str, code: int, *, debug: bool) -> int:
    try:
        sys.stdout.flush()  # results stand before what is said of the end
    except OSError:
        _let_go_of_stdout()
    if debug:
        traceback.print_exc()
    print(line, file=sys.stderr, flush=True)
    return code


def _let_go_of_stdout() -> None:
    # What is still buffered cannot be written, and must not fail again when Python exits.
    own = sys.__stdout__
    if own is not None and sys.stdout is own:
        os.dup2(os.open(os.devnull, os.O_WRONLY), own.fileno())
