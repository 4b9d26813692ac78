"""Files of columns: what is a word, a tag, a comment, the end of a sentence, and how mistakes are told."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError, SettingError
from gatewise.text.conll import ConllSettings, Sentence, parse, read_tagged, stream_sentences, to_columns

CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- O O

BRUSSELS NNP B-NP B-LOC
"""


def read(text: str, tagged: bool = True, **settings: object) -> list[Sentence]:
    return list(parse(text, ConllSettings(**settings), tagged))


def pairs(found: list[Sentence]) -> list[list[tuple[str, str]]]:
    return [list(zip(sentence.words, sentence.tags, strict=True)) for sentence in found]


def test_columns_between_spaces_are_read_as_conll_2003_writes_them():
    found = read(CONLL_2003)
    assert pairs(found) == [
        [("EU", "B-ORG"), ("rejects", "O")],
        [("Peter", "B-PER"), ("Blackburn", "I-PER")],
        [("BRUSSELS", "B-LOC")],
    ]
    assert [[sentence.where(word) for word in range(len(sentence))] for sentence in found] == [
        ["text:3", "text:4"],
        ["text:6", "text:7"],
        ["text:11"],
    ]
    assert "".join(sentence.source for sentence in found) == CONLL_2003
    assert (found[1].text(), found[1].offsets()) == ("Peter Blackburn", [(0, 5), (6, 15)])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, ("a", "d")),
        ({"tag_column": 3}, ("a", "c")),
        ({"tag_column": -2}, ("a", "c")),
        ({"word_column": 2, "tag_column": 1}, ("b", "a")),
        ({"word_column": -4, "tag_column": 4}, ("a", "d")),
    ],
)
@pytest.mark.parametrize("line", ["a\tb\tc\td\n", "a b c d\n", "a  b \t c d \n"], ids=["tabs", "spaces", "ragged"])
def test_columns_are_chosen_by_their_place(columns: dict[str, int], expected: tuple[str, str], line: str):
    separator = "space" if "  " in line else "auto"
    assert pairs(read(line, separator=separator, **columns)) == [[expected]]


TABS = "# sent_id = 1\n# text\nto\tO\n#\tO\n#tag\tB-x\n# \tO\n"


def test_a_sign_of_a_comment_is_a_word_where_it_has_a_tag():
    assert pairs(read(TABS)) == [[("to", "O"), ("#", "O"), ("#tag", "B-x"), ("# ", "O")]]
    assert pairs(read("# O\n#x O\n")) == [[("#", "O"), ("#x", "O")]]
    assert pairs(read("# O\n\nx O\n\n# O\n")) == [[("#", "O")], [("x", "O")], [("#", "O")]]


def test_comments_of_another_sign_are_named():
    text = "// a remark here\nso O\n// O\n"
    assert pairs(read(text, comment="//")) == [[("so", "O")]]
    assert read(text, comment="//")[0].with_tags(["X"]) == "// a remark here\nso X\n// O\n"


def test_marks_of_documents_of_conll_2012_are_no_words():
    text = "#begin document (bc/1); part 000\nbc 0 In O\n\n#end document\n"
    found = read(text, word_column=3)
    assert pairs(found) == [[("In", "O")]]
    assert found[0].source == text


@pytest.mark.parametrize(
    "text",
    [
        "a\tO\n\nb\tO\n\n",
        "a\tO\n\nb\tO\n",
        "a\tO\n\nb\tO",
        "\n\n \na\tO\n\t\n\n\nb\tO\n\t\n\n",
        "# c\n\na\tO\n\n# d\nb\tO\n\n# the end\n\n",
        "# c\n\n# d\n\na\tO\n\n-DOCSTART-\tO\n\nb\tO\n\n# the end",
        "\n-DOCSTART- O\n\na O\n\nb O\n-DOCSTART- O",
    ],
    ids=["usual", "no last blank line", "no last newline", "many blank lines", "comments", "comments alone", "spaces"],
)
def test_blank_lines_end_sentences_and_nothing_is_lost(text: str):
    found = read(text)
    assert pairs(found) == [[("a", "O")], [("b", "O")]]
    assert "".join(sentence.source for sentence in found) == text
    assert [text.split("\n")[int(sentence.where().split(":")[1]) - 1][0] for sentence in found] == ["a", "b"]


LINES = st.lists(
    st.sampled_from(["a\tO", "bc\tB-x", "#\tO", "# note", "", "", "\t", " ", "-DOCSTART-\tO", "é🙂\tO", "\u2028x\tO"])
)


