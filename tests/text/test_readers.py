"""What is read from files, folders, globs, gz and stdin, and how it is said when it is no text."""

from __future__ import annotations

import gzip
import io
import os
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from gatewise.errors import DataError
from gatewise.text.readers import read

ODD = "e\u0301 \u00e9 \u2028 \u0085 \u200b \U0001f468\u200d\U0001f469"


def written(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


def texts(corpus: object) -> list[str]:
    return ["".join(document) for document in corpus]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_files_are_documents_in_the_order_given(tmp_path: Path):
    written(tmp_path, b_txt=b"second", a_txt=b"first\n")
    corpus = read(["b.txt", tmp_path / "a.txt"])
    assert texts(corpus) == ["second", "first\n"]
    assert [document.name for document in corpus] == ["b.txt", str(tmp_path / "a.txt")]
    assert corpus.notes == []
    assert texts(read("a.txt")) == texts(read(Path("a.txt"))) == ["first\n"]


def test_a_corpus_can_be_read_again_and_again(tmp_path: Path):
    written(tmp_path, a_txt=b"text\n" * 3)
    corpus = read("a.txt")
    assert texts(corpus) == texts(corpus) == ["text\n" * 3]


def test_a_folder_is_its_text_files_sorted(tmp_path: Path):
    (tmp_path / "f" / "inner").mkdir(parents=True)
    written(tmp_path / "f", b_txt=b"b", a_TXT=b"a", notes_md=b"no", Makefile=b"no")
    written(tmp_path / "f" / "inner", c_txt=b"c")
    (tmp_path / "f" / "d.txt.gz").write_bytes(gzip.compress(b"d"))
    corpus = read("f")
    assert texts(corpus) == ["a", "b", "d", "c"]
    assert corpus.notes == ["f: 2 files of other kinds are not read (.md, no ending)"]


def test_a_glob_is_what_it_matches_sorted(tmp_path: Path):
    written(tmp_path, b_md=b"b", a_md=b"a", c_txt=b"c")
    assert texts(read("*.md")) == ["a", "b"]


def test_a_name_with_the_signs_of_a_glob_is_a_name_first(tmp_path: Path):
    written(tmp_path, **{"a[1].txt": b"itself", "a1_txt": b"other"})
    assert texts(read("a[1].txt")) == ["itself"]


def test_compressed_text_is_decompressed(tmp_path: Path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert texts(read("a.txt.gz")) == ["one\ntwo\n"]


def test_stdin_is_read_once_and_kept(tmp_path: Path):
    corpus = read("-", stdin=io.BytesIO(b"from a pipe\r\n"))
    assert texts(corpus) == texts(corpus) == ["from a pipe\n"]
    assert [document.name for document in corpus] == ["stdin"]


def test_what_is_kept_of_stdin_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    corpus = read("-", stdin=io.BytesIO(b"text"))
    assert len(list(tmp_path.iterdir())) == 1
    del corpus
    assert not list(tmp_path.iterdir())


def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path):
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(b"through a pipe"))
    writer.start()
    corpus = read("pipe")
    writer.join()
    assert texts(corpus) == texts(corpus) == ["through a pipe"]


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"one line without an end", "one line without an end", None),
        (b"\xef\xbb\xbfwith a mark\n", "with a mark\n", "the byte order mark at the beginning is left out"),
        (b"a \xef\xbb\xbf mark inside\n", "a \ufeff mark inside\n", None),
        (b"one\r\ntwo\r\n", "one\ntwo\n", "CRLF line ends are read as LF"),
        (b"one\rtwo\r", "one\ntwo\n", "CR line ends are read as LF"),
        (b"\n\n \n word \n", "\n\n \n word \n", None),
        (ODD.encode(), ODD, None),
        (b"x" * (1 << 20) + "é\r\nz".encode(), "x" * (1 << 20) + "é\nz", "CRLF line ends are read as LF"),
        (b"x" * ((1 << 20) - 1) + "é\r\nz".encode(), "x" * ((1 << 20) - 1) + "é\nz", "CRLF line ends are read as LF"),
    ],
    ids=["one-line", "bom", "bom-inside", "crlf", "cr", "blank-lines", "unicode", "block-end", "inside-a-character"],
)
def test_text_is_taken_as_it_is_but_for_marks_and_line_ends(tmp_path: Path, data: bytes, text: str, note: str | None):
    written(tmp_path, a_txt=data)
    corpus = read("a.txt")
    assert texts(corpus) == [text]
    assert corpus.notes == [f"{note}: a.txt"] * (note is not None)


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "na\u00efve \u0085"), ("cp1252", "“na\u00efve”"), ("utf-16", "na\u00efve\r\n")]
)
def test_other_encodings_are_read_when_asked_for(tmp_path: Path, encoding: str, text: str):
    written(tmp_path, a_txt=text.encode(encoding))
    assert texts(read("a.txt", encoding=encoding)) == [text.replace("\r\n", "\n")]


