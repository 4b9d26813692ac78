"""A folder is there as a whole, and every change to one is noticed."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from gatewise.errors import GatewiseError, ModelFileError
from gatewise.storage import pack_tensors, read_folder, seal, write_folder
from storage.faults import failing, watched

CARD = b"# a card"


def model(value=1.0):
    return {
        "config.json": json.dumps({"format": "x", "value": value}).encode(),
        "model.safetensors": pack_tensors({"w": torch.full((4, 4), value), "b": torch.zeros(3)}),
        "tokenizer.json": b'{"a": 1}',
        "README.md": CARD,
    }


def contents(folder):
    return {name: bytes(folder.read(name)) for name in folder.files}


@pytest.fixture
def place(tmp_path):
    write_folder(tmp_path / "model", model())
    return tmp_path / "model"


def test_what_was_written_is_read(place):
    folder = read_folder(place)
    assert folder.verified
    assert contents(folder) == model()
    assert folder.unlisted == ()
    assert os.listdir(place.parent) == ["model"]
    with pytest.raises(ModelFileError, match=r"holds no other\.json"):
        folder.read("other.json")


def flips(count, size):
    """The number of every bit, or ``count`` of them."""
    return range(8 * size) if count is None else random.Random(0).sample(range(8 * size), count)


@pytest.mark.parametrize("count", [2000, pytest.param(None, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_seen(place, count):
    """Of every file but the card, the manifest included (figure F1)."""
    files = {path: path.read_bytes() for path in sorted(place.iterdir()) if path.name != "README.md"}
    places = [(path, byte) for path, data in files.items() for byte in range(len(data))]
    tried = flips(count, len(places))
    for bit in tried:
        path, byte = places[bit // 8]
        data = bytearray(files[path])
        data[byte] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(ModelFileError):
            read_folder(place)
        path.write_bytes(files[path])
    assert len(tried) >= 2000
    assert read_folder(place).verified


def test_truncation_at_every_byte_and_bytes_too_many(place):
    for path in sorted(place.iterdir()):
        if path.name == "README.md":
            continue
        data = path.read_bytes()
        damaged = [data[:size] for size in range(len(data))]
        damaged += [data + b"\0" * extra for extra in (1, 64, 4096)]
        damaged += [data[:size] + b"\0" * (len(data) - size) for size in range(0, len(data), 16)]
        damaged += [b"\0" * len(data)]
        for content in damaged:
            path.write_bytes(content)
            with pytest.raises(ModelFileError):
                read_folder(place)
        path.write_bytes(data)
    assert read_folder(place).verified


def test_a_listed_file_that_is_missing_or_no_file(place):
    path = place / "tokenizer.json"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(ModelFileError, match=r"tokenizer.json: there is no such file"):
        read_folder(place)
    (place.parent / "outside").write_bytes(kept)
    path.symlink_to(place.parent / "outside")
    with pytest.raises(ModelFileError, match="it is a symbolic link"):
        read_folder(place)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="it is a pipe"):
        read_folder(place)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelFileError, match="it is a folder"):
        read_folder(place)


def test_other_files_are_told_and_cannot_be_read(place):
    (place / "notes.txt").write_text("mine")
    (place / ".hidden").write_text("mine")
    folder = read_folder(place)
    assert folder.verified
    assert folder.unlisted == (".hidden", "notes.txt")
    with pytest.raises(ModelFileError, match=r"holds no notes\.txt"):
        folder.read("notes.txt")


def test_the_card_may_be_edited_or_missing(place):
    (place / "README.md").write_text("better")
    assert read_folder(place).read("README.md") == b"better"
    (place / "README.md").unlink()
    assert "README.md" not in read_folder(place).files


def test_without_a_manifest_it_is_read_but_not_verified(place):
    (place / "manifest.json").unlink()
    folder = read_folder(place)
    assert not folder.verified
    assert contents(folder) == model()
    (place / "config.json").unlink()
    (place / "config.json").symlink_to("/etc/passwd")
    with pytest.raises(ModelFileError, match="a symbolic link"):
        read_folder(place).read("config.json")


NAMES = [
    "../x",
    "/etc/passwd",
    "a/../../b",
    "a/b",
    "C:\\x",
    "a\0b",
    "",
    ".",
    "..",
    ".x",
    "manifest.json",
    "README.md",
    "a\n",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_lead_elsewhere_are_refused_before_anything_is_opened(place, name):
    table = {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {name: {"size": 1, "sha256": "0" * 64}}}
    (place / "manifest.json").write_bytes(seal.sealed(json.dumps(table).encode()))
    with pytest.raises(ModelFileError, match="which is no plain file name"):
        read_folder(place)
    if name != "README.md":
        with pytest.raises(ModelFileError, match="is not plain"):
            write_folder(place.parent / "other", {name: b"1"})


@pytest.mark.parametrize(
    "table",
    [
        [],
        {},
        {"format": "gatewise-manifest-2"},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": []},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {}, "more": 1},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {"a": 1}},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {"a": {"size": -1, "sha256": ""}}},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {"a": {"size": True, "sha256": ""}}},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {"a": {"size": 1.0, "sha256": ""}}},
        {"format": "gatewise-manifest-1", seal.KEY: seal.BLANK, "files": {"a": {"size": 1}}},
    ],
    ids=str,
)
def test_manifests_of_another_shape_are_refused(place, table):
    data = json.dumps(table).encode()
    (place / "manifest.json").write_bytes(seal.sealed(data) if seal.KEY in data.decode() else data)
    with pytest.raises(ModelFileError, match=r"manifest.json"):
        read_folder(place)


@pytest.mark.parametrize("made", ["missing", "file", "dangling", "loop"])
def test_places_that_are_no_folder(tmp_path, made):
    path = tmp_path / "it"
    if made == "file":
        path.write_text("")
    elif made == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif made == "loop":
        path.symlink_to(path)
    with pytest.raises(ModelFileError, match=r"it: (there is no such folder|a folder was expected)"):
        read_folder(path)


# --- writing ---


def test_a_place_that_is_taken_is_refused(place, tmp_path):
    with pytest.raises(GatewiseError, match="there is a folder already; choose another name"):
        write_folder(place, model(2.0))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(GatewiseError, match="a file has this name"):
        write_folder(tmp_path / "file", model(), replace=True)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.doc").write_text("mine")
    with pytest.raises(GatewiseError, match="no model folder, so it is not replaced"):
        write_folder(tmp_path / "foreign", model(), replace=True)
    (place / "thesis.doc").write_text("mine")
    with pytest.raises(GatewiseError, match=r"also holds 'thesis.doc', which replacing it would delete"):
        write_folder(place, model(2.0), replace=True)
    assert contents(read_folder(place)) == model()
    assert sorted(os.listdir(tmp_path)) == ["file", "foreign", "model"]


def test_an_empty_folder_is_filled_and_an_old_one_replaced(place, tmp_path):
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", model(3.0))
    assert contents(read_folder(tmp_path / "empty")) == model(3.0)
    write_folder(place, model(2.0), replace=True)
    assert contents(read_folder(place)) == model(2.0)
    assert sorted(os.listdir(tmp_path)) == ["empty", "model"]


def test_through_a_link_the_folder_itself_is_replaced(place, tmp_path):
    (tmp_path / "link").symlink_to(place)
    write_folder(tmp_path / "link", model(2.0), replace=True)
    assert (tmp_path / "link").is_symlink()
    assert contents(read_folder(place)) == model(2.0)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_every_call_that_fails_leaves_the_old_folder_or_the_new(place, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr("gatewise.storage.exchange._exchanged", lambda new, target: False)
    states, at, reached = set(), 0, True
    while reached:
        at += 1
        shutil.rmtree(place)
        write_folder(place, model())
        with watched(failing(28), at) as watch:
            if at <= 100:
                told = refusal(place)
                done = not told
            reached = watch.reached
        found = contents(read_folder(place))
        assert found in (model(), model(2.0))
        assert ("is written, but" in told) == (found == model(2.0)) or done
        states.add((done, found == model(2.0)))
    assert states >= {(False, False), (False, True), (True, True)}
    assert (True, False) not in states


def refusal(place):
    """What the error says, or "" where the new folder was written without one."""
    try:
        write_folder(place, model(2.0), replace=True)
    except GatewiseError as error:
        return str(error)
    return ""


def test_an_error_after_the_rename_said_that_the_old_folder_is_as_before(place, monkeypatch):
    """The new one stands, and the old one is kept: without the sync, its name may be what the disk knows."""
    from gatewise.storage import atomic

    monkeypatch.setattr(atomic, "sync_folder", lambda folder: failing(5)())
    with pytest.raises(GatewiseError, match=r"is written, but .*EIO\); look at the disk; the old one lies at ") as told:
        write_folder(place, model(2.0), replace=True)
    assert contents(read_folder(place)) == model(2.0)
    assert contents(read_folder(str(told.value).rpartition(" at ")[2])) == model()


def test_process_that_dies_at_any_call_leaves_a_whole_folder(tmp_path):
    script = f"""
