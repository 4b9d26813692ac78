"""Word vectors: what is taken of a file, whatever wrote it, and which line is wrong."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import DataError
from gatewise.text.vectors import WordVectors, read_vectors


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def taken(data: str | bytes, *words: str, name: str = "v.txt") -> WordVectors:
    data = data.encode() if isinstance(data, str) else data
    Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return read_vectors(name, words)


FORMS = {
    "glove": "the 0.5 1 -2\ncat 1e-1 0 +3\n",
    "no last line end": "the 0.5 1 -2\ncat 1e-1 0 +3",
    "windows": "the 0.5 1 -2\r\ncat 1e-1 0 +3\r\n",
    "word2vec": "2 3\nthe 0.5 1 -2 \ncat 1e-1 0 +3 \n",
    "tabs": "the\t0.5\t1\t-2\ncat\t1e-1\t0\t+3\n",
    "tabs and a first line": "2 3\nthe\t0.5\t1\t-2\ncat\t1e-1\t0\t+3\n",
    "blank lines": "the 0.5 1 -2\n\ncat 1e-1 0 +3\n\n",
    "mark": "\ufeffthe 0.5 1 -2\ncat 1e-1 0 +3\n",
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["v.txt", "v.vec.gz"])
def test_every_form_gives_the_same(data: str, name: str):
    vectors = taken(data, "dog", "cat", "the", name=name)
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, np.array([[0, 0, 0], [0.1, 0, 3], [0.5, 1, -2]], np.float32))
    assert vectors.found.tolist() == [False, True, True]
    assert (vectors.lines, vectors.notes) == (2, ())
    assert read_vectors("-", ["cat"], io.BytesIO(data.encode())).matrix.tolist() == vectors.matrix[1:2].tolist()


def test_nothing_found_has_the_width_of_the_file():
    assert taken("the 1 2 3\n", "dog").matrix.shape == (1, 3)
    assert taken("2 3\nthe 1 2 3\na 1 2 3\n").matrix.shape == (0, 3)


def test_words_are_compared_by_their_bytes():
    words = ["é", "e\u0301", "\u2028", "\u00a0", "É", "a\x0bb", "\ud800", "7"]
    lines = "".join(f"{word} {n}.5 0\n" for n, word in enumerate(words) if word != "\ud800")
    vectors = taken(lines.encode() + b"\xff\xfe 1 1\n", *words)
    assert vectors.found.tolist() == [word != "\ud800" for word in words]
    assert vectors.matrix[vectors.found][:, 0].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.5]


def test_a_word_with_spaces_is_a_word_of_its_own():
    vectors = taken(". 1 2\n. . . 3 4\nat name@domain.com 5 6\n", ".", "at", ". . .")
    assert vectors.matrix.tolist() == [[1, 2], [0, 0], [3, 4]]


def test_of_two_vectors_the_first_counts_and_the_second_is_said():
    vectors = taken("a 1 1\nb 2 2\na 3 3\nc 0 0\nc 0 0\n", "a", "b")
    assert vectors.matrix.tolist() == [[1, 1], [2, 2]]
    assert vectors.notes == ("words that stand there twice, of which the first counts: v.txt:3 (a, as in line 1)",)
    far = "a 1 1\n" + "b 2 2\n" * 300_000 + "a 3 3\n"
    assert taken(far, "a").notes == (
        "words that stand there twice, of which the first counts: v.txt:300002 (a, as in line 1)",
    )


def test_another_number_of_vectors_than_promised_is_said():
    assert taken("3 2\na 1 1\nb 2 2\n", "a").notes == ("v.txt: its first line says 3 vectors, but it has 2",)


REFUSED = {
    "too few": ("a 1 2\nb 1\n", r"v\.txt:2: every line must have a word and 2 numbers, but this one has 1"),
    "too many": ("a 1 2\nb 1 2 3\n", r"v\.txt:2: every line must have a word and 2 numbers, but this one has 3"),
    "too few for the first line": ("1 3\nx 1 2\n", r"v\.txt:2: every line must have a word and 3 numbers, .* has 2"),
    "a width that no memory has": ("1 99999999999\nx 1 2\n", r"v\.txt:2: every line must have a word and 99999999999"),
    "cut": ("a 1 2\nb 1 2\nc", r"v\.txt:3: every line must have a word and 2 numbers, but this one has 0"),
    "no number": ("a 1 2\nb 1 x2\n", r"v\.txt:2: a finite number is needed, but 'x2' stands there"),
    "comma": ("b 1 2,5\n", r"v\.txt:1: a finite number is needed, but '2,5' stands there"),
    "two spaces": ("a 1 2\nb 1  \n", r"v\.txt:2: every line must have a word and 2 numbers, but this one has 1"),
    "nan": ("a 1 2\nb 1 nan\n", r"v\.txt:2: a finite number is needed, but 'nan' stands there"),
    "too large": ("a 1 2\nb 1 1e60\n", r"v\.txt:2: a finite number is needed, but '1e60' stands there"),
    "far down": ("a 1 2\n" * 300_000 + "b 1 -\n", r"v\.txt:300001: a finite number is needed, but '-' stands there"),
    "far down, width": ("a 1 2\n" * 300_000 + "c 1\n", r"v\.txt:300001: every line must have"),
    "no numbers": ("word\nother\n", r"v\.txt:1: a word and its numbers, .* are needed in the first line"),
    "empty": ("", r"v\.txt: word vectors are needed, but there is none"),
    "first line alone": ("2 3\n", r"v\.txt: word vectors are needed, but there is none"),
    "binary": (b"1 2\nb \x00\x00\x80\x3f\x00\x00\x00\x40\n", r"v\.txt:2: .* NUL byte.*; give the text format, not the"),
    "zip": (b"PK\x03\x04", r"v\.txt:1: text is needed, but this looks like a zip archive"),
    "gzip": (gzip.compress(b"a 1 2\n"), r"v\.txt:1: .* looks like gzip data; give it a name that ends in \.gz"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_with_its_place(data: str | bytes, message: str):
    with pytest.raises(DataError, match=message) as raised:
        taken(data, "b", "x")
    assert "\n" not in str(raised.value)


def test_damaged_gzip_and_missing_files_are_refused():
    Path("v.gz").write_bytes(gzip.compress(b"a 1 2\n" * 1000)[:-12])
    with pytest.raises(DataError, match=r"v\.gz:\d+: the gzip data are damaged"):
        read_vectors("v.gz", ["a"])
    with pytest.raises(DataError, match=r"nothing\.txt: cannot be read"):
        read_vectors("nothing.txt", ["a"])
    with pytest.raises(DataError, match=r"\.: a file is needed, but this is a folder"):
        read_vectors(".", ["a"])


def test_a_word_asked_for_twice_is_the_callers_mistake():
    with pytest.raises(ValueError, match="words must be distinct"):
        taken("a 1\n", "a", "a")


@pytest.mark.parametrize("header", [False, True])
def test_random_vectors_are_read_back(header: bool):
    source = random.Random(0)
    rows = {f"w{n}é": [source.gauss(0, 1) for _ in range(25)] for n in range(4000)}
    lines = [f"{word} {' '.join(map(repr, row))}\n" for word, row in rows.items()]
    words = [*source.sample(sorted(rows), 2000), "none"]
    vectors = taken("4000 25\n" * header + "".join(lines), *words)
    assert Path("v.txt").stat().st_size > 1 << 20  # several blocks
    expected = np.array([[float(number) for number in rows[word]] for word in words[:-1]], np.float64)
    np.testing.assert_array_equal(vectors.matrix[:-1], expected.astype(np.float32))
    assert vectors.found.tolist() == [True] * 2000 + [False]
    assert vectors.lines == 4000


def test_memory_follows_the_words_asked_for_and_not_the_file():
    line = b"word " + b"0.123456 " * 50 + b"\n"

    class Long(io.RawIOBase):
        left = 24

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return line * 2000 if self.left >= 0 else b""

    tracemalloc.start()
    assert read_vectors("-", ["other"], Long()).lines == 48_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5 * 2000 * len(line)  # a few of 24 blocks