def test_many_changed_files_are_one_note(tmp_path: Path):
    for number in range(5):
        (tmp_path / f"{number}.txt").write_bytes(b"%d\r\n" % number)
    assert read(".").notes == ["CRLF line ends are read as LF: ./0.txt, ./1.txt, ./2.txt and 2 more"]


def test_the_same_file_is_read_once_and_said(tmp_path: Path):
    written(tmp_path, a_txt=b"text")
    os.symlink("a.txt", "link.txt")
    os.link("a.txt", "hard.txt")
    corpus = read(["a.txt", "./a.txt", "link.txt", "hard.txt", "*a.txt"])
    assert texts(corpus) == ["text"]
    names = ["./a.txt", "link.txt", "hard.txt", "a.txt"]
    assert corpus.notes == [f"{name}: named more than once, read once" for name in names]


def test_a_copy_of_a_file_is_left_out_and_said(tmp_path: Path):
    written(tmp_path, a_txt=b"text", b_txt=b"other", c_txt=b"text")
    corpus = read(".")
    assert texts(corpus) == ["text", "other"]
    assert corpus.notes == ["left out, since the same text was read before: ./c.txt (as ./a.txt)"]


def test_an_empty_file_among_others_is_left_out_and_said(tmp_path: Path):
    written(tmp_path, a_txt=b"", b_txt=b" \n\n", c_txt=b"text")
    corpus = read(".")
    assert texts(corpus) == ["text"]
    assert corpus.notes == ["left out, since nothing is in it: ./a.txt, ./b.txt"]


