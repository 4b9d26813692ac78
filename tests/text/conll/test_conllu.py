"""CoNLL-U: words, multiword tokens and empty nodes; the text and the places in it; written with other tags."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gatewise.errors import DataError, SettingError
from gatewise.text.conll import ConllSettings, Sentence, parse, read_tagged, stream_sentences, to_conllu


def row(identity: str, form: str, upos: str = "X", xpos: str = "_", feats: str = "_", misc: str = "_") -> str:
    return "\t".join([identity, form, "_", upos, xpos, feats, "_", "_", "_", misc]) + "\n"


DU = (
    "# sent_id = fr-1\n# text = Il va au café (du coin).\n"
    + row("1", "Il", "PRON", "P", "Case=Nom")
    + row("2", "va", "VERB")
    + row("3-4", "au", "_")
    + row("3", "à", "ADP")
    + row("4", "le", "DET", feats="Definite=Def")
    + row("5", "café", "NOUN")
    + row("5.1", "nous", "PRON")
    + row("5.2", "nous", "PRON")
    + row("6", "(", "PUNCT", misc="SpaceAfter=No")
    + row("7-8", "du", "_")
    + row("7", "de", "ADP")
    + row("8", "le", "DET")
    + row("9", "coin", "NOUN", misc="Lang=fr|SpaceAfter=No")
    + row("10", ")", "PUNCT", misc="SpaceAfter=No")
    + row("11", ".", "PUNCT")
    + "\n"
)
WORDS = ("Il", "va", "à", "le", "café", "(", "de", "le", "coin", ")", ".")
PLACES = [(0, 2), (3, 5), (6, 8), (6, 8), (9, 13), (14, 15), (15, 17), (15, 17), (18, 22), (22, 23), (23, 24)]


def read(text: str, tagged: bool = True, **settings: str) -> list[Sentence]:
    return list(parse(text, ConllSettings(**settings), tagged))


def one(text: str) -> Sentence:
    (sentence,) = read(text, format="conllu")
    return sentence


def test_words_are_those_with_a_whole_number():
    (sentence,) = read(DU)
    assert sentence.words == WORDS
    assert sentence.tags == ("PRON", "VERB", *("ADP", "DET", "NOUN", "PUNCT") * 2, "PUNCT")
    assert [sentence.where(word) for word in (0, 2, 4, 5, 10)] == [f"text:{line}" for line in (3, 6, 8, 11, 17)]


def test_tags_are_chosen_by_name():
    text = row("1", "a", "DET", "DT", "Definite=Ind|PronType=Art") + row("2", "b", "NOUN", "NN")
    tags = [read(text, tags=name)[0].tags for name in ("upos", "xpos", "feats")]
    assert tags == [("DET", "NOUN"), ("DT", "NN"), ("Definite=Ind|PronType=Art", "_")]


def test_places_are_those_in_the_text():
    assert one(DU).text() == "Il va au café (du coin)."
    assert one(DU).offsets() == PLACES
    without = DU.replace("# text = Il va au café (du coin).\n", "")
    assert (one(without).text(), one(without).offsets()) == ("Il va au café (du coin).", PLACES)


def test_places_follow_the_text_where_its_spaces_are_odd():
    sentence = one(DU.replace("(du coin).", " \u00a0( du coin )."))
    assert sentence.text() == "Il va au café  \u00a0( du coin )."
    assert [sentence.text()[begin:end] for begin, end in sentence.offsets()] == [
        *("Il", "va", "au", "au", "café", "(", "du", "du", "coin", ")", ".")
    ]


def test_parts_of_a_word_have_their_own_places():
    sentence = one(row("1-2", "didn't", "_") + row("1", "did") + row("2", "n't") + row("3", "so"))
    assert (sentence.text(), sentence.offsets()) == ("didn't so", [(0, 3), (3, 6), (7, 9)])


def test_a_text_of_other_words_is_told():
    with pytest.raises(DataError, match=r"text:8: the words .* 'café' is not at the beginning of 'thé"):
        one(DU.replace("café (", "thé (")).offsets()
    with pytest.raises(DataError, match=r"text:17: .* '.' is not at the beginning of ''; correct the comment"):
        one(DU.replace("coin).", "coin)")).offsets()


def test_only_the_tags_of_words_are_written():
    sentence = one(DU)
    tags = [f"T{number}" for number in range(len(WORDS))]
    assert sentence.with_tags(sentence.tags) == DU
    lines = sentence.with_tags(tags).split("\n")
    changed = [(old, new) for old, new in zip(DU.split("\n"), lines, strict=True) if old != new]
    assert [new.split("\t")[3] for _, new in changed] == tags
    assert all(
        old.split("\t")[:3] + old.split("\t")[4:] == new.split("\t")[:3] + new.split("\t")[4:] for old, new in changed
    )
    assert read(DU, tags="feats")[0].with_tags(["F"] * 11).count("\tF\t_\t_\t_\t") == 11
    with pytest.raises(DataError, match=r"CoNLL-U has 10 columns, but the tags were to be added"):
        sentence.with_tags(tags, add=True)


def test_conllu_is_known_by_its_name_or_its_first_sentence(tmp_path: Path):
    for name in ("a.conllu", "a.txt"):
        (tmp_path / name).write_text(DU)
        corpus = read_tagged(tmp_path / name)
        assert [sentence.words for sentence in corpus] == [WORDS]
        assert corpus.notes == [f"read as CoNLL-U, words in FORM, tags in UPOS: {tmp_path / name}"]
    assert read(DU, tagged=False, format="columns", tag_column=4)[0].words[2:4] == ("3-4", "3")


def test_comments_and_blank_lines_are_kept():
    text = "\n# newdoc\n\n# text = a\n" + row("1", "a") + "# late\n\n\n" + row("1", "b") + "\n# the end"
    found = read(text, format="conllu")
    assert [sentence.words for sentence in found] == [("a",), ("b",)]
    assert "".join(sentence.source for sentence in found) == text


EMPTY = {
    "at the beginning": [("0.1", "e"), ("1", "a")],
    "several": [("1", "a"), ("1.1", "e"), ("1.2", "e"), ("2", "b"), ("2.1", "e")],
    "in a multiword token": [
        ("1-2", "ab"),
        ("1", "a"),
        ("1.1", "e"),
        ("2", "b"),
        ("3-5", "cde"),
        ("3", "c"),
        ("4", "d"),
        ("5", "e"),
    ],
}


@pytest.mark.parametrize("rows", EMPTY.values(), ids=EMPTY)
def test_empty_nodes_are_no_words(rows: list[tuple[str, str]]):
    assert one("".join(row(*cells) for cells in rows)).words == tuple(form for name, form in rows if name.isdigit())


IDS = {
    "from 2": (["2"], "1: the id 1 must stand here, but it is 2"),
    "a gap": (["1", "2", "4"], "3: the id 3 must stand here, but it is 4; ids count the words .* blank line between"),
    "twice": (["1", "1"], "2: the id 2 must stand here, but it is 1"),
    "a late range": (["1", "1-2", "2"], "2: the id 2-3 must stand here, but it is 1-2"),
    "a short range": (["1-1", "1"], "1: the id 1-2 must stand here, but it is 1-1"),
    "a backward range": (["1", "2-1", "2"], "2: the id 2-3 must stand here, but it is 2-1"),
    "nested ranges": (["1-3", "1", "2-3", "2", "3"], "3: the id 2 must stand here, but it is 2-3"),
    "an open range": (["1-3", "1", "2"], "3: the words of a multiword token must follow up to 3, but .* ends with 2"),
    "an early node": (["1.1", "1"], "1: the id 0.1 must stand here, but it is 1.1"),
    "a node from 2": (["1", "1.2"], "2: the id 1.1 must stand here, but it is 1.2"),
    "no id": (["1", "x"], "2: an id such as 1, 1-2 or 8.1 is needed in the first column, but 'x' was found"),
    "a leading zero": (["01"], "1: an id such as 1, .* but '01' was found"),
}


@pytest.mark.parametrize(("ids", "message"), IDS.values(), ids=IDS)
def test_ids_that_do_not_follow_are_told(ids: list[str], message: str):
    with pytest.raises(DataError, match=f"^text:{message}"):
        one("".join(row(name, "a") for name in ids))


REFUSED = {
    "columns": ("1\ta\tX\n", {}, "^text:1: 10 columns between tabs are expected in CoNLL-U, but this line has 3"),
    "spaces": (row("1", "a").replace("\t", " "), {}, "^text:1: 10 columns .* has 1; put tabs between"),
    "no word": (row("1", "a") + row("2", ""), {}, "^text:2: a word is needed in column 2, but it is empty"),
    "no tag": (row("1", "a", "_"), {}, "^text:1: every word needs a tag, but UPOS of 'a' is '_'; .* with --tags"),
    "no xpos": (row("1", "a"), {"tags": "xpos"}, "^text:1: every word needs a tag, but XPOS of 'a' is '_'"),
    "plus": (
        "# global.columns = ID FORM MWE\n",
        {},
        "^text:1: .* this is CoNLL-U Plus with ID FORM MWE; give --format",
    ),
}


@pytest.mark.parametrize(("text", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_mistakes_are_told_with_their_place(text: str, settings: dict[str, str], message: str):
    with pytest.raises(DataError, match=message):
        read(text, format="conllu", **settings)


def test_columns_by_number_are_refused():
    with pytest.raises(
        SettingError, match=r"text: the columns of CoNLL-U have names, but .* choose the tags with --tags"
    ):
        read(DU, tag_column=5)


def test_a_file_without_tags_can_be_tagged():
    text = row("1", "a", "_") + row("1.1", "e", "_") + row("2", "b", "_") + "\n"
    (sentence,) = read(text, tagged=False)
    assert sentence.with_tags(["X", "Y"]) == row("1", "a", "X") + row("1.1", "e", "_") + row("2", "b", "Y") + "\n"


def test_new_sentences_are_written_as_conllu():
    text = "Don't\u00a0go, \nnow!"
    places = [(0, 2), (2, 5), (6, 8), (8, 9), (11, 14), (14, 15)]
    words = [text[begin:end] for begin, end in places]
    written = to_conllu(words, list("ABCDEF"), "xpos", text, places)
    (again,) = read(written, tags="xpos")
    assert (again.words, again.tags) == (tuple(words), tuple("ABCDEF"))
    assert again.text() == "Don't go, now!"
    assert [again.text()[begin:end] for begin, end in again.offsets()] == words
    bare = one(to_conllu(words, list("ABCDEF"), offsets=places))
    assert bare.text() == "Don't go, now!"
    with pytest.raises(DataError, match=r"6 words need as many tags or places, but 1 were given"):
        to_conllu(words, list("ABCDEF"), offsets=[(0, 1)])


FILES = {  # sentences and words as README.md of the corpora counts them
    "ud_english_ewt/en_ewt-ud-dev.conllu": (2001, 25147),
    "ud_english_ewt/en_ewt-ud-test.conllu": (2077, 25094),
    "ud_english_ewt/en_ewt-ud-train.conllu.gz": (12544, 204577),
    "ud_french_sequoia/fr_sequoia-ud-dev.conllu": (412, 9999),
    "ud_french_sequoia/fr_sequoia-ud-test.conllu": (456, 10044),
    "ud_french_sequoia/fr_sequoia-ud-train.conllu.gz": (2231, 50502),
    "wnut17/emerging.dev.conll": (1009, 15733),
    "wnut17/wnut17train.conll": (3394, 62730),
}


@pytest.mark.parametrize("name", FILES)
def test_public_corpora_come_back_byte_for_byte(shared_data: Path, name: str):
    data = (shared_data / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    found = list(stream_sentences(shared_data / name, notice=print))
    assert (len(found), sum(map(len, found))) == FILES[name]
    assert "".join(sentence.with_tags(sentence.tags) for sentence in found) == text


@pytest.mark.parametrize("name", ["ud_english_ewt/en_ewt-ud-dev.conllu", "wnut17/emerging.dev.conll"])
def test_other_tags_of_public_corpora_are_read_back(shared_data: Path, name: str):
    found = list(read_tagged(shared_data / name))
    turned = [[tag[::-1] for tag in sentence.tags] for sentence in found]
    text = "".join(sentence.with_tags(tags) for sentence, tags in zip(found, turned, strict=True))
    again = list(parse(text))
    assert [list(sentence.tags) for sentence in again] == turned
    assert [sentence.words for sentence in again] == [sentence.words for sentence in found]


@pytest.mark.parametrize("name", [name for name in FILES if "dev.conllu" in name])
def test_public_corpora_have_their_words_in_their_text(shared_data: Path, name: str):
    corpus = read_tagged(shared_data / name)
    assert (corpus.record["sentences"], corpus.record["words"]) == FILES[name]
    for sentence in corpus:
        text, places = sentence.text(), sentence.offsets()
        bare = parse("".join(line + "\n" for line in sentence.lines if not line.startswith("#")))
        assert next(bare).text().split() == text.split()
        assert [begin for begin, _ in places] == sorted(begin for begin, _ in places)
        shared = {place for place in places if places.count(place) > 1}  # au is à + le
        odd = [
            word
            for word, place in zip(sentence.words, places, strict=True)
            if word != text[slice(*place)] and place not in shared
        ]
        assert not odd
