"""The classifier beside torch's own layers, its losses by hand, and what must not matter: padding and company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.errors import GatewiseError, SettingError, ShapeError
from gatewise.models.classifier import Classifier
from gatewise.models.encoder_settings import ClassifierSettings
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from gatewise.text.encoded import EncodedTexts
from gatewise.text.ngram_ratios import ngram_ratios
from models.text_sets import WORDS, batch_of, encoded, texts_of, torch_features, torch_layers
from tolerance import tolerance

SIZES = {"embedding_size": 5, "hidden_size": 6}
POOLINGS = ["last", "mean", "max", "all", "attention"]
LABELS = [0, 2, 1, 1, 2, 0, 0, 1]


def model_of(labels=3, dtype=torch.float64, characters_size=0, ngrams=(), **settings):
    made = ClassifierSettings(**{**SIZES, **settings})
    torch.manual_seed(1)
    return Classifier(made, len(WORDS) + 1, labels, characters_size=characters_size, ngrams=ngrams, dtype=dtype)


def labelled(labels=LABELS):
    return batch_of(encoded().with_labels(labels))


def pooled_by_hand(model, features, lengths):
    """Text by text, over nothing but its own steps; [B, F]."""
    half, kind = features.size(-1) // 2, model.settings.pooling
    rows = []
    for row, length in enumerate(lengths.tolist()):
        text = features[:length, row]
        if not length:
            rows.append(text.new_zeros(features.size(-1) * (3 if kind == "all" else 1)))
            continue
        ends = torch.cat([text[-1, :half], text[0, half:]]) if model.settings.bidirectional else text[-1]
        parts = {"last": ends, "max": text.max(0).values, "mean": text.mean(0)}
        rows.append(torch.cat(list(parts.values())) if kind == "all" else parts[kind])
    return torch.stack(rows)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "all"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("shape", [{}, {"num_layers": 2}, {"bidirectional": False}], ids=str)
def test_scores_and_gradients_are_those_of_torch(pooling, cell, shape):
    model, batch = model_of(pooling=pooling, cell=cell, **shape), labelled()
    total, count = model.loss(batch)
    total.backward()
    twin = torch_layers(model.encoder.recurrent)
    weight = model.encoder.embedder.words.weight.detach().clone().requires_grad_()
    features = torch_features(twin, weight[batch.tokens], batch.lengths)
    output = torch.nn.Linear(model.output.in_features, 3).double()
    output.load_state_dict(model.output.state_dict())
    logits = output(pooled_by_hand(model, features, batch.lengths))
    expected = -logits.log_softmax(-1)[range(len(LABELS)), LABELS].sum()
    expected.backward()
    bounds = tolerance(torch.float64, 16)
    torch.testing.assert_close(model.logits(batch), logits, **bounds)
    torch.testing.assert_close(total, expected, **bounds)
    assert count == len(LABELS)
    torch.testing.assert_close(model.encoder.embedder.words.weight.grad, weight.grad, **bounds)
    for ours, theirs in [(model.encoder.recurrent, twin), (model.output, output)]:
        for name, parameter in theirs.named_parameters():
            torch.testing.assert_close(ours.get_parameter(name).grad, parameter.grad, **bounds)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_company_does_not_matter(pooling):
    model = model_of(pooling=pooling).eval()
    texts = encoded()
    together = model.logits(batch_of(texts))
    for number, text in enumerate(texts_of()):
        alone = model.logits(batch_of(encoded([text])))
        torch.testing.assert_close(together[number], alone[0], **tolerance(torch.float64, 8))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_is_never_read(pooling, training):
    rates = {name: 0.3 for name in ("embedding_dropout", "input_dropout", "output_dropout", "hidden_dropout")}
    model = model_of(pooling=pooling, num_layers=2, **rates).train(training)
    with torch.no_grad():  # the id 0 is in no text: it stands beyond the lengths only
        model.encoder.embedder.words.weight[0] = torch.nan
    batch = labelled()
    assert not (batch.tokens[batch.valid] == 0).any()
    total, _ = model.loss(batch)
    total.backward()
    assert total.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    if not training:
        for method in ("gradient", "leave-one-out"):
            assert model.word_weights(batch, 1, method).isfinite().all()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_empty_text_has_the_scores_of_the_bias(pooling):
    model = model_of(pooling=pooling).eval()
    logits = model.logits(batch_of(encoded([[], ["so"], []])))
    for row in (0, 2):
        torch.testing.assert_close(logits[row], model.output.bias, **tolerance(torch.float64))
    only = batch_of(encoded([[], []]).with_labels([0, 1]))
    total, count = model.loss(only)
    total.backward()
    assert (count, total.isfinite().item()) == (2, True)


def test_weights_of_labels_by_hand():
    batch = labelled()
    plain, model = model_of(), model_of(class_weights="balanced")
    model.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(model.loss(batch)[0], plain.loss(batch)[0])
    counts = np.bincount(LABELS, minlength=3)
    model.balance(counts.tolist(), len(LABELS))
    weights = [len(LABELS) / (3 * count) for count in counts]
    nats = -plain.logits(batch).log_softmax(-1)[range(len(LABELS)), LABELS]
    expected = sum(weights[label] * nat for label, nat in zip(LABELS, nats, strict=True))
    total, count = model.loss(batch)
    torch.testing.assert_close(total, expected, **tolerance(torch.float64, 8))
    assert count == len(LABELS)
    torch.testing.assert_close(model.loss(batch, weighted=False)[0], nats.sum(), **tolerance(torch.float64, 8))
    assert sum(weights[label] for label in LABELS) == pytest.approx(len(LABELS))


@pytest.mark.parametrize("balanced", [False, True])
def test_any_number_of_labels_by_hand(balanced):
    wanted = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], bool)
    model = model_of(multi_label=True, class_weights="balanced" if balanced else "none")
    batch = batch_of(encoded().with_labels(wanted))
    weights = torch.ones(3).double()
    if balanced:
        model.balance(wanted.sum(0).tolist(), len(wanted))
        weights = torch.tensor([3 / 5, 4 / 4, 7 / 1], dtype=torch.float64)
    p = model.probabilities(batch)
    assert ((p > 0) & (p < 1)).all()
    expected = -torch.where(torch.from_numpy(wanted), weights * p.log(), (1 - p).log()).sum()
    total, count = model.loss(batch)
    torch.testing.assert_close(total, expected, **tolerance(torch.float64, 8))
    assert count == len(wanted)


def test_a_label_that_is_never_or_always_there():
    model = model_of(class_weights="balanced")
    model.balance([8, 0, 0], 8)
    assert model.class_weights.tolist() == pytest.approx([1 / 3, 8 / 3, 8 / 3])
    model = model_of(class_weights="balanced", multi_label=True)
    model.balance([8, 0, 2], 8)
    assert model.class_weights.tolist() == pytest.approx([1 / 8, 8.0, 3.0])


def test_it_learns_ten_texts_by_heart():
    texts = texts_of([3, 5, 2, 6, 4, 1, 7, 3, 2, 5], seed=3)
    labels = [number % 3 for number in range(10)]
    batch = batch_of(encoded(texts).with_labels(labels))
    model = model_of(dtype=torch.float32, hidden_size=16, embedding_size=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        total, count = model.loss(batch)
        (total / count).backward()
        optimizer.step()
    assert model.eval().probabilities(batch).argmax(-1).tolist() == labels
    assert model.loss(batch)[0].item() / 10 < 0.1


def test_probabilities_add_up():
    assert torch.allclose(model_of().probabilities(labelled()).sum(-1), torch.ones(8).double())


@pytest.mark.parametrize("pooling", POOLINGS)
def test_leaving_a_word_out_is_reading_the_text_without_it(pooling):
    model, texts = model_of(pooling=pooling).eval(), texts_of()
    batch = batch_of(encoded(texts))
    label = torch.tensor(LABELS)
    found = model.word_weights(batch, label, "leave-one-out")
    for row, text in enumerate(texts):
        for step in range(len(text)):
            rest = batch_of(encoded([text[:step] + text[step + 1 :]]))
            expected = (model.logits(batch)[row] - model.logits(rest)[0])[label[row]]
            torch.testing.assert_close(found[step, row], expected, **tolerance(torch.float64, 8))
    assert found[~batch.valid].eq(0).all()


@pytest.mark.parametrize("method", ["gradient", "leave-one-out"])
def test_what_direct_connections_say_is_added_to_what_the_network_says(method):
    texts = encoded(texts_of([4, 1, 0, 7, 2, 5, 0, 3] * 4))
    ids, having = texts.types.word_ids[texts.ids], np.eye(3, dtype=bool)[LABELS * 4]
    counted = ngram_ratios(ids, texts.boundaries, having, len(WORDS) + 1, order=2, minimum=1)
    model, batch, label = (
        model_of(direct_order=2, ngrams=counted.sizes).eval(),
        batch_of(encoded()),
        torch.tensor(LABELS),
    )
    model.set_ratios(counted)
    plain = model.logits(batch), model.word_weights(batch, label, method)
    torch.nn.init.normal_(model.direct.weight)
    direct = model.direct(batch.tokens, batch.lengths)
    assert direct[2].ne(0).all()  # an empty text is a pair of signs
    torch.testing.assert_close(model.logits(batch), plain[0] + direct, **tolerance(torch.float64, 8))
    found = model.word_weights(batch, label, method) - plain[1]
    for row, text in enumerate(texts_of()):
        for step in range(len(text)):
            rest = batch_of(encoded([text[:step] + text[step + 1 :]]))
            expected = (direct[row] - model.direct(rest.tokens, rest.lengths)[0])[label[row]]
            torch.testing.assert_close(found[step, row], expected, **tolerance(torch.float64, 32))


def test_many_words_are_left_out_in_parts(monkeypatch):
    model, batch = model_of().eval(), batch_of(encoded(texts_of([9, 3])))
    whole = model.word_weights(batch, 0, "leave-one-out")
    monkeypatch.setattr("gatewise.models.explanation._AT_ONCE", 17)
    torch.testing.assert_close(model.word_weights(batch, 0, "leave-one-out"), whole, **tolerance(torch.float64, 8))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_gradient_is_what_a_little_less_of_a_word_costs(pooling):
    model, batch = model_of(pooling=pooling).eval(), batch_of(encoded())
    found = model.word_weights(batch, 1)
    vectors, step = model.encoder.embedder(batch).detach(), 1e-6
    for t, b in batch.valid.nonzero().tolist():
        around = []
        for factor in (1 + step, 1 - step):
            changed = vectors.clone()
            changed[t, b] *= factor
            around.append(model.scores(changed, batch.lengths)[b, 1].item())
        assert found[t, b].item() == pytest.approx((around[0] - around[1]) / (2 * step), abs=1e-7)
    assert found[~batch.valid].eq(0).all()
    assert all(parameter.grad is None for parameter in model.parameters())
    with torch.no_grad():
        assert torch.equal(model.word_weights(batch, 1), found)


@pytest.mark.parametrize(
    "settings", [{}, {"num_layers": 2, "cell": "gru", "residual": True, "initial_state": "learned"}]
)
def test_a_language_model_is_taken_over(settings):
    torch.manual_seed(2)
    lm = RecurrentLM(RecurrentLMSettings(**SIZES, **settings), 12, dtype=torch.float64).eval()
    asked = ClassifierSettings(pooling="max", output_dropout=0.4, characters="cnn", bidirectional=True)
    model = Classifier.from_language_model(lm, 2, asked, unk_id=1).eval()
    assert (model.settings.pooling, model.settings.output_dropout, model.settings.cell) == (
        "max",
        0.4,
        lm.settings.cell,
    )
    assert (model.settings.bidirectional, model.settings.characters, model.unk_id) == (False, "none", 1)
    texts = EncodedTexts(np.arange(12, dtype=np.int32), np.array([0, 5, 12]), None, None, "")
    batch = batch_of(texts)
    features, _ = lm.features(batch.tokens, lengths=batch.lengths)
    torch.testing.assert_close(model.encoder(batch), features, **tolerance(torch.float64, 8))
    with torch.no_grad():
        model.encoder.embedder.words.weight.zero_()
        model.encoder.recurrent.weight_hh_l0.zero_()
    assert lm.embedding.weight.count_nonzero()
    assert lm.recurrent.weight_hh_l0.count_nonzero()


def test_dropout_between_layers_is_left_out_where_the_language_model_has_one():
    lm = RecurrentLM(RecurrentLMSettings(**SIZES), 12)
    asked = ClassifierSettings(num_layers=2, hidden_dropout=0.3)
    assert Classifier.from_language_model(lm, 2, asked).settings.hidden_dropout == 0.0


@pytest.mark.parametrize("settings", [{}, {"num_layers": 3, "initial_state": "learned", "pooling": "attention"}])
def test_groups_go_from_the_input_to_the_output_and_hold_each_parameter_once(settings):
    model = model_of(**settings)
    groups = model.groups()
    assert len(groups) == model.settings.num_layers + 2
    assert sorted(id(parameter) for group in groups for parameter in group) == sorted(map(id, model.parameters()))
    assert groups[0][0] is model.encoder.embedder.words.weight
    for number in range(model.settings.num_layers):
        assert any(
            one is model.encoder.recurrent.get_parameter(f"weight_hh_l{number}_reverse") for one in groups[number + 1]
        )
    assert any(one is model.output.bias for one in groups[-1])


def test_what_computes_it_is_told():
    model = model_of(runner="reference", characters="rnn", characters_size=4)
    assert set(model.computed_by()) == {"recurrent layers", "characters"}
    assert all(
        told.startswith("reference (") and told.endswith(", which is slow") for told in model.computed_by().values()
    )
    assert model_of().describe()["labels"] == 3
    assert model_of().describe()["other_settings"] == {}


def test_runners_agree():
    batch, found = labelled(), {}
    for runner in ("auto", "reference"):
        model = model_of(runner=runner)
        total, _ = model.loss(batch)
        total.backward()
        found[runner] = [total, *(parameter.grad for parameter in model.parameters())]
    for ours, theirs in zip(*found.values(), strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance(torch.float64, 16))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: model_of(labels=0), SettingError, "Classifier: labels must be at least 1, but 0 was given"),
        (
            lambda: model_of().loss(batch_of(encoded())),
            ShapeError,
            "the batch has no labels; give the texts their labels",
        ),
        (lambda: model_of().loss(labelled(np.ones((8, 3), bool))), ShapeError, r"the labels are torch.bool \[8, 3\]"),
        (lambda: model_of(multi_label=True).loss(labelled()), ShapeError, r"expected torch.bool \[8, 3\]"),
        (lambda: model_of().loss(labelled([3] * 8)), ShapeError, "a label is 3, but the model has 3, 0 to 2"),
        (lambda: model_of().balance([1, 1, 1], 3), SettingError, "class_weights is none; give class_weights=balanced"),
        (
            lambda: model_of(class_weights="balanced").balance([1, 9, 1], 8),
            SettingError,
            r"3 counts from 0 to 8 are expected, but \[1, 9, 1\] came",
        ),
        (lambda: model_of().word_weights(labelled(), 0), GatewiseError, r"in training mode; call \.eval\(\) first"),
        (
            lambda: model_of().eval().word_weights(labelled(), 3),
            ShapeError,
            "a label is 3, but the model has 3, 0 to 2",
        ),
        (
            lambda: model_of().eval().word_weights(labelled(), 0, "x"),
            SettingError,
            "method must be one of: gradient, leave",
        ),
        (
            lambda: model_of().eval().word_weights(labelled(), torch.zeros(3)),
            ShapeError,
            r"the labels are torch.float32 \[3\], expected torch.int64 \[8\]",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_cell_from_a_file_is_asked_for():
    settings = ClassifierSettings(**SIZES, cell="mine.py:Mine")
    with pytest.raises(SettingError, match=r"^Classifier: the model has your own cell mine\.py:Mine; give the cell"):
        Classifier(settings, 9, 2)
