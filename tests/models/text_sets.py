"""Small sets of texts, and the encoder once more in torch's own layers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.layers.recurrent import Recurrent
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import Lexicon
from gatewise.text.text_batches import draw

WORDS = ["good", "bad", "so", "is", "It", "film", "a", "not"]
LENGTHS = [4, 1, 0, 7, 2, 5, 0, 3]
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def texts_of(lengths=LENGTHS, seed=0):
    """Random texts of these lengths."""
    generator = np.random.default_rng(seed)
    return [[WORDS[k] for k in generator.integers(len(WORDS), size=length)] for length in lengths]


def lexicon_of(characters=False):
    """All the words, so that none is unknown."""
    return Lexicon.build([WORDS], characters=characters)


def encoded(texts=None, characters=False):
    """A set of texts without targets."""
    return EncodedTexts.of_words(texts_of() if texts is None else texts, lexicon_of(characters))


def batch_of(texts):
    """The whole set as one batch, in its order."""
    return draw(texts, np.arange(len(texts)))


def torch_layers(recurrent: Recurrent) -> nn.Module:
    """Torch's layers with the weights of ours."""
    twin = TORCH[recurrent.cell.name](
        recurrent.input_size, recurrent.hidden_size, recurrent.num_layers, bidirectional=recurrent.bidirectional
    )
    twin = twin.to(next(recurrent.parameters()).dtype)
    twin.load_state_dict(recurrent.state_dict())
    return twin


def torch_features(twin: nn.Module, vectors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """What torch's layers make of vectors [T, B, E], [T, B, F]; empty texts, which torch refuses, are left out."""
    rows = lengths.nonzero().squeeze(1)
    packed = pack_padded_sequence(vectors[:, rows], lengths[rows], enforce_sorted=False)
    outputs, _ = pad_packed_sequence(twin(packed)[0], total_length=vectors.size(0))
    return outputs.new_zeros(vectors.size(0), len(lengths), outputs.size(-1)).index_copy(1, rows, outputs)


def torch_characters(encoder: nn.Module, words: list[str], lexicon: Lexicon) -> torch.Tensor:
    """The last states of a character network, a word after the other in torch's layers, [W, F]."""
    embedding = next(part for part in encoder.modules() if isinstance(part, nn.Embedding))
    twin = torch_layers(next(part for part in encoder.modules() if isinstance(part, Recurrent)))
    rows = []
    for word in words:
        ids = torch.from_numpy(lexicon.character_ids([word])[0]).long()
        final = twin(embedding(ids))[1]
        rows.append(torch.cat(list(final[0] if isinstance(final, tuple) else final)))
    return torch.stack(rows)


def parameters_by_name(module: nn.Module) -> dict[str, torch.Tensor]:
    """Gradients by name."""
    return {name: parameter.grad for name, parameter in module.named_parameters()}
