"""The layers for a model of your own; the names of torch.nn mean what they mean there.

Two lines make a recurrent layer and run it:

    >>> import torch
    >>> from gatewise import nn
    >>> layer = nn.Recurrent("lstm", 8, 16)
    >>> output, state = layer(torch.randn(5, 2, 8), lengths=[5, 3])    # [time, batch, features]
    >>> tuple(output.shape)
    (5, 2, 16)

or, as a part of a model that was written for torch.nn:

    >>> model = torch.nn.ModuleDict({"encoder": nn.LSTM(8, 16, bidirectional=True), "head": torch.nn.Linear(32, 4)})
    >>> output, (h_n, c_n) = model["encoder"](torch.randn(5, 2, 8))
    >>> tuple(model["head"](output).shape)
    (5, 2, 4)
"""

from gatewise.layers.adaptive_softmax import AdaptiveSoftmax
from gatewise.layers.characters import CharacterCNN, CharacterRNN
from gatewise.layers.crf import LinearChainCRF
from gatewise.layers.drop_in import GRU, LSTM, RNN
from gatewise.layers.output import FullSoftmax
from gatewise.layers.pooling import Pooling
from gatewise.layers.recurrent import Recurrent

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveSoftmax",
    "CharacterCNN",
    "CharacterRNN",
    "FullSoftmax",
    "LinearChainCRF",
    "Pooling",
    "Recurrent",
]
