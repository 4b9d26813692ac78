"""ARPA files: KenLM's own numbers, the way there and back, and every mistake with its line."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import GatewiseError, ModelFileError
from gatewise.models.ngram import METHODS, Options, arpa_lines, arpa_write, count, estimate, read_arpa, write_arpa
from gatewise.models.ngram.table import BackoffTable, Order
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


SRILM = """made by hand
# \\data is not here

\\data\\
ngram 1=4
ngram 2=5

\\1-grams:
-0.5 </s>
-99\t<s>\t-0.25
-0.7\ta -1e-1
-7E-1\tb

\\2-grams:
-0.2 <s> a
-0.3\ta </s>
-0.6\t</s> <s>
-0.6\ta <s>
-.4\ta\ta

\\end\\
"""


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_a_file_without_the_unknown_word_gives_it_no_probability(change, tmp_path):
    """Nor weights where nothing follows; it may go from the end of a text into the next, which no text here does."""
    path = tmp_path / "srilm.arpa"
    path.write_text(change(SRILM), encoding="utf-8", newline="")
    found = read_arpa(path)
    assert found.words == ("</s>", "<unk>", "a", "b")
    assert [len(order.keys) for order in found.table.orders] == [4, 3]
    row = np.array([[EOS, 2, 2, EOS], [EOS, EOS, 3, 1]])
    expected = [[-0.2, -0.4, -0.3], [-0.25 - 0.5, -0.25 - 0.7, -np.inf]]
    np.testing.assert_allclose(found.table.log_probs(row, 1) / np.log(10), expected, rtol=4 * UNIT)


def written_plainly(table, words):
    """The file as a reader of the format would write it, line by line."""

    def tens(log):
        return f"{max(float(log) / math.log(10), -99.0):.7f}"

    grams = [[(index,) for index in range(len(words))]]
    for order in table.orders[1:]:
        prefixes, lasts = np.divmod(order.keys, len(words))
        grams.append([(*grams[-1][prefix], last) for prefix, last in zip(prefixes, lasts, strict=True)])
    sizes = [len(order.keys) + (number == 1) for number, order in enumerate(table.orders, 1)]
    lines = ["\\data\\", *(f"ngram {number}={size}" for number, size in enumerate(sizes, 1))]
    for number, (order, own) in enumerate(zip(table.orders, grams, strict=True), 1):
        lines += ["", f"\\{number}-grams:"]
        weights = [""] * len(own) if order.back_offs is None else [f"\t{tens(log)}" for log in order.back_offs]
        if number == 1:
            lines.append(f"-99.0000000\t<s>{weights[EOS]}")
            weights[EOS] = weights[EOS] and "\t0.0000000"
        for gram, log_prob, weight in zip(own, order.log_probs, weights, strict=True):
            texts = ["<s>" if word == EOS else words[word] for word in gram[:-1]]
            texts.append("</s>" if gram[-1] == EOS else words[gram[-1]])
            lines.append(f"{tens(log_prob)}\t{' '.join(texts)}{weight}")
    return "\n".join([*lines, "", "\\end\\", ""])


@pytest.mark.parametrize("at_once", [1, 3, 1 << 15])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_file_is_the_one_that_plain_code_writes(order, at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(arpa_write, "_AT_ONCE", at_once)
    words = ["<eos>", "<unk>", "b", "größe", "日本" * 9, *"efg", "h" * 300]
    table = estimate(counted(order), "witten-bell").table
    write_arpa(tmp_path / "model.arpa", table, words)
    assert (tmp_path / "model.arpa").read_text(encoding="utf-8") == written_plainly(table, words)


def test_a_probability_that_rounding_put_above_1_is_written_as_1(tmp_path):
    words = Order(np.arange(2), np.array([1e-6, -1], np.float32), None)
    write_arpa(tmp_path / "model.arpa", BackoffTable((words,), vocabulary_size=2, eos_id=EOS), ["<eos>", "a"])
    assert "\n0.0000000\t</s>\n-0.4342945\ta\n" in (tmp_path / "model.arpa").read_text()


@pytest.mark.parametrize("at_once", [2, 7, 100])
def test_it_does_not_matter_how_a_file_is_read_in_pieces(at_once, tmp_path, monkeypatch):
    words = ["<eos>", "<unk>", "b", "größe", "日本" * 9, *"efg", "h" * 300]
    write_arpa(tmp_path / "model.arpa.gz", estimate(counted(4), "katz").table, words)
    whole = read_arpa(tmp_path / "model.arpa.gz")
    monkeypatch.setattr(arpa_lines, "_AT_ONCE", at_once)
    pieces = read_arpa(tmp_path / "model.arpa.gz")
    assert pieces.words == whole.words == ("</s>", *words[1:])
    for one, other in zip(pieces.table.orders, whole.table.orders, strict=True):
        np.testing.assert_array_equal(one.keys, other.keys)
        np.testing.assert_array_equal(one.log_probs, other.log_probs)


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
    "no number": (GOOD.replace("1=4", "1=x"), ":2", "a count such as 'ngram 1=200' is expected, but 'ngram 1=x' came"),
    "no word": (GOOD.replace("1=4", "1=0"), ":2", "there is no word: the count of order 1 is 0"),
    "section missing": (GOOD.replace("\\2-grams:\n", ""), ":11", r"2-grams: is expected, but '-0.2"),
    "no end": (GOOD.replace("\\end\\\n", ""), ":15", r"end\\ is expected, but the file ends"),
    "cut in a line": (GOOD[: GOOD.index("a a") + 1], ":14", "the file ends in the middle of a line, '-0.4"),
    "above one": (GOOD.replace("-0.3", "0.3"), ":13", "a log10 probability is at most 0, but 0.3 came"),
    "nan": (GOOD.replace("-0.3", "nan"), ":13", "the log10 probability is nan"),
    "infinite weight": (GOOD.replace("-0.25", "inf"), ":7", "the back-off weight is inf"),
    "word for a number": (GOOD.replace("-0.3", "x0.3"), ":13", "the log10 probability 'x0.3' is no number"),
    "weight no number": (GOOD.replace("-0.25", "soon"), ":7", "the back-off weight 'soon' is no number"),
    "word missing": (GOOD.replace("<s> a", "a"), ":12", "a number, 2 words and perhaps a number are expected"),
    "unknown word": (GOOD.replace("<s> a", "<s> b"), ":12", "the word 'b' is not among the words of order 1"),
    "word twice": (GOOD.replace("<unk>", "a"), ":9", "the word 'a' is there twice"),
    "n-gram twice": (GOOD.replace("a </s>", "a a"), ":14", "this n-gram is there twice"),
    "not utf-8": (GOOD.replace("a\t-0.1", "\udce9\t-0.1"), ":8", r"is not UTF-8 \(byte 0xe9\); convert the file"),
    "no end of texts": (GOOD.replace("</s>", "x"), ":6", "the words that begin here lack </s>"),
    "underscore": (GOOD.replace("-0.3", "-0_3"), ":13", "the log10 probability '-0_3' is no number"),
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
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ModelFileError, match=words) as error:
        read_arpa(path)
    assert str(error.value).startswith(f"{path}{place}: ")
    assert "\n" not in str(error.value)


FOREIGN = {
    "empty": (b"", "it is empty"),
    "binary": (bytes(range(256)) * 50, "it looks like a damaged or foreign file"),
    "zip": (b"PK\x03\x04" + bytes(9), "it looks like a zip archive"),
    "zeros": (bytes(100), "it holds zeros"),
    "one long line": (b"a" * 3_000_000, "1: a line of more than 1,048,576 bytes: this is no ARPA file"),
    "not really gzip": (b"\x1f\x8b\x08\x00 damaged", "cannot be unpacked|is cut off"),
    "bomb": (gzip.compress(bytes(100_000_000)), "1: a line of more than 1,048,576 bytes"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_arpa_file_is_told(kind, tmp_path):
    content, words = FOREIGN[kind]
    (tmp_path / "model.arpa").write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as error:
        read_arpa(tmp_path / "model.arpa")
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
