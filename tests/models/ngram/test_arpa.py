"""ARPA files: KenLM's own numbers, the way there and back, and every mistake with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import GatewiseError, ModelFileError
from gatewise.models.ngram import METHODS, Options, count, estimate, read_arpa, write_arpa
from models.ngram.test_methods import EOS, UNIT, V, counted

HERE = Path(__file__).parent
DECIMALS = 1e-7
"""What KenLM writes: 7 or 8 digits."""


def harbour(order=3):
    """The text that ``lmplz -o 3`` made harbour.arpa from, counted with the ids of that file."""
    words = {word: index for index, word in enumerate(read_arpa(HERE / "harbour.arpa").words)}
    sentences = (HERE / "harbour.txt").read_text().splitlines()
    ids = np.array([words[word] for sentence in sentences for word in [*sentence.split(), "</s>"]])
    return count(ids, np.concatenate([[0], np.flatnonzero(ids == EOS) + 1]), order, len(words), EOS)


def test_the_estimate_is_that_of_kenlm():
    theirs, ours = read_arpa(HERE / "harbour.arpa").table, estimate(harbour(), "modified-kneser-ney").table
    for order, (their, our) in enumerate(zip(theirs.orders, ours.orders, strict=True), start=1):
        np.testing.assert_array_equal(our.keys, their.keys)
        np.testing.assert_allclose(our.log_probs, their.log_probs, atol=10 * UNIT + DECIMALS, err_msg=f"order {order}")
        if order < 3:
            np.testing.assert_allclose(our.back_offs, their.back_offs, atol=10 * UNIT + DECIMALS, err_msg=f"{order}")


@pytest.mark.parametrize("name", [name for name in METHODS if name != "add-delta"])
@pytest.mark.parametrize("ending", ["arpa", "arpa.gz"])
def test_what_is_written_is_read_again(name, ending, tmp_path):
    options = Options(weights=((0.5,) * 16,) * 3)
    table = estimate(counted(3), name, options).table
    words = ["<eos>", "<unk>", *"abcdefg"]
    write_arpa(tmp_path / f"model.{ending}", table, words)
    found = read_arpa(tmp_path / f"model.{ending}")
    assert found.words == ("</s>", "<unk>", *"abcdefg")
    for order, again in zip(table.orders, found.table.orders, strict=True):
        np.testing.assert_array_equal(again.keys, order.keys)
        np.testing.assert_allclose(again.log_probs, order.log_probs, atol=4 * UNIT + DECIMALS * np.log(10))


def test_an_arpa_file_of_srilm_is_read(tmp_path):
    """It leaves weights out where nothing follows, divides by spaces too, and may say more before and after."""
    path = tmp_path / "srilm.arpa"
    path.write_text(
        "made by hand\n\n\\data\\\nngram 1=4\nngram 2=2\n\n"
        "\\1-grams:\n-0.5 </s>\n-99\t<s>\t-0.25\n-0.7\ta -0.1\n-1\t<unk>\n"
        "\n\\2-grams:\n-0.2 <s> a\n-0.3\ta </s>\n\n\\end\\\nand more\n"
    )
    found = read_arpa(path)
    assert found.words == ("</s>", "<unk>", "a")
    row = np.array([[EOS, 2, EOS], [EOS, 1, 2]])
    np.testing.assert_allclose(
        found.table.log_probs(row, 1) / np.log(10), [[-0.2, -0.3], [-0.25 - 1.0, -0.7]], rtol=4 * UNIT
    )


GOOD = """\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-0.5\t</s>
-99\t<s>\t-0.25
-0.7\ta\t-0.1
-1\t<unk>\t0

\\2-grams:
-0.2\t<s> a
-0.3\ta </s>
-0.4\ta a

