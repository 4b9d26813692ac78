"""Character encoders against each word encoded by itself, and against the sums written down."""

from __future__ import annotations

import pytest
import torch

from gatewise.errors import GatewiseError, SettingError, ShapeError
from gatewise.layers.characters import CharacterCNN, CharacterRNN
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

CHARACTERS, E, H = 11, 3, 4
WORDS = [[5, 1, 9, 9, 2], [], [7], [5, 1], [10, 0, 3, 4, 5, 6], [7]]
LENGTHS = [len(word) for word in WORDS]
FLAT = torch.tensor([id for word in WORDS for id in word])
BOUNDS = tolerance(torch.float64, 6)


def rnn(**options):
    return CharacterRNN(CHARACTERS, E, H, dtype=torch.float64, **options)


def cnn(**options):
    return CharacterCNN(CHARACTERS, E, H, dtype=torch.float64, **{"widths": (1, 2, 3, 8), **options})


ENCODERS = {"lstm": rnn, "gru": lambda: rnn(cell="gru"), "cnn": cnn, "even width": lambda: cnn(widths=(4,))}
every_encoder = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)


def columns(beyond=-1):
    """The words as columns, with something beyond their ends that is no character."""
    filled = [word + [beyond] * (max(LENGTHS) + 2 - len(word)) for word in WORDS]
    return torch.tensor(filled).T


@every_encoder
def test_a_word_has_the_same_vector_in_any_batch(encoder):
    encoder = encoder()
    vectors = encoder(FLAT, lengths=LENGTHS)
    assert vectors.shape == (len(WORDS), encoder.output_size)
    for word, vector in zip(WORDS, vectors, strict=True):
        alone = encoder(torch.tensor(word, dtype=torch.int64), lengths=[len(word)])
        torch.testing.assert_close(vector, alone[0], **BOUNDS)
    assert not vectors[1].any()
    assert all(vector.any() for vector in vectors[[0, 2, 3, 4, 5]])
    torch.testing.assert_close(vectors[2], vectors[5], **BOUNDS)


@every_encoder
@pytest.mark.parametrize("beyond", [-1, 2, 1000])
def test_what_stands_beyond_a_word_is_never_read(encoder, beyond):
    encoder = encoder()
    padded = encoder(columns(beyond).int(), lengths=torch.tensor(LENGTHS))
    torch.testing.assert_close(padded, encoder(FLAT, lengths=LENGTHS), **BOUNDS)
    (gradient,) = torch.autograd.grad(padded.square().sum(), encoder.embedding.weight)
    read = torch.zeros(CHARACTERS).index_fill(0, FLAT, 1).bool()
    assert gradient[read].any()
    assert not gradient[~read].any()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "peephole_lstm"])
def test_the_recurrent_encoder_reads_to_both_ends(cell):
    encoder = rnn(cell=cell)
    vectors = encoder(FLAT, lengths=LENGTHS)
    for word, vector in zip(WORDS, vectors, strict=True):
        if not word:
            continue
        halves = []
        for reverse, read in ((False, word), (True, word[::-1])):
            one = Recurrent(cell, E, H, dtype=torch.float64)
            one.load_state_dict({name + "_l0": w for name, w in encoder.recurrent.weights(0, reverse).items()})
            output, _ = one(encoder.embedding(torch.tensor(read)))
            halves.append(output[-1])
        torch.testing.assert_close(vector, torch.cat(halves), **BOUNDS)


def test_a_cell_with_a_projection():
    encoder = rnn(cell="projected_lstm", proj_size=2)
    assert encoder(FLAT, lengths=LENGTHS).shape == (len(WORDS), 4)
    assert encoder.output_size == 4


