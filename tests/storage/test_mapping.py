"""Files that are mapped: checked as those that are read, hardly in memory, safe from what becomes of their names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from gatewise.errors import ModelFileError
from gatewise.storage import pack_pieces, read_folder, unpack_tensors, write_folder
from gatewise.storage.reading import map_file

NAME = "model.safetensors"


def written(path, size=1000):
    tensors = {"a": torch.arange(size), "b": torch.linspace(0, 1, size)}
    write_folder(path, {"config.json": b"{}", NAME: pack_pieces(tensors)})
    return tensors


def opened(path):
    return read_folder(path, lambda files: [NAME] if "config.json" in files else [])


def own_memory():
    """Bytes that are this process's alone: mapped pages that were only read are not among them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


def test_pieces_are_written_as_the_whole(tmp_path):
    tensors = written(tmp_path / "pieces")
    write_folder(tmp_path / "whole", {"config.json": b"{}", NAME: b"".join(pack_pieces(tensors))})
    for name in os.listdir(tmp_path / "whole"):
        assert (tmp_path / "pieces" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_mapped_table_takes_hardly_any_memory(tmp_path):
    size = 64 << 20
    written(tmp_path / "model", size // 12)
    before = own_memory()
    tensors, _ = unpack_tensors(opened(tmp_path / "model").read(NAME))
    assert int(tensors["a"].sum()) == (size // 12) * (size // 12 - 1) // 2
    assert own_memory() - before < size // 8


def test_every_byte_is_compared_with_the_manifest(tmp_path):
    written(tmp_path / "model", 20)
    path = tmp_path / "model" / NAME
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ModelFileError, match=r"is damaged: its SHA-256 is not the one in manifest\.json"):
            opened(tmp_path / "model")
    path.write_bytes(content[:-1])
    with pytest.raises(ModelFileError, match="must have"):
        opened(tmp_path / "model")


def test_a_mapping_outlives_the_name_of_its_file(tmp_path):
    expected = written(tmp_path / "model")
    tensors, _ = unpack_tensors(opened(tmp_path / "model").read(NAME))
    other = tmp_path / "other"
    other.write_bytes(bytes(100_000))
    os.replace(other, tmp_path / "model" / NAME)
    assert torch.equal(tensors["a"], expected["a"])
    (tmp_path / "model" / NAME).unlink()
    assert torch.equal(tensors["b"], expected["b"])


def test_what_is_written_into_it_stays_in_this_process(tmp_path):
    written(tmp_path / "model")
    content = (tmp_path / "model" / NAME).read_bytes()
    tensors, _ = unpack_tensors(opened(tmp_path / "model").read(NAME))
    tensors["a"].fill_(7)
    assert (tmp_path / "model" / NAME).read_bytes() == content
    again, _ = unpack_tensors(opened(tmp_path / "model").read(NAME))
    assert again["a"][3] == 3


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "nothing"])
def test_only_a_regular_file_is_mapped(kind, tmp_path):
    path = tmp_path / "file"
    (tmp_path / "real").write_bytes(b"content")
    makers = {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(tmp_path / "real"),
        "pipe": lambda: os.mkfifo(path),
        "nothing": lambda: None,
    }
    makers[kind]()
    with pytest.raises(ModelFileError, match=r"a regular file was expected|there is no such file"):
        map_file(path, follow=False)


def test_an_empty_file_is_mapped(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert len(map_file(tmp_path / "empty")) == 0
