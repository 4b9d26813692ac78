"""Files without columns: lines that begin with labels, a file or a folder for each class; and how a form is chosen."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from gatewise.errors import DataError, SettingError
from gatewise.text.labelled import Labelled, LabelledSettings, read_labelled


def write(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def first(data: str, **settings: str) -> list[tuple[str, tuple[str, ...]]]:
    Path("a.txt").write_text(data)
    corpus = read_labelled("a.txt", LabelledSettings(format="label_first", **settings))
    assert [example.where for example in corpus] == [
        f"a.txt:{n}" for n, line in enumerate(data.split("\n"), 1) if len(line.split()) > 1
    ]
    return [(text, labels) for text, labels, _ in corpus]


def test_the_first_word_is_the_label():
    assert first("4 a stirring film\n\n  2\ttabs  and spaces \n0  two") == [
        ("a stirring film", ("4",)),
        ("tabs  and spaces ", ("2",)),
        (" two", ("0",)),
    ]
    assert first("DESC:manner How ?\nHUM:ind Who ?\n", label_until=":") == [("How ?", ("DESC",)), ("Who ?", ("HUM",))]
    assert first("a,b text\n", label_separator=",") == [("text", ("a", "b"))]


def test_words_with_the_prefix_are_labels_wherever_they_stand():
    lines = "__label__a __label__b some text\n__label__a more , text\nin __label__c front x__label__d\n"
    expected = [("some text", ("a", "b")), ("more , text", ("a",)), ("in front x__label__d", ("c",))]
    assert first(lines) == expected
    assert [(text, labels) for text, labels, _ in read_labelled("a.txt")] == expected
    assert first("#x some\n#y #z text\n", label_prefix="#") == [("some", ("x",)), ("text", ("y", "z"))]
    assert first("__label__a some\n", label_prefix="") == [("some", ("__label__a",))]


def test_a_line_without_a_label_is_refused():
    Path("a.txt").write_text("__label__a text\n\nmore text\n")
    with pytest.raises(DataError, match=r"a\.txt:3: every line must have a label that begins with __label__, .* none"):
        read_labelled("a.txt")


def test_a_label_alone_is_an_empty_text():
    Path("a.txt").write_text("x one\ny\n")
    corpus = read_labelled("a.txt", LabelledSettings(format="label_first"))
    assert len(corpus) == 1
    assert corpus.notes == ["left out, since the text is empty: a.txt:2"]


def test_several_files_are_classes():
    write(f__pos_txt="good\n\nfine film\n", f__neg_txt="bad", f__README="about")
    expected = [("bad", "neg", "f/neg.txt:1"), ("good", "pos", "f/pos.txt:1"), ("fine film", "pos", "f/pos.txt:3")]
    corpus = read_labelled("f")
    assert [(text, labels[0], where) for text, labels, where in corpus] == expected
    assert corpus.notes == [
        "f: 1 files of other kinds are not read (no ending)",
        "left out, since the text is empty: f/pos.txt:2",
    ]
    assert corpus.record["files"] == 2
    assert list(read_labelled(["f/neg.txt", "f/pos.txt"])) == list(read_labelled("f/*.txt")) == list(corpus)
    one = read_labelled("f/pos.txt", LabelledSettings(format="class_files"))
    assert one.labels == {"pos": 2}


def test_a_folder_of_folders_is_classes():
    write(f__pos__b_txt="two\nlines\n", f__pos__a_txt="good", f__neg__c_txt="bad", f__README="about", f__more_md="x")
    os.mkdir("f/empty")
    with gzip.open("f/neg/d.txt.gz", "wt") as file:
        file.write("packed")
    corpus = read_labelled("f")
    assert list(corpus) == [
        Labelled("bad", ("neg",), "f/neg/c.txt:1"),
        Labelled("packed", ("neg",), "f/neg/d.txt.gz:1"),
        Labelled("good", ("pos",), "f/pos/a.txt:1"),
        Labelled("two\nlines", ("pos",), "f/pos/b.txt:1"),
    ]
    assert corpus.notes == ["f: not read, since it is no folder of a class: README, empty, more.md"]
    assert list(read_labelled("f", LabelledSettings(format="class_folders"))) == list(corpus)


def test_tables_of_different_forms_are_read_together():
    write(a_csv="text,label\na,x\n", b_jsonl='{"text": "b", "label": "y"}\n')
    assert [example.text for example in read_labelled(["a.csv", "b.jsonl"])] == ["a", "b"]
    assert [example.text for example in read_labelled(["a.csv", "a.csv"])] == ["a"]
    write(f__a_csv="text,label\na,x\n", f__readme_txt="about")
    corpus = read_labelled("f")
    assert corpus.labels == {"x": 1}
    assert corpus.notes == ["f: 1 files of other kinds are not read (.txt)"]


def test_stdin_has_the_form_that_is_asked_for():
    def stdin() -> io.BytesIO:
        return io.BytesIO(b"text,label\na,x\n")

    assert list(read_labelled("-", LabelledSettings(format="csv"), stdin())) == [Labelled("a", ("x",), "stdin:2")]
    with pytest.raises(DataError, match="stdin has no name that tells its form; give --format"):
        read_labelled("-", stdin=stdin())
    with pytest.raises(DataError, match="stdin has none"):
        read_labelled("-", LabelledSettings(format="class_files"), stdin())


@pytest.mark.parametrize(
    ("names", "where"),
    [
        (["f/train.csv", "f/dev.csv"], "f"),
        (["f/sst-train.tsv", "f/sst-other.tsv"], "f"),
        (["f/train.txt", "f/test.txt"], "f"),
        (["f/train/a.txt", "f/test/a.txt"], "f"),
    ],
)
def test_parts_of_a_data_set_are_no_classes_and_are_not_read_as_one(names: list[str], where: str):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("text,label\na,x\n")
    with pytest.raises(DataError, match=rf"^{where}: .* look like parts of a data set"):
        read_labelled(where)


def test_text_files_named_as_parts_are_no_classes():
    write(train_txt="a\n", dev_txt="b\n")
    with pytest.raises(DataError, match=r"train\.txt, dev\.txt look like parts of a data set, not like classes"):
        read_labelled(["train.txt", "dev.txt"])


def test_a_form_that_cannot_be_told_is_refused():
    write(a_txt="some text\n", a_train="4 text\n", f__b__c_md="x")
    for name in ("a.txt", "a.train"):
        with pytest.raises(
            DataError, match=rf"{name}: the name of this file does not tell .* give --format label_first"
        ):
            read_labelled(name)
    with pytest.raises(DataError, match=r"f: a folder must hold \.txt"):
        read_labelled("f")
    with pytest.raises(DataError, match=r"f: a folder for each class with \.txt files"):
        read_labelled("f", LabelledSettings(format="class_folders"))
    with pytest.raises(DataError, match=r"a\.txt: a folder with a folder for each class is needed"):
        read_labelled("a.txt", LabelledSettings(format="class_folders"))
    with pytest.raises(SettingError, match="plain texts have no labels"):
        read_labelled("a.txt", LabelledSettings(format="plain"))
    with pytest.raises(DataError, match=r"b\.csv: there is no such file"):
        read_labelled("b.csv")
    with pytest.raises(DataError, match="at least one file is needed"):
        read_labelled([])


def test_a_pipe_is_not_looked_into_before_it_is_read():
    os.mkfifo("pipe")
    with pytest.raises(DataError, match="pipe: the name of this file does not tell"):
        read_labelled("pipe")
