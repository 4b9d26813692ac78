"""N-gram and window models from files to folders, and that every verb takes them as it takes a recurrent one."""

from __future__ import annotations

import contextlib
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import gatewise
from gatewise.errors import DataError, ModelFileError, SettingError, TrainingError
from gatewise.lm import score
from gatewise.models.ngram import METHODS, read_arpa
from gatewise.models.ngram.room import room_on_disk
from gatewise.tasks.language_model.mixing import mix
from gatewise.tasks.language_model.model import evaluate
from gatewise.text.readers import read
from gatewise.text.settings import BatchSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import division, stream
from tasks import tiny


def ngram(folder, text=None, **settings):
    return gatewise.train("ngram", tiny.text_file(folder, text), **{"out": str(folder / "run"), **settings})


def window(folder, **settings):
    with tiny.briefly():
        given = {**tiny.SIZES, "window": 3, "level": "word", "max_steps": 120, "out": str(folder / "run"), **settings}
        return gatewise.train("window", tiny.text_file(folder), **given)


MAKERS = {"ngram": ngram, "window": window}


@pytest.fixture(scope="module", params=MAKERS)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return MAKERS[request.param](folder), folder


def test_a_loaded_model_is_the_one_that_was_made(made):
    model, folder = made
    again = gatewise.load(folder / "run")
    texts = ["the cat is small", "the small is cat", "dog"]
    assert [one.tokens for one in again.score(texts)] == [one.tokens for one in model.score(texts)]
    assert again.info() == {**model.info(), "verified": True}


def test_the_right_order_of_words_is_the_likelier_one(made):
    model, _ = made
    ranked = model.rank(["small the is cat", "the cat is small"])
    assert ranked[0][0] == "the cat is small"


def test_it_writes(made):
    model, _ = made
    text = model.generate("the cat", length=6, seed=3)
    assert text.startswith("the cat")
    assert text == model.generate("the cat", length=6, seed=3)
    assert model.generate("the cat", beam=2, length=4).startswith("the cat")


def test_evaluation_is_the_score_of_all_tokens(tmp_path):
    model = ngram(tmp_path, unit="sentences", order=3)
    lines = tiny.sentences(20).splitlines()
    found = model.evaluate(tiny.text_file(tmp_path, "\n".join(lines) + "\n", "other.txt"))
    expected = -math.fsum(one.log_prob for one in model.score(lines))
    assert found.measure.nats == pytest.approx(expected, rel=1e-6)
    assert found.measure.tokens == sum(len(line.split()) + 1 for line in lines)


@pytest.mark.parametrize("unit", ["sentences", "running"])
@pytest.mark.parametrize("smoothing", METHODS)
def test_every_smoothing_makes_a_model(smoothing, unit, tmp_path):
    model = ngram(tmp_path, smoothing=smoothing, order=3, unit=unit)
    again = gatewise.load(tmp_path / "run").network
    state = again.advance(again.start(1), torch.tensor([model.tokenizer.encode("the cat")]))[1]
    assert again.next(state).double().exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert again.settings.smoothing == smoothing


def test_an_arpa_file_is_the_model(tmp_path):
    model = ngram(tmp_path, unit="sentences", order=3, arpa=str(tmp_path / "model.arpa.gz"))
    found = read_arpa(tmp_path / "model.arpa.gz")
    ids = {word: index for index, word in enumerate(found.words)}
    line = "the dog is big"
    row = np.array([[-1, 0, *(ids[word] for word in line.split()), 0]])
    assert found.table.log_probs(row, 2).sum() == pytest.approx(model.score([line])[0].log_prob, abs=1e-5)


