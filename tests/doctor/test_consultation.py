"""Models, runs and folders brought to the doctor: what is examined, and what is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import gatewise
from doctor.patients import patient
from gatewise.doctor.diagnosis import PAGE
from gatewise.errors import DataError, GatewiseError, ModelFileError, SettingError
from gatewise.gradients.subject import Subject
from gatewise.training.tally import NotFinite
from tasks import tiny

FEW = {"distance": 10, "samples": 20, "positions": 2, "tokens": 200}


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder; not to be changed."""
    return tiny.the_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A file with the sentences."""
    return tiny.text_file(tmp_path)


def test_a_run_is_examined_as_a_model_and_as_a_run(tiny_run: Path, text: str):
    found = gatewise.diagnose(tiny_run, text, **FEW)
    assert {"course", "gradient"} <= {finding.cause for finding in found.findings}
    assert found.record is not None
    assert found.examination.window == 8
    assert found.examination.distance == 10


def test_a_model_is_examined_as_its_folder_is(tiny_run: Path, text: str):
    of_folder = gatewise.diagnose(tiny_run / "model", text, **FEW)
    of_model = gatewise.diagnose(gatewise.load(tiny_run), text, **FEW)
    assert of_folder.findings == of_model.findings
    assert of_folder.rows == of_model.rows
    assert of_folder.record is None


def test_a_model_of_a_run_without_metrics_is_examined_and_that_is_said(tiny_run: Path, text: str, tmp_path: Path):
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").unlink()
    found = gatewise.diagnose(tmp_path / "run", text, **FEW)
    assert found.record is None
    assert "has no metrics.jsonl" in found.notes[0]


def test_an_unfinished_run_is_judged_by_its_record(tiny_run: Path, tmp_path: Path):
    shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    found = gatewise.diagnose(tmp_path / "run")
    assert [finding.cause for finding in found.findings] == ["course"]
    assert "holds no model yet" in found.notes[0]


@pytest.mark.parametrize("where", ["folder", "model"])
def test_a_weight_that_is_no_number_is_a_verdict_and_no_error(tiny_run: Path, tmp_path: Path, text: str, where: str):
    model = gatewise.load(tiny_run)
    with torch.no_grad():
        model.network.recurrent.weights(0)["weight_hh"][3, 1] = float("nan")
    if where == "folder":
        model.save(tmp_path / "broken")
        with pytest.raises(ModelFileError, match="weight_hh_l0"):
            gatewise.load(tmp_path / "broken")
    found = gatewise.diagnose(model if where == "model" else tmp_path / "broken", text)
    assert [(finding.severity, finding.cause) for finding in found.findings] == [("fault", "not_finite")]
    assert "recurrent.weight_hh_l0 holds NaN (1 of 256 numbers)" in str(found)
    assert found.write(tmp_path / "out").name == PAGE


def test_a_damaged_model_is_an_error_still(tiny_run: Path, tmp_path: Path):
    shutil.copytree(tiny_run / "model", tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"PK\x03\x04 no tensors")
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        gatewise.diagnose(tmp_path / "model")


def line_of(error: type[GatewiseError], *given: object, **settings: object) -> str:
    """The one line with which it is refused."""
    with pytest.raises(error) as caught:
        gatewise.diagnose(*given, **settings)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_text_shorter_than_the_distance_is_refused(tiny_run: Path, tmp_path: Path):
    short = tiny.text_file(tmp_path, "the cat\n")
    line = line_of(DataError, tiny_run, short, distance=50)
    assert "a text of 9 characters is too short to look 50 back; give 7 or less, or a longer text" in line
    assert "at least 3 characters" in line_of(DataError, tiny_run, tiny.text_file(tmp_path, "a"))


def test_what_has_no_layers_to_look_into_is_refused(tmp_path: Path, text: str):
    ngram = gatewise.train("ngram", text, out=str(tmp_path / "ngram"), order=3)
    assert "sees the last 2 tokens and nothing before them" in line_of(SettingError, ngram, text)
    assert "sees the last 2 tokens" in line_of(SettingError, tmp_path / "ngram", text)
    assert "a folder, a model of gatewise.load or a Subject is expected, but a Linear came" in line_of(
        SettingError, torch.nn.Linear(2, 2)
    )


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (None, DataError, "this run has no metrics.jsonl, so nothing is known of its training"),
        ("", DataError, "metrics.jsonl has no line yet"),
        ('{"step": 1', DataError, "metrics.jsonl has no line yet"),
        ('{"step": 1, "loss": nan}\n', ModelFileError, "metrics.jsonl:1: is not valid JSON"),
        ('{"step": 1}\n[1, 2]\n', ModelFileError, "metrics.jsonl:2: an object with a step is expected"),
    ],
)
def test_a_run_without_a_record_is_refused(tmp_path: Path, content: str | None, error: type[GatewiseError], words: str):
    (tmp_path / "checkpoints").mkdir()
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    assert words in line_of(error, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 1, "loss": "x"}',
        '{"step": 1, "loss": true}',
        '{"step": 1, "gradient_norm_by_layer": [1]}',
        '{"step": 1, "update_ratio_by_layer": {"output": "x"}}',
        '{"step": 1, "alarms": [{"cause": "spike"}]}',
    ],
)
def test_a_line_that_no_run_writes_is_refused_with_its_place(tmp_path: Path, line: str):
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{line}\n')
    assert "metrics.jsonl:2: " in line_of(ModelFileError, tmp_path)


def test_a_summary_that_is_no_object_is_refused(tmp_path: Path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    (tmp_path / "summary.json").write_text("[]")
    assert "an object is expected" in line_of(ModelFileError, tmp_path)


def test_a_text_that_tokens_cuts_off_is_not_called_too_short():
    assert line_of(DataError, patient("gru"), distance=90, tokens=50).endswith(
        "give 48 or less, or a greater --tokens, which is how much of the text is read"
    )
    assert line_of(DataError, patient("gru"), distance=200).endswith("give 118 or less, or a longer text")


def test_a_unit_that_is_not_there_is_refused_before_anything_is_measured():
    said: list[str] = []
    with pytest.raises(SettingError, match="no layer has more than 16 units"):
        gatewise.diagnose(patient("gru"), unit=16, say=said.append, **FEW)
    assert said == []


def test_what_is_not_there_is_refused():
    assert "no such folder" in line_of(ModelFileError, "nowhere")
    subject = patient("gru")
    assert "the network has 1 layer, but layer 3 was asked for" in line_of(SettingError, subject, layer=3)
    line = line_of(SettingError, subject, unit=16, **FEW)
    assert "no layer has more than 16 units, 0 to 15, but unit 16 was asked for" in line
    assert "did you mean distance?" in line_of(SettingError, subject, distanse=3)


def test_the_page_needs_nothing_outside_itself_and_escapes_what_it_shows(tmp_path: Path):
    subject = patient("lstm", layers=2)
    tokens = ("<script>", "&", *subject.tokens[2:])
    odd = type(subject)(subject.stack, subject.inputs, tokens, step_loss=subject.step_loss, unit="letter")
    page = gatewise.diagnose(odd, **FEW).write(tmp_path / "out").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert not [
        word for word in ("http://", "https://", "src=", "<link") if word in page.replace("http://www.w3.org", "")
    ]
    assert page.count("<svg") >= 6
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.csv")) == sorted(gatewise.diagnose(odd, **FEW).rows)


def test_looking_at_one_layer_says_nothing_of_the_other():
    subject = patient("lstm", layers=2)
    found = gatewise.diagnose(subject, layer=2, **FEW)
    assert [level.name for level in found.examination.levels] == ["layer 2"]
    assert {row["layer"] for row in found.rows["gates"]} == {1}


def test_the_same_seed_finds_the_same():
    subject = patient("gru")
    assert gatewise.diagnose(subject, **FEW).rows == gatewise.diagnose(subject, **FEW).rows


def test_numbers_of_an_earlier_diagnosis_do_not_stay_beside_the_new_ones(tmp_path: Path):
    gatewise.diagnose(patient("lstm"), **FEW).write(tmp_path)
    later = gatewise.diagnose(patient("rnn"), **FEW)
    later.write(tmp_path)
    assert "gates" not in later.rows
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == sorted(later.rows)


def test_files_in_a_folder_without_a_page_are_left_alone(tmp_path: Path):
    (tmp_path / "gates.csv").write_text("mine")
    gatewise.diagnose(patient("rnn"), **FEW).write(tmp_path)
    assert (tmp_path / "gates.csv").read_text() == "mine"


@pytest.mark.parametrize("setting", [{"out": "look"}, {"lesson": "clipping"}, {"json": True}])
def test_settings_of_the_command_alone_are_refused(setting: dict[str, object]):
    assert "is for the command, and diagnose does not read it" in line_of(SettingError, patient("gru"), **setting)


def test_a_text_that_is_one_whole_is_not_cut():
    subject = patient("gru")
    whole = Subject(subject.stack, subject.inputs, subject.tokens, text_loss=lambda outputs: outputs[-1].sum(-1))
    assert "the loss is that of the whole text, 120 tokens" in line_of(SettingError, whole, tokens=50)


LONGER = {"max_steps": 50, "validate_every": 50}


def test_a_run_that_died_without_a_model_is_told_so(tmp_path: Path):
    """Of the first steps nothing had been written down, nothing validated."""
    with pytest.raises(NotFinite):
        tiny.run(tmp_path, cell="rnn", learning_rate=1e38, optimizer="sgd", clip_norm=0.0, **LONGER)
    found = gatewise.diagnose(tmp_path / "run")
    assert found.findings[0].cause == "not_finite"
    assert found.findings[0].sentence.startswith("the run ended at step ")
    assert found.findings[0].sentence.endswith("it has no model")
    assert "first in " in found.findings[0].sentence
    assert found.notes == ("the run left no model, so only its training was looked at",)
