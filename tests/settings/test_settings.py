"""A settings dataclass checks every value and names the setting, the range and what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class Sizes(Settings):
    hidden_size: int = setting(8, "units", minimum=1, unit="units")
    dropout: float = setting(0.0, "rate", minimum=0, below=1)
    rate: float = setting(1e-3, "rate", above=0)
    softmax: str = setting("full", "kind", choices=("full", "adaptive"))
    level: Literal["word", "char"] = setting("word", "level")
    cutoffs: tuple[int, ...] = setting((), "ranks", minimum=1)
    clip: float | None = setting(None, "clip", above=0)
    name: str | None = setting(None, "name")
    tied: bool = setting(True, "tied")


def test_defaults_are_the_declared_ones():
    assert Sizes().to_dict() == {
        "hidden_size": 8,
        "dropout": 0.0,
        "rate": 1e-3,
        "softmax": "full",
        "level": "word",
        "cutoffs": [],
        "clip": None,
        "name": None,
        "tied": True,
    }


def test_a_dict_gives_equal_settings_back():
    sizes = Sizes(hidden_size=3, cutoffs=(10, 20), clip=0.5, name="x", tied=False)
    assert Sizes.from_dict(sizes.to_dict()) == sizes


def test_whole_numbers_are_numbers_and_lists_are_tuples():
    sizes = Sizes(dropout=0, clip=1, cutoffs=[5, 6])
    assert type(sizes.dropout) is float
    assert type(sizes.clip) is float
    assert sizes.cutoffs == (5, 6)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hidden_size", 0, "hidden_size must be a whole number of at least 1, but 0 was given"),
        ("hidden_size", 1.0, "a whole number of at least 1, but 1.0"),
        ("hidden_size", True, "a whole number of at least 1, but True"),
        ("hidden_size", "8", "a whole number of at least 1, but '8'"),
        ("hidden_size", None, "a whole number of at least 1, but None"),
        ("dropout", 1.0, "dropout must be a number of at least 0 and below 1, but 1.0"),
        ("dropout", float("nan"), "but nan"),
        ("dropout", True, "but True"),
        ("rate", 0, "rate must be a number above 0, but 0 was given"),
        ("rate", float("inf"), "but inf"),
        (
            "softmax",
            "adaptve",
            "softmax must be one of: full, adaptive, but 'adaptve' was given; did you mean adaptive?",
        ),
        ("level", "byte", "level must be one of: word, char, but 'byte'"),
        ("cutoffs", (5, 0), "cutoffs must be a list, each item a whole number of at least 1, but 5,0 was given"),
        ("cutoffs", "56", "but '56'"),
        ("clip", -1.0, "clip must be a number above 0, or none, but -1.0"),
        ("name", 3, "name must be a text, or none, but 3"),
        ("tied", 1, "tied must be true or false, but 1"),
    ],
)
def test_a_refused_value_is_named_with_its_range(name, value, words):
    with pytest.raises(SettingError) as refused:
        Sizes(**{name: value})
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_key_names_the_nearest_and_the_place():
    with pytest.raises(
        SettingError, match=r"^my\.toml \[model\]: there is no setting hiden_sise; did you mean hidden_size\?$"
    ):
        Sizes.from_dict({"hiden_sise": 3}, where="my.toml [model]")


def test_a_refused_value_in_a_dict_names_the_place():
    with pytest.raises(SettingError, match=r"^my\.toml: dropout must be"):
        Sizes.from_dict({"dropout": 2}, where="my.toml")


def test_replace_checks_again():
    assert Sizes().replace(hidden_size=4).hidden_size == 4
    with pytest.raises(SettingError, match="hidden_size"):
        Sizes().replace(hidden_size=-4)


def test_a_rule_over_two_fields_keeps_the_place():
    @dataclass(frozen=True)
    class Pair(Settings):
        low: int = setting(1, "low")
        high: int = setting(2, "high")

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.low > self.high:
                raise SettingError(f"low must not be above high, but {self.low} > {self.high}")

    with pytest.raises(SettingError, match=r"^here: low must not be above high, but 3 > 2$"):
        Pair.from_dict({"low": 3}, where="here")


def test_a_subclass_without_the_decorator_is_told_so():
    class Plain(Settings):
        size: int = setting(1, "size")

    with pytest.raises(TypeError, match="must be decorated"):
        Plain.declared()


def test_a_field_without_a_help_is_a_programming_error():
    @dataclass(frozen=True)
    class Bare(Settings):
        size: int = 1

    with pytest.raises(TypeError, match=r"Bare\.size must be declared by setting"):
        Bare.declared()
