"""Models of several kinds side by side: the same text, equal shares of the time, and numbers that can be had again."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import signal
import xml.etree.ElementTree as xml

import pytest

import gatewise
from gatewise.errors import DataError, SettingError, TrainingError
from gatewise.tasks.language_model.compare import run as comparing
from gatewise.tasks.language_model.compare.budget import Budget
from gatewise.tasks.language_model.compare.plan import make_compare_plan
from gatewise.tasks.language_model.compare.row import Comparison, Row, scoring_speed
from gatewise.tasks.language_model.compare.run import carry_out
from gatewise.tasks.language_model.compare.screen import Screen
from gatewise.tasks.language_model.compare.settings import NAMES
from gatewise.tasks.language_model.compare.table import as_csv, as_text, endings
from gatewise.text.preparation import prepare
from gatewise.text.readers import read
from gatewise.text.settings import TextSettings
from gatewise.training.loop import NotFinite
from tasks import tiny

SIZES = {"hidden_size": 8, "embedding_size": 8, "batch_size": 4, "bptt": 8, "order": 3, "level": "char", "threads": 1}
BRIEF = {**SIZES, "minutes": 0.002}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No curves of the single runs, short samples, and scoring timed for a moment only."""
    monkeypatch.setattr("gatewise.tasks.language_model.compare.row._LONG_ENOUGH", 0.001)
    with tiny.briefly():
        yield


class Clock:
    """Time that goes on by a second with every step and by ten with every validation."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Training on a played clock."""
    played = Clock()
    task = comparing.LanguageModelTask
    loss, validate = task.loss, task.validate

    def slow_loss(self, network, batch, carry):
        played.now += 1
        return loss(self, network, batch, carry)

    def slow_validate(self, network):
        played.now += 10
        return validate(self, network)

    monkeypatch.setattr("gatewise.training.loop.time", played)
    monkeypatch.setattr(task, "loss", slow_loss)
    monkeypatch.setattr(task, "validate", slow_validate)
    return played


