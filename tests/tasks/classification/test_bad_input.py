"""What a user can get wrong: one line that says where, exit code 2, nothing on stdout, nothing left behind."""

from __future__ import annotations

import gzip
import shutil

import pytest

from cli.refusal import line_of
from tasks import tiny
from tasks.classification import small

SMALL = ["--hidden-size", "4", "--embedding-size", "4", "--max-steps", "2"]
HEAD = b"text\tlabel\n"
ROWS = HEAD + b"good film\tpos\nbad film\tneg\n" * 8


@pytest.fixture
def refused(command, tmp_path):
    """A command line that must be refused, and the line that says why."""

    def call(*argv, stdin=b""):
        return line_of(*command(*argv, stdin=stdin)).replace(f"{tmp_path}/", "")

    return call


@pytest.fixture
def train(refused, tmp_path):
    """Training on a file of these bytes must be refused; nothing is left of the run."""

    def call(content, *flags, name="a.tsv"):
        (tmp_path / name).write_bytes(content)
        line = refused("train", "classify", tmp_path / name, "--out", tmp_path / "run", *SMALL, *flags)
        assert not (tmp_path / "run").exists()
        return line

    return call


@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (b"", [], ["a.tsv", "none is there"]),
        (HEAD, [], ["a.tsv", "none is there"]),
        (ROWS, ["--text", "txt"], ["a.tsv:1: there is no column txt, the columns are text, label; did you mean text?"]),
        (ROWS, ["--label", "7"], ["a.tsv:1: column 7 is needed for the label, but there are 2"]),
        (ROWS + b"one\ttwo\tthree\n", [], ["a.tsv:18: every row must have 2 columns", "has 3"]),
        (HEAD + b"good film\tpos\n" * 9, [], ["a.tsv: texts of two classes or more are needed", "all have pos"]),
        (HEAD + b"good\t\n" + ROWS, [], ["a.tsv:2: every text must have a label"]),
        (HEAD + b"good\tpos\nbad\tneg\n", [], ["a share of 0.1 is to be held out, but of 2 texts that is none"]),
        (ROWS + b"caf\xe9\tpos\n", [], ["a.tsv:18", "--encoding latin-1"]),
        (ROWS + b"a\x00b\tpos\n", [], ["a.tsv:18", "NUL"]),
        (gzip.compress(ROWS, mtime=0), [], ["a.tsv:1", "gzip"]),
        (ROWS, ["--label-separator", "o"], ["a.tsv:2: every text must have one label", "2 labels", "--multi-label"]),
        (
            HEAD + b"one two\tpos\nthree four\tneg\n" * 1 + b"five\tpos\nsix\tneg\n" * 1,
            ["--validation-share", "0.5"],
            ["are <unk>: there is nothing to learn", "--minimum-count 1"],
        ),
        (ROWS, ["--level", "char", "--cutting", "spaces"], ["cutting is of words, but level is char"]),
        (ROWS, ["--level", "char", "--characters", "cnn"], ["characters are read of words, but level is char"]),
        (ROWS, ["--level", "bpe", "--word-dropout", "0.1"], ["word_dropout replaces tokens by <unk>"]),
        (ROWS, ["--cell", "lsmt"], ["did you mean lstm?"]),
        (ROWS, ["--poolin", "max"], ["there is no option --poolin; did you mean --pooling?"]),
        (ROWS, ["--pooling", "sum"], ["--pooling"]),
        (ROWS, ["--preset", "sentence"], ["--preset: there is no preset sentence; did you mean sentences?"]),
        (ROWS, ["--dev", "nowhere.tsv"], ["nowhere.tsv: there is no such file"]),
        (ROWS, ["--vectors", "nowhere.txt"], ["nowhere.txt"]),
        (ROWS, ["--from-lm", "nowhere"], ["nowhere: there is no such folder"]),
    ],
)
def test_training_on_what_cannot_be_used(train, content, flags, words):
    line = train(content, *flags)
    assert all(word in line for word in words), line


def test_a_label_of_dev_that_no_text_to_train_on_has(train, tmp_path):
    (tmp_path / "dev.tsv").write_bytes(HEAD + b"good\tpos\nbad\tNeg\n")
    line = train(ROWS, "--dev", str(tmp_path / "dev.tsv"))
    assert line == "dev.tsv:3: the label Neg is in dev, but no text to train on has it; did you mean neg?"


