"""Several settings dataclasses side by side, as a command or a task takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.errors import SettingError
from gatewise.settings.base import Settings
from gatewise.settings.field import Setting
from gatewise.settings.files import read_tables, write_tables
from gatewise.settings.nearest import did_you_mean


class Group:
    """Named tables of settings whose field names are unique over all of them.

    Args:
        tables: a settings class for each table of the config file.

    Raises:
        TypeError: two tables declare one name.

    Example:
        >>> from dataclasses import dataclass
        >>> from gatewise.settings import setting
        >>> @dataclass(frozen=True)
        ... class Sizes(Settings):
        ...     hidden_size: int = setting(256, "units of each layer", minimum=1)
        >>> group = Group(model=Sizes)
        >>> group.build({"hidden_size": 3}, where="train")["model"].hidden_size
        3
    """

    def __init__(self, **tables: type[Settings]) -> None:
        self.tables = tables
        self.home: dict[str, str] = {}
        for table, settings in tables.items():
            for field in settings.declared():
                if field.name in self.home:
                    raise TypeError(f"{field.name} is declared by [{self.home[field.name]}] and by [{table}]")
                self.home[field.name] = table

    def declared(self) -> dict[str, tuple[Setting, ...]]:
        """The settings of each table."""
        return {table: settings.declared() for table, settings in self.tables.items()}

    def read(self, path: str | Path) -> dict[str, Any]:
        """The values of a config file, by setting name; ``"none"`` stands for None where that is allowed.

        Raises:
            SettingError: the file, a table, a key or a value is refused; the line says which.
        """
        values: dict[str, Any] = {}
        for table, content in read_tables(path, self.tables).items():
            settings = self.tables[table]
            without = {field.name for field in settings.declared() if field.optional and field.default is not None}
            meant = {name: None if name in without and value == "none" else value for name, value in content.items()}
            values |= settings.check_some(meant, where=f"{path} [{table}]")
        return values

    def write(self, settings: Mapping[str, Settings]) -> str:
        """The text of a config file that :meth:`read` and :meth:`build` make the same settings of."""
        tables: dict[str, dict[str, Any]] = {}
        for table, values in settings.items():
            without = {field.name for field in values.declared() if field.default is not None}
            tables[table] = {
                name: "none" if value is None and name in without else value for name, value in values.to_dict().items()
            }
        return write_tables(tables)

    def check(self, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """Values by name, each checked by itself and in its own type; rules over several settings are not.

        Raises:
            SettingError: a name that no table knows (the nearest is named), or a value that is refused.
        """
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in self.home:
                raise SettingError(f"there is no setting {name}", where=where, fix=did_you_mean(name, self.home))
            checked |= self.tables[self.home[name]].check_some({name: value}, where)
        return checked

    def build(self, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """The settings of every table, from values by name; what is left out has its default.

        Raises:
            SettingError: as :meth:`check`, or values that contradict each other.
        """
        checked = self.check(values, where)
        tables: dict[str, dict[str, Any]] = {table: {} for table in self.tables}
        for name, value in checked.items():
            tables[self.home[name]][name] = value
        return {table: settings.from_dict(tables[table], where=where) for table, settings in self.tables.items()}