def test_the_convolution_is_its_equation():
    encoder = cnn()
    vectors, embedding = encoder(FLAT, lengths=LENGTHS), encoder.embedding.weight
    for word, vector in zip(WORDS, vectors, strict=True):
        expected = []
        for k, convolution in zip(encoder.widths, encoder.convolutions, strict=True):
            for f in range(H if word else 0):
                sums = []
                for t in range(len(word)):
                    places = [(i, t + i - (k - 1) // 2) for i in range(k)]
                    inside = [convolution.weight[f, :, i] @ embedding[word[p]] for i, p in places if 0 <= p < len(word)]
                    sums.append(torch.tanh(convolution.bias[f] + sum(inside)))
                expected.append(max(sums))
        if word:
            torch.testing.assert_close(vector, torch.stack(expected), **BOUNDS)


@every_encoder
def test_gradients(encoder):
    encoder = encoder()
    assert torch.autograd.gradcheck(lambda *_: encoder(FLAT, lengths=LENGTHS), tuple(encoder.parameters()))


@every_encoder
def test_words_without_characters(encoder):
    encoder = encoder()
    for characters, lengths in [(FLAT[:0], []), (FLAT[:0], [0, 0]), (columns()[:0], [0] * 6), (columns(), [0] * 6)]:
        vectors = encoder(characters, lengths=lengths)
        assert vectors.shape == (len(lengths), encoder.output_size)
        assert not vectors.any()
        vectors.sum().backward()
        assert not encoder.embedding.weight.grad.any()


@pytest.mark.parametrize(
    ("characters", "lengths", "message"),
    [
        (torch.tensor([1, 11]), [2], "a character is 11, but the vocabulary has 11 tokens"),
        (torch.tensor([-1, 1]), [2], "a character is -1"),
        (torch.tensor([1, 1]), [1], "the lengths add up to 1, but 2 characters came"),
        (torch.tensor([[1, 1]]), [1, 2], r"lengths\[1\] is 2, but the input has 1 time steps"),
        (torch.tensor([[1, 1]]), [1], "2 sequences came with 1 lengths"),
        (torch.tensor([1.0]), [1], "the characters are torch.float32; give whole numbers"),
        ([1], [1], r"the characters came as list, expected \[characters, words\] or flat"),
        (torch.zeros(1, 1, 1), [1], r"the characters came as \[1, 1, 1\]"),
        (torch.tensor([1]), [-1], r"lengths\[0\] is -1"),
    ],
)
def test_inputs_that_do_not_fit(characters, lengths, message):
    with pytest.raises(ShapeError, match=message):
        cnn()(characters, lengths=lengths)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CharacterCNN(0, E, H), "characters must be a whole number of at least 1, but 0 was given"),
        (lambda: CharacterRNN(5, 0, H), "embedding_size must be a whole number of at least 1, but 0 was given"),
        (lambda: CharacterRNN(5, E, 0), "hidden_size must be a whole number of at least 1, but 0 was given"),
        (lambda: CharacterCNN(5, E, 0), "filters must be a whole number of at least 1, but 0 was given"),
        (lambda: CharacterCNN(5, E, H, widths=()), "widths must rise and be at least one, but none was given"),
        (lambda: CharacterCNN(5, E, H, widths=(3, 3)), "widths must rise and be at least one, but 3, 3 was given"),
        (lambda: CharacterCNN(5, E, H, widths=(0,)), "each of widths must be a whole number of at least 1, but 0"),
    ],
)
def test_arguments_that_cannot_be(make, message):
    with pytest.raises(SettingError, match=message):
        make()


def test_an_unknown_cell():
    with pytest.raises(GatewiseError, match="unknown cell 'lstn'"):
        rnn(cell="lstn")


def test_the_zeros_beyond_a_word_are_no_maximum():
    encoder = cnn()
    with torch.no_grad():  # all sums are below what tanh takes apart from -1
        for convolution in encoder.convolutions:
            convolution.bias.fill_(-3.0)
    together = encoder(FLAT, lengths=LENGTHS)
    for word, vector in zip(WORDS, together, strict=True):
        torch.testing.assert_close(vector, encoder(torch.tensor(word).long(), lengths=[len(word)])[0], **BOUNDS)
    assert (together[2] < -0.8).all()


@every_encoder
def test_embeddings_are_drawn_from_their_range(encoder):
    bound = (3 / E) ** 0.5
    drawn = torch.cat([encoder().embedding.weight.detach().flatten() for _ in range(20)])
    assert 0.95 * bound < drawn.abs().max() <= bound
