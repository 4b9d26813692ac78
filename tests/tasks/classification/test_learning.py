"""What can be told apart is told apart, in every form of input, pooling and label."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from gatewise.tasks.classification.evaluation import temperature_of
from tasks.classification import small
from tolerance import tolerance

NEW = ["a play lovely in the end", "we saw it dull and so on", "a play fine a play", "it was long poor we saw it"]
RIGHT = ["pos", "neg", "pos", "neg"]
FORMS = {
    "words": {},
    "words and a convolution over characters": {"characters": "cnn", "minimum_count": 1},
    "words and a recurrent layer over characters": {"characters": "rnn", "character_hidden_size": 6},
    "characters": {"level": "char", "epochs": 20},
    "subwords": {"level": "bpe", "vocabulary_size": 300},
    "last, one direction, gru": {"pooling": "last", "bidirectional": False, "cell": "gru"},
    "attention, balanced": {"pooling": "attention", "class_weights": "balanced"},
    "mean, two layers": {"pooling": "mean", "num_layers": 2},
    "max, batches by tokens": {"pooling": "max", "batch_tokens": 40},
}


FAST = ("words", "subwords", "mean, two layers")


@pytest.mark.parametrize(
    "settings",
    [pytest.param(form, id=name, marks=[] if name in FAST else pytest.mark.slow) for name, form in FORMS.items()],
)
def test_what_a_child_could_tell_apart_is_all_right(settings, tmp_path):
    dev = small.write(tmp_path, small.texts(60, seed=9), "dev.tsv")
    model = small.train(small.write(tmp_path, small.texts(150)), tmp_path / "run", dev=dev, **settings)
    assert model.predict(NEW) == RIGHT
    assert model.history["scores"]["dev"]["accuracy"] == 1.0
    assert model.evaluate(dev).accuracy == 1.0


def test_several_labels_are_found_together_and_none_where_there_is_none(tmp_path, command):
    rows = []
    for number, (text, _) in enumerate(small.texts(160)):
        words = [word for bit, word in ((1, "red"), (2, "blue")) if number // 2 & bit]
        rows.append({"text": " ".join([text, *words]), "label": words})
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = small.train(str(path), tmp_path / "run", multi_label=True, epochs=20)
    assert model.predict(
        [
            "a play fine the film red",
            "we saw it dull a play red blue",
            "it was long fine a play",
            "a play poor the film blue",
        ]
    ) == [
        ["red"],
        ["blue", "red"],
        [],
        ["blue"],
    ]
    assert model.history["scores"]["dev"]["exact_match"] == 1.0
    assert model.history["training"]["stopped"] == "done"
    assert float(model.probabilities(["blue and red"]).sum()) > 1.0  # each label by itself
    given = b"a play fine the film red\nwe saw it dull a play red blue\nit was long fine a play\n"
    assert command("classify", tmp_path / "run", stdin=given)[1] == "red\nblue,red\n\n"
    _, out, _ = command("classify", tmp_path / "run", "--json", stdin=given)
    assert [json.loads(line)["labels"] for line in out.splitlines()] == [["red"], ["blue", "red"], []]
    code, out, _ = command("eval", tmp_path / "run", path, "--report", tmp_path / "report")
    assert code == 0
    assert "exactly right 1.0000 over 160 texts" in out
    assert "<svg" not in (tmp_path / "report" / "index.html").read_text()


def test_balanced_weights_are_those_of_the_labels_trained_on(tmp_path):
    rows = [row for row in small.texts(80) if row[1] == "pos" or row[0].startswith("the")]
    dev = small.write(tmp_path, small.texts(20, seed=3), "dev.tsv")
    files = small.write(tmp_path, rows)
    model = small.train(files, tmp_path / "run", class_weights="balanced", dev=dev, epochs=1)
    counts = torch.tensor([sum(label == name for _, label in rows) for name in model.labels])
    assert model.labels == ("neg", "pos")
    assert torch.allclose(model.network.class_weights, len(rows) / (2 * counts), **tolerance(torch.float32, 1))


def test_the_temperature_is_the_best_for_the_held_out_texts(tmp_path):
    noisy = [(text, label if number % 5 else "pos") for number, (text, label) in enumerate(small.texts(200))]
    dev = small.write(tmp_path, noisy[:100], "dev.tsv")
    model = small.train(small.write(tmp_path, noisy[100:]), tmp_path / "run", dev=dev)
    logits = torch.tensor(model.logits([text for text, _ in noisy[:100]])).double()
    gold = torch.tensor([model.labels.index(label) for _, label in noisy[:100]])
    tried = torch.logspace(-1.3, 1.3, 4001, dtype=torch.float64)
    losses = torch.stack([torch.nn.functional.cross_entropy(logits / heat, gold) for heat in tried])
    assert model.temperature == pytest.approx(float(tried[losses.argmin()]), rel=2e-3)
    told = model.history["scores"]["dev"]["calibration"]
    assert told["temperature"] == model.temperature != 1.0
    assert told["nll"] == pytest.approx(float(losses.min()), rel=1e-5)
    assert told["nll"] < told["nll_uncalibrated"]
    expected = torch.softmax(logits / model.temperature, -1).numpy()
    assert np.allclose(model.probabilities([text for text, _ in noisy[:100]]), expected)


def test_texts_that_are_all_right_say_nothing_of_the_temperature():
    found, told = temperature_of(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1]))
    assert found == 1.0
    assert "stays 1" in told


def test_texts_that_are_no_better_than_guessed_say_nothing_of_the_temperature():
    found, told = temperature_of(np.array([[0.0, 2.0]]), np.array([0]))
    assert (found, told) == (1.0, "the held-out texts are no better than guessed: the temperature stays 1")


def test_a_test_file_is_measured_with_the_weights_that_validated_best(tmp_path, run, command):
    test = small.write(tmp_path, [*small.texts(30, seed=5)[:-1], ("dull", "pos")], "test.tsv")
    small.train(small.write(tmp_path), tmp_path / "run", test=test)
    code, out, _ = command("eval", tmp_path / "run", test, "--json")
    told = json.loads(out)
    assert code == 0
    history = json.loads((tmp_path / "run" / "model" / "training.json").read_text())
    assert told == history["scores"]["test"]
    assert told["accuracy"] == 29 / 30
    (wrong,) = told["errors"]
    assert (wrong["text"], wrong["gold"], wrong["predicted"]) == ("dull", ["pos"], ["neg"])
    assert wrong["where"].endswith("test.tsv:31")
    lines = (tmp_path / "run" / "evaluation" / "test" / "mistakes.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["dull"]


def test_a_run_folder_has_pages_and_a_card(run):
    card = (run / "model" / "README.md").read_text()
    assert card.startswith("# A text classifier over words with 2 labels")
    assert "expected calibration error" in card
    page = (run / "evaluation" / "dev" / "index.html").read_text()
    assert "<svg" in page
    assert "Confusion" in page
    assert (run / "evaluation" / "dev" / "confusion.svg").read_text().startswith("<svg")


def test_long_texts_are_read_without_their_middle(tmp_path):
    model = small.train(small.write(tmp_path), tmp_path / "run", longest_text=6)
    middle = " ".join(["the film", *["dull"] * 50, "fine fine fine"])
    same = model.logits([middle, "the film dull fine fine fine"])
    assert np.array_equal(same[0], same[1])
    assert model.predict([middle]) == model.predict(["the film dull fine fine fine"])
