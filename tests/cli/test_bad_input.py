"""Everything a user can do wrong: one clear line on stderr, exit code 2, nothing on stdout, nothing lost."""

from __future__ import annotations

import errno
import shutil

import pytest

from cli.refusal import line_of
from storage.faults import failing, watched
from tasks import tiny

SMALL = ["--hidden-size", "8", "--embedding-size", "8", "--batch-size", "4", "--bptt", "8", "--max-steps", "2"]
GOOD = tiny.sentences().encode()


@pytest.fixture
def refused(gatewise):
    """A command line that must be refused, and the line that says why."""

    def call(*argv, stdin=b""):
        return line_of(*gatewise(*argv, stdin=stdin))

    return call


@pytest.fixture
def train(refused, tmp_path):
    """Training on a file of these bytes must be refused; nothing is left of the run."""

    def call(content, *flags, name="a.txt"):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        line = refused("train", "lm", tmp_path / name, "--out", tmp_path / "run", *SMALL, *flags)
        assert not (tmp_path / "run").exists()
        return line.replace(str(tmp_path) + "/", "")

    return call


@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (None, [], ["a.txt: there is no such file"]),
        (b"", [], ["nothing but white space is in", "a.txt"]),
        (b"\n \n\t\n", [], ["nothing but white space is in", "a.txt"]),
        (b"one line\n", [], ["the text has only 9 characters", "give more text"]),
        (b"a line of a few words\n", [], ["one batch needs 4 x 8 = 32 tokens, but the text has 2"]),
        (GOOD[:20], ["--batch-size", "50"], ["one batch needs 50 x 8 = 400 tokens", "lower --batch-size"]),
        (b"\x89PNG\r\n\x1a\n\x00\x01" + bytes(range(256)) * 9, [], ["a.txt"]),
        (GOOD + b"caf\xe9\n" + GOOD, [], ["a.txt:61", "latin-1"]),
        (GOOD + b"a\x00b\n", [], ["a.txt:61", "NUL"]),
        (GOOD.decode().encode("utf-16"), [], ["a.txt", "utf-16"]),
        (b"\x1f\x8b\x08\x00 not gzip really", [], ["a.txt", "gzip"]),
    ],
)
def test_a_text_that_cannot_be_used(train, content, flags, words):
    line = train(content, *flags)
    assert all(word in line for word in words), line


def test_a_damaged_gz_file(train):
    assert "a.gz" in train(b"\x1f\x8b\x08\x00 damaged", name="a.gz")


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        (b"\xef\xbb\xbf" + GOOD, []),
        (GOOD.replace(b"\n", b"\r\n"), []),
        (GOOD + "café\n".encode("latin-1"), ["--encoding", "latin-1"]),
        (GOOD.replace(b"\n", b" "), []),
        (GOOD.replace(b"\n", b" ").replace(b" ", b""), ["--level", "byte"]),
    ],
    ids=["bom", "crlf", "latin-1", "one line", "one word"],
)
def test_a_text_that_is_unusual_is_read(gatewise, tmp_path, content, flags):
    (tmp_path / "a.txt").write_bytes(content)
    code, _, err = gatewise("train", "lm", tmp_path / "a.txt", "--out", tmp_path / "run", *SMALL, *flags)
    assert code == 0, err


