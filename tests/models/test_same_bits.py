"""Scores of a model have the same bits in any batch, in any order and under any number of threads."""

from __future__ import annotations

import pytest
import torch

from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings

V, T = 1300, 9
"""More than one tile of columns (gatewise.layers.score_tiles.TILE)."""
MODELS = {
    "lstm": {"num_layers": 2, "hidden_size": 37},
    "layer norm": {"cell": "layer_norm_lstm", "hidden_size": 21},
    "adaptive": {"cell": "gru", "softmax": "adaptive", "hidden_size": 40},
    "adaptive, low rank": {"softmax": "adaptive", "hidden_size": 40, "tail_rank": 3},
}


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_a_score_has_the_same_bits_in_any_batch_and_under_any_number_of_threads(settings, dtype, threads):
    model = RecurrentLM(RecurrentLMSettings(embedding_size=24, **settings), V, dtype=dtype).eval()
    ids = torch.randint(V, (30, T))
    threads(1)
    together, _ = model.advance(model.start(30), ids)
    assert model.recurrent.runner_used == "fused"
    for count in (1, 2, 3):
        threads(count)
        for rows in ([0], [29], [3, 4, 5], [17, 2], list(range(29, -1, -1))):
            scores, _ = model.advance(model.start(len(rows)), ids[rows])
            assert torch.equal(scores, together[rows])
