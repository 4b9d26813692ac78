"""A file is the old one or the new one, whatever fails and whenever the process dies."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gatewise.errors import GatewiseError
from gatewise.storage import lock, sweep, write_atomically
from storage.faults import failing, watched

OLD, NEW = b"old" * 10, b"new" * 1000
FAILURES = [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EMFILE, errno.EROFS]


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    return path


def test_pieces_are_joined_and_the_old_file_is_replaced(target):
    write_atomically(target, [b"a", bytearray(b"b"), memoryview(b"c"), b""])
    assert target.read_bytes() == b"abc"
    assert os.listdir(target.parent) == ["file"]


def test_order_of_calls(target):
    with watched() as watch:
        write_atomically(target, NEW)
    names = [name for name, _ in watch.log]
    assert names == ["open", "write", "fsync", "close", "replace", "open", "fsync", "close"]
    assert watch.log[0][1] == watch.log[4][1] != target  # the temporary file
    assert watch.log[5][1] == target.parent


@pytest.mark.parametrize("code", FAILURES, ids=errno.errorcode.get)
def test_every_call_that_fails_is_reported_and_leaves_a_whole_file(target, code):
    """Also in words: an error after the rename said that the file could not be written, but the new one stood."""
    for at in range(1, 9):
        write_atomically(target, OLD)
        told = "cannot be written" if at <= 5 else "is written, but a power cut may still bring back what was there"
        message = rf"^{target}: {told} \(.*{errno.errorcode[code]}\)"
        with watched(failing(code), at), pytest.raises(GatewiseError, match=message):
            write_atomically(target, NEW)
        assert target.read_bytes() == (OLD if at <= 5 else NEW)
        assert os.listdir(target.parent) == ["file"]


def test_short_writes_are_continued(target, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    write_atomically(target, NEW)
    assert target.read_bytes() == NEW


def test_a_key_press_leaves_nothing_behind(target):
    def press() -> None:
        raise KeyboardInterrupt

    with watched(press, at=2), pytest.raises(KeyboardInterrupt):
        write_atomically(target, NEW)
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == ["file"]


def test_process_that_dies_at_any_call_leaves_a_whole_file(tmp_path):
    """The child of a process without torch, so that it can be forked for every call."""
    script = f"""
import sys
from pathlib import Path
from storage.faults import dies_everywhere
from gatewise.storage import sweep, write_atomically
target = Path({str(tmp_path)!r}) / "file"
OLD, NEW = b"old" * 10, b"new" * 1000
target.write_bytes(OLD)
def check():
    global target
    sweep(target.parent)
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    assert target.read_bytes() in (OLD, NEW)
    target.write_bytes(OLD)
print(dies_everywhere(lambda: write_atomically(target, NEW), check))
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert (done.stdout, done.stderr) == ("16\n", "")


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127, "a b\nc"], ids=["longest", "letters", "spaces"])
def test_odd_names(tmp_path, name):
    write_atomically(tmp_path / name, NEW)
    assert (tmp_path / name).read_bytes() == NEW


def test_two_writers_leave_one_of_the_two(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(4)]
    threads = [
        threading.Thread(target=lambda data=data: [write_atomically(tmp_path / "file", data) for _ in range(20)])
        for data in contents
    ]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        if (tmp_path / "file").exists():
            seen.add((tmp_path / "file").read_bytes())
    assert seen <= set(contents)
    assert os.listdir(tmp_path) == ["file"]


def test_sweep_removes_our_own_remains_only(tmp_path):
    (tmp_path / ".gatewise-0123456789abcdef.tmp").write_bytes(b"part")
    (tmp_path / ".gatewise-fedcba9876543210.tmp").mkdir()
    (tmp_path / ".gatewise-fedcba9876543210.tmp" / "part").write_bytes(b"part")
    (tmp_path / "mine.tmp").write_bytes(b"kept")
    (tmp_path / ".gatewise-x.tmp").write_bytes(b"kept")
    assert len(sweep(tmp_path)) == 2
    assert sorted(os.listdir(tmp_path)) == [".gatewise-x.tmp", "mine.tmp"]


def test_lock_keeps_others_out_until_it_ends(tmp_path):
    with lock(tmp_path), pytest.raises(GatewiseError, match="another process is working"), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass
