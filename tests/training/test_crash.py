"""A checkpoint is whole or not there, whatever fails and whenever the process dies."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gatewise.errors import GatewiseError, ModelFileError, TrainingError
from gatewise.training import checkpoint
from gatewise.training.checkpoint import Checkpoints, newest, pack, unpack
from gatewise.training.settings import TrainingSettings
from storage.faults import failing, watched
from training.toy import Toy
from training.watching import Memory, everything, quick_fit, run

TESTS = Path(__file__).parents[1]
SETTINGS = TrainingSettings(epochs=2, learning_rate=0.02, checkpoint_every=5, keep=2)


def python(*arguments: str) -> str:
    """What a script prints, without a home and in a locale that knows ASCII only (figure C11)."""
    place = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": os.environ["PATH"]}
    place |= {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=TESTS, env=place)
    assert done.stderr == ""
    return done.stdout


def nothing_said(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture
def store(tmp_path):
    """Two checkpoints, of which the third will push out the first."""
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (1, 2):
        made.write(step, pack({"w": torch.full((3,), step)}, {"step": step}), nothing_said)
    return made


def names(store):
    return [path.name for path in sorted(store.folder.iterdir())]


def test_process_that_dies_at_any_call_of_a_checkpoint(tmp_path):
    """Before and after each: the newest is the old one or the new one, and no part of one is left (figure C1)."""
    script = f"""
import sys
from pathlib import Path
from storage.faults import dies_everywhere
from gatewise.storage import sweep
from gatewise.training.checkpoint import Checkpoints
store = Checkpoints(Path({str(tmp_path)!r}) / "checkpoints", keep=2)
contents = {{step: bytes([step]) * 1000 for step in (1, 2, 3)}}
def say(line):
    raise AssertionError(line)
def write(step):
    store.write(step, [contents[step][:7], contents[step][7:]], say)
seen = set()
def check():
    sweep(store.folder)
    found = store.found()
    assert {{path.name for path in found}} == {{path.name for path in store.folder.iterdir()}}
    for path in found:
        assert path.read_bytes() == contents[int(path.stem[5:])]
    seen.add(int(found[-1].stem[5:]))
    for path in found:
        path.unlink()
    write(1)
    write(2)
write(1)
write(2)
print(dies_everywhere(lambda: write(3), check), sorted(seen), "torch" in sys.modules)
"""
    assert python("-c", script) == "21 [2, 3] False\n"


def test_order_of_calls(store):
    with watched() as watch:
        store.write(3, [b"a", b"b"], nothing_said)
    calls = [name for name, _ in watch.log]
    assert calls == ["mkdir", "open", "write", "write", "fsync", "close", "replace", "open", "fsync", "close", "unlink"]
    assert watch.log[7][1] == store.folder
    assert watch.log[-1][1].name == "step-000000001.safetensors"
    assert names(store) == ["step-000000002.safetensors", "step-000000003.safetensors"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EDQUOT, errno.EROFS], ids=errno.errorcode.get)
def test_a_call_that_fails_is_reported_and_the_earlier_checkpoints_stand(store, code):
    for at in range(2, 11):  # the first makes the folder, which is there
        message = f"{'cannot be' if at <= 7 else 'is'} written.*{errno.errorcode[code]}"
        with watched(failing(code), at), pytest.raises(GatewiseError, match=message):
            store.write(3, pack({"w": torch.zeros(3)}, {"step": 3}), nothing_said)
        assert names(store)[:2] == ["step-000000001.safetensors", "step-000000002.safetensors"]
        assert newest(store, nothing_said)[1]["step"] == (2 if at <= 7 else 3)
        for path in store.found()[2:]:
            path.unlink()


def test_an_old_checkpoint_that_cannot_be_removed_is_said(store):
    lines = []
    with watched(failing(errno.EACCES), at=10):
        store.write(3, [b"data"], lines.append)
    assert lines == [f"{store.found()[0]}: cannot be removed (Permission denied)"]
    assert len(names(store)) == 3


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.EAGAIN], ids=errno.errorcode.get)
def test_a_failure_that_passes_is_said_and_tried_again(store, monkeypatch, code):
    monkeypatch.setattr(checkpoint, "_WAITS", (0.0, 0.0, 0.0))
    lines = []
    with watched(failing(code), at=2):
        store.write(3, [b"data"], lines.append)
    assert len(lines) == 1
    assert lines[0].endswith("trying again in 0 s")
    assert names(store) == ["step-000000002.safetensors", "step-000000003.safetensors"]


def test_a_failure_that_stays_is_given_up(store, monkeypatch):
    monkeypatch.setattr(checkpoint, "_WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(os, "replace", lambda source, target: failing(errno.EIO)())
    lines = []
    with pytest.raises(GatewiseError, match="EIO"):
        store.write(3, [b"data"], lines.append)
    assert len(lines) == 3
    assert names(store) == ["step-000000001.safetensors", "step-000000002.safetensors"]


def test_the_disk_is_full_during_a_run(tmp_path):
    """Whatever call fails, the run stops with one line, and resumed with space it ends as if nothing had been."""
    run(tmp_path / "whole", SETTINGS)
    for at in (1, 3, 9, 14, 15, 16, 20, 27, 33, 40):
        folder = tmp_path / str(at)
        with watched(failing(errno.ENOSPC), at) as watch:
            failed = is_refused(folder)
        assert failed == watch.reached, at
        run(folder, SETTINGS, resume=any((folder / "checkpoints").glob("step-*")))
        assert everything(folder) == everything(tmp_path / "whole")


def is_refused(folder):
    try:
        run(folder, SETTINGS)
    except GatewiseError as error:
        return "ENOSPC" in str(error)
    return False


def test_a_second_process_in_the_same_folder_is_refused(tmp_path):
    def again() -> None:
        with pytest.raises(GatewiseError, match="another process is working in this folder"):
            quick_fit(Toy(), SETTINGS, tmp_path, Memory(), resume=True)

    memory = Memory(3, again)
    quick_fit(Toy(), SETTINGS, tmp_path, memory)
    assert len(memory.steps) == 16


# --- damaged checkpoints ---


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run(folder, SETTINGS, stop_at=3)
    return (folder / "checkpoints" / "step-000000003.safetensors").read_bytes()


@pytest.mark.parametrize("step", [1009, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_seen(data, step):
    damaged = bytearray(data)
    for bit in range(0, 8 * len(data), step):
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelFileError):
            unpack(damaged, "checkpoint")
        damaged[bit // 8] ^= 1 << bit % 8
    unpack(damaged, "checkpoint")


@pytest.mark.parametrize("step", [101, pytest.param(1, marks=pytest.mark.slow)])
def test_truncation_and_bytes_too_many(data, step):
    for size in range(0, len(data), step):
        for damaged in (data[:size], data[:size] + bytes(len(data) - size)):
            if damaged != data:
                with pytest.raises(ModelFileError):
                    unpack(damaged, "checkpoint")
    for extra in (1, 64, 4096):
        with pytest.raises(ModelFileError):
            unpack(data + bytes(extra), "checkpoint")


def test_a_model_is_no_checkpoint():
    from gatewise.storage import pack_pieces

    model = b"".join(pack_pieces({"w": torch.zeros(1)}, {}, sealed=True))
    line = r"^m: a checkpoint of the format gatewise-checkpoint-1 was expected, but none came$"
    with pytest.raises(ModelFileError, match=line):
        unpack(model, "m")


def test_all_checkpoints_damaged(store):
    for path in store.found():
        path.write_bytes(b"\0" * 100)
    lines = []
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        newest(store, lines.append)
    assert [line.partition(": ")[0] for line in lines] == [str(path) for path in reversed(store.found())]


@pytest.mark.parametrize("keep", [1, 2])
def test_a_damaged_checkpoint_outlived_those_written_after_it(store, keep):
    """It is newer than the one gone back to: with keep=1 the file just written was removed instead."""
    store.keep = keep
    (store.folder / "step-000000009.safetensors").write_bytes(b"\0" * 100)
    lines = []
    assert newest(store, lines.append)[1]["step"] == 2
    assert lines[1:] == [f"{store.folder}/step-000000009.safetensors: is kept as step-000000009.safetensors.damaged"]
    for step in (3, 4):
        written = store.write(step, pack({"w": torch.zeros(1)}, {"step": step}), nothing_said)
        assert newest(store, nothing_said)[1]["step"] == step
        assert store.found()[-1] == written
    kept = [f"step-00000000{step}.safetensors" for step in (3, 4)][-keep:]
    assert names(store) == [*kept, "step-000000009.safetensors.damaged"]


def test_a_damaged_checkpoint_that_cannot_be_renamed_is_said_and_the_new_one_stays(store, monkeypatch):
    store.keep = 1
    (store.folder / "step-000000009.safetensors").write_bytes(b"\0" * 100)
    lines = []
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: failing(errno.EPERM)())
        newest(store, lines.append)
    assert lines[1].endswith("step-000000009.safetensors: is damaged, and cannot be renamed (Operation not permitted)")
    assert store.write(3, pack({"w": torch.zeros(1)}, {"step": 3}), nothing_said).exists()


# --- kill -9 ---


@pytest.mark.parametrize(
    ("trials", "kills"),
    [(3, 1), pytest.param(20, 1, marks=pytest.mark.slow), pytest.param(5, 5, marks=pytest.mark.slow)],
)
def test_killed_at_random_moments_it_ends_bit_equal(tmp_path, trials, kills):
    assert int(python("-m", "training.killed_runs", str(tmp_path), str(trials), str(kills))) == trials