@given(LINES, st.booleans(), st.integers(1, 9))
def test_any_division_of_a_text_gives_the_same_sentences(lines: list[str], ends: bool, size: int):
    from gatewise.text.conll import sentences
    from gatewise.text.documents import Document

    text = "\n".join(["first\tO", *lines]) + "\n" * ends
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = list(sentences(Document("text", lambda: iter(pieces)), ConllSettings()))
    assert found == read(text)
    assert "".join(sentence.source for sentence in found) == text
    # Said once more: a row of lines with a tab, cut at lines without a sign, with everything else passed over.
    expected: list[list[str]] = [[]]
    for line in text.split("\n"):
        if not line.strip(" \t"):
            expected.append([])
        elif "\t" in line and not line.startswith("-DOCSTART-"):
            expected[-1].append(line.split("\t")[0])
    assert [list(sentence.words) for sentence in found] == [words for words in expected if words]


def test_words_may_hold_any_space_but_the_separator():
    assert read("50 000\tNUM\n")[0].words == ("50 000",)
    assert read("50\u00a0000 NUM\n\u3000 O\n")[0].words == ("50\u00a0000", "\u3000")


def test_other_tags_are_written_in_the_place_of_the_old():
    found = read("a  x   O\nb y\tB-p \n\n", separator="space")
    assert found[0].with_tags(["B-long", "O"]) == "a  x   B-long\nb y\tO \n\n"
    assert found[0].with_tags(["P", "Q"], add=True) == "a  x   O P\nb y\tB-p Q\n\n"
    assert read("a\tO\t\nb\tP\t\n", tag_column=2)[0].with_tags(["1", "2"]) == "a\t1\t\nb\t2\t\n"
    assert read("a\tO\n")[0].with_tags(["1"], add=True) == "a\tO\t1\n"


def test_words_alone_get_a_column_of_tags():
    found = read("Time\nflies\n\n", tagged=False)
    assert (found[0].words, found[0].tags) == (("Time", "flies"), ())
    assert found[0].with_tags(["NN", "VBZ"]) == "Time NN\nflies VBZ\n\n"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["O"], "text:1: 2 words need as many tags, but 1 were given"),
        (["O", "a b"], "a column is to hold 'a b', but no space may stand in it"),
        (["O", "a\nb"], "but no newline may stand in it"),
        (["O", ""], "a word or a tag, but it is empty"),
    ],
)
def test_tags_that_cannot_be_read_back_are_not_written(tags: list[str], message: str):
    with pytest.raises(DataError, match=message):
        read("a O\nb O\n")[0].with_tags(tags)


REFUSED = {
    "too few": ("a b O\nc O\n", {}, r"^text:2: 3 columns are expected, as in line 1, but this line has 2; "),
    "too many": ("\na\tO\n\n\nc\td\tO\n", {}, "^text:5: 2 columns are expected, as in line 2, but this line has 3"),
    "a comment": ("a O\n\n# a note: it\nc O\n", {}, "^text:3: .* has 4; give --comment '#' if lines that begin so"),
    "a comment first": (
        "# a note: it\nc O\n",
        {},
        "^text:2: 4 columns .* line 1, but this line has 2; give --comment '#'",
    ),
    "no tags": (
        "a\nb\n",
        {},
        "^text:1: a tag is needed beside each word, but this line has one column; give --tag-col",
    ),
    "word is tag": ("a O\n", {"tag_column": 1}, "^text:1: .* but column 1 is that of the words"),
    "no such tag": ("a b O\n", {"tag_column": 4}, "^text:1: the tags are in column 4, but this line has 3 columns"),
    "no such word": ("a O\n", {"word_column": -3}, "^text:1: the words are in column -3, but this line has 2"),
    "no word": ("a\tO\n\tB-x\n", {}, "^text:2: a word is needed in column 1, but it is empty"),
    "spaces as a word": ("a\tO\n  \tB-x\n", {}, "^text:2: a word is needed in column 1"),
    "empty tag": ("a\tO\nb\t\n", {}, "^text:2: every word needs a tag, but column 2 of 'b' is empty"),
    "hidden tag": ("a O\nb _\n", {}, "^text:2: every word needs a tag, but column 2 of 'b' is '_'; tag the word"),
}


