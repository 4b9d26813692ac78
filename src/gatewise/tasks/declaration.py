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
    """

    name: str
    help: str
    many: bool = False


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

    def group(self) -> Group:
        """The settings that are its flags."""
        found = resolve(self.settings)
        if not isinstance(found, Group):
            raise TypeError(f"{self.settings} must be a Group, but it is a {type(found).__name__}")
        return found


@dataclass(frozen=True)
class Declaration:
    """A task as its folder's ``declaration.py`` declares it among its ``TASKS``.

    Attributes:
        name: as typed after ``train``, such as ``lm``; model folders carry it.
        help: one line.
        train: the verb behind ``gatewise train <name>``.
        verbs: the verbs on a trained model.
        fit: ``package.module:function`` behind ``gatewise.train(name, files, **settings)``.
        load: ``package.module:function`` that loads a model folder of this task.
        reads: for each ending of files that are models of this task too the ``package.module:function`` that loads one.
    """

    name: str
    help: str
    train: Verb
    verbs: tuple[Verb, ...]
    fit: str
    load: str
    reads: Mapping[str, str] = field(default_factory=dict)