def compared(folder, out=None, **settings):
    """A comparison in ``folder / "out"``, and what it said."""
    said = out or io.StringIO()
    plan = make_compare_plan([tiny.text_file(folder)], {**BRIEF, "out": str(folder / "out"), **settings})
    return carry_out(plan, Screen(said)), said.getvalue()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Every model on two sizes, measured on a test text."""
    folder = tmp_path_factory.mktemp("compared")
    test = tiny.text_file(folder, tiny.sentences(90)[-600:], "test.txt")
    with tiny.briefly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewise.tasks.language_model.compare.row._LONG_ENOUGH", 0.001)
        found, said = compared(folder, sizes=("300", "0.5k"), test=test)
    return found, said, test


def test_every_model_of_every_size_has_a_row(finished):
    found, _, _ = finished
    assert [(row.model, row.tokens) for row in found.rows] == [(name, size) for size in (300, 500) for name in NAMES]


def test_a_perplexity_is_what_eval_says_of_the_model_folder(finished):
    found, _, test = finished
    for row in found.rows:
        measure = gatewise.load(row.folder).evaluate(test).measure
        assert row.perplexity == pytest.approx(measure.perplexity, rel=1e-9)
        assert row.bits_per_character == pytest.approx(measure.bits_per_character, rel=1e-9)


def test_sizes_are_those_of_the_models(finished):
    found, _, _ = finished
    for row in found.rows:
        model = gatewise.load(row.folder)
        files = list((comparing.Path(row.folder) / "model").iterdir())
        assert row.bytes == sum(len(file.read_bytes()) for file in files)
        if row.model == "ngram":
            assert row.parameters is None
            assert row.ngrams == sum(model.info()["n-grams"].values())
        else:
            assert row.ngrams is None
            assert row.parameters == sum(one.numel() for one in model.network.parameters())
        assert row.tokens_per_second > 0


def test_each_is_trained_on_its_size_and_all_have_one_tokenizer(finished):
    found, _, _ = finished
    models = {row.folder: gatewise.load(row.folder) for row in found.rows}
    assert len({model.tokenizer.fingerprint for model in models.values()}) == 1
    for row in found.rows:
        history = models[row.folder].history
        assert history["data"]["texts"]["train"]["tokens"] == row.tokens
    counts = {row.tokens: row.ngrams for row in found.rows if row.model == "ngram"}
    assert counts[300] < counts[500]


def test_a_network_reads_the_beginning_and_nothing_else(tmp_path):
    read_by: list[int] = []
    batches = comparing.LanguageModelTask.train_batches

    def noted(self):
        read_by.append(len(self.data.train))
        stream = batches(self)
        whole = prepare(read(str(tmp_path / "text.txt")), TextSettings()).train.ids
        assert self.data.train.ids.tolist() == whole[: len(self.data.train)].tolist()
        return stream

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing.LanguageModelTask, "train_batches", noted)
        compared(tmp_path, sizes=("200",), models=("rnn",))
    assert set(read_by) == {200}


def test_sentences_are_not_cut(tmp_path):
    found, _ = compared(tmp_path, sizes=("100",), models=("ngram", "gru"), unit="sentences")
    lines = tiny.sentences().splitlines(keepends=True)
    ends = [sum(map(len, lines[:count])) for count in range(len(lines))]
    assert found.rows[0].tokens == max(end for end in ends if end <= 100)


def test_a_size_beyond_the_text_is_the_whole_text(tmp_path):
    found, said = compared(tmp_path, sizes=("200", "1m", "2m"), models=("ngram",))
    assert [row.tokens for row in found.rows] == [200, found.train_tokens]
    assert [comparing.Path(row.folder).name for row in found.rows] == ["ngram-200", "ngram"]
    whole = f"{found.train_tokens:,}"
    assert f"the training text has {whole} tokens only: all of them stand for 1,000,000, 2,000,000" in said


def test_the_time_is_divided_and_what_is_left_goes_on():
    budget = Budget(100.0, networks=4)
    budget.used(20.0)
    assert budget.share() == 20.0
    budget.used(5.0, networks=1)
    assert budget.share() == 25.0
    budget.used(80.0, networks=2)
    assert 0 < budget.share() < 0.01  # one step all the same


def test_the_networks_end_with_their_time(tmp_path, clock):
    models = ("ngram", "window", "gru", "lstm")
    found, said = compared(tmp_path, models=models, minutes=3.0, embedding_size=4, hidden_size=4)
    networks = [row for row in found.rows if row.model != "ngram"]
    validated = {row.model: gatewise.load(row.folder).history["training"] for row in networks}
    spent = sum(told["seconds"] + told["validation_seconds"] for told in validated.values())
    assert spent <= 180 + 10 * len(networks)
    assert sum(row.seconds for row in networks) >= 180 / 2
    assert {row.ended for row in networks} == {"time"}
    assert "window, " in said
    assert "training for 1 min 0 s at most" in said


@pytest.mark.slow
def test_training_stops_when_validation_has_stopped_improving(tmp_path, clock):
    found, said = compared(tmp_path, sizes=("100",), models=("lstm", "gru"), minutes=600.0, learning_rate=0.05)
    assert [row.ended for row in found.rows] == ["patience", "patience"]
    assert sum(row.seconds for row in found.rows) < 600 * 60 / 2
    assert "since validation stopped improving" in said


def test_a_network_on_little_text_uses_its_time_while_validation_improves(tmp_path, clock):
    found, said = compared(tmp_path, sizes=("100",), models=("gru",), minutes=10.0, learning_rate=1e-4)
    (row,) = found.rows
    assert row.ended == "time"
    assert row.epochs > 100
    assert row.seconds > 600 * 0.8
    assert f"{row.epochs:,.1f} epochs, when its time was over" in said


def test_why_each_network_ended_is_told(finished):
    found, _, _ = finished
    networks = [row for row in found.rows if row.model != "ngram"]
    page = (found.folder / "compare.html").read_text()
    lines = endings(found.rows, 80)
    assert max(map(len, lines)) <= 80
    assert "ngram" not in " ".join(lines)
    for row in networks:
        assert f"<td>{row.epochs:,.1f}</td><td>{row.ended}</td></tr>" in page
        assert f"{row.model}, {row.tokens} tokens: {row.epochs:,.1f} ({row.ended})" in " ".join(lines)


def test_the_files_hold_the_rows(finished):
    found, _, _ = finished
    rows = list(csv.DictReader(io.StringIO((found.folder / "compare.csv").read_text())))
    assert [float(row["perplexity"]) for row in rows] == [row.perplexity for row in found.rows]
    assert rows[0]["parameters"] == ""
    picture = xml.parse(found.folder / "compare.svg").getroot()
    texts = "".join(picture.itertext())
    assert all(name in texts for name in NAMES)
    page = (found.folder / "compare.html").read_text()
    assert all(f"<td>{row.perplexity:,.2f}</td>" in page for row in found.rows)
    assert "<script" not in page
    assert not (found.folder / "data").exists()


def test_one_size_is_drawn_over_time(tmp_path):
    found, _ = compared(tmp_path, models=("ngram", "gru"))
    assert found.sizes == [found.train_tokens]
    assert "seconds of training" in (found.folder / "compare.svg").read_text()
    courses = {row.model: found.courses[row.folder] for row in found.rows}
    assert courses["gru"][-1][1] == pytest.approx(found.rows[1].perplexity, rel=1e-3)  # all of the text is watched
    assert courses["ngram"][0][1] == pytest.approx(found.rows[0].perplexity, rel=1e-6)


def test_the_table_is_aligned_and_fits(finished):
    found, _, _ = finished
    lines = as_text(found.rows)
    assert max(map(len, lines)) <= 80
    assert {len(line) for line in lines if line} == {len(lines[1])}
    assert lines.count("") == 1
    wide = [
        dataclasses.replace(row, tokens=9_999_999, parameters=99_999_999, perplexity=12_345.67) for row in found.rows
    ]
    assert max(map(len, as_text(wide))) <= 80


def test_a_row_without_bits_leaves_the_column_out():
    row = Row("gru", 5000, 99.5, None, 20_000, None, 90_000, 3.2, 1e5, 2.0, "time", "runs/gru")
    assert "bits" not in "".join(as_text([row]))
    assert as_csv([row]).splitlines()[1] == "gru,5000,99.5,,20000,,90000,3.2,100000.0,2.0,time,runs/gru"


def test_scoring_is_timed_until_it_is_long_enough(finished, monkeypatch):
    found, _, test = finished
    parts = gatewise.load(found.rows[0].folder).parts
    store = prepare(read(test), parts.text, tokenizer=parts.tokenizer).train
    monkeypatch.setattr("gatewise.tasks.language_model.compare.row._LONG_ENOUGH", 0.5)
    times = iter([10.0, 10.0, 10.2, 10.4, 10.6])
    _, speed = scoring_speed(parts.network, store, parts.text, parts.batches, clock=lambda: next(times))
    assert speed == pytest.approx(3 * len(store) / 0.6)


def test_the_python_twin(tmp_path, capsys):
    file = tiny.text_file(tmp_path)
    rows = gatewise.compare(file, **BRIEF, models=["ngram", "rnn"], sizes=[200, "0.3k"], out=str(tmp_path / "out"))
    assert [(row.model, row.tokens) for row in rows] == [("ngram", 200), ("rnn", 200), ("ngram", 300), ("rnn", 300)]
    assert gatewise.load(rows[1].folder).generate("the", length=3).startswith("the")
    assert "rnn, 300 tokens: perplexity" in capsys.readouterr().err


# --- ends before the end ---


def stopped_at(monkeypatch, name, act):
    """``act`` is done when that network has made its first step."""
    loss = comparing.LanguageModelTask.loss

    def acting(self, network, batch, carry):
        if (self.plan.cell is None and name == "window") or type(self.plan.cell).__name__.lower() == name:
            act()
        return loss(self, network, batch, carry)

    monkeypatch.setattr(comparing.LanguageModelTask, "loss", acting)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_finished_stays_after_a_signal(tmp_path, monkeypatch, number):
    stopped_at(monkeypatch, "gru", lambda: signal.raise_signal(number))
    found, said = compared(tmp_path, models=("ngram", "rnn", "gru", "lstm"))
    assert found.signal == number
    assert [row.model for row in found.rows] == ["ngram", "rnn"]
    assert "gru, " in said
    assert "stopped, and left out" in said
    names = sorted(path.name for path in found.folder.iterdir())
    assert names == ["compare.csv", "compare.html", "compare.svg", "ngram", "rnn"]
    assert gatewise.load(found.folder / "rnn").verified


def test_a_signal_while_a_model_is_saved_is_not_lost(tmp_path, monkeypatch):
    save = comparing.LanguageModelTask.save

    def interrupted(self, *arguments):
        signal.raise_signal(signal.SIGINT)
        save(self, *arguments)

    monkeypatch.setattr(comparing.LanguageModelTask, "save", interrupted)
    found, _ = compared(tmp_path, models=("rnn", "gru"))
    assert (found.signal, [row.model for row in found.rows]) == (signal.SIGINT, ["rnn"])


def test_a_signal_before_anything_is_finished_leaves_nothing(tmp_path, monkeypatch):
    stopped_at(monkeypatch, "rnn", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        compared(tmp_path, models=("rnn", "gru"))
    assert not (tmp_path / "out").exists()


def test_a_network_that_leaves_the_range_of_numbers_is_left_out(tmp_path, monkeypatch):
    def fail():
        raise NotFinite("the gradient was not finite")

    stopped_at(monkeypatch, "gru", fail)
    found, said = compared(tmp_path, models=("ngram", "gru", "lstm"))
    assert [row.model for row in found.rows] == ["ngram", "lstm"]
    assert "left out, since the gradient was not finite" in said
    assert not (found.folder / "gru").exists()


def test_a_full_disk_leaves_what_is_finished(tmp_path, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    stopped_at(monkeypatch, "gru", fail)
    with pytest.raises(OSError, match="No space left"):
        compared(tmp_path, models=("ngram", "gru"))
    assert len((tmp_path / "out" / "compare.csv").read_text().splitlines()) == 2
    assert gatewise.load(tmp_path / "out" / "ngram").verified


BAD = {
    "model": ({"models": ("lsmt",)}, SettingError, "did you mean lstm"),
    "no model": ({"models": ()}, SettingError, "models must name at least one model"),
    "size": ({"sizes": ("10x",)}, SettingError, "sizes must be numbers of tokens such as 500, 10k or 1.5m, but '10x'"),
    "size 0": ({"sizes": ("0",)}, SettingError, "but '0' was given"),
    "minutes 0": ({"minutes": 0}, SettingError, "minutes must be a number above 0, but 0"),
    "minutes below": ({"minutes": -1.0}, SettingError, "minutes must be a number above 0, but -1"),
    "setting": ({"minuts": 1.0}, SettingError, "there is no setting minuts; did you mean minutes"),
    "bytes": ({"level": "byte", "softmax": "adaptive"}, SettingError, "bytes are numbered by their value"),
    "small": ({"batch_size": 1000}, DataError, "one batch needs 1000 x 8 = 8000 tokens"),
    "small part": ({"sizes": ("20",)}, DataError, "one batch needs 4 x 8 = 32 tokens, but the text has 20"),
    "no sentence": ({"sizes": ("3",), "unit": "sentences"}, DataError, "not one sentence is within so few tokens"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_one_line_and_leaves_nothing(mistake, tmp_path):
    settings, kind, words = BAD[mistake]
    with pytest.raises(kind, match=words) as told:
        compared(tmp_path, **settings)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_taken_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(TrainingError, match="there is something here already"):
        compared(tmp_path)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_comparison_is_json(finished):
    found: Comparison = finished[0]
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (told["text"], len(told["rows"])) == ("test", 10)