import shutil
from pathlib import Path
from storage.faults import dies_everywhere
from gatewise.storage import read_folder, sweep, write_folder
target = Path({str(tmp_path)!r}) / "model"
OLD, NEW = {{"a": b"old"}}, {{"a": b"new", "b": b"more"}}
def check():
    folder = read_folder(target)
    assert {{name: bytes(folder.read(name)) for name in folder.files}} in (OLD, NEW)
    sweep(target.parent)
    assert [path.name for path in target.parent.iterdir()] == ["model"]
    shutil.rmtree(target)
    write_folder(target, OLD)
write_folder(target, OLD)
print(dies_everywhere(lambda: write_folder(target, NEW, replace=True), check) > 20)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("seconds", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_a_reader_during_saves_sees_the_old_or_the_new(place, seconds):
    """Figure F10; the writer is a thread that replaces the folder without pause."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            write_folder(place, {"a": b"%d" % number, "b": b"%d" % number * 1000}, replace=True)

    writer = threading.Thread(target=write)
    write_folder(place, {"a": b"0", "b": b"0"}, replace=True)
    writer.start()
    seen, begin = set(), time.monotonic()
    while time.monotonic() < begin + seconds or (len(seen) <= 10 and time.monotonic() < begin + 60):
        folder = read_folder(place)
        assert folder.verified
        number = bytes(folder.read("a"))
        assert folder.read("b") in (number, number * 1000)
        seen.add(number)
    stop.set()
    writer.join()
    assert len(seen) > 10