\\end\\
"""
MISTAKES = {
    "no data": (GOOD.replace("\\data\\", ""), "", "is no ARPA file: it has no line"),
    "fewer than promised": (GOOD.replace("ngram 2=3", "ngram 2=4"), ":15", "more n-grams of order 2 are promised"),
    "more than promised": (
        GOOD.replace("ngram 2=3", "ngram 2=2"),
        ":14",
        "2 n-grams of order 2 are promised, but more",
    ),
    "far more promised": (
        GOOD.replace("2=3", "2=3000000"),
        ":15",
        "more n-grams of order 2 are promised, but they end",
    ),
    "count missing": (GOOD.replace("ngram 1=4\n", ""), ":2", "the count of order 1 is expected, but that of 2 came"),
    "no counts": (GOOD.replace("ngram 1=4\nngram 2=3\n", ""), ":2", "counts of order 1 to 7 are expected, but 0"),
    "section missing": (GOOD.replace("\\2-grams:\n", ""), ":11", r"2-grams: is expected, but '-0.2"),
    "no end": (GOOD.replace("\\end\\\n", ""), ":15", r"end\\ is expected, but the file ends"),
    "above one": (GOOD.replace("-0.3", "0.3"), ":13", "a log10 probability is at most 0, but 0.3 came"),
    "nan": (GOOD.replace("-0.3", "nan"), ":13", "the log10 probability is nan"),
    "infinite weight": (GOOD.replace("-0.25", "inf"), ":7", "the back-off weight is inf"),
    "word for a number": (GOOD.replace("-0.3", "x0.3"), ":13", "the log10 probability 'x0.3' is no number"),
    "weight no number": (GOOD.replace("-0.25", "soon"), ":7", "the back-off weight 'soon' is no number"),
    "word missing": (GOOD.replace("<s> a", "a"), ":12", "a number, 2 words and perhaps a number are expected"),
    "unknown word": (GOOD.replace("<s> a", "<s> b"), ":12", "the word 'b' is not among the words of order 1"),
    "word twice": (GOOD.replace("<unk>", "a"), ":9", "the word 'a' is there twice"),
    "n-gram twice": (GOOD.replace("a </s>", "a a"), ":14", "this n-gram is there twice"),
    "weight missing": (
        GOOD.replace("-0.7\ta\t-0.1", "-0.7\ta"),
        ":13",
        "'a' goes on here, but as an n-gram of order 1",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line(mistake, tmp_path):
    text, place, words = MISTAKES[mistake]
    path = tmp_path / "wrong.arpa"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=words) as error:
        read_arpa(path)
    assert str(error.value).startswith(f"{path}{place}: ")
    assert "\n" not in str(error.value)


def test_the_text_that_the_mistakes_are_made_in_is_right(tmp_path):
    (tmp_path / "good.arpa").write_text(GOOD)
    assert read_arpa(tmp_path / "good.arpa").words == ("</s>", "<unk>", "a")


def test_a_missing_prefix_is_named(tmp_path):
    text = GOOD.replace("ngram 2=3", "ngram 2=3\nngram 3=1").replace(
        "\\end\\", "\\3-grams:\n-0.1\ta <unk> a\n\n\\end\\"
    )
    (tmp_path / "wrong.arpa").write_text(text)
    with pytest.raises(ModelFileError, match=r"wrong.arpa:18: its first words 'a <unk>' are no n-gram of order 2"):
        read_arpa(tmp_path / "wrong.arpa")


def test_a_file_that_ends_anywhere_is_refused_or_whole(tmp_path):
    path = tmp_path / "cut.arpa"
    for end in range(len(GOOD) - 1):
        path.write_text(GOOD[:end])
        with pytest.raises(ModelFileError) as error:
            read_arpa(path)
        assert "\n" not in str(error.value)
    packed = gzip.compress(GOOD.encode())
    for end in range(2, len(packed)):
        path.write_bytes(packed[:end])
        with pytest.raises(ModelFileError):
            read_arpa(path)


def test_what_arpa_cannot_say_is_refused(tmp_path):
    path, names = tmp_path / "model.arpa", ["<eos>", "<unk>", *"abcdefg"]
    good = estimate(counted(3), "katz").table
    with pytest.raises(GatewiseError, match="the token ' ' holds it"):
        write_arpa(path, good, [*names[:-1], " "])
    with pytest.raises(GatewiseError, match="in ARPA <s> marks"):
        write_arpa(path, good, [*names[:-1], "<s>"])
    with pytest.raises(GatewiseError, match="add-delta shares what is left"):
        write_arpa(path, estimate(counted(3), "add-delta").table, names)
    running = count(np.array([2, 3, EOS, 2, 3, 4, EOS, 5]), None, 3, V, EOS)
    with pytest.raises(GatewiseError, match="goes on from one text into the next"):
        write_arpa(path, estimate(running, "witten-bell").table, names)
    assert not path.exists()
