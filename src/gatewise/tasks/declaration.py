"""What a task says about itself before any of its code is imported: its name, its verbs and their settings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewise.settings import Group


def resolve(place: str) -> Any:
    """What stands at ``package.module:name``.

    Example:
        >>> resolve("gatewise.settings.nearest:nearest").__name__
        'nearest'
    """
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Argument:
    """What a verb takes by position.

    Attributes:
        name: such as ``model``.
        help: one line.
        many: whether any number may be given, none included.
        default: what is taken where nothing is given; None: it must be given.
    """

    name: str
    help: str
    many: bool = False
    default: str | None = None


MODEL = Argument("model", "a model folder, or a run folder that holds one")
TEXT_FILE = Argument("file", "a text file with a text on each line, a table, or - for stdin (the default)", default="-")


@dataclass(frozen=True)
class Verb:
    """A command that a task offers.

    Attributes:
        name: as typed, such as ``generate``.
        help: one line.
        run: ``package.module:function``, called with (console, arguments by name, settings given by name);
            what it returns is the exit code, None for 0.
        settings: ``package.module:GROUP``, the :class:`~gatewise.settings.Group` of its flags; imports without torch.
        arguments: what it takes by position.
        example: command lines for the help.
        without: flags that it does not have where another command has them, each with the reason.
    """

    name: str
    help: str
    run: str
    settings: str
    arguments: tuple[Argument, ...] = ()
    example: str = ""
    without: Mapping[str, str] = field(default_factory=dict)

    @property
    def on_model(self) -> bool:
        """Whether it is for a trained model, so that other tasks may have a verb of this name for theirs."""
        return bool(self.arguments) and self.arguments[0].name == "model"

    def names(self) -> tuple[str, ...]:
        """The names of what it takes by position."""
        return tuple(argument.name for argument in self.arguments)

    def group(self) -> Group:
        """The settings that are its flags."""
        found = resolve(self.settings)
        if not isinstance(found, Group):
            raise TypeError(f"{self.settings} must be a Group, but it is a {type(found).__name__}")
        return found


def eval_verb(run: str, settings: str, file: str, example: str, model: Argument = MODEL) -> Verb:
    """The verb ``eval``, which every task has for its own models.

    Args:
        run: as of a :class:`Verb`.
        settings: as of a :class:`Verb`.
        file: what the file holds that is measured on.
        example: command lines for the help.
        model: where a model may be something else than a folder.
    """
    help = "how good a model is on a file, in the measures of its task"
    return Verb("eval", help, run, settings, (model, Argument("file", file)), example)


def info_verb(run: str, settings: str, example: str, model: Argument = MODEL) -> Verb:
    """The verb ``info``, which every task has for its own models; the arguments are as of :func:`eval_verb`."""
    help = "what a model is, its sizes, how it was trained, which runner it will use"
    return Verb("info", help, run, settings, (model,), example)


@dataclass(frozen=True)
class Sample:
    """The least data on which a task can be trained, for the tests that all tasks must pass.

    Attributes:
        files: what is trained on, about ten lines.
        settings: by name, of a very small network.
        texts: what :meth:`~gatewise.tasks.model.Model.predict` is asked; ready for JSON.
        eval_file: what ``gatewise eval`` measures.
        needed: the names of those settings without which these files cannot be trained on, whatever the preset.
    """

    files: tuple[str, ...]
    settings: Mapping[str, Any]
    texts: tuple[Any, ...]
    eval_file: str
    needed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """A task as its folder's ``declaration.py`` declares it among its ``TASKS``.

    Attributes:
        name: as typed after ``train``, such as ``lm``; model folders carry it.
        help: one line.
        train: the verb behind ``gatewise train <name>``.
        verbs: the verbs on a trained model; ``eval`` and ``info`` among them. Tasks may have verbs of one name, with
            the same arguments, ``model`` first: the model decides whose is run.
        fit: ``package.module:function`` behind ``gatewise.train(name, files, **settings)``.
        load: ``package.module:function`` that loads a model folder of this task.
        kind: ``package.module:KIND``, the :class:`~gatewise.tasks.kind.Kind` of its runs; "" where they are not trained
            by the loop.
        sample: ``package.module:function`` that writes a :class:`Sample` into a folder, for the tests of all tasks.
        examine: ``package.module:function`` that makes of a model and the path of a text (None: a text of its own
            choosing) a :class:`~gatewise.gradients.subject.Subject`, for the doctor; "" where nothing is recurrent.
        reads: for each ending of files that are models of this task too the ``package.module:function`` that loads one.
    """

    name: str
    help: str
    train: Verb
    verbs: tuple[Verb, ...]
    fit: str
    load: str
    sample: str
    kind: str = ""
    examine: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
