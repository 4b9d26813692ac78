"""Token ids on disk: what is counted, what is checked, and how much memory it takes."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import DataError, GatewiseError
from gatewise.text.growing import GrowingArray
from gatewise.text.readers import read
from gatewise.text.settings import TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import RunningText
from gatewise.text.tokenizer import Tokenizer
from text.conftest import SAMPLE, numbered


def test_ids_are_those_of_the_tokenizer(tokenizer: Tokenizer, tmp_path: Path):
    documents = [SAMPLE, "the second document", SAMPLE[10:90]]
    expected: list[int] = []
    for document in documents:
        expected += tokenizer.encode(document)
        expected += [0] * (tokenizer.level != "word" or expected[-1] != 0)
    store = TokenStore.build(documents, tokenizer, folder=tmp_path)
    assert store.ids.tolist() == expected
    assert store.counts.tokens == len(store) == len(expected)
    assert store.counts.characters == sum(map(len, documents))
    assert store.counts.unknown == expected.count(1) * (tokenizer.unk_id is not None)
    assert store.counts.sequences == 3


def test_a_document_may_come_in_pieces(tokenizer: Tokenizer):
    whole = TokenStore.build([SAMPLE * 3], tokenizer, division="paragraph")
    pieces = TokenStore.build([[SAMPLE[:50], SAMPLE[50:] + SAMPLE, SAMPLE]], tokenizer, division="paragraph")
    assert pieces.ids.tolist() == whole.ids.tolist()
    assert pieces.boundaries.tolist() == whole.boundaries.tolist()
    assert pieces.counts == whole.counts


def test_what_is_opened_is_what_was_built(tokenizer: Tokenizer, tmp_path: Path):
    built = TokenStore.build([SAMPLE], tokenizer, folder=tmp_path, division="line")
    opened = TokenStore.open(tmp_path, tokenizer)
    assert opened.ids.tolist() == built.ids.tolist()
    assert opened.ids.dtype == np.uint16
    assert opened.boundaries.tolist() == built.boundaries.tolist()
    assert (opened.counts, opened.division, opened.eos_id) == (built.counts, "line", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boundaries.npy", "ids.npy", "store.json"]


def test_large_vocabularies_have_wider_ids():
    words = Tokenizer.train(
        [" ".join(f"w{number}" for number in range(70_000))], TextSettings(level="word", minimum_count=1)
    )
    store = TokenStore.build(["w69999 w5"], words)
    assert store.ids.dtype == np.uint32
    assert store.ids.tolist() == [*words.encode("w69999 w5"), 0]


def test_no_token_is_an_error(bytes_tokenizer: Tokenizer, tmp_path: Path):
    for documents, division in [([], "document"), (["", ""], "document"), ([" \n\n"], "sentence")]:
        with pytest.raises(DataError, match="not one token"):
            TokenStore.build(documents, bytes_tokenizer, folder=tmp_path, division=division)
    assert not list(tmp_path.iterdir())


def test_store_of_another_tokenizer_is_refused(bytes_tokenizer: Tokenizer, tmp_path: Path):
    TokenStore.build([SAMPLE], bytes_tokenizer, folder=tmp_path)
    with pytest.raises(DataError, match="another tokenizer"):
        TokenStore.open(tmp_path, Tokenizer.train([SAMPLE], TextSettings(level="char")))


@pytest.mark.parametrize("name", ["ids.npy", "boundaries.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "missing", "empty"])
def test_damaged_store_is_refused(bytes_tokenizer: Tokenizer, tmp_path: Path, name: str, damage: str):
    TokenStore.build([SAMPLE], bytes_tokenizer, folder=tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[-3] ^= 4
    changed = {"flip": data, "cut": data[:-1], "empty": b"", "missing": None}[damage]
    (tmp_path / name).unlink() if changed is None else (tmp_path / name).write_bytes(changed)
    with pytest.raises(DataError, match=f"{name}: .*prepare the text again"):
        TokenStore.open(tmp_path, bytes_tokenizer)


def test_every_flipped_bit_of_the_ids_is_found(bytes_tokenizer: Tokenizer, tmp_path: Path):
    TokenStore.build(["short"], bytes_tokenizer, folder=tmp_path)
    data = (tmp_path / "ids.npy").read_bytes()
    for bit in range(128 * 8, len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "ids.npy").write_bytes(flipped)
        with pytest.raises(DataError, match="checksum"):
            TokenStore.open(tmp_path, bytes_tokenizer)


def test_unfinished_store_is_refused(bytes_tokenizer: Tokenizer, tmp_path: Path):
    def interrupted():
        yield "some text"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TokenStore.build([interrupted()], bytes_tokenizer, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="no finished token ids"):
        TokenStore.open(tmp_path, bytes_tokenizer)


def test_folder_that_cannot_be_written_is_said(bytes_tokenizer: Tokenizer, tmp_path: Path):
    with pytest.raises(GatewiseError, match="cannot be written"):
        TokenStore.build(["text"], bytes_tokenizer, folder=tmp_path / "not there")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("gatewise.text.growing.temporary_beside", lambda path: tmp_path / "full")
    with GrowingArray(tmp_path / "ids.npy", np.dtype(np.uint16)) as array:
        array.file.close()
        array.file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
        with pytest.raises(GatewiseError, match=r"ids\.npy: cannot be written .*ENOSPC.*; free some space"):
            array.append(np.arange(1000))
    assert not list(tmp_path.iterdir())


def peak_memory_of_building(megabytes: int, tokenizer: Tokenizer, folder: Path, line: str) -> int:
    """Bytes that Python and numpy hold at most while a generated text becomes a store."""

    def pieces():
        piece = (line * (1 + (1 << 20) // len(line)))[: 1 << 20]
        for _ in range(megabytes):
            yield piece

    tracemalloc.start()
    TokenStore.build([pieces()], tokenizer, folder=folder, division="line")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("line", ["a line of text\n", "no end of the line "], ids=["lines", "one-line"])
def test_memory_does_not_grow_with_the_text(bytes_tokenizer: Tokenizer, tmp_path: Path, line: str):
    small = peak_memory_of_building(2, bytes_tokenizer, tmp_path, line)
    large = peak_memory_of_building(12, bytes_tokenizer, tmp_path, line)
    assert (tmp_path / "ids.npy").stat().st_size > 20 << 20
    assert large < small + (1 << 20)
    assert large < 20 << 20


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not tell how much of a map is used")
@pytest.mark.parametrize("reset_at", ["never", "document"])
def test_streams_read_only_the_pages_they_need(tmp_path: Path, reset_at: str):
    tokens = 200_000_000
    np.lib.format.open_memmap(tmp_path / "ids.npy", mode="w+", dtype=np.uint16, shape=(tokens,)).flush()  # sparse
    store = numbered(16, [0, tokens // 3, tokens])
    store.counts = store.counts.__class__(tokens, 0, tokens, 2, 0)
    store.ids = np.load(tmp_path / "ids.npy", mmap_mode="r")
    stream = RunningText(store, batch_size=32, bptt=70, reset_at=reset_at)
    assert sum(next(stream).tokens for _ in range(50)) > 50_000
    maps = Path("/proc/self/smaps").read_text().split(str(tmp_path / "ids.npy"))[1:]
    resident = sum(int(part.split("Rss:")[1].split()[0]) for part in maps)
    assert 0 < resident < 20_000  # kB, of 400,000


WIKITEXT = {"train": 2_088_628, "valid": 217_646, "test": 245_569}


def wikitext(shared_data: Path, split: str) -> Path:
    return shared_data / "wikitext2" / ("train.txt.gz" if split == "train" else f"{split}.txt")


@pytest.mark.parametrize("split", ["valid", "test"])
def test_wikitext_counts(shared_data: Path, split: str):
    corpus = read(wikitext(shared_data, split))
    settings = TextSettings(level="word", pretokenised=True)
    tokenizer = Tokenizer.train((piece for document in corpus for piece in document), settings)
    store = TokenStore.build(corpus, tokenizer)
    text = wikitext(shared_data, split).read_text(encoding="utf-8")
    assert len(store) == WIKITEXT[split]
    assert store.counts.unknown == text.split().count("<unk>")
    assert store.counts.characters == len(text)


@pytest.mark.slow
def test_wikitext_vocabulary_over_the_three_splits(shared_data: Path):
    corpora = {split: read(wikitext(shared_data, split)) for split in WIKITEXT}
    pieces = (piece for corpus in corpora.values() for document in corpus for piece in document)
    tokenizer = Tokenizer.train(pieces, TextSettings(level="word", pretokenised=True))
    assert tokenizer.vocabulary_size == 33_278
    assert {split: len(TokenStore.build(corpus, tokenizer)) for split, corpus in corpora.items()} == WIKITEXT
    with gzip.open(wikitext(shared_data, "train"), "rt", encoding="utf-8") as file:
        plain = file.read().replace("\n", " <eos> ").split()
    assert tokenizer.tokens(TokenStore.build(corpora["train"], tokenizer).ids) == plain


MEASURE = """
import resource, sys
from gatewise.text.settings import TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.tokenizer import Tokenizer

