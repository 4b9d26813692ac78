"""Batches of whole texts: nothing lost, nothing mixed up, and a place that can be gone back to."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from gatewise.errors import DataError, SettingError
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon
from gatewise.text.text_batches import TextBatches, draw, in_order, one_pass

GENERATOR = np.random.default_rng(1)
WORDS = ["a", "bb", "ccc", "Dd", "e😀", "unseen"]
TEXTS = [[WORDS[k] for k in GENERATOR.integers(6, size=length)] for length in GENERATOR.integers(12, size=70)]
LEXICON = Lexicon.build([WORDS[:5]], characters=True)
TAGS = GENERATOR.integers(4, size=sum(map(len, TEXTS)))
SET = EncodedTexts.of_words(TEXTS, LEXICON)
CUTS = [{"batch_size": 8}, {"batch_size": 8, "tokens": 30}, {"batch_size": 100, "tokens": 5}, {"batch_size": 1}]


def rows_of(batch):
    """The texts of a batch as a reader of one row sees them: words by id, characters and targets."""
    for row, length in enumerate(batch.lengths.tolist()):
        tokens = batch.tokens[:length, row].tolist()
        numbers = batch.characters.index[:length, row].tolist()
        spelt = [batch.characters.ids[: batch.characters.lengths[n], n].tolist() for n in numbers]
        tags = batch.targets[:length, row].tolist() if batch.targets is not None else None
        yield int(batch.order[row]), (tokens, spelt, tags)


def row_by_hand(number):
    words, first = TEXTS[number], sum(map(len, TEXTS[:number]))
    spelt = [LEXICON.character_ids([word])[0].tolist() for word in words]
    return LEXICON.word_ids(words).tolist(), spelt, TAGS[first : first + len(words)].tolist()


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_every_text_once_an_epoch_as_it_is(cut):
    stream = TextBatches(SET.with_tags(TAGS), **cut, seed=3)
    for epoch in range(3):
        found = {}
        while stream.epoch < epoch + 1:
            batch = next(stream)
            assert batch.tokens.size(0) == max(1, batch.lengths.max())
            assert batch.tokens.size(1) <= cut["batch_size"]
            assert not cut.get("tokens") or batch.tokens.numel() <= cut["tokens"] or batch.tokens.size(1) == 1
            rows = dict(rows_of(batch))
            assert not rows.keys() & found.keys()
            found |= rows
        assert found == {number: row_by_hand(number) for number in range(len(TEXTS))}


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_one_pass_goes_from_short_to_long_and_is_put_in_order(cut):
    batches = list(one_pass(SET.with_tags(TAGS), **cut))
    lengths = torch.cat([batch.lengths for batch in batches])
    assert lengths.tolist() == sorted(map(len, TEXTS))
    rows = in_order((batch, [row for _, row in rows_of(batch)]) for batch in batches)
    assert rows == [row_by_hand(number) for number in range(len(TEXTS))]


def test_padding_is_zero_and_told():
    batch = draw(SET.with_tags(TAGS + 1), np.arange(10))
    assert batch.valid.sum(0).tolist() == batch.lengths.tolist()
    for padded in (batch.tokens, batch.characters.index, batch.targets):
        assert padded[~batch.valid].eq(0).all()
    beyond = torch.arange(batch.characters.ids.size(0))[:, None] >= batch.characters.lengths
    assert batch.characters.ids[beyond].eq(0).all()
    assert batch.characters.lengths.min() >= 1


def test_a_word_is_spelt_once_for_a_batch():
    batch = draw(SET, np.arange(30))
    assert batch.characters.ids.size(1) == len(WORDS)
    assert sorted(batch.characters.index[batch.valid].unique().tolist()) == list(range(len(WORDS)))


def test_labels_of_texts():
    labels = GENERATOR.integers(5, size=len(TEXTS))
    many = GENERATOR.integers(2, size=(len(TEXTS), 3)).astype(bool)
    chosen = np.array([4, 1, 7])
    assert draw(SET.with_labels(labels), chosen).targets.tolist() == labels[chosen].tolist()
    assert draw(SET.with_labels(many), chosen).targets.tolist() == many[chosen].tolist()
    one_word_each = EncodedTexts.of_words([["a"], ["bb"]], LEXICON)
    assert draw(one_word_each.with_labels([1, 2]), np.arange(2)).targets.shape == (2,)
    assert draw(one_word_each.with_tags([1, 2]), np.arange(2)).targets.shape == (1, 2)


def test_empty_texts_have_a_step_that_nobody_reads():
    empty = [number for number, text in enumerate(TEXTS) if not text]
    assert empty
    batch = draw(SET, np.array(empty[:2]))
    assert batch.tokens.shape == (1, len(empty[:2]))
    assert batch.characters.ids.shape == (1, 1)
    assert not batch.valid.any()
    assert draw(EncodedTexts.of_words([[], []], LEXICON), np.arange(2)).tokens.shape == (1, 2)


def test_tokens_without_types():
    ids = np.array([3, 1, 2], np.int32)
    batch = draw(EncodedTexts(ids, np.array([0, 1, 3]), None, None, "print"), np.array([1, 0]))
    assert batch.characters is None
    assert batch.tokens.T.tolist() == [[1, 2], [3, 0]]


def test_another_order_each_epoch_and_seed():
    def order(seed, epoch):
        stream = TextBatches(SET, 4, seed=seed)
        batches = [next(stream).order.tolist() for _ in range(stream.batches_per_epoch * (epoch + 1))]
        return batches[-stream.batches_per_epoch :]

    found = [order(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(first != second for first, second in itertools.combinations(found, 2))
    assert found[0] == order(0, 0)


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_it_goes_on_where_it_stood(cut):
    stream = TextBatches(SET, **cut, seed=2)
    for _ in range(stream.batches_per_epoch + 3):
        next(stream)
    state = json.loads(json.dumps(stream.state()))
    expected = [next(stream).order.tolist() for _ in range(2 * stream.batches_per_epoch)]
    twin = TextBatches(SET, **cut, seed=2)
    twin.restore(state)
    assert twin.epoch == pytest.approx(1 + 3 / len(twin._batches))
    assert [next(twin).order.tolist() for _ in expected] == expected


@pytest.mark.parametrize(
    ("texts", "change", "name"),
    [
        (SET, {"seed": 1}, "seed"),
        (SET, {"batch_size": 7}, "batch_size"),
        (SET, {"tokens": 9}, "batch_tokens"),
        (SET.with_tags(TAGS), {}, "data"),
    ],
)
def test_the_place_of_another_stream_is_refused(texts, change, name):
    state = TextBatches(SET, batch_size=8).state()
    with pytest.raises(DataError, match=f"the place in the text was saved with {name} = "):
        TextBatches(texts, **{"batch_size": 8, **change}).restore(state)


def test_little_is_padding():
    lengths = GENERATOR.integers(1, 200, size=2000)
    texts = EncodedTexts(np.zeros(lengths.sum(), np.int32), np.append(0, np.cumsum(lengths)), None, None, "")
    for tokens in (0, 3000):
        stream = TextBatches(texts, 16, tokens=tokens)
        cells = sum(next(stream).tokens.numel() for _ in range(stream.batches_per_epoch))
        assert cells < 1.1 * lengths.sum()


def test_a_batch_may_be_as_large_as_the_limit():
    texts = EncodedTexts(np.zeros(12, np.int32), np.array([0, 3, 6, 9, 12]), None, None, "")
    assert [batch.tokens.numel() for batch in one_pass(texts, 4, tokens=6)] == [6, 6]


def test_empty_texts_take_a_step_of_the_limit():
    texts = EncodedTexts(np.zeros(0, np.int32), np.zeros(4, np.int64), None, None, "")
    assert [batch.tokens.numel() for batch in one_pass(texts, 4, tokens=2)] == [2, 1]


def test_the_digest_knows_where_texts_begin():
    digests = {
        EncodedTexts(np.zeros(4, np.int32), np.array([0, begin, 4]), None, None, "").digest() for begin in range(4)
    }
    assert len(digests) == 4


def test_bad_sizes_and_no_text():
    for sizes, message in [((0, 0), "batch_size must be at least 1, but 0"), ((1, -1), "or 0 for no limit, but -1")]:
        with pytest.raises(SettingError, match=message):
            TextBatches(SET, sizes[0], tokens=sizes[1])
        with pytest.raises(SettingError, match=message):
            next(one_pass(SET, sizes[0], tokens=sizes[1]))
    nothing = EncodedTexts.of_words([], LEXICON)
    with pytest.raises(DataError, match="training needs texts, but there is not one; give a file with texts"):
        TextBatches(nothing, 4)
    assert list(one_pass(nothing, 4)) == []
