"""The commands: text, columns and CoNLL-U in, the same out with tags, as many lines as there were."""

from __future__ import annotations

import json
import random

import pytest

from tasks.tagging import tiny_tags as tiny

DU = (
    "# sent_id = 1\n# text = thecat sat.\n"
    + tiny.row("1-2", "thecat")
    + tiny.row("1", "the", "X")
    + tiny.row("2", "cat")
    + tiny.row("2.1", "e", "X")
    + tiny.row("3", "sat", "X", "SpaceAfter=No|A=\u00e9")
    + tiny.row("4", ".")
)


def expected(tags=("DET", "NOUN", "VERB", "PUNCT")):
    lines, rows = DU.split("\n"), (3, 4, 6, 7)
    for row, tag in zip(rows, tags, strict=True):
        cells = lines[row].split("\t")
        cells[3] = tag
        lines[row] = "\t".join(cells)
    return "\n".join(lines)


def test_text_comes_out_line_for_line(gatewise, pos_run):
    code, out, err = gatewise("tag", pos_run, stdin=b"the cat sat .\n\n  \na dog ran.")
    assert code == 0
    assert out == "the/DET cat/NOUN sat/VERB ./PUNCT\n\n\na/DET dog/NOUN ran/VERB ./PUNCT\n"
    assert "4 texts, 8 tokens in" in err
    assert "tokens/s" in err


@pytest.mark.parametrize("count", [1, 63, 64, 65, 500])
def test_any_number_of_lines_keeps_its_order(gatewise, pos_run, tmp_path, count):
    drawn = random.Random(count)
    lines = [" ".join(drawn.choices(list(tiny.TAGS), k=drawn.choice([0, 1, 2, 9, 30]))) for _ in range(count)]
    code, out, _ = gatewise("tag", pos_run, tiny.write(tmp_path, "\n".join(lines) + "\n", "a.txt"))
    assert code == 0
    found = out.split("\n")[:-1]
    assert [" ".join(pair.rpartition("/")[0] for pair in line.split()) for line in found] == lines


def test_json_has_offsets_and_entities(gatewise, entity_run, entity_model):
    lines = ["ann met bob reed", "", "in rome"]
    code, out, _ = gatewise("tag", entity_run, "-", "--json", stdin="\n".join(lines).encode())
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert found == [{"text": text, **told} for text, told in zip(lines, entity_model.predict(lines), strict=True)]


def test_pretokenised_words_stand_between_spaces(gatewise, pos_run):
    assert gatewise("tag", pos_run, "--pretokenised", stdin=b"sat. cat\n")[1].count("/") == 2
    assert gatewise("tag", pos_run, stdin=b"sat. cat\n")[1].count("/") == 3
    assert gatewise("tag", pos_run, "--cutting", "spaces", stdin=b"sat. cat\n")[1].count("/") == 2


def test_the_n_best_are_n_lines_for_each(gatewise, pos_run):
    code, out, _ = gatewise("tag", pos_run, "--nbest", "3", stdin=b"the cat\n\na\n")
    lines = out.split("\n")
    assert (code, len(lines)) == (0, 10)
    assert lines[0].split("\t")[1] == "the/DET cat/NOUN"
    assert lines[3:6] == ["1.0000\t", "", ""]
    code, out, _ = gatewise("tag", pos_run, "--nbest", "3", "--json", stdin=b"the cat\n\n")
    found = [json.loads(line) for line in out.splitlines()]
    assert [len(one["nbest"]) for one in found] == [3, 1]
    assert found[0]["nbest"][0]["tags"] == found[0]["tags"]


