"""A model is the same after saving and loading, and a damaged, truncated or foreign folder is never loaded."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch

import gatewise
from gatewise.errors import GatewiseError, ModelFileError
from gatewise.storage import read_folder
from tasks import tiny
from tolerance import tolerance

TEXTS = ["the cat is small", "", "is the dog big ?", "x"]
CELL = '''
import torch
from gatewise.cells import Cell, Input, Matrix
class Mine(Cell):
    """h' = softsign(W x + R h + b)."""
    state = {"hidden": "H"}
    W = Input(("candidate",))
    R = Matrix("H", ("candidate",))
    slope: float = 1.0
    def step(self, x, s, p):
        gate = x.candidate + p.R(s.hidden).candidate
        return s.next(hidden=self.slope * gate / (1 + gate.abs()))
'''


@pytest.fixture
def folder(tiny_run, tmp_path):
    """A copy of a model folder, to be damaged."""
    return shutil.copytree(tiny_run / "model", tmp_path / "copy")


def rewritten(folder, name, change):
    """Change a file of a model folder and take the manifest away, so that only the content itself can tell."""
    (folder / "manifest.json").unlink()
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    return folder


def reconfigured(folder, **changes):
    return rewritten(folder, "config.json", lambda data: json.dumps(json.loads(data) | changes).encode())


def test_a_saved_model_is_the_same(model, tmp_path):
    model.save(tmp_path / "saved")
    again = gatewise.load(tmp_path / "saved")
    assert again.score(TEXTS) == model.score(TEXTS)
    assert again.generate("the ", seed=7) == model.generate("the ", seed=7)
    assert again.history == model.history
    assert again.verified


def test_saving_twice_writes_the_same_bytes(model, tmp_path):
    for name in "ab":
        model.save(tmp_path / name)
    first, second = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in "ab")
    assert first == second
    assert "manifest.json" in first


def test_saving_over_something_needs_to_be_said(model, tmp_path):
    model.save(tmp_path / "a")
    with pytest.raises(GatewiseError, match="there is a folder already"):
        model.save(tmp_path / "a")
    model.save(tmp_path / "a", replace=True)
    (tmp_path / "a" / "thesis.txt").write_text("mine")
    with pytest.raises(GatewiseError, match=r"also holds 'thesis\.txt'"):
        model.save(tmp_path / "a", replace=True)


def test_a_run_folder_stands_for_its_model(tiny_run):
    assert gatewise.load(tiny_run).score(TEXTS) == gatewise.load(tiny_run / "model").score(TEXTS)


def bits(folder):
    """Every bit of every file that the manifest covers, and of the manifest."""
    for path in sorted(folder.iterdir()):
        if path.name != "README.md":
            yield from ((path, place, bit) for place in range(path.stat().st_size) for bit in range(8))


def refuses_a_flipped_bit(read, path, place, bit):
    with open(path, "r+b", buffering=0) as file:  # in place: a file cut and written anew waits for the disk
        file.seek(place)
        byte = file.read(1)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
        with pytest.raises(ModelFileError):
            read(path.parent)
        os.pwrite(file.fileno(), bytes([byte]), place)


def test_a_flipped_bit_is_an_error(folder):
    every = list(bits(folder))
    for path, place, bit in every[:: len(every) // 300]:
        refuses_a_flipped_bit(gatewise.load, path, place, bit)
    gatewise.load(folder)


@pytest.mark.slow
def test_every_flipped_bit_is_an_error(folder):
    every = list(bits(folder))
    assert len(every) > 50_000
    for path, place, bit in every:
        refuses_a_flipped_bit(read_folder, path, place, bit)  # what load() does first
    gatewise.load(folder)


def test_every_truncated_or_missing_file_is_an_error(folder):
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        whole = path.read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(ModelFileError):
                gatewise.load(folder)
        path.unlink()
        if path.name != "manifest.json":
            with pytest.raises(ModelFileError):
                gatewise.load(folder)
        path.write_bytes(whole)
    gatewise.load(folder)


def test_without_a_manifest_it_is_loaded_and_said_to_be_unverified(folder):
    (folder / "manifest.json").unlink()
    with pytest.warns(UserWarning, match="the model is unverified"):
        model = gatewise.load(folder)
    assert not model.verified
    assert model.info()["verified"] is False


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"format": 1, "cell": {}},
            "made by another version of gatewise (format 1; this one reads 2); use that version, or train again",
        ),
        ({"task": "chess"}, "no model folder of gatewise"),
        ({"task": ["lm"]}, "no model folder of gatewise"),
        ({"model_type": "transformer"}, "transformer"),
        ({"vocabulary_size": 10**12}, "vocabulary_size"),
        ({"eos_id": 3}, "eos_id"),
        ({"tokenizer": "other"}, "tokenizer is other, but in tokenizer.json"),
        ({"settings": {"hidden_size": 65536}}, "is "),
        ({"settings": {"hiden_size": 8}}, "did you mean hidden_size?"),
        ({"text": {"level": "chra"}}, "level"),
        ({"batches": 3}, "batches is expected as dict"),
        ({"cell": {"name": "os.system"}}, "a cell is recorded with"),
        ({"unit": "books"}, "unit"),
        ({"surprise": 1}, "there is no entry surprise"),
    ],
)
def test_a_config_that_does_not_fit_is_an_error(folder, changes, words):
    with pytest.raises(ModelFileError) as refused:
        gatewise.load(reconfigured(folder, **changes))
    assert words in str(refused.value)
    assert "config.json" in str(refused.value)


def test_another_tokenizer_is_an_error(folder):
    swapped = lambda data: data.replace(b'"a": ', b'"\xc3\xa4": ')  # noqa: E731
    with pytest.raises(ModelFileError, match=r"tokenizer is .*, but in tokenizer\.json it is"):
        gatewise.load(rewritten(folder, "tokenizer.json", swapped))


def test_a_weight_that_is_no_number_is_an_error(model, folder, monkeypatch):
    from gatewise.storage import pack_tensors

    tensors = {name: value.clone() for name, value in model.network.state_dict().items()}
    tensors["embedding.weight"][1, 1] = torch.inf
    with pytest.raises(ModelFileError, match=r"embedding\.weight"):
        gatewise.load(rewritten(folder, "model.safetensors", lambda _: pack_tensors(tensors)))


@pytest.mark.parametrize("what", ["missing", "empty folder", "file", "html", "pickle"])
def test_what_is_no_model_is_an_error(tmp_path, what):
    path = tmp_path / "model"
    if what == "file":
        path.write_text("text")
    elif what != "missing":
        path.mkdir()
    if what == "html":
        (path / "config.json").write_text("<!DOCTYPE html>")
    if what == "pickle":
        (path / "config.json").write_bytes(b"\x80\x04\x95")
    with pytest.raises(ModelFileError):
        gatewise.load(path)


def test_a_users_cell_is_never_imported_and_another_one_refused(tmp_path):
    (tmp_path / "mine.py").write_text(CELL)
    named = f"{tmp_path}/mine.py:Mine"
    run = tiny.run(tmp_path, cell=named, cell_options="slope=2")
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')")
    assert gatewise.load(run).network.cell.slope == 2
    (tmp_path / "mine.py").write_text(CELL)
    model = gatewise.load(run, cell=named)
    assert model.network.cell.slope == 2
    assert model.info()["runner"] == "fused (the engine runs mine)"
    other = CELL.replace('("candidate",)', '("candidate", "other")')
    (tmp_path / "other.py").write_text(other)
    with pytest.raises(ModelFileError, match="made with another 'mine'"):
        gatewise.load(run, cell=f"{tmp_path}/other.py:Mine")
    same_declarations = CELL.replace("1 + gate.abs()", "2 + gate.abs()")
    (tmp_path / "other.py").write_text(same_declarations)
    with pytest.raises(ModelFileError, match="the equation of this cell is not the one it was trained with"):
        gatewise.load(run, cell=f"{tmp_path}/other.py:Mine")
    assert gatewise.load(run, cell=type(model.network.cell)).score(TEXTS) == model.score(TEXTS)


def test_python_trains_with_a_class_of_its_own(tmp_path):
    from gatewise.cells import CELLS

    class Wide(CELLS["gru"]):
        """A subclass is a cell of one's own too."""

    with tiny.briefly():
        model = gatewise.train("lm", tiny.text_file(tmp_path), out=str(tmp_path / "run"), cell=Wide, **tiny.SIZES)
    assert isinstance(model.network.cell, Wide)


def test_the_card_says_what_was_read_and_measured(tiny_run, model):
    card = (tiny_run / "model" / "README.md").read_text(encoding="utf-8")
    assert model.history["data"]["texts"]["train"]["text"]["sha256"] in card
    assert f"perplexity {model.history['scores']['validation']['perplexity_per_token']:.2f} per token" in card
    assert "| hidden_size | 8 |" in card
    assert f"| torch | {torch.__version__} |" in card


def test_the_card_did_not_say_that_its_scores_are_of_another_arithmetic_than_the_validation(tmp_path, tiny_run):
    assert "in float32" not in (tiny_run / "model" / "README.md").read_text(encoding="utf-8")
    run = tiny.run(tmp_path, precision="bfloat16")
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    line = "Measured in float32; the losses during training, validation too, are of bfloat16."
    assert card.index("## Measured") < card.index(line) < card.index("## Text")


def test_evaluation_is_what_the_run_measured(tmp_path):
    held_out = tiny.text_file(tmp_path, tiny.sentences(20), "valid.txt")
    run = tiny.run(tmp_path, valid=held_out, test=held_out)
    model = gatewise.load(run)
    found = model.evaluate(held_out).to_dict()
    assert found == model.history["scores"]["validation"] == model.history["scores"]["test"]
    assert found["tokens"] == len(tiny.sentences(20)) + 1


def test_a_loss_whose_perplexity_is_beyond_all_numbers_is_written_all_the_same(tmp_path):
    run = tiny.run(tmp_path, cell="rnn", learning_rate=1e30, optimizer="sgd", clip_norm=0.0)
    assert "perplexity beyond all numbers" in (run / "model" / "README.md").read_text()


def test_scores_are_those_of_the_equation(model):
    ids = model.sequence("a cat")
    network = model.network
    features, _ = network.features(torch.tensor([[0, *ids[:-1]]]).T)
    expected = network.output.log_probs(features[:, 0]).gather(1, torch.tensor(ids)[:, None])[:, 0]
    scored = torch.tensor(model.score(["other", "a cat"])[1].tokens)
    torch.testing.assert_close(scored, expected.detach(), **tolerance(torch.float32, len(ids)))


def test_rank_puts_the_most_probable_first(model):
    texts = ["the cat is small", "zzzz", "cat the small is", ""]
    ranked = model.rank(texts)
    assert [value for _, value in ranked] == sorted((value for _, value in ranked), reverse=True)
    assert sorted(text for text, _ in ranked) == sorted(texts)
    assert dict(ranked)["zzzz"] == model.score(texts)[1].log_prob


def test_a_line_ends_with_what_ends_lines_in_the_text(model):
    assert model.tokenizer.tokens(model.sequence("a")) == ["a", "\n"]
