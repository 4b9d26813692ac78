"""The tagger beside every path enumerated, and beside torch's cross entropy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.errors import GatewiseError, SettingError, ShapeError
from gatewise.models.allowed import Allowed
from gatewise.models.encoder_settings import TaggerSettings
from gatewise.models.tagger import Tagger
from models.text_sets import LENGTHS, WORDS, batch_of, encoded, texts_of, torch_features, torch_layers
from tolerance import tolerance

SIZES = {"embedding_size": 5, "hidden_size": 6}
L = 3
BOUNDS = tolerance(torch.float64, 16)
MASKS = Allowed(np.array([[1, 1, 0], [1, 1, 1], [1, 0, 1]], bool), np.array([1, 1, 0], bool), np.array([1, 0, 1], bool))


def model_of(labels=L, dtype=torch.float64, allowed=None, **settings):
    torch.manual_seed(1)
    model = Tagger(TaggerSettings(**{**SIZES, **settings}), len(WORDS) + 1, labels, allowed=allowed, dtype=dtype)
    if model.crf is not None:
        with torch.no_grad():
            for parameter in model.crf.parameters():
                parameter.normal_()
    return model


def tags_of(lengths=LENGTHS, seed=5):
    return np.random.default_rng(seed).integers(L, size=sum(lengths))


def tagged():
    return batch_of(encoded().with_tags(tags_of()))


def paths_of(model, emissions):
    """Every sequence of tags of a text with its score: what a CRF says, summed by hand; emissions [T, L]."""
    if not len(emissions):
        return {(): torch.zeros((), dtype=emissions.dtype)}
    crf, masks = model.crf, model.allowed
    found = {}
    for path in itertools.product(range(L), repeat=len(emissions)):
        pairs = list(itertools.pairwise(path))
        if masks is not None and not (
            masks.starts[path[0]] and masks.ends[path[-1]] and all(masks.transitions[a, b] for a, b in pairs)
        ):
            continue
        moves = sum((crf.transitions[a, b] for a, b in pairs), start=crf.starts[path[0]] + crf.ends[path[-1]])
        found[path] = moves + sum(emissions[step, tag] for step, tag in enumerate(path))
    return found


def by_text(model, batch):
    emissions = model.emissions(batch)
    return [paths_of(model, emissions[:length, row]) for row, length in enumerate(batch.lengths.tolist())]


@pytest.mark.parametrize("allowed", [None, MASKS], ids=["all", "some"])
def test_a_crf_is_a_distribution_over_whole_sequences(allowed):
    model = model_of(allowed=allowed).eval()
    texts = encoded(texts_of([4, 1, 0, 3]))
    every = by_text(model, batch_of(texts))
    golds = [list(paths)[len(paths) // 2] for paths in every]
    batch = batch_of(texts.with_tags(np.array([tag for path in golds for tag in path])))
    total, count = model.loss(batch)
    log_z = [torch.stack(list(paths.values())).logsumexp(0) for paths in every]
    expected = sum(z - paths[gold] for z, paths, gold in zip(log_z, every, golds, strict=True))
    torch.testing.assert_close(total, expected, **BOUNDS)
    assert count == 8
    best = [max(paths, key=paths.__getitem__) for paths in every]
    assert [tuple(tags.tolist()) for tags in model.predict(batch)] == best
    ranked = [sorted(paths, key=paths.__getitem__, reverse=True)[:3] for paths in every]
    found = model.nbest(batch, 3)
    for row, (paths, length) in enumerate(zip(ranked, batch.lengths.tolist(), strict=True)):
        assert [tuple(found.tags[:length, row, k].tolist()) for k in range(len(paths))] == paths
        chances = torch.stack([(every[row][path] - log_z[row]).exp() for path in paths])
        torch.testing.assert_close(found.probabilities[row, : len(paths)], chances, **BOUNDS)
    marginals = model.marginals(batch)
    for row, (paths, z) in enumerate(zip(every, log_z, strict=True)):
        for step in range(int(batch.lengths[row])):
            for tag in range(L):
                parts = [(score - z).exp() for path, score in paths.items() if path[step] == tag]
                expected = torch.stack(parts).sum() if parts else torch.zeros(()).double()
                torch.testing.assert_close(marginals[step, row, tag], expected.detach(), **BOUNDS)
    assert marginals[~batch.valid].eq(0).all()


def test_single_tags_and_their_gradients_are_those_of_torch():
    model, batch = model_of(output="softmax", num_layers=2), tagged()
    total, count = model.loss(batch)
    total.backward()
    twin = torch_layers(model.encoder.recurrent)
    weight = model.encoder.embedder.words.weight.detach().clone().requires_grad_()
    output = torch.nn.Linear(model.output.in_features, L).double()
    output.load_state_dict(model.output.state_dict())
    scores = output(torch_features(twin, weight[batch.tokens], batch.lengths))
    expected = functional.cross_entropy(scores[batch.valid], batch.targets[batch.valid], reduction="sum")
    expected.backward()
    torch.testing.assert_close(total, expected, **BOUNDS)
    assert count == sum(LENGTHS)
    torch.testing.assert_close(model.encoder.embedder.words.weight.grad, weight.grad, **BOUNDS)
    for ours, theirs in [(model.encoder.recurrent, twin), (model.output, output)]:
        for name, parameter in theirs.named_parameters():
            torch.testing.assert_close(ours.get_parameter(name).grad, parameter.grad, **BOUNDS)
    model.eval()
    probabilities = scores.softmax(-1).where(batch.valid[..., None], 0.0).detach()
    torch.testing.assert_close(model.marginals(batch), probabilities, **BOUNDS)
    expected = [scores[:length, row].argmax(-1).tolist() for row, length in enumerate(LENGTHS)]
    assert [tags.tolist() for tags in model.predict(batch)] == expected


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_company_does_not_matter(output):
    model = model_of(output=output).eval()
    together = model.marginals(batch_of(encoded()))
    for row, text in enumerate(texts_of()):
        alone = model.marginals(batch_of(encoded([text])))
        torch.testing.assert_close(together[: len(text), row], alone[: len(text), 0], **BOUNDS)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_padding_is_never_read(output):
    model = model_of(output=output, input_dropout=0.3, output_dropout=0.3, embedding_dropout=0.3)
    with torch.no_grad():  # the id 0 is in no text: it stands beyond the lengths only
        model.encoder.embedder.words.weight[0] = torch.nan
    total, _ = model.loss(tagged())
    total.backward()
    assert total.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_judging_is_predicting_and_the_loss_of_each_text(output):
    model, batch = model_of(output=output).eval(), tagged()
    tags, losses = model.judge(batch)
    assert [one.tolist() for one in tags] == [one.tolist() for one in model.predict(batch)]
    torch.testing.assert_close(losses.sum(), model.loss(batch)[0], **BOUNDS)
    first = 0
    for row, (text, length) in enumerate(zip(texts_of(), LENGTHS, strict=True)):
        alone = batch_of(encoded([text]).with_tags(tags_of()[first : first + length]))
        torch.testing.assert_close(losses[row], model.loss(alone)[0], **BOUNDS)
        first += length


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_only_empty_texts(output):
    model = model_of(output=output)
    batch = batch_of(encoded([[], []]).with_tags([]))
    total, count = model.loss(batch)
    total.backward()
    assert (total.item(), count) == (0.0, 1)
    assert [tags.tolist() for tags in model.eval().predict(batch)] == [[], []]
    assert model.marginals(batch).shape == (1, 2, L)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_it_learns_ten_texts_by_heart(output):
    lengths = [3, 5, 2, 6, 4, 1, 7, 3, 2, 5]
    tags = tags_of(lengths, seed=1)
    batch = batch_of(encoded(texts_of(lengths, seed=3)).with_tags(tags))
    model = model_of(output=output, dtype=torch.float32, hidden_size=16, embedding_size=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        total, count = model.loss(batch)
        (total / count).backward()
        optimizer.step()
    assert torch.cat(model.eval().predict(batch)).tolist() == tags.tolist()


def test_groups_hold_each_parameter_once():
    model = model_of(num_layers=2)
    groups = model.groups()
    assert len(groups) == 4
    assert sorted(id(parameter) for group in groups for parameter in group) == sorted(map(id, model.parameters()))
    assert any(parameter is model.crf.transitions for parameter in groups[-1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: model_of().loss(batch_of(encoded())), ShapeError, "the batch has no tags; give the texts their tags"),
        (
            lambda: model_of(output="softmax").loss(batch_of(encoded().with_labels([0] * 8))),
            ShapeError,
            r"the tags are torch.int64 \[8\], expected torch.int64 \[7, 8\]",
        ),
        (
            lambda: model_of(output="softmax").loss(batch_of(encoded().with_tags(tags_of() + 1))),
            ShapeError,
            "a tag is 3, but the model has 3, 0 to 2",
        ),
        (
            lambda: model_of().loss(batch_of(encoded().with_tags(tags_of() + 1))),
            ShapeError,
            "is 3, but labels are 0 to 2",
        ),
        (lambda: model_of().predict(tagged()), GatewiseError, r"in training mode; call \.eval\(\) first"),
        (lambda: model_of().marginals(tagged()), GatewiseError, "in training mode"),
        (lambda: model_of().nbest(tagged(), 2), GatewiseError, "in training mode"),
        (
            lambda: model_of(output="softmax").eval().nbest(tagged(), 2),
            SettingError,
            "output is softmax; train with output=crf, or take marginals",
        ),
        (
            lambda: model_of(output="softmax", allowed=MASKS),
            SettingError,
            "may not follow each other belong to a CRF, but output is softmax; give output=crf",
        ),
        (lambda: model_of(labels=4, allowed=MASKS), SettingError, "Tagger: .* told of 3, but the model has 4"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_what_is_allowed_is_written_and_read():
    twin = Allowed.from_dict(MASKS.to_dict())
    for name in ("transitions", "starts", "ends"):
        assert np.array_equal(getattr(twin, name), getattr(MASKS, name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transitions": ["110", "111"]}, r"transitions is expected as bool \[3, 3\], but bool \[2, 3\] came"),
        ({"transitions": ["110", "11", "101"]}, "each of the transitions is expected with 3 numbers"),
        ({"transitions": "110"}, "expected as transitions, starts and ends"),
        ({"starts": "11x"}, "written with 0 and 1, but '11x' came"),
        ({"ends": [1, 0, 1]}, r"written with 0 and 1, but \[1, 0, 1\] came"),
        ({"ends": "1"}, r"ends is expected as bool \[3\], but bool \[1\] came"),
        ({"more": "1"}, "expected as transitions, starts and ends"),
    ],
)
def test_what_is_allowed_is_refused_when_damaged(change, message):
    with pytest.raises(SettingError, match=message):
        Allowed.from_dict(MASKS.to_dict() | change)


def test_what_is_allowed_is_truth_values():
    with pytest.raises(SettingError, match=r"Allowed: starts is expected as bool \[3\], but list came"):
        Allowed(MASKS.transitions, [True] * 3, MASKS.ends)
    with pytest.raises(SettingError, match=r"ends is expected as bool \[3\], but float64 \[3\] came"):
        Allowed(MASKS.transitions, MASKS.starts, np.ones(3))