@pytest.mark.slow
def test_one_line_of_100_mb_is_read_in_pieces(gatewise, tmp_path):
    with open(tmp_path / "a.txt", "wb") as file:
        for _ in range(100):
            file.write(b"the cat is small " * (1_000_000 // 17))
    code, _, err = gatewise("train", "lm", tmp_path / "a.txt", "--out", tmp_path / "run", *SMALL, "--level", "word")
    assert code == 0, err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--hidden-size", "0"], "hidden_size must be a whole number from 1 to 65536, but 0 was given"),
        (["--hidden-size", "1.5"], "but '1.5' was given"),
        (["--hiden-size", "8"], "there is no option --hiden-size; did you mean --hidden-size?"),
        (["--cell", "lsmt"], "did you mean lstm?"),
        (["--cell", "nowhere.py:Cell"], "nowhere.py: no such file"),
        (["--cell-options", "forget_bais=1"], "forget_bias"),
        (["--level", "chra"], "did you mean char?"),
        (["--dropout", "0.5"], "there is no option --dropout"),
        (["--hidden-dropout", "1"], "hidden_dropout must be a number of at least 0 and below 1, but 1.0 was given"),
        (["--learning-rate", "nan"], "learning_rate must be a number above 0, but nan was given"),
        (["--runner", "fsued"], "runner must be one of"),
        (["--cell", "peephole_lstm", "--runner", "torch"], "torch has no kernel for peephole_lstm"),
        (["--preset", "documentatoin"], "did you mean documentation?"),
        (["--config", "none.toml"], "none.toml: the config file cannot be read"),
        (["--resume"], "there is no run to resume here"),
        (["--valid", "nowhere.txt"], "nowhere.txt: there is no such file"),
    ],
)
def test_a_setting_that_cannot_be(train, flags, words):
    assert words in train(GOOD, *flags)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[model]\nhiden_size = 8", "my.toml [model]: there is no setting hiden_size; did you mean hidden_size?"),
        ("[model]\nhidden_size = 0", "my.toml [model]: hidden_size must be a whole number from 1 to 65536, but 0"),
        ("[modle]\n", "my.toml: unknown table modle; did you mean model?"),
        ("hidden_size = 8", "my.toml: unknown key outside a table hidden_size"),
        ("[model", "my.toml: this is no TOML file"),
    ],
)
def test_a_config_file_that_cannot_be(train, tmp_path, text, words):
    (tmp_path / "my.toml").write_text(text)
    assert words in train(GOOD, "--config", tmp_path / "my.toml")


def test_a_users_cell_that_fails_is_told_with_its_line(train, tmp_path):
    (tmp_path / "my.py").write_text("from gatewise.cells import Cell\n\n1 / 0\n")
    assert "my.py:3: ZeroDivisionError" in train(GOOD, "--cell", tmp_path / "my.py:Mine")


MISTAKEN = """from gatewise.cells import Cell, Input, Matrix

class Mine(Cell):
    "Mine."
    state = {{"hidden": "H"}}
    W = Input(("new",))
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        {}
"""


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("return s.next(hidden=tahn(x.new))", "my.py:10: step() raised NameError: name 'tahn' is not defined; correct"),
        ("return s.next(hiden=x.new)", "my.py:10: step() raised ShapeError: step: s.next expects the states hidden"),
        ("return s.next(hidden=x.new @ x.new)", "my.py:10: step() raised RuntimeError: mat1 and mat2"),
        ("return s.next(hidden=x.new[:, 1:])", "the state hidden is [2, 8] before the step, but [2, 7] after it"),
    ],
)
def test_a_users_cell_whose_step_is_mistaken_is_told_before_the_run(train, tmp_path, step, words):
    (tmp_path / "my.py").write_text(MISTAKEN.format(step))
    assert words in train(GOOD, "--cell", tmp_path / "my.py:Mine")


