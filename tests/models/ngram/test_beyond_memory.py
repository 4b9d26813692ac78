"""Counting and estimating in files of a folder: the same bits as in memory, within a limit, and nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import GatewiseError, SettingError
from gatewise.models.ngram import METHODS, NgramLM, Options, count, estimate, interpolation_weights
from gatewise.models.ngram.count_on_disk import count_on_disk
from gatewise.models.ngram.grouping import Grouping
from gatewise.models.ngram.memory import needed, needed_for_words
from gatewise.models.ngram.parts import parts
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.room import Room, room_on_disk
from gatewise.storage import pack_tensors

V, EOS, TOKENS = 40, 0, 4000
MEMORY = 100 << 20


@pytest.fixture
def duckdb():
    return pytest.importorskip("duckdb", reason="counting on the disk needs DuckDB")


def text(tokens=TOKENS, vocabulary=V, seed=0):
    """Words as unequal as in a language, sentences of 1 to 20 of them, an empty one, and where they begin."""
    drawn = np.random.default_rng(seed)
    ids = np.minimum(drawn.zipf(1.3, tokens), vocabulary - 1).astype(np.uint16)
    starts = np.cumsum(drawn.integers(1, 20, tokens // 4))
    starts = np.concatenate([[0, 5, 5], starts[(starts > 5) & (starts < tokens)], [tokens]])
    ids[starts[1:] - 1] = EOS
    return ids, starts


def in_steps(step, folder=None):
    """A room that works on few n-grams at a time."""
    room = Room(folder, MEMORY)
    room.step = step
    return room


def digest(table):
    arrays = [array for order in table.orders for array in (order.keys, order.log_probs, order.back_offs)]
    kinds = [array.dtype.name for array in arrays if array is not None]
    return kinds, hashlib.sha256(b"".join(array.tobytes() for array in arrays if array is not None)).hexdigest()


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("order", range(1, 8))
def test_counts_on_the_disk_are_those_in_memory(order, bounded, tmp_path, duckdb):
    ids, boundaries = text()
    bounds = boundaries if bounded else None
    expected = count(ids.astype(np.int64), bounds, order, V, EOS)
    found = count_on_disk(Text(ids, bounds, V, EOS), order, in_steps(333, tmp_path))
    assert (found.vocabulary_size, found.eos_id, found.tokens) == (V, EOS, TOKENS)
    for here, there in zip(found.orders, expected.orders, strict=True):
        for name in ("keys", "counts", "begins", "suffixes"):
            np.testing.assert_array_equal(getattr(here, name), getattr(there, name), err_msg=name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("prune", [(), (0, 1, 2), (0, TOKENS)], ids=["all", "some", "words only"])
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("name", METHODS)
def test_estimates_do_not_depend_on_the_room(name, order, bounded, prune, tmp_path):
    ids, boundaries = text()
    counts = count(ids.astype(np.int64), boundaries if bounded else None, order, V, EOS)
    options = Options(delta=0.3, weights=((0.3, 0.6) * 8,) * order)
    whole = estimate(counts, name, options, prune)
    for room in (in_steps(1), in_steps(97, tmp_path)) if order == 2 else (in_steps(97, tmp_path),):
        made = estimate(counts, name, options, prune, room)
        assert digest(made.table) == digest(whole.table)
        assert made.note == whole.note


@pytest.mark.slow
@pytest.mark.parametrize("bounded", [True, False])
def test_weights_of_interpolation_do_not_depend_on_the_room(bounded, tmp_path, monkeypatch):
    ids, boundaries = text()
    counts = count(ids.astype(np.int64), boundaries if bounded else None, 3, V, EOS)
    other, bounds = text(seed=1)
    whole = interpolation_weights(counts, other.astype(np.int64), bounds if bounded else None)
    assert interpolation_weights(counts, other, bounds if bounded else None, in_steps(97, tmp_path)) == whole
    monkeypatch.setattr("gatewise.models.ngram.interpolation._STEP", 97)
    np.testing.assert_allclose(interpolation_weights(counts, other, bounds if bounded else None), whole, rtol=1e-12)


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_parts_hold_all_that_follows_their_contexts(step):
    ids, boundaries = text()
    counts = count(ids.astype(np.int64), boundaries, 3, V, EOS)
    for order in (1, 2, 3):
        context = gram = 0
        for part in parts(counts, order, counts.orders[order - 1].counts, in_steps(step)):
            assert (part.contexts.start, part.grams.start) == (context, gram)
            assert part.contexts.stop > context
            inside = counts.prefixes(order)[part.grams]
            assert ((inside >= part.contexts.start) & (inside < part.contexts.stop)).all()
            context, gram = part.contexts.stop, part.grams.stop
        assert (context, gram) == (counts.contexts(order), len(counts.orders[order - 1].keys))


@pytest.mark.parametrize("name", ["modified-kneser-ney", "stupid-back-off", "jelinek-mercer"])
@pytest.mark.parametrize("order", [2, 5])
def test_what_counting_needs_in_memory_is_known_before(order, name):
    """Not more than what is said, and of a text of rare n-grams not much less."""
    ids, boundaries = np.random.default_rng(0).integers(0, 30_000, 300_000), np.arange(0, 300_001, 20)
    held_out = ids[:60_000]
    tracemalloc.start()
    try:
        counts = count(ids, boundaries, order, 30_000, EOS)
        weights = interpolation_weights(counts, held_out, None) if name == "jelinek-mercer" else ()
        estimate(counts, name, Options(weights=weights))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    said = needed(300_000, 15_000, order, 30_000, len(held_out) if name == "jelinek-mercer" else 0)
    slack = 16 << 20  # what a step takes, whatever the size of the text
    assert 0.7 * said < peak < said + slack


@pytest.mark.parametrize("name", ["kneser-ney", "katz", "jelinek-mercer", "add-delta"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_a_large_vocabulary_needs_is_known_before(order, name, tmp_path, duckdb):
    """Of a short text nearly all memory is that of words which never occur."""
    size, ids = 1_000_000, np.random.default_rng(0).integers(0, 30_000, 20_000)

    def peak(room):
        tracemalloc.start()
        try:
            text = Text(ids, None, size, EOS)
            counts = count_on_disk(text, order, room) if room.folder else count(ids, None, order, size, EOS)
            weights = interpolation_weights(counts, ids[:4000], None, room) if name == "jelinek-mercer" else ()
            estimate(counts, name, Options(weights=weights), room=room)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    said = needed(20_000, 0, order, size, 4000 if name == "jelinek-mercer" else 0)
    assert 0.7 * said < peak(Room()) < said
    assert 0.75 * needed_for_words(size) < peak(Room(tmp_path, MEMORY)) < needed_for_words(size)


WITHIN = """
import hashlib, resource, sys
from pathlib import Path
import numpy as np
from gatewise.models.ngram import NgramLM, count, estimate
from gatewise.models.ngram.count_on_disk import count_on_disk
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.room import room_on_disk
from gatewise.storage import pack_pieces, write_folder

