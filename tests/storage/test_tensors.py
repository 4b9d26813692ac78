"""Our safetensors files are those of the library, and nothing about a foreign one is believed unchecked."""

import json
import os
import random
import time
import tracemalloc

import hypothesis
import pytest
import safetensors.torch
import torch
from hypothesis import strategies as some

from gatewise.errors import ModelFileError
from gatewise.storage import check_finite, pack_pieces, pack_tensors, read_file, unpack_tensors, write_atomically
from gatewise.storage.header import ITEM_SIZES

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
DTYPES = [*FLOATS, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
ODD = ["-1", "0", "1.5", "true", "null", "2e0", "9223372036854775808", "[]", "{}", '"F32"', '"F64"', "[4]", '"\\u0000"']


def equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype
        assert torch.equal(tensor, theirs[name])
    return True


def tensors():
    names = some.text(some.characters(codec="utf-8"), min_size=1, max_size=5).filter(str.isprintable)
    shapes = some.lists(some.integers(0, 3), max_size=4)
    one = some.builds(lambda dtype, shape: (torch.randn(shape) * 9).to(dtype), some.sampled_from(DTYPES), shapes)
    return some.dictionaries(names, one, max_size=5)


@hypothesis.given(tensors(), some.dictionaries(some.sampled_from("abc"), some.text(max_size=3)), some.booleans())
def test_the_library_reads_what_we_write(values, metadata, sealed):
    data = b"".join(pack_pieces(values, metadata, sealed=sealed))
    assert equal(safetensors.torch.load(data), values)
    back, found = unpack_tensors(data)
    assert equal(back, values)
    assert {key: value for key, value in found.items() if key != "self_sha256"} == metadata


@hypothesis.given(tensors(), some.dictionaries(some.sampled_from("abc"), some.text(max_size=3)))
def test_we_read_what_the_library_writes(values, metadata):
    back, found = unpack_tensors(safetensors.torch.save(values, metadata or None))
    assert equal(back, values)
    assert found == metadata


def test_strides_views_and_gradients_do_not_matter():
    base = torch.arange(24.0).reshape(4, 6)
    values = {"t": base.T, "s": base[::2, 1:], "e": base[:1].expand(3, 6), "g": torch.nn.Parameter(base)}
    assert equal(unpack_tensors(pack_tensors(values))[0], {name: value.detach() for name, value in values.items()})


def test_data_begins_at_64_and_each_tensor_at_its_own_size():
    data = pack_tensors({"a": torch.ones(3, dtype=torch.int8), "b": torch.ones(3), "c": torch.ones(1).double()})
    begin = 8 + int.from_bytes(data[:8], "little")
    table = json.loads(data[8:begin])
    assert begin % 64 == 0
    assert all(row["data_offsets"][0] % ITEM_SIZES[row["dtype"]] == 0 for row in table.values())


def test_a_foreign_file_whose_numbers_are_not_aligned():
    head = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    data = len(head).to_bytes(8, "little") + head + torch.tensor([1.5, -2.0]).numpy().tobytes()
    assert len(head) % 4
    assert unpack_tensors(data)[0]["w"].tolist() == [1.5, -2.0]


def test_saving_over_the_file_that_the_tensors_came_from(tmp_path):
    path = tmp_path / "w.safetensors"
    write_atomically(path, pack_tensors({"w": torch.ones(1000)}))
    loaded, _ = unpack_tensors(path)
    write_atomically(path, pack_pieces({"w": loaded["w"] * 2}))
    assert equal(loaded, {"w": torch.ones(1000)})
    assert equal(unpack_tensors(path)[0], {"w": torch.full((1000,), 2.0)})


def test_pieces_are_not_copies():
    weight = torch.zeros(2)
    pieces = pack_pieces({"w": weight})
    weight += 1
    assert bytes(pieces[1]) == weight.numpy().tobytes()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"": torch.ones(1)}, "tensor name '' is not"),
        ({"a\0b": torch.ones(1)}, "is not of 1 to 512 printable bytes"),
        ({"__metadata__": torch.ones(1)}, "tensor name '__metadata__' is not"),
        ({"n" * 513: torch.ones(1)}, "is not of 1 to 512"),
        ({"w": torch.ones(1, dtype=torch.complex64)}, "the tensor w of torch.complex64, .* has no place"),
        ({"w": torch.ones(2, 2).to_sparse()}, "has no place"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(values, message):
    with pytest.raises(ModelFileError, match=message):
        pack_tensors(values)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite(bad):
    good = {"a": torch.ones(3), "n": torch.tensor([2**62]), "b": torch.zeros(0)}
    check_finite(good, where="m")
    with pytest.raises(ModelFileError, match=r"^m: 1 of 4 numbers of the tensor w.h are not finite$"):
        check_finite({**good, "w.h": torch.tensor([[1.0, bad], [0.0, 1.0]])}, where="m")


# --- damaged and hostile files ---


def packed(table: object, data: bytes = b"") -> bytes:
    head = table if isinstance(table, bytes) else json.dumps(table).encode()
    return len(head).to_bytes(8, "little") + head + data


def row(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


HOSTILE = {
    "header longer than the file": (2**62).to_bytes(8, "little") + b"{}",
    "header of 2^64-1": b"\xff" * 8 + b"{}",
    "no header": b"\0" * 8,
    "shape overflow": packed({"w": row(shape=(4194305, 4194305, 211106198978564), offsets=(0, 16))}, b"\0" * 16),
    "claims 2^52 bytes": packed({"w": row(shape=(2**50,), offsets=(0, 2**52))}, b"\0" * 8),
    "overlap": packed({"v": row(), "w": row(offsets=(4, 12))}, b"\0" * 12),
    "same place": packed({"v": row(), "w": row()}, b"\0" * 8),
    "gap": packed({"w": row(offsets=(4, 12))}, b"\0" * 12),
    "rest": packed({"w": row()}, b"\0" * 9),
    "swapped offsets": packed({"w": row(offsets=(8, 0))}, b"\0" * 8),
    "negative": packed({"w": row(shape=(-2,))}, b"\0" * 8),
    "two negatives": packed({"w": row(shape=(-2, -1))}, b"\0" * 8),
    "float size": packed({"w": row(shape=(2.0,))}, b"\0" * 8),
    "true size": packed({"w": row(dtype="U8", shape=(True,), offsets=(0, 1))}, b"\0"),
    "huge integer": packed(b'{"w":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}', b"\0" * 8),
    "unknown dtype": packed({"w": row(dtype="F31")}, b"\0" * 8),
    "dtype is a list": packed({"w": row(dtype=["F32"])}, b"\0" * 8),
    "nine dimensions": packed({"w": row(shape=(1,) * 8 + (2,))}, b"\0" * 8),
    "row is a list": packed({"w": [1, 2]}),
    "key too many": packed({"w": row() | {"x": 1}}, b"\0" * 8),
    "duplicate key": packed(b'{"w":%b,"w":%b}' % ((json.dumps(row()).encode(),) * 2), b"\0" * 8),
    "deep": packed(b'{"w":' * 100_000 + b"1" + b"}" * 100_000),
    "deep list": packed(b'{"w":' + b"[" * 100_000),
    "a million keys": packed(b"{" + b",".join(b'"%d":0' % number for number in range(1_000_000)) + b"}"),
    "NaN": packed(b'{"w":NaN}'),
    "NUL in name": packed({"a\0b": row()}, b"\0" * 8),
    "right-to-left name": packed({"a\u202eb": row()}, b"\0" * 8),
    "lone surrogate": packed(b'{"\\ud800":%b}' % json.dumps(row()).encode(), b"\0" * 8),
    "65 kB name": packed({"n" * 65_000: row()}, b"\0" * 8),
    "metadata not texts": packed({"__metadata__": {"a": 1}}),
    "metadata a list": packed({"__metadata__": [1]}),
    "metadata too long": packed({"__metadata__": {"a": "b" * (1 << 20)}}),
    "byte order mark": packed(b"\xef\xbb\xbf{}"),
    "UTF-16": packed("{}".encode("utf-16")),
    "list": packed([]),
    "nothing": b"",
    "seven bytes": b"\2\0\0\0\0\0\0",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_are_refused_at_once(data):
    began = time.process_time()
    with pytest.raises(ModelFileError, match=r"^m: |^m \(header\): "):
        unpack_tensors(data, where="m")
    assert time.process_time() - began < (0.05 if len(data) <= 1024 else 5)


def test_a_small_file_cannot_claim_much_memory():
    small = [data for data in HOSTILE.values() if len(data) <= 1024]
    assert len(small) > 20
    tracemalloc.start()
    for data in small:
        with pytest.raises(ModelFileError):
            unpack_tensors(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20


def mutants(count):
    """Sealed and unsealed files with one to three parts of the header replaced by something odd."""
    chooser = random.Random(0)
    values = {"a": torch.ones(2, 3), "b": torch.zeros(0, 4), "c": torch.arange(5, dtype=torch.int8)}
    for number in range(count):
        data = b"".join(pack_pieces(values, {"k": "v"}, sealed=number % 2 == 0))
        begin = 8 + int.from_bytes(data[:8], "little")
        head = data[8:begin].decode()
        for _ in range(chooser.randint(1, 3)):
            start = chooser.randrange(len(head))
            stop = start + chooser.choice([0, 1, 1, 2, 5])
            head = head[:start] + chooser.choice([*ODD, "", head[stop : stop + 9]]) + head[stop:]
        yield packed(head.encode(), data[begin:])


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_headers_are_refused_or_mean_what_the_library_says(count):
    accepted = 0
    for data in mutants(count):
        try:
            ours, _ = unpack_tensors(data, where="m")
        except ModelFileError:
            continue
        accepted += 1
        assert equal(ours, safetensors.torch.load(data))
    assert accepted < count / 5


def test_every_flipped_bit_of_a_sealed_file_is_seen():
    data = bytearray(b"".join(pack_pieces({"w": torch.randn(5)}, {"k": "v"}, sealed=True)))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelFileError):
            unpack_tensors(data, where="m", sealed=True)
        data[bit // 8] ^= 1 << bit % 8
    unpack_tensors(data, sealed=True)


# --- files that are something else ---


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"PK\x03\x04", "a zip archive, as torch.save writes"),
        (b"\x80\x02ctorch", "a pickle"),
        (b"\x80\x04\x95", "a pickle"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"GGUF\3\0\0\0", "a GGUF file"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a git-LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"x" * 257 + b"ustar\0", "a tar archive"),
        (b"hello, world", "a damaged or foreign file"),
        (b"\0" * 1000, "it holds zeros"),
    ],
)
def test_a_foreign_file_is_named(tmp_path, head, told):
    path = tmp_path / "model.safetensors"
    path.write_bytes(head + b"\0" * 100 if head.strip(b"\0") else head)
    with pytest.raises(ModelFileError, match=told):
        unpack_tensors(path)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "other").symlink_to(tmp_path / "file")
    refused = {"": "a folder", "pipe": "a pipe", "link": "a pipe", "loop": "a symbolic link", "none": "no such file"}
    for name, told in refused.items():
        with pytest.raises(ModelFileError, match=told):
            read_file(tmp_path / name)
    with pytest.raises(ModelFileError, match="a device"):
        read_file("/dev/zero")
    with pytest.raises(ModelFileError, match="a symbolic link"):
        read_file(tmp_path / "other", follow=False)
    with pytest.raises(ModelFileError, match="must have 2 bytes, but has 1"):
        read_file(tmp_path / "file", size=2)
    assert read_file(tmp_path / "other") == b"1"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "file").chmod(0)
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_file(tmp_path / "file")