@pytest.mark.parametrize("end", ["\n", "", "\n\n", "\n# the end\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_conllu_comes_out_byte_for_byte_but_for_the_tags(gatewise, pos_run, tmp_path, end, mark, newline):
    def whole(text):
        return mark + (text + "\n" + text.removesuffix("\n") + end).replace("\n", newline)

    path = tiny.write(tmp_path, whole(DU), "a.conllu")
    code, out, _ = gatewise("tag", pos_run, path)
    assert code == 0
    assert out == whole(expected())
    assert gatewise("tag", pos_run, "--conllu", stdin=whole(DU).encode())[1] == out


def test_tags_go_to_another_column_of_conllu_if_asked(gatewise, pos_run, tmp_path):
    code, out, _ = gatewise("tag", pos_run, tiny.write(tmp_path, DU, "a.conllu"), "--tags", "xpos")
    assert code == 0
    assert [line.split("\t")[3:5] for line in out.split("\n")[3:5]] == [["X", "DET"], ["_", "NOUN"]]


@pytest.mark.parametrize("name", ["a.conll", "b.txt"])
def test_columns_come_out_with_other_tags_or_one_more(gatewise, pos_run, tmp_path, name):
    text = "# a comment\nthe\tx\tO\ncat\ty\tO\n\n\nsat\tz\tO"
    path, flags = tiny.write(tmp_path, text, name), ["--columns"] if name == "b.txt" else []
    code, out, _ = gatewise("tag", pos_run, path, *flags)
    assert (code, out) == (0, "# a comment\nthe\tx\tDET\ncat\ty\tNOUN\n\n\nsat\tz\tVERB")
    added = gatewise("tag", pos_run, path, *flags, "--add")[1]
    assert added == "# a comment\nthe\tx\tO\tDET\ncat\ty\tO\tNOUN\n\n\nsat\tz\tO\tVERB"
    assert gatewise("tag", pos_run, path, *flags, "--tag-column", "2")[1].split("\n")[1] == "the\tDET\tO"
    assert gatewise("tag", pos_run, "--columns", stdin=b"the\ncat\n")[1] == "the DET\ncat NOUN\n"


@pytest.mark.parametrize("form", ["--columns", "--conllu"])
@pytest.mark.parametrize("text", ["", "\n", "\n\n", " \n\n", "# nothing\n\n# but\n# comments\n", "# x"])
def test_a_file_without_a_word_comes_out_as_it_is(gatewise, pos_run, form, text):
    if (text.strip(), form) != ("# x", "--columns"):  # there it is a word and a column
        assert gatewise("tag", pos_run, form, stdin=text.encode())[:2] == (0, text)


def test_eval_shows_a_table_or_json_or_what_conlleval_prints(gatewise, entity_run, entity_model, tmp_path):
    path = tiny.write(tmp_path, tiny.columns(tiny.entities(9)))
    code, out, err = gatewise("eval", entity_run, path)
    assert code == 0
    assert out == f"{entity_model.evaluate(path)}\n"
    assert "all entities" in out
    assert err == f"read as 2 columns between tabs, words in column 1, tags in column 2: {path}\n"
    assert json.loads(gatewise("eval", entity_run, path, "--json")[1]) == entity_model.evaluate(path).to_dict()
    assert gatewise("eval", entity_run, path, "--conlleval")[1].startswith("processed ")
    shifted = tiny.columns(tiny.entities(9)).replace("\t", "\tx\t").replace("\n", "\ty\n").replace("\n\ty\n", "\n\n")
    other = tiny.write(tmp_path, shifted, "b.conll")
    assert json.loads(gatewise("eval", entity_run, other, "--tag-column", "3", "--json")[1])["f1"] == 1.0


def test_a_flag_that_several_tasks_have_takes_what_each_of_them_takes(gatewise, refused, pos_run, tmp_path):
    line = refused("eval", pos_run, "gone", "--format", "csv")
    assert "format must be one of: auto, columns, conllu, but 'csv' was given" in line
    text = tiny.write(tmp_path, "1 the DET\n2 cat NOUN\n", "a.conll")
    assert gatewise("eval", pos_run, text, "--format", "columns", "--word-column", "2")[0] == 0


def test_training_tells_what_was_learnt(gatewise, tmp_path):
    path = tiny.write(tmp_path, tiny.columns(tiny.pos()))
    flags = [word for name, value in tiny.SIZES.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    code, out, err = gatewise("train", "tag", path, "--test", path, "--out", tmp_path / "run", *flags)
    assert code == 0
    assert "dev: accuracy 100.00% of" in err
    assert "test: accuracy 100.00% of" in err
    assert "the/DET" in out
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "A sequence tagger" in card
    assert "- test: accuracy 100.00%" in card
    assert gatewise("info", tmp_path / "run")[1].startswith("task ")


@pytest.mark.parametrize(
    ("argv", "stdin", "words"),
    [
        (["tag", "POS", "gone.txt"], b"", ["gone.txt: there is no such file"]),
        (["tag", "POS", "-"], b"a\n\xff\n", ["stdin:2", "0xff"]),
        (["tag", "POS", "-", "--conllu"], b"1\tx\n", ["stdin:1: 10 columns between tabs are expected"]),
        (["tag", "POS", "-", "--columns"], b"a b\nc\n", ["stdin:2: 2 columns are expected, as in line 1"]),
        (["tag", "POS", "-", "--conllu", "--json"], b"", ["--json is for plain text, but this is read as CoNLL-U"]),
        (["tag", "POS", "-", "--add"], b"", ["--add is for columns", "give --columns"]),
        (["tag", "POS", "-", "--columns", "--tags", "xpos"], b"", ["--tags is for CoNLL-U", "give --conllu"]),
        (["tag", "POS", "-", "--columns", "--conllu"], b"", ["conllu and columns exclude each other"]),
        (["tag", "POS", "-", "--columns", "--nbest", "2"], b"", ["--nbest is for plain text"]),
        (["tag", "POS", "-", "--nbest", "0"], b"", ["nbest must be a whole number from 1 to 1000"]),
        (["tag", "POS", "-", "--nbest", "1001"], b"", ["nbest must be a whole number from 1 to 1000"]),
        (["tag", "POS", "-", "--pretokenised", "--cutting", "english"], b"", ["pretokenised text is cut at spaces"]),
        (["eval", "POS", "-"], b"the\tDET\ncat\tFOO\n", ["stdin:2: the tag FOO is in the file", "--unseen-tags wrong"]),
        (["eval", "POS", "-"], b"the\n", ["stdin:1: a tag is needed beside each word"]),
        (["eval", "POS", "-"], b"", ["nothing but white space is in stdin"]),
        (["eval", "POS", "-", "--conlleval"], b"the\tDET\n", ["conlleval measures entities"]),
        (["eval", "ENT", "-"], b"a\tDET\n", ["stdin:1: tags of entities are needed, as in B-LOC, but 'DET' was found"]),
        (["generate", "POS"], b"", ["a model of the task lm is needed, but this one is of the task tag"]),
    ],
)
def test_what_is_wrong_is_one_line(refused, pos_run, entity_run, argv, stdin, words):
    line = refused(*({"POS": pos_run, "ENT": entity_run}.get(word, word) for word in argv), stdin=stdin)
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("text", "flags", "words"),
    [
        ("", [], ["nothing but white space is in"]),
        ("a b\nc\n", [], ["train.conll:2: 2 columns are expected"]),
        ("a\tX\nb\tX\n\nc\tX\n", [], ["two tags or more are needed"]),
        ("a\tX\nb\tY\n", [], ["there is only 1 sentence"]),
        ("a\tX\nb\tY\n\nc\tX\n", ["--scheme", "BIO"], ["--scheme: scheme BIO writes entities", "they are X"]),
        ("a\tX\nb\tY\n\nc\tX\n", ["--dev", "gone"], ["gone: there is no such file"]),
        ("a\tX\nb\tY\n\nc\tX\n", ["--tag-column", "5"], ["train.conll:1: the tags are in column 5"]),
        ("a\tX\nb\tY\n\nc\tX\n", ["--vectors", "gone"], ["gone"]),
        ("a\tX\nb\tY\n\nc\tX\n", ["--characters", "none", "--character-hidden-size", "3"], ["belongs to characters"]),
        ("a\tX\nb\tY\n\nc\tZ\n", [], ["train.conll:4: the tag Z is in the sentences held out"]),
    ],
)
def test_training_on_what_is_wrong_leaves_nothing(refused, tmp_path, text, flags, words):
    line = refused("train", "tag", tiny.write(tmp_path, text), "--out", tmp_path / "run", *flags)
    assert all(word in line for word in words), line
    assert not (tmp_path / "run").exists()