def line(megabytes):
    for _ in range(megabytes):
        yield (sys.argv[3] * (1 << 20))[: 1 << 20]

settings = TextSettings(level=sys.argv[1], vocabulary_size=400 if sys.argv[1] == "bpe" else 0)
tokenizer = Tokenizer.train(line(int(sys.argv[2])), settings)
TokenStore.build([line(int(sys.argv[2]))], tokenizer, folder=sys.argv[4], division=sys.argv[5])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "words", "division"),
    [
        ("byte", "x", "sentence"),
        ("char", "a few words ", "line"),
        ("word", "x", "document"),
        ("word", "a few words ", "sentence"),
        ("bpe", "x", "document"),
        ("bpe", " ", "line"),
    ],
)
def test_one_line_of_100_megabytes_needs_no_more_memory(tmp_path: Path, level: str, words: str, division: str):
    def peak(megabytes: int) -> int:
        command = [sys.executable, "-c", MEASURE, level, str(megabytes), words, str(tmp_path), division]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return int(done.stdout)

    assert peak(100) < peak(5) + 60_000  # kB


@pytest.mark.parametrize("level", ["char", "byte", "bpe", "word"])
def test_a_beginning_is_the_store_of_the_beginning(level):
    texts = ["é one two\nthree one\n", "two two\n\nfour\n"]
    settings = TextSettings(level=level, minimum_count=1)
    tokenizer = Tokenizer.train(texts, settings)
    whole = TokenStore.build(texts, tokenizer)
    first = TokenStore.build(texts[:1], tokenizer)
    found = whole.beginning(len(first), tokenizer)
    assert found.ids.tolist() == first.ids.tolist()
    assert found.boundaries.tolist() == first.boundaries.tolist()
    assert found.counts == first.counts
    assert whole.beginning(len(whole), tokenizer) is whole
    inside = whole.beginning(len(first) + 2, tokenizer)
    assert inside.boundaries.tolist() == [0, len(first), len(first) + 2]


def test_a_beginning_of_sentences_ends_with_one():
    texts = ["one two\nthree\nfour five\n"]
    tokenizer = Tokenizer.train(texts, TextSettings(level="word", minimum_count=1))
    whole = TokenStore.build(texts, tokenizer, division="sentence")
    assert whole.boundaries.tolist() == [0, 3, 5, 8]
    assert whole.beginning(7, tokenizer).boundaries.tolist() == [0, 3, 5]
    with pytest.raises(DataError, match="not one sentence is within so few tokens"):
        whole.beginning(2, tokenizer)
