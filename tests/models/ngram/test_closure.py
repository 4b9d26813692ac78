"""Tables in which a b c is there and b c is not, as pruning by entropy leaves them, beside the recursion itself."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gatewise.models.ngram import estimate, read_arpa, write_arpa
from gatewise.models.ngram.closure import closed
from models.ngram.test_arpa import DECIMALS
from models.ngram.test_methods import EOS, UNIT, V, counted

PRUNED = Path(__file__).parent / "entropy_pruned.arpa"
WORDS = ["</s>", "<unk>", *"abcdefg"]


def recursion(path):
    """log10 p(word | context) of an ARPA file, as the format defines it: words as texts, one n-gram at a time."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if line.count("\t")]
    log_probs = {tuple(row[1].split()): float(row[0]) for row in rows}
    weights = {tuple(row[1].split()): float(row[2]) for row in rows if len(row) > 2}

    @cache
    def log_prob(context, word):
        if (*context, word) in log_probs:
            return log_probs[*context, word]
        return weights.get(context, 0.0) + log_prob(context[1:], word)

    return log_prob


def compare(path, order, contexts):
    """Both ways to look up, after contexts of words as texts, the first of which may be <s>."""
    found, expected = read_arpa(path), recursion(path)
    ids = {"<s>": EOS} | {word: index for index, word in enumerate(found.words)}
    for context in contexts:
        row = [-1] * (order - 1 - len(context)) + [ids[word] for word in context]
        theirs = np.array([expected(context, word) for word in found.words])
        ours = found.table.distribution(np.array([row]))[0]
        np.testing.assert_allclose(
            ours / np.log(10), theirs, rtol=8 * UNIT, atol=order * DECIMALS, err_msg=str(context)
        )
        rows = np.array([[*row, word] for word in range(len(found.words))])
        np.testing.assert_array_equal(found.table.log_probs(rows, order - 1)[:, 0], ours)


def test_a_longer_ngram_counts_where_its_last_words_are_missing():
    found = read_arpa(PRUNED)
    a, b, c, d = (found.words.index(word) for word in "abcd")
    assert len(found.table.orders[1].keys) == 5  # b c is added
    after = found.table.distribution(np.array([[a, b, c]]))[0] / np.log(10)
    np.testing.assert_allclose(after[[d, a]], [-0.05, -1.2], rtol=8 * UNIT)
    text = found.table.log_probs(np.array([[a, b, c, d], [a, b, c, a]]), 3)[:, 0] / np.log(10)
    np.testing.assert_allclose(text, [-0.05, -1.2], rtol=8 * UNIT)


def test_every_context_has_the_probabilities_of_the_recursion():
    words = ["a", "b", "c", "d", "<unk>"]
    contexts = [context for length in (1, 2, 3) for context in product(words, repeat=length)]
    compare(PRUNED, 4, [*contexts, *(("<s>", *context) for context in contexts if len(context) < 3)])


@pytest.mark.parametrize("seed", range(4))
def test_ngrams_that_are_left_out_at_random(seed, tmp_path):
    """A line goes where nothing goes on from it: prefixes stay, last words do not."""
    path = tmp_path / "model.arpa"
    write_arpa(path, estimate(counted(5), "witten-bell").table, WORDS)
    random, lines, kept = np.random.default_rng(seed), path.read_text().split("\n"), set()
    for at in reversed(range(len(lines))):  # the longest n-grams first
        columns = lines[at].split("\t")
        words = tuple(columns[1].split()) if len(columns) > 1 else ()
        if len(words) > 1 and words not in kept and random.random() < (0.5 if len(words) == 5 else 0.8):
            lines[at] = "gone"
        elif len(words) > 1:
            kept.add(words[:-1])
    lines = [line for line in lines if line != "gone"]
    sizes = [sum(line.count("\t") > 0 and len(line.split("\t")[1].split()) == k for line in lines) for k in range(1, 6)]
    for k, size in enumerate(sizes, start=1):
        lines[k] = f"ngram {k}={size}"
    path.write_text("\n".join(lines))
    found = read_arpa(path)
    assert any(len(order.keys) > size for order, size in zip(found.table.orders[1:], sizes[1:], strict=True))
    compare(path, 5, [("<s>", *context) for context in product("abc", repeat=3)] + list(product("abcde", repeat=4)))


def test_an_ngram_that_is_added_has_no_probability_above_1(tmp_path):
    path = tmp_path / "model.arpa"
    path.write_text(PRUNED.read_text().replace("b\t-0.25", "b\t0.9"))
    orders = read_arpa(path).table.orders
    assert (orders[1].log_probs == 0).any()  # b c
    assert all((order.log_probs <= 0).all() for order in orders)


def test_what_is_counted_is_closed_pruned_or_not():
    for prune in ((), (0, 0, 1), (0, 1, 1, 3)):
        orders = estimate(counted(4), "modified-kneser-ney", prune=prune).table.orders
        assert all(one is other for one, other in zip(closed(orders, V), orders, strict=True))