REFUSED = {
    "empty": (b"", "nothing but white space is in f"),
    "only newlines": (b"\n" * 10, "nothing but white space is in f"),
    "mark alone": (b"\xef\xbb\xbf", "nothing but white space is in f"),
    "latin-1": (b"one\ntwo\nna\xefve\n", r"f:3: text must be UTF-8, but the byte 0xef is not .*--encoding latin-1"),
    "latin-1 after CRLF": (b"one\r\ntwo\r\nna\xefve\n", "f:3: text must be UTF-8"),
    "latin-1 far down": (b"line\n" * 500_000 + b"\xe9\n", "f:500001: text must be UTF-8"),
    "cut character": (b"one\nna\xc3", "f:2: text must be UTF-8, but the byte 0xc3"),
    "overlong": (b"one\n\xc0\xaf", "f:2: text must be UTF-8"),
    "surrogate": (b"one\n\xed\xa0\x80", "f:2: text must be UTF-8"),
    "nul": (b"one\ntwo\nth\0ree\n", "f:3: text is needed, but this holds a NUL byte"),
    "nul far down": (b"line\n" * 500_000 + b"\0", "f:500001: .* NUL byte"),
    "binary": (bytes(range(256)) * 4, "f:1: text is needed, but this holds a NUL byte"),
    "elf": (b"\x7fELF\x02\x01\x01\0\0\0", "f:1: text is needed, but this holds a NUL byte"),
    "gzip": (gzip.compress(b"text"), r"f:1: .*looks like gzip data; give it a name that ends in \.gz"),
    "zip": (b"PK\x03\x04" + bytes(100), "f:1: .*looks like a zip archive or an office document; extract"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "f:1: .*looks like a PDF; extract"),
    "utf-16": ("text".encode("utf-16"), "f:1: .*looks like UTF-16; give --encoding utf-16"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_text_is_refused_with_its_place(tmp_path: Path, data: bytes, message: str):
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(DataError, match=message) as raised:
        read("f")
    assert "\n" not in str(raised.value)


def test_utf16_without_a_mate_is_refused_with_its_place(tmp_path: Path):
    (tmp_path / "f").write_bytes("one\ntwo\n".encode("utf-16") + b"\x00\xd8\x41\x00")
    with pytest.raises(DataError, match="f:3: text must be UTF-16"):
        read("f", encoding="utf-16")


def test_a_nul_in_utf16_is_refused_with_its_place(tmp_path: Path):
    (tmp_path / "f").write_bytes("one\nt\0wo".encode("utf-16"))
    with pytest.raises(DataError, match=r"f:2: .*NUL character"):
        read("f", encoding="utf-16")


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip", "junk behind"])
def test_damaged_compressed_text_is_refused(tmp_path: Path, damage: str):
    data = gzip.compress(b"some text\n" * 1000, mtime=0)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 8
    changed = {"cut": data[:-12], "flipped": flipped, "no gzip": b"plain text", "junk behind": data + b"junk"}[damage]
    (tmp_path / "f.gz").write_bytes(changed)
    with pytest.raises(DataError, match=r"f\.gz:\d+: the gzip data are damaged \(.*\); get the file again"):
        read("f.gz")


def test_missing_file_is_refused_with_the_name_beside_it(tmp_path: Path):
    written(tmp_path, shakespeare_txt=b"text")
    with pytest.raises(DataError, match=r"shakspeare\.txt: there is no such file; did you mean shakespeare\.txt\?"):
        read("shakspeare.txt")
    with pytest.raises(DataError, match=r"nowhere/a\.txt: there is no such file; look at the name"):
        read("nowhere/a.txt")
    os.symlink("gone", "dangling.txt")
    with pytest.raises(DataError, match=r"dangling\.txt: cannot be read \(No such file"):
        read("dangling.txt")


def test_folder_or_glob_without_text_is_refused(tmp_path: Path):
    written(tmp_path, a_md=b"text")
    with pytest.raises(DataError, match=r"\.: a folder must hold \.txt or \.txt\.gz files, but none is below it"):
        read(".")
    with pytest.raises(DataError, match=r"\*\.txt: a glob must match something"):
        read("*.txt")
    with pytest.raises(DataError, match="at least one file"):
        read([])


def test_device_is_refused():
    with pytest.raises(DataError, match=r"/dev/zero: .* this is a device or socket"):
        read("/dev/zero")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_refused(tmp_path: Path):
    written(tmp_path, a_txt=b"text")
    os.chmod("a.txt", 0)
    with pytest.raises(DataError, match=r"a\.txt: cannot be read \(Permission denied\)"):
        read("a.txt")


def test_closed_stdin_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="stdin is closed"):
        read("-")


def test_a_file_that_changes_between_two_passes_is_refused(tmp_path: Path):
    written(tmp_path, a_txt=b"text\n")
    corpus = read("a.txt")
    with open("a.txt", "ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match=r"a\.txt: the file must stay as it is .* has changed"):
        texts(corpus)
    os.unlink("a.txt")
    with pytest.raises(DataError, match=r"a\.txt: cannot be read \(No such file"):
        texts(corpus)


def test_any_bytes_are_text_or_one_clear_line(tmp_path: Path):
    source = random.Random(0)
    fragments = [b"\0", b"\xff", b"\xc3\xa9", b"a", b"\n", b"\r", b"\xef\xbb\xbf", b"\xe2\x80", b"\x1f\x8b", b" "]
    outcomes = Counter()
    for _ in range(600):
        data = b"".join(source.choices(fragments, [1, 1, 5, 9, 9, 3, 1, 1, 1, 5], k=source.randrange(12)))
        (tmp_path / "f").write_bytes(data)
        plain = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        fine = not {"\0", "\ufffd"} & set(plain) and plain != "" and not plain.isspace()
        outcomes[fine] += 1
        if fine:
            assert texts(read("f")) == [plain]
        else:
            with pytest.raises(DataError, match=r"^(f:\d+: )?text (is needed|must be)[^\n]*$"):
                read("f")
    assert min(outcomes[True], outcomes[False]) > 100
