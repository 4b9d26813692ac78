"""A prompt is read as the training text was, and what the model does not know is named."""

from __future__ import annotations

import pytest

from gatewise.errors import DataError
from gatewise.tasks.language_model.prompt import read_prompt
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer


def tokenizer(level, **settings):
    return Tokenizer.train(["The cat, it isn't small.\n" * 30], TextSettings(level=level, **settings))


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_a_known_prompt_is_its_tokens(level):
    made = tokenizer(level)
    assert read_prompt(made, "The cat\nit") == (made.encode("The cat\nit"), "")
    assert read_prompt(made, "") == ([], "")


def test_unknown_characters_are_named_once_each():
    ids, line = read_prompt(tokenizer("char"), "zéa cézt")
    assert line == "the model does not know these characters of the prompt, and reads <unk> for each: 'z', 'é'"
    assert ids.count(1) == 4


def test_unknown_words_are_named_as_the_model_cuts_them():
    ids, line = read_prompt(tokenizer("word"), "The dog,\nThe bird isn't")
    assert line == "the model does not know these words of the prompt, and reads <unk> for each: 'dog', 'bird'"
    assert ids.count(1) == 2


def test_case_counts_only_where_the_model_kept_it():
    assert "'THE'" in read_prompt(tokenizer("word"), "THE cat")[1]
    assert read_prompt(tokenizer("word", lowercase=True), "THE cat")[1] == ""


def test_a_long_list_is_cut():
    line = read_prompt(tokenizer("char"), "Tαβγδεζηθικλμνξ")[1]
    assert line.endswith("'κ' ...")


@pytest.mark.parametrize(("level", "prompt"), [("char", "日本"), ("word", "zwei Hunde")])
def test_a_prompt_of_which_nothing_is_known_is_refused(level, prompt):
    with pytest.raises(DataError, match=r"the model knows none of the (characters|words) of the prompt"):
        read_prompt(tokenizer(level), prompt)


def test_bytes_know_everything():
    assert read_prompt(tokenizer("byte"), "日本")[1] == ""