def test_no_file_and_a_file_whose_form_cannot_be_told(refused, tmp_path):
    assert "at least one file is needed" in refused("train", "classify", "--out", tmp_path / "run")
    (tmp_path / "a.txt").write_text("what is it\n")
    line = refused("train", "classify", tmp_path / "a.txt", "--out", tmp_path / "run")
    assert line.startswith("a.txt: the name of this file does not tell where its labels stand; give --format")


def test_a_class_with_one_text_is_said_and_trained_on(command, tmp_path):
    (tmp_path / "a.tsv").write_bytes(ROWS + b"odd film\tother\n")
    code, _, err = command("train", "classify", tmp_path / "a.tsv", "--out", tmp_path / "run", *SMALL)
    assert code == 0
    assert "classes with one text to train on: other" in err


def test_empty_texts_are_left_out_and_said(command, tmp_path):
    (tmp_path / "a.tsv").write_bytes(ROWS + b"\tpos\n \tneg\n")
    code, _, err = command("train", "classify", tmp_path / "a.tsv", "--out", tmp_path / "run", *SMALL)
    assert code == 0
    assert "left out, since the text is empty" in err
    assert "a.tsv:18" in err


def test_a_model_of_another_task(refused, run, tiny_lm, tmp_path):
    line = refused("classify", tiny_lm, stdin=b"fine\n")
    assert "is not for a model of the task lm" in line or "of the task classify is needed" in line
    line = refused("score", run, "-", stdin=b"fine\n")
    assert "a model of the task lm is needed, but this one is of the task classify" in line
    line = refused("train", "classify", small.write(tmp_path), "--from-lm", run, "--out", tmp_path / "new", *SMALL)
    assert "a model of the task lm is needed, but this one is of the task classify" in line


def test_a_flag_of_another_task(refused, tiny_lm, tmp_path):
    assert "--report is not for a model of the task lm" in refused("eval", tiny_lm, "-", "--report", tmp_path / "r")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"fine\n\xff\n", ["stdin:2", "UTF-8"]),
        (b"fine\na\x00b\n", ["stdin:2", "NUL"]),
    ],
)
def test_lines_that_are_no_text(refused, run, given, words):
    line = refused("classify", run, stdin=given)
    assert all(word in line for word in words), line


def test_files_that_are_not_there_or_have_other_labels(refused, run, tmp_path):
    assert "nowhere.txt" in refused("classify", run, tmp_path / "nowhere.txt")
    assert "a file is needed, but this is a folder" in refused("classify", run, tmp_path)
    (tmp_path / "b.tsv").write_bytes(HEAD + b"good\tpos\nbad\tbad\n")
    assert "b.tsv:3: the label bad is none of those the model has: neg, pos" in refused("eval", run, tmp_path / "b.tsv")
    (tmp_path / "c.tsv").write_bytes(b"text\tclass\ngood\tpos\n")
    assert "c.tsv:1: there is no column label" in refused("eval", run, tmp_path / "c.tsv")


def test_a_report_is_not_written_over_something(refused, run, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "notes.txt").touch()
    line = refused("eval", run, small.write(tmp_path), "--report", tmp_path / "r")
    assert "there is something here already; give another --report" in line


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("config.json", b'"temperature": ', b'"temperature": -', ["temperature must be above 0"]),
        ("config.json", b'"neg"', b'"pos"', ["label_names are expected as different texts"]),
        ("config.json", b'"word"', b'"wrod"', ["level must be one of"]),
        ("lexicon.json", b'"film"', b'"flim"', ["in lexicon.json it is"]),
    ],
)
def test_a_model_folder_with_a_mistake_in_it(refused, run, tmp_path, name, before, after, words):
    shutil.copytree(run / "model", tmp_path / "model")
    (tmp_path / "model" / "manifest.json").unlink()
    data = (tmp_path / "model" / name).read_bytes()
    assert before in data
    (tmp_path / "model" / name).write_bytes(data.replace(before, after))
    line = refused("classify", tmp_path / "model", stdin=b"fine\n")
    assert all(word in line for word in words), line


@pytest.mark.parametrize("name", ["train.safetensors", "dev.jsonl", "record.json", "lexicon.json"])
def test_data_of_a_run_that_were_damaged(refused, run, tmp_path, name):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "data" / name
    path.write_bytes(path.read_bytes()[:-9])
    refused("train", "classify", "--resume", "--out", tmp_path / "run")


@pytest.fixture(scope="session")
def tiny_lm(tmp_path_factory):
    """A finished run of a language model; not to be changed."""
    return tiny.the_run(tmp_path_factory.getbasetemp())
