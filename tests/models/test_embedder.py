"""Vectors of words and of their characters, what training takes away from them, and vectors from elsewhere."""

from __future__ import annotations

import pytest
import torch

from gatewise.errors import SettingError, ShapeError
from gatewise.models.embedder import Embedder
from gatewise.models.encoder import Encoder
from gatewise.models.encoder_settings import EncoderSettings
from gatewise.text.encoded import EncodedTexts
from models.text_sets import WORDS, batch_of, encoded, lexicon_of, texts_of, torch_characters
from tolerance import tolerance

V = len(WORDS) + 1
CELLS = ["lstm", "gru", "rnn"]
BOUNDS = tolerance(torch.float64, 8)


def encoder_of(characters="none", dtype=torch.float64, unk_id=0, size=None, **settings):
    torch.manual_seed(1)
    made = EncoderSettings(**{"embedding_size": 5, "hidden_size": 6, "characters": characters, **settings})
    size = (lexicon_of(True).characters_size if characters != "none" else 0) if size is None else size
    return Encoder(made, V, size, unk_id, kind={"dtype": dtype})


@pytest.mark.parametrize("cell", CELLS)
def test_characters_are_read_in_both_directions(cell):
    embedder = encoder_of("rnn", cell=cell, character_embedding_size=3, character_hidden_size=4).embedder
    batch, words = batch_of(encoded(characters=True)), sorted(WORDS)
    vectors = embedder(batch)
    assert embedder.output_size == vectors.size(-1) == 5 + 2 * 4
    rows = dict(zip(words, torch_characters(embedder.characters, words, lexicon_of(True)), strict=True))
    for row, text in enumerate(texts_of()):
        for step, word in enumerate(text):
            torch.testing.assert_close(vectors[step, row, 5:], rows[word], **BOUNDS)
            looked_up = embedder.words.weight[batch.tokens[step, row]]
            assert torch.equal(vectors[step, row, :5], looked_up)


@pytest.mark.parametrize("characters", ["rnn", "cnn"])
def test_a_word_has_its_vector_in_any_company(characters):
    embedder = encoder_of(characters, character_hidden_size=7).eval().embedder
    together = embedder(batch_of(encoded(characters=True)))
    for row, text in enumerate(texts_of()):
        alone = embedder(batch_of(encoded([text], characters=True)))
        torch.testing.assert_close(together[: len(text), row], alone[: len(text), 0], **BOUNDS)
    assert together.size(-1) == 5 + (14 if characters == "rnn" else 7)


@pytest.mark.parametrize("characters", ["rnn", "cnn"])
def test_characters_of_a_word_that_is_unknown(characters):
    embedder, lexicon = encoder_of(characters).eval().embedder, lexicon_of(True)
    batch = batch_of(EncodedTexts.of_words([["gOod", "dab"], []], lexicon))
    assert batch.tokens.eq(0).all()
    vectors = embedder(batch)
    assert torch.equal(vectors[0, 0, :5], vectors[1, 0, :5])
    assert not torch.allclose(vectors[0, 0, 5:], vectors[1, 0, 5:])
    assert embedder(batch_of(EncodedTexts.of_words([[], []], lexicon))).isfinite().all()


def test_word_dropout_makes_words_unknown_and_leaves_their_characters():
    encoder = encoder_of("cnn", word_dropout=0.3)
    batch = batch_of(encoded(texts_of([400] * 3), characters=True))
    usual = encoder.eval().embedder(batch)
    vectors = encoder.train().embedder(batch)
    dropped = (vectors[..., :5] == encoder.embedder.words.weight[0]).all(-1)
    assert torch.equal(vectors[~dropped], usual[~dropped])
    assert torch.equal(vectors[..., 5:], usual[..., 5:])
    assert 0.2 < dropped.double().mean() < 0.4


def test_embedding_dropout_takes_kinds_of_tokens():
    encoder = encoder_of(embedding_dropout=0.5)
    batch = batch_of(encoded(texts_of([40] * 3)))
    factors = encoder.embedder(batch) / encoder.eval().embedder(batch)
    kinds = {token: factors[batch.tokens == token].unique().tolist() for token in batch.tokens.unique().tolist()}
    assert sorted({factor for found in kinds.values() for factor in found}) == [0.0, 2.0]
    assert all(len(found) == 1 for found in kinds.values())


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("name", ["input_dropout", "output_dropout"])
def test_masks_are_locked_or_not(name, locked):
    encoder = encoder_of(locked_masks=locked, **{name: 0.5})
    if name == "input_dropout":
        before, seen = torch.ones(30, 2, 5).double(), []
        encoder.recurrent.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        encoder.read(before, torch.tensor([30, 30]))
        dropped = seen[0] == 0
    else:
        dropped = encoder.read(torch.randn(30, 2, 5).double(), torch.tensor([30, 30])) == 0
    assert dropped.any()
    assert not dropped.all()
    assert torch.equal(dropped, dropped[:1].expand_as(dropped)) == locked