def data():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))

folder, extra = Path(sys.argv[1]), int(sys.argv[2])
ids = np.load(folder / "ids.npy", mmap_mode="r")
resource.setrlimit(resource.RLIMIT_DATA, (data() + extra, data() + extra))
if sys.argv[3] == "memory":
    estimate(count(ids.astype(np.int64), None, 5, 30_000, 0), "modified-kneser-ney")
else:
    with room_on_disk(folder / "counting", 100 << 20) as room:
        counts = count_on_disk(Text(ids, None, 30_000, 0), 5, room)
        table = estimate(counts, "modified-kneser-ney", room=room).table
        write_folder(folder / "model", {"model.safetensors": pack_pieces(NgramLM(table).state_dict())})
"""


@pytest.mark.slow
def test_a_text_beyond_the_limit_is_counted_on_the_disk(tmp_path, duckdb):
    """The system itself refuses more than 200 MB; in memory this text takes 400, its n-grams 250, the model 100."""
    ids = np.random.default_rng(0).integers(0, 30_000, 2_000_000).astype(np.uint16)
    np.save(tmp_path / "ids.npy", ids)

    def within(how):
        return subprocess.run(
            [sys.executable, "-c", WITHIN, tmp_path, str(200 << 20), how], capture_output=True, text=True, check=False
        )

    in_memory = within("memory")
    assert in_memory.returncode != 0
    assert "MemoryError" in in_memory.stderr
    on_disk = within("disk")
    assert on_disk.returncode == 0, on_disk.stderr
    assert not (tmp_path / "counting").exists()
    table = estimate(count(ids.astype(np.int64), None, 5, 30_000, 0), "modified-kneser-ney").table
    expected = hashlib.sha256(pack_tensors(NgramLM(table).state_dict())).hexdigest()
    assert hashlib.sha256((tmp_path / "model" / "model.safetensors").read_bytes()).hexdigest() == expected


def test_arrays_of_a_room_lie_in_files_without_a_name(tmp_path):
    with room_on_disk(tmp_path / "counting", MEMORY) as room:
        before = os.statvfs(tmp_path).f_bfree
        array = room.empty(4 << 20, np.int64)
        assert os.statvfs(tmp_path).f_bfree < before  # the blocks are taken, nobody else gets them
        array[:] = 7
        assert os.listdir(tmp_path / "counting") == []
        assert f"{tmp_path}/counting/.gatewise-" in Path("/proc/self/maps").read_text()
        assert len(room.empty(0, np.float32)) == 0
    assert not (tmp_path / "counting").exists()
    assert int(array.sum()) == 7 * len(array)


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, MemoryError])
def test_the_folder_is_removed_whatever_happens(stopped, tmp_path):
    def work():
        with room_on_disk(tmp_path / "counting", MEMORY) as room:
            (room.folder / "left").write_bytes(b"over")
            raise stopped

    with pytest.raises(stopped):
        work()
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(GatewiseError, match=r"No space left on device, ENOSPC\); free some space") as error:
        Room(tmp_path, MEMORY).empty(5, np.int64)
    assert "\n" not in str(error.value)


def test_a_disk_that_is_full_while_duckdb_sorts_is_one_line(tmp_path, duckdb):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    keys = np.random.default_rng(0).integers(0, 2**40, 1 << 20)
    with Grouping(Room(tmp_path, 64 << 20)) as grouping:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        try:
            with pytest.raises(GatewiseError, match=r"cannot be sorted .*File too large.*free some space") as error:
                all(grouping.add(keys, keys > 0, keys) is None for _ in range(8))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(error.value)


def test_ctrl_c_stops_a_query(tmp_path, duckdb):
    with Grouping(Room(tmp_path, MEMORY)) as grouping:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            grouping._execute("SELECT sum(a.range * b.range) FROM range(100000000) a, range(1000000) b")


def test_without_duckdb_the_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    ids, _ = text()
    with pytest.raises(SettingError, match=r"needs DuckDB, which is not installed; pip install \"gatewise\[disk\]\""):
        count_on_disk(Text(ids, None, V, EOS), 2, Room(tmp_path, MEMORY))