@pytest.mark.parametrize(("text", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_mistakes_are_told_with_their_place(text: str, settings: dict[str, int], message: str):
    with pytest.raises(DataError, match=message) as raised:
        read(text, **settings)
    assert "\n" not in str(raised.value)


def test_tags_may_be_missing_where_none_are_needed():
    assert read("a\tO\nb\t_\nc\t\n", tagged=False)[0].tags == ("O", "_", "")


def test_column_0_is_refused():
    with pytest.raises(SettingError, match=r"columns are counted from 1, but tag_column is 0"):
        ConllSettings(tag_column=0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_any_kind_are_read(folder: Path):
    (folder / "a.conll").write_bytes(b"\xef\xbb\xbfa\tO\r\n\r\nb\tB-x\r\n")
    (folder / "b.conll.gz").write_bytes(gzip.compress(b"# only\n# comments\n"))
    (folder / "c.txt").write_bytes("é O\n".encode("latin-1"))
    (folder / "d.md").write_bytes(b"no table")
    corpus = read_tagged(".", encoding="latin-1", stdin=None)
    assert [sentence.words[-1] for sentence in corpus][1:] == ["b", "é"]
    corpus = read_tagged(["a.conll", "b.conll.gz", "-"], stdin=io.BytesIO(b"c d B-y\n"))
    assert [sentence.words for sentence in corpus] == [("a",), ("b",), ("c",)]
    assert [sentence.where() for sentence in corpus] == ["a.conll:1", "a.conll:3", "stdin:1"]
    assert corpus.tags == {"O": 1, "B-x": 1, "B-y": 1}
    assert corpus.notes == [
        "the byte order mark at the beginning is left out: a.conll",
        "CRLF line ends are read as LF: a.conll",
        "read as 2 columns between tabs, words in column 1, tags in column 2: a.conll",
        "left out, since there are only comments in it: b.conll.gz",
        "read as 3 columns between spaces, words in column 1, tags in column 3: stdin",
    ]


def test_lines_that_are_no_words_are_told(folder: Path):
    (folder / "a.conll").write_text(CONLL_2003)
    assert read_tagged("a.conll").notes == [
        "a.conll: 2 lines are comments or begin a document, the others are words",
        "read as 4 columns between spaces, words in column 1, tags in column 4: a.conll",
    ]


def test_a_file_of_comments_is_refused(folder: Path):
    (folder / "a.conllu").write_text("# one\n\n# two\n")
    with pytest.raises(DataError, match=r"a\.conllu: sentences are needed, but there are only comments"):
        read_tagged("a.conllu")
    (left,) = stream_sentences("a.conllu", notice=print)
    assert (left.words, left.with_tags([])) == ((), "# one\n\n# two\n")


class Slow(io.RawIOBase):
    """A pipe through which one line comes at a time, and that counts them."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines, self.given = lines, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        if self.given == len(self.lines):
            return 0
        line = self.lines[self.given]
        self.given += 1
        buffer[: len(line)] = line
        return len(line)


def test_stdin_is_tagged_while_it_comes_and_left_open():
    slow = Slow([b"a\n", b"\n", b"b\n", b"\n", b"c\n", b"\n"] * 2)
    pipe = io.BufferedReader(slow)
    found = stream_sentences("-", stdin=pipe, notice=print)
    assert next(found).words == ("a",)
    assert slow.given <= 5
    assert len(list(found)) == 5
    assert not pipe.closed


def test_what_a_stream_changes_is_told(folder: Path):
    (folder / "a.conll").write_bytes(b"a\tO\r\n")
    (folder / "b.md").write_bytes(b"")
    told: list[str] = []
    list(stream_sentences(".", notice=lambda name, what: told.append(f"{name}: {what}")))
    assert told == [".: 1 files of other kinds are not read (.md)", "./a.conll: CRLF line ends are read as LF"]


def test_new_sentences_are_written_as_columns():
    text = to_columns(["a", "b"], ["O", "B-x"], ["B-x", "O"]) + to_columns(["c"], ["O"], ["O"])
    assert text == "a\tO\tB-x\nb\tB-x\tO\n\nc\tO\tO\n\n"
    assert [sentence.words for sentence in read(text)] == [("a", "b"), ("c",)]
    with pytest.raises(DataError, match=r"but no tab may stand in it"):
        to_columns(["a\tb"], ["O"])
    with pytest.raises(DataError, match=r"2 words need as many tags"):
        to_columns(["a", "b"], ["O"])


def test_the_last_sentences_are_held_out():
    from gatewise.text.conll import TaggedCorpus
    from gatewise.text.documents import Corpus

    corpus = TaggedCorpus(Corpus.of(["".join(f"w{n} O\n\n" for n in range(7)), "x O\n\ny O\n\nz O\n"]), ConllSettings())
    kept, held_out = corpus.split(0.25)
    assert [sentence.words[0] for sentence in kept] == [f"w{n}" for n in range(7)] + ["x"]
    assert [sentence.words[0] for sentence in held_out] == ["y", "z"]
    assert (len(corpus), len(kept), len(held_out)) == (10, 8, 2)
    assert len(corpus.split(0.001)[1]) == 1
    with pytest.raises(DataError, match=r"there is only 1 sentence"):
        TaggedCorpus(Corpus.of(["x O\n"]), ConllSettings()).split(0.5)
    assert corpus.record.items() >= {"documents": 2, "sentences": 10, "words": 10, "tags": 1}.items()