BAD = {
    "order": ({"order": 0}, SettingError, "order must be a whole number from 1 to 7, but 0 was given"),
    "high order": ({"order": 99}, SettingError, "order must be a whole number from 1 to 7, but 99 was given"),
    "smoothing": ({"smoothing": "knesser-ney"}, SettingError, "did you mean kneser-ney"),
    "delta": ({"delta": 0.5}, SettingError, "delta belongs to add-delta"),
    "prune": ({"prune": (1, 0)}, SettingError, "prune must not fall"),
    "setting": ({"ordr": 3}, SettingError, "there is no setting ordr; did you mean order"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_one_line(mistake, tmp_path):
    settings, kind, words = BAD[mistake]
    with pytest.raises(kind, match=words):
        ngram(tmp_path, **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_a_text_without_a_word_is_refused_and_leaves_nothing(text, tmp_path):
    with pytest.raises(DataError):
        ngram(tmp_path, text)
    assert not (tmp_path / "run").exists()


def test_what_is_there_is_not_replaced(tmp_path):
    ngram(tmp_path)
    with pytest.raises(TrainingError, match="there is something here already"):
        ngram(tmp_path)


def test_every_byte_of_a_model_is_checked(tmp_path):
    ngram(tmp_path, order=2)
    path = tmp_path / "run" / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            gatewise.load(tmp_path / "run")


@pytest.mark.parametrize("unit", ["sentences", "running"])
@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "jelinek-mercer", "katz"])
def test_counted_on_the_disk_the_model_is_the_same(smoothing, unit, tmp_path, monkeypatch, capsys):
    pytest.importorskip("duckdb", reason="counting on the disk needs DuckDB")
    given = {"smoothing": smoothing, "order": 3, "unit": unit, "prune": (0, 0, 1)}
    ngram(tmp_path, **given)
    assert "counting on the disk" not in capsys.readouterr().err
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.needed", lambda *_: 3 << 30)
    model = ngram(tmp_path, **given, out=str(tmp_path / "other"), memory="100mb")
    assert "counting on the disk: it may take 3 GB, but 100 MB of memory are allowed" in capsys.readouterr().err
    first, other = (gatewise.load(tmp_path / name).network.table for name in ("run", "other"))
    for here, there in zip(first.orders, other.orders, strict=True):
        np.testing.assert_array_equal(here.keys, there.keys)
        np.testing.assert_array_equal(here.log_probs, there.log_probs)
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("run", "other")]
    assert weights[0] == weights[1]
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["config.toml", "data", "model"]
    assert math.isfinite(model.score(["the cat is small"])[0].log_prob)


def test_half_of_the_free_memory_is_allowed(tmp_path, monkeypatch, capsys):
    pytest.importorskip("duckdb", reason="counting on the disk needs DuckDB")
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.needed", lambda *_: 3 << 30)
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.free_memory", lambda: 6 << 30)
    ngram(tmp_path)
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.free_memory", lambda: (6 << 30) - 2)
    assert "counting on the disk" not in capsys.readouterr().err
    ngram(tmp_path, out=str(tmp_path / "other"))
    assert "counting on the disk" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "left"), [(30 << 20, 170 << 20), (150 << 20, 100 << 20)])
def test_on_the_disk_the_words_leave_less_for_sorting(words, left, tmp_path, monkeypatch, capsys):
    """And never less than the least that may be allowed: then a line says what is taken more."""
    pytest.importorskip("duckdb", reason="counting on the disk needs DuckDB")
    sizes = []

    @contextlib.contextmanager
    def room(folder, memory):
        sizes.append(memory)
        with room_on_disk(folder, memory) as made:
            yield made

    for name, made in {"needed": lambda *_: 3 << 30, "needed_for_words": lambda _: words, "room_on_disk": room}.items():
        monkeypatch.setattr(f"gatewise.tasks.language_model.ngram_run.{name}", made)
    ngram(tmp_path, memory="200mb")
    assert sizes == [left]
    assert ("words takes 150 MB of memory more" in capsys.readouterr().err) == (words > 100 << 20)


def test_a_run_that_is_stopped_on_the_disk_leaves_nothing(tmp_path, monkeypatch):
    def stopped(*_):
        assert (tmp_path / "run" / "counting").is_dir()
        raise KeyboardInterrupt

    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.needed", lambda *_: 1 << 62)
    monkeypatch.setattr("gatewise.tasks.language_model.ngram_run.count_on_disk", stopped)
    with pytest.raises(KeyboardInterrupt):
        ngram(tmp_path)
    assert not (tmp_path / "run").exists()


def maps():
    """The files that are mapped into this process."""
    return Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("end", ["deleted", "replaced"])
def test_a_table_is_looked_up_in_where_it_lies(end, tmp_path):
    expected = [one.tokens for one in ngram(tmp_path).score(["the cat is small"])]
    path = tmp_path / "run" / "model" / "model.safetensors"
    model = gatewise.load(tmp_path / "run")
    assert str(path) in maps()
    if end == "deleted":
        path.unlink()
    else:
        gatewise.train("ngram", tiny.text_file(tmp_path), out=str(tmp_path / "new"), order=2).save(
            path.parent, replace=True
        )
    assert [one.tokens for one in model.score(["the cat is small"])] == expected
    model.network.table.orders[0].log_probs[:] = 0  # its own pages: the file is as it was
    if end == "replaced":
        assert gatewise.load(tmp_path / "run").network.table.order == 2
        model.save(path.parent, replace=True)  # over the file that others map


