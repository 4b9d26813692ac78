"""Language modelling as the training loop sees it."""

from __future__ import annotations

import pytest
import torch

from gatewise.tasks.language_model.data import read_data, reopen_data
from gatewise.tasks.language_model.plan import make_plan
from gatewise.tasks.language_model.task import LanguageModelTask
from tasks import tiny
from tolerance import tolerance


def task(folder, **settings):
    folder.mkdir()
    plan = make_plan([tiny.text_file(folder)], {**tiny.SIZES, "out": str(folder / "run"), **settings})
    plan.folder.mkdir()
    data = read_data(plan.files, plan.data, plan.text, plan.folder / "data", lambda _: None)
    return LanguageModelTask(plan, data)


def test_the_data_of_a_run_is_the_same_when_it_is_reopened(tmp_path):
    held_out = tiny.text_file(tmp_path, "the cat ran\n" * 9, "held.txt")
    first = task(tmp_path / "a", valid=held_out, test=held_out).data
    again = reopen_data(tmp_path / "a" / "run" / "data")
    assert again.record == first.record
    for name in ("train", "valid", "test"):
        ours, theirs = getattr(first, name), getattr(again, name)
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.counts == theirs.counts


@pytest.mark.parametrize(
    "change",
    [{"hidden_size": 9}, {"bptt": 9}, {"level": "byte"}, {"cell": "gru"}, {"cell_options": "forget_bias=2"}],
    ids=str,
)
def test_the_identity_is_another_when_a_setting_is(tmp_path, change):
    assert task(tmp_path / "a").identity() != task(tmp_path / "b", **change).identity()


def test_the_identity_is_another_when_the_text_is(tmp_path, monkeypatch):
    first = task(tmp_path / "a").identity()
    assert task(tmp_path / "b").identity() == first
    text = tiny.sentences()
    monkeypatch.setattr(tiny, "sentences", lambda: text[:-4] + "tac\n")
    assert task(tmp_path / "c").identity()["texts"] != first["texts"]


def test_running_text_carries_its_state_and_sentences_do_not(tmp_path):
    running, single = task(tmp_path / "a"), task(tmp_path / "b", unit="sentences")
    for made, carries in ((running, True), (single, False)):
        step = made.loss(made.network(), next(made.train_batches()), None)
        assert (step.carry is not None) == carries
        assert step.total.requires_grad
    batches, network = running.train_batches(), running.network().eval()
    first = running.loss(network, next(batches), None)
    second = next(batches)
    with_state, without = (running.loss(network, second, carry).total for carry in (first.carry, None))
    assert with_state != without


def test_the_loss_is_the_mean_over_what_the_unit_counts(tmp_path):
    made = task(tmp_path / "a", batch_size=1)
    network = made.network().eval()
    measures = made.validate(network)
    ids = torch.from_numpy(made.data.valid.ids.astype("int64"))[None]
    log_probs, _ = network.advance(network.start(1), ids)
    assert made.unit == "character"
    expected = -log_probs.double().mean()
    torch.testing.assert_close(
        torch.tensor(measures["loss"]).double(), expected, **tolerance(torch.float32, ids.numel())
    )


@pytest.mark.parametrize(("level", "unit"), [("word", "word"), ("byte", "byte"), ("bpe", "token")])
def test_the_unit_is_the_level(tmp_path, level, unit):
    size = 300 if level == "bpe" else 0
    assert task(tmp_path / "a", level=level, vocabulary_size=size).unit == unit