@pytest.mark.parametrize(
    "rates",
    [{"word_dropout": 0.5}, {"embedding_dropout": 0.5}, {"input_dropout": 0.5}, {"output_dropout": 0.5}],
    ids=str,
)
def test_without_training_nothing_is_drawn(rates):
    encoder, batch = encoder_of(**rates), batch_of(encoded())
    assert not torch.equal(encoder(batch), encoder(batch))
    encoder.eval()
    state = torch.random.get_rng_state()
    assert torch.equal(encoder(batch), encoder(batch))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_vectors_are_taken_over():
    embedder = encoder_of(dtype=torch.float32).embedder
    before, vectors = embedder.words.weight.detach().clone(), torch.randn(V, 5).double()
    known = torch.arange(V) % 2 == 0
    vectors[~known] = torch.nan
    embedder.set_vectors(vectors, known)
    assert torch.equal(embedder.words.weight, torch.where(known[:, None], vectors.float(), before))
    embedder.set_vectors(torch.ones(V, 5))
    assert embedder.words.weight.eq(1).all()


@pytest.mark.parametrize("frozen", [False, True])
def test_vectors_can_be_left_as_they_are(frozen):
    encoder = encoder_of(freeze_vectors=frozen)
    before = encoder.embedder.words.weight.detach().clone()
    optimizer = torch.optim.SGD([one for one in encoder.parameters() if one.requires_grad], lr=1.0)
    encoder(batch_of(encoded())).sum().backward()
    optimizer.step()
    assert torch.equal(encoder.embedder.words.weight, before) == frozen


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: encoder_of().embedder.set_vectors(torch.zeros(V, 7)),
            ShapeError,
            rf"the vectors are \[{V}, 7\], but the embedding is \[{V}, 5\]; give embedding_size=7",
        ),
        (
            lambda: encoder_of().embedder.set_vectors(torch.zeros(V, 5), torch.zeros(3).bool()),
            ShapeError,
            rf"known is torch.bool \[3\], expected torch.bool \[{V}\]",
        ),
        (
            lambda: encoder_of().embedder.set_vectors(torch.full((V, 5), torch.inf)),
            ShapeError,
            "a vector has a number that is not finite; look at the file",
        ),
        (
            lambda: encoder_of("rnn")(batch_of(encoded())),
            ShapeError,
            "reads characters, but the batch has none; make the",
        ),
        (
            lambda: Embedder(EncoderSettings(), 3, 0, 0, None, {})(batch_of(encoded())),
            ShapeError,
            "Embedder: a token is 8, but the vocabulary has 3 tokens, 0 to 2",
        ),
        (lambda: Embedder(EncoderSettings(), 0, 0, 0, None, {}), SettingError, "vocabulary_size must be at least 1"),
        (lambda: encoder_of(unk_id=V), SettingError, f"unk_id must be from 0 to {V - 1}, but {V} was given"),
        (
            lambda: encoder_of(unk_id=None, word_dropout=0.1),
            SettingError,
            "replaces tokens by <unk>, but this vocabulary has none; leave word_dropout out",
        ),
        (
            lambda: encoder_of("rnn", size=0),
            SettingError,
            "characters is rnn, but .* has 0 characters; build the lexicon",
        ),
        (lambda: encoder_of(size=9), SettingError, "characters is none, but .* has 9 characters; give characters=rnn"),
        (
            lambda: encoder_of("rnn", cell="projected_lstm", projection_size=3),
            SettingError,
            "characters=rnn takes a cell without projection, but the cell is projected_lstm; give characters=cnn",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"characters": "both"}, "characters must be one of: none, rnn, cnn, but 'both'"),
        ({"character_hidden_size": 30}, "character_hidden_size belongs to characters, but characters is none; give"),
        ({"character_embedding_size": 30}, "character_embedding_size belongs to characters"),
        ({"word_dropout": 1.0}, "word_dropout must be a number of at least 0 and below 1, but 1.0"),
        ({"hidden_dropout": 0.1}, "hidden_dropout acts between layers, but num_layers is 1; give num_layers=2"),
        ({"hidden_size": 0}, "hidden_size must be a whole number from 1 to 65536, but 0"),
        ({"bidirectional": 1}, "bidirectional must be true or false, but 1"),
    ],
)
def test_refused_settings(settings, message):
    with pytest.raises(SettingError, match=message):
        EncoderSettings(**settings)