def test_a_run_folder_that_exists(refused, tiny_run, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    line = refused("train", "lm", tiny.text_file(tmp_path), "--out", tiny_run, *SMALL)
    assert "there is something here already; give another --out, or --resume to go on with it" in line
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_resume_with_changed_settings(refused, tiny_run):
    line = refused("train", "lm", "--resume", "--out", tiny_run, "--hidden-size", "16", "--learning-rate", "0.1")
    assert (
        "a resumed run keeps its settings, but hidden_size was 8 and is 16, learning_rate was 0.002 and is 0.1" in line
    )


def test_resume_with_another_command(refused, tiny_run):
    line = refused("train", "window", "--resume", "--out", tiny_run)
    assert line.endswith(f"it holds a run of `train lm`; go on with: gatewise train lm --resume --out {tiny_run}")
    line = refused("train", "ngram", "--resume", "--out", tiny_run)
    assert "there is no option --resume; counting is not resumed: count again, with another --out" in line


def test_resume_with_other_files(refused, tiny_run):
    assert "but other.txt was given" in refused("train", "lm", "other.txt", "--resume", "--out", tiny_run)


@pytest.mark.parametrize("verb", ["eval", "generate", "score", "rank", "info"])
def test_a_model_that_cannot_be_used(refused, tiny_run, tmp_path, verb):
    file = [tiny.text_file(tmp_path)] if verb in ("eval", "score") else []
    assert "there is no such folder" in refused(verb, tmp_path / "none", *file)
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refused(verb, tmp_path / "empty", *file)
    damaged = shutil.copytree(tiny_run / "model", tmp_path / "damaged")
    data = bytearray((damaged / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (damaged / "model.safetensors").write_bytes(data)
    assert "model.safetensors" in refused(verb, damaged, *file)


def test_a_users_cell_is_asked_for_to_train_on(gatewise, refused, tmp_path):
    (tmp_path / "my.py").write_text("from gatewise.cells import CELLS\nclass Mine(CELLS['gru']):\n    'Mine.'\n")
    named = f"{tmp_path}/my.py:Mine"
    file = tiny.text_file(tmp_path)
    code, _, err = gatewise("train", "lm", file, "--out", tmp_path / "run", *SMALL, "--cell", named)
    assert code == 0, err
    (tmp_path / "my.py").rename(tmp_path / "kept.py")
    assert gatewise("generate", tmp_path / "run", "--length", "5")[0] == 0
    (tmp_path / "kept.py").rename(tmp_path / "my.py")
    assert gatewise("generate", tmp_path / "run", "--cell", named, "--length", "5")[0] == 0
    assert "this run trains your own cell" in refused("train", "lm", "--resume", "--out", tmp_path / "run")


def test_a_cell_that_is_not_the_models_is_refused(refused, tiny_run, tmp_path):
    (tmp_path / "my.py").write_text("from gatewise.cells import CELLS\nclass Mine(CELLS['gru']):\n    'Mine.'\n")
    line = refused("generate", tiny_run, "--cell", tmp_path / "my.py:Mine")
    assert "the model's cell is lstm, but Mine was given; leave the cell out" in line


def test_a_run_that_is_not_finished_has_no_model(refused, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(run / "model")
    line = refused("generate", run)
    told = "this run is not finished, so it holds no model yet; finish it first: train with --resume --out"
    assert line == f"{run}: {told} {run}"


@pytest.mark.parametrize("verb", ["eval", "score"])
def test_a_text_in_another_encoding_than_the_training_text(gatewise, refused, tiny_run, tmp_path, verb):
    (tmp_path / "a.txt").write_bytes("café\n".encode("latin-1"))
    assert "give --encoding latin-1" in refused(verb, tiny_run, tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("café\n", encoding="utf-8")
    found = gatewise(verb, tiny_run, tmp_path / "a.txt", "--encoding", "latin-1")
    assert found == gatewise(verb, tiny_run, tmp_path / "b.txt")
    assert found[0] == 0


@pytest.mark.parametrize("verb", ["eval", "score"])
def test_a_text_that_cannot_be_scored(refused, tiny_run, tmp_path, verb):
    assert "there is no such file" in refused(verb, tiny_run, tmp_path / "none.txt")
    (tmp_path / "a.txt").write_bytes(b"")
    assert "nothing but white space" in refused(verb, tiny_run, tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"one\ntwo \xff\n")
    assert "a.txt:2" in refused(verb, tiny_run, tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--prompt", "日本"], "the model knows none of the characters of the prompt ('日', '本')"),
        (["--length", "0"], "length must be a whole number of at least 1, but 0 was given"),
        (["--temperature", "0"], "temperature must be a number above 0, but 0.0 was given"),
        (["--top-p", "2"], "top_p"),
        (["--greedy", "--beam", "2"], "greedy and beam exclude each other"),
        (["--beam", "2", "--n", "5"], "a beam of width 2 finds at most 2 texts, but n is 5"),
        (["--length-penalty", "1"], "length_penalty belongs to beam search"),
        (["--lenght", "5"], "did you mean --length?"),
    ],
)
def test_what_cannot_be_written(refused, tiny_run, flags, words):
    assert words in refused("generate", tiny_run, *flags)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train", "ngram", "--prune", "a"], "each item a whole number of at least 0, but 'a' was given"),
        (["train", "ngram", "--prune", "0,-1"], "each item a whole number of at least 0, but 0,-1 was given"),
        (["compare", "--models", "x"], "but 'x' was given; known are: ngram, window"),
        (["mix", "--weights", "q,0.5"], "each item a number of at least 0, but 'q,0.5' was given"),
    ],
)
def test_a_list_is_told_as_it_was_typed(refused, argv, words):
    assert words in refused(*argv)


def test_candidates_that_cannot_be_ranked(refused, tiny_run):
    assert "stdin: there is no candidate to rank" in refused("rank", tiny_run, stdin=b"\n\n")
    assert "stdin:2: this is not UTF-8 (byte 0xff)" in refused("rank", tiny_run, stdin=b"a\n\xff\n")
    assert "stdin:2: text is needed, but this holds a NUL byte" in refused("rank", tiny_run, stdin=b"a\nb\0c\n")


def test_a_full_disk_while_training_loses_nothing(refused, gatewise, tmp_path):
    """Each of a run's last writes fails in turn; the checkpoints stand, and the run can be resumed to its end."""
    file, out = tiny.text_file(tmp_path), tmp_path / "run"
    with watched() as calls:
        assert gatewise("train", "lm", file, "--out", out, *SMALL)[0] == 0
    whole = (out / "model" / "model.safetensors").read_bytes()
    writes = [number for number, (name, _) in enumerate(calls.log, 1) if name == "write"]
    for at in writes[-1 : len(writes) // 2 : -max(1, len(writes) // 8)]:
        shutil.rmtree(out)
        with watched(failing(errno.ENOSPC), at):
            line = refused("train", "lm", file, "--out", out, *SMALL)
        assert "No space left on device" in line
        assert gatewise("train", "lm", "--resume", "--out", out)[0] == 0
        assert (out / "model" / "model.safetensors").read_bytes() == whole


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--models", "gru,lsmt"], "did you mean lstm?"),
        (["--sizes", "10k,10x"], "sizes must be numbers of tokens such as 500, 10k or 1.5m, but '10x' was given"),
        (["--sizes", "0"], "but '0' was given"),
        (["--minutes", "0"], "minutes must be a number above 0, but 0.0 was given"),
        (["--minutes", "-3"], "minutes must be a number above 0, but -3.0 was given"),
        (["--minuts", "3"], "there is no option --minuts; did you mean --minutes?"),
        (["--order", "9"], "order must be a whole number from 1 to 7, but 9 was given"),
        (["--batch-size", "9999"], "one batch needs 9999 x 64 = 639936 tokens"),
        (["--valid", "nowhere.txt"], "nowhere.txt: there is no such file"),
    ],
)
def test_a_comparison_that_cannot_be(refused, tmp_path, flags, words):
    line = refused("compare", tiny.text_file(tmp_path), "--out", tmp_path / "out", "--level", "char", *flags)
    assert words in line
    assert not (tmp_path / "out").exists()


def test_a_comparison_of_an_empty_text_or_in_a_folder_that_is_taken(refused, tmp_path, tiny_run):
    (tmp_path / "a.txt").write_bytes(b"")
    assert "nothing but white space" in refused("compare", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    line = refused("compare", tiny.text_file(tmp_path), "--out", tiny_run)
    assert "there is something here already; give another --out" in line
