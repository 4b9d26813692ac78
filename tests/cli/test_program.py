"""Every end of the program is one line and an exit code."""

from __future__ import annotations

import json

import pytest

from gatewise.cli import main

pytestmark = pytest.mark.usefixtures("toy")


def refusal(capsys, *argv):
    """The one line on stderr of a command that must end with code 2 and write no result."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err.strip()


def given(capsys, *argv):
    assert main(["train", "toy", *argv]) == 0
    return json.loads(capsys.readouterr().out)["given"]


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["trian"], "error: gatewise: there is no command trian; did you mean train?"),
        (["train", "tpy"], "error: gatewise train: there is no task tpy; did you mean toy?"),
        (["--versoin"], "error: gatewise: there is no option --versoin; did you mean --version?"),
        (
            ["train", "toy", "--zebra", "3"],
            "error: gatewise train toy: there is no option --zebra; gatewise train toy --help shows all there are",
        ),
        (
            ["fail", "user", "--hwo"],
            "error: gatewise fail: there is no option --hwo; gatewise fail --help shows all there are",
        ),
        (
            ["train", "toy", "--hiden-size", "3"],
            "error: gatewise train toy: there is no option --hiden-size; did you mean --hidden-size?",
        ),
        (
            ["train", "toy", "--hidden-size", "0"],
            "error: --hidden-size: hidden_size must be a whole number from 1 to 65536, but 0 was given",
        ),
        (
            ["train", "toy", "--hidden-size", "many"],
            "error: --hidden-size: hidden_size must be a whole number from 1 to 65536, but 'many' was given",
        ),
        (
            ["train", "toy", "--cell", "lsmt"],
            "error: --cell: cell must be one of: lstm, gru, but 'lsmt' was given; did you mean lstm?",
        ),
        (["fail", "user"], "error: a.txt:3: this is no text; convert it"),
        (["fail", "disk"], "error: model: No space left on device"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(capsys, argv, line):
    assert refusal(capsys, *argv) == line


@pytest.mark.parametrize(
    ("argv", "words"),
    [(["train", "toy", "--hidden-size"], "--hidden-size"), (["fail"], "HOW"), (["leave", "x"], "x")],
)
def test_a_missing_or_superfluous_word_is_one_line(capsys, argv, words):
    assert words in refusal(capsys, *argv)


def test_our_own_mistake_is_one_line_and_code_1(capsys):
    assert main(["fail", "own"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(r"error: unexpected KeyError ('nothing\nhere') at conftest.py:")
    assert "report" in err
    assert "--debug" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["fail", "own", "--debug"], ["--debug", "fail", "own"], ["fail", "user", "--debug"]])
def test_debug_shows_the_traceback(capsys, argv):
    assert main(argv) in (1, 2)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_is_130(capsys):
    assert main(["fail", "interrupt"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_has_left_is_nothing_to_say(capsys):
    assert main(["fail", "pipe"]) == 141
    assert capsys.readouterr() == ("", "")


def test_a_verbs_own_code_is_passed_on(capsys):
    assert main(["leave"]) == 143
    assert capsys.readouterr() == ("", "a note\n")


def test_only_what_was_given_is_passed_on(capsys):
    assert given(capsys) == {}
    assert given(capsys, "a", "b", "--hidden-size", "3") == {"hidden_size": 3}
    assert given(capsys, "--rate", "1", "--no-tied", "--loud", "--cell", "gru") == {
        "rate": 1.0,
        "tied": False,
        "loud": True,
        "cell": "gru",
    }


def test_lists_are_separated_by_commas(capsys):
    assert given(capsys, "--cutoffs", "2000, 10000") == {"cutoffs": [2000, 10000]}
    assert given(capsys, "--cutoffs", "") == {"cutoffs": []}


def test_files_come_by_position(capsys):
    main(["train", "toy", "a", "--loud", "b", "-"])
    assert json.loads(capsys.readouterr().out)["arguments"] == {"files": ["a", "b", "-"]}


@pytest.mark.parametrize(("words", "file"), [([], "-"), (["a.txt"], "a.txt"), (["-"], "-")])
def test_a_word_that_may_be_left_out_has_its_default(capsys, words, file):
    assert main(["tell", *words]) == 0
    assert json.loads(capsys.readouterr().out)["arguments"] == {"file": file}


def test_the_help_shows_default_unit_and_range(capsys):
    assert main(["train", "toy", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--hidden-size INT units of each layer [units; from 1 to 65536; default: 8]" in text
    assert "--cell lstm|gru the cell [default: lstm]" in text
    assert "--tied / --no-tied one matrix for both ends [default: yes]" in text
    assert "--cutoffs INT,... ranks [of at least 1; default: none]" in text
    assert "--loud say more" in text
    assert "Model:" in text


def test_the_bare_name_shows_the_commands(capsys):
    assert main([]) == 0
    assert "train a model: toy" in capsys.readouterr().out
    assert main(["train"]) == 0
    assert "a toy" in capsys.readouterr().out