def test_the_table_in_a_mixture_is_mapped_and_a_network_is_read(tmp_path):
    text = {"unit": "running", "reset_at": "never"}
    models = [ngram(tmp_path, **text), window(tmp_path, out=str(tmp_path / "window"), max_steps=1, **text)]
    mix(models, weights=(0.5, 0.5)).save(tmp_path / "mixture")
    network = gatewise.load(tmp_path / "window")
    assert str(tmp_path / "window") not in maps()
    mixture = gatewise.load(tmp_path / "mixture")
    assert str(tmp_path / "mixture" / "model.safetensors") in maps()
    assert network.info()["verified"] is mixture.info()["verified"] is True


def test_without_a_manifest_a_table_is_read(tmp_path):
    expected = ngram(tmp_path).score(["the cat"])
    (tmp_path / "run" / "model" / "manifest.json").unlink()
    with pytest.warns(UserWarning, match="unverified"):
        model = gatewise.load(tmp_path / "run")
    assert str(tmp_path / "run" / "model") not in maps()
    assert model.score(["the cat"]) == expected


def test_memory_that_is_no_size_is_refused(tmp_path):
    for wrong in ("much", "10", "99mb", "-1gb"):
        with pytest.raises(SettingError, match="memory must be a size of at least 100mb, such as 2gb or 500mb"):
            ngram(tmp_path, memory=wrong)


def test_a_window_run_goes_on_where_it_stopped(tmp_path):
    whole = window(tmp_path)
    assert (tmp_path / "run" / "report.html").exists()
    assert whole.info()["window"] == 3
    assert read(str(tmp_path / "text.txt")).characters > 0


@pytest.mark.parametrize("batches", [BatchSettings(1, 1000), BatchSettings(64, 8), BatchSettings(512, 512)])
def test_a_table_knows_the_tokens_before_every_cut(tmp_path, batches):
    text = tiny.text_file(tmp_path)
    model = gatewise.train("ngram", text, level="char", order=4, out=str(tmp_path / "run"))
    store = TokenStore.build([Path(text).read_text()], model.tokenizer)
    found = evaluate(model.network, store, model.parts.text, batches).measure
    (whole,) = score(model.network, [store.ids.tolist()])
    assert found.tokens == len(store)
    assert found.nats == pytest.approx(-whole.log_prob, rel=1e-6)


def test_a_text_of_unknown_words_only_is_refused(tmp_path):
    (tmp_path / "once.txt").write_text("each word occurs once only here\n")
    (tmp_path / "unk.txt").write_text("<unk> <unk> <unk>\n" * 9)
    for name, settings in (("once.txt", {}), ("unk.txt", {"pretokenised": True})):
        with pytest.raises(DataError, match="words of the training text are <unk>: there is nothing to learn"):
            gatewise.train("ngram", str(tmp_path / name), out=str(tmp_path / "run"), **settings)
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("unit", [{"unit": "sentences"}, {"reset_at": "line"}, {}], ids=str)
def test_scores_of_a_table_are_those_of_any_language_model(tmp_path, unit):
    model = ngram(tmp_path, order=3, **unit)
    texts = ["the cat is small", "", "a dog", "dog dog dog dog", "the cat is small"]
    expected = score(model.network, [model.sequence(text) for text in texts], batch_size=2)
    found = model.score(texts)
    for one, other in zip(found, expected, strict=True):
        assert one.tokens == pytest.approx(other.tokens, rel=1e-6)
    assert model.score([]) == []
    (alone,) = model.score(texts[2:3])
    assert alone.tokens == found[2].tokens


@pytest.mark.parametrize("unit", [{"unit": "sentences"}, {"reset_at": "line"}, {"reset_at": "paragraph"}], ids=str)
def test_a_text_measured_whole_is_the_text_measured_in_batches(tmp_path, unit):
    model = ngram(tmp_path, order=3, **unit)
    text = tiny.sentences(60)
    store = TokenStore.build([text], model.tokenizer, division=division(model.parts.text))
    whole = evaluate(model.network, store, model.parts.text, model.parts.batches).measure
    batches = stream(store, model.parts.text, BatchSettings(5, 7)).one_pass()
    if "paragraph" not in unit.values():  # a paragraph longer than a row is cut in batches
        found = model.network.evaluate(batches)
        assert found.tokens == whole.tokens
        assert found.nats == pytest.approx(whole.nats, rel=1e-6)
    cuts = store.boundaries.tolist()
    parts = score(model.network, [store.ids[begin:end].tolist() for begin, end in pairwise(cuts)])
    assert whole.nats == pytest.approx(-sum(part.log_prob for part in parts), rel=1e-6)
