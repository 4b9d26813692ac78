"""What only a process of its own can show: what is imported, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tasks import tiny

HEAVY = ("torch", "numpy", "tokenizers", "safetensors", "rich", "matplotlib")


def gatewise(*argv, code="from gatewise.cli import main", **how):
    script = (
        f"import sys\n{code}\nended = main(sys.argv[1:])\nprint(*sorted(sys.modules), file=sys.stderr)\nsys.exit(ended)"
    )
    return subprocess.run([sys.executable, "-c", script, *argv], stderr=subprocess.PIPE, timeout=60, **how)


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["train", "--help"],
        ["generate", "--help"],
        ["train", "lm", "--help"],
        ["train", "classify", "--help"],
        ["eval", "--help"],
        ["trian"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_help_and_mistakes_import_nothing_heavy(argv):
    ended = gatewise(*argv, stdout=subprocess.DEVNULL)
    assert ended.returncode == (2 if argv == ["trian"] else 0)
    imported = set(ended.stderr.decode().split())
    assert "gatewise.cli.program" in imported
    assert not imported.intersection(HEAVY)


def test_a_closed_stdin_is_not_an_empty_one():
    command = 'exec "$0" -m gatewise train ngram - --out never <&-'
    ended = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    told = "error: text is to be read from stdin, but it is closed; name a file, or open it with < FILE"
    assert ended.stderr.decode().splitlines() == [told]


def test_a_reader_that_has_left_is_no_error():
    read, write = os.pipe()
    os.close(read)
    ended = gatewise("--help", stdout=write)
    os.close(write)
    assert ended.returncode == 141
    modules, *more = ended.stderr.decode().splitlines()
    assert modules.startswith("__future__ ")
    assert not more


@pytest.mark.slow
def test_a_stream_whose_reader_leaves_ends_quietly(tiny_run):
    command = [sys.executable, "-m", "gatewise", "generate", str(tiny_run), "--length", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(10)) == 10  # it streams: the rest is not written yet
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


@pytest.mark.slow
def test_ctrl_c_while_writing_ends_at_once(tiny_run):
    command = [sys.executable, "-m", "gatewise", "generate", str(tiny_run), "--length", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(10)) == 10
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.stderr.read() in (b"interrupted\n", b"")
        assert process.wait(timeout=60) in (130, 141)


@pytest.mark.slow
def test_ctrl_c_while_training_is_130_and_can_be_resumed(tmp_path):
    text, out = tiny.text_file(tmp_path, tiny.sentences(2000)), str(tmp_path / "run")
    command = [sys.executable, "-m", "gatewise", "train", "lm"]
    sizes = ["--hidden-size", "8", "--max-steps", "400", "--log-every", "1", "--validate-every", "100"]
    with subprocess.Popen([*command, text, "--out", out, *sizes], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("step 3/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert f"to go on: gatewise train lm --resume --out {out}" in rest
    resumed = subprocess.run([*command, "--resume", "--out", out], capture_output=True, timeout=300)
    assert resumed.returncode == 0, resumed.stderr
    assert os.path.exists(f"{out}/model/manifest.json")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_is_one_line(tiny_run):
    with open("/dev/full", "wb") as full:
        shown, told = gatewise("--help", stdout=full), gatewise("info", str(tiny_run), stdout=full)
    assert (shown.returncode, told.returncode) == (2, 2)
    assert shown.stderr.startswith(b"error: No space left on device\n")
    assert told.stderr.startswith(b"error: stdout: cannot be written: No space left on device\n")
    assert b"ignored" not in shown.stderr + told.stderr


ONE_CLOSED = [pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-", "<&-")]


@pytest.mark.parametrize("closed", [*ONE_CLOSED, ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_mistake_of_ours(tiny_run, closed):
    line = f'"{sys.executable}" -m gatewise info "{tiny_run}" {closed}'
    ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ("runner" in ended.stdout) == (closed in ("2>&-", "<&-"))


def test_python_m_gatewise_runs_it():
    ended = subprocess.run([sys.executable, "-m", "gatewise", "--version"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("gatewise ")
