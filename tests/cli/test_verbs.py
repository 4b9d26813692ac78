"""The verbs on a trained model: results on stdout, notes on stderr, as text and as JSON."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from tasks import tiny

LINES = "the cat is small\n\nis the dog big ?\nsmall the is cat"


def results(gatewise, *argv, **how):
    """What a command writes that succeeds without a note."""
    code, out, err = gatewise(*argv, **how)
    assert (code, err) == (0, "")
    return out


def test_eval_says_what_per_what(gatewise, tiny_run, tmp_path):
    out = results(gatewise, "eval", tiny_run, tiny.text_file(tmp_path))
    told = json.loads(results(gatewise, "eval", tiny_run, tiny.text_file(tmp_path), "--json"))
    assert f"{told['loss']:.4f}  nats per token (character)" in out
    assert f"{told['bits_per_character']:.4f}  bits per character" in out
    assert f"{told['perplexity_per_token']:.4f}  per token (character) = exp(loss) = 2^bits" in out
    assert math.isclose(told["perplexity_per_token"], math.exp(told["loss"]))
    assert math.isclose(told["bits_per_token"], told["loss"] / math.log(2))
    assert told["characters"] == len(tiny.sentences())
    assert told["tokens"] == told["characters"] + 1
    assert told["unknown"] == 0


def test_eval_counts_the_unknown_and_reads_stdin(gatewise, tiny_run):
    told = json.loads(results(gatewise, "eval", tiny_run, "-", "--json", stdin="the zebra é\n".encode() * 10))
    assert told["unknown"] == 20
    assert told["characters"] == 120


def test_bits_per_character_are_not_said_where_something_was_lost(gatewise, tiny_run, tmp_path):
    lost = tiny.text_file(tmp_path, "the zebra é\n" * 10)
    told = json.loads(results(gatewise, "eval", tiny_run, lost, "--json"))
    assert told["bits_per_character"] is told["nats_per_character"] is None
    out = results(gatewise, "eval", tiny_run, lost)
    assert "bits per character" not in out
    assert "120  not all held by the tokens, so nothing is said per character" in out
    assert "20  tokens (16.53%) stand for what the model does not know" in out


def test_generate_streams_the_prompt_and_what_follows(gatewise, tiny_run):
    out = results(gatewise, "generate", tiny_run, "--prompt", "the ", "--length", 20, "--seed", 3)
    assert out.startswith("the ")
    assert len(out) == 4 + 20 + 1
    again = results(gatewise, "generate", tiny_run, "--prompt", "the ", "--length", 20, "--seed", 3, "--json")
    assert json.loads(again) == {"prompt": "the ", "text": out[:-1]}


@pytest.mark.parametrize("how", ["--greedy", "--beam 3", "--temperature 0.5 --top-k 5 --top-p 0.9"])
def test_every_way_to_write(gatewise, tiny_run, how):
    out = results(gatewise, "generate", tiny_run, "--length", 10, *how.split())
    assert len(out) == 10 + 1


def test_several_texts(gatewise, tiny_run):
    out = results(gatewise, "generate", tiny_run, "--length", 10, "--n", 3, "--json")
    assert len({json.loads(line)["text"] for line in out.splitlines()}) == 3


def test_what_a_prompt_has_that_is_unknown_is_a_note(gatewise, tiny_run):
    code, out, err = gatewise("generate", tiny_run, "--prompt", "the é", "--length", 5)
    assert code == 0
    assert out.startswith("the é")
    assert err == "the model does not know these characters of the prompt, and reads <unk> for each: 'é'\n"


def test_score_gives_a_line_for_a_line(gatewise, tiny_run):
    out = results(gatewise, "score", tiny_run, "-", stdin=LINES.encode())
    rows = [line.split("\t") for line in out.splitlines()]
    assert [text for _, text in rows] == LINES.split("\n")
    assert all(float(log_prob) < 0 for log_prob, _ in rows)


def test_score_shows_tokens(gatewise, tiny_run):
    row = results(gatewise, "score", tiny_run, "-", "--tokens", stdin=b"a cat\n").rstrip("\n").split("\t")
    assert [token.split(" ")[0] for token in row[2:]] == ["a", "␣", "c", "a", "t", "⏎"]
    # Seven numbers are rounded to four digits.
    assert abs(sum(float(token.split(" ")[1]) for token in row[2:]) - float(row[0])) <= 7 * 0.00005


def test_score_as_json(gatewise, tiny_run):
    out = results(gatewise, "score", tiny_run, "-", "--tokens", "--json", stdin=LINES.encode())
    told = [json.loads(line) for line in out.splitlines()]
    assert [line["text"] for line in told] == LINES.split("\n")
    for line in told:
        assert math.isclose(sum(value for _, value in line["tokens"]), line["log_prob"])
        assert len(line["tokens"]) == line["count"] == len(line["text"]) + 1


def test_score_of_more_lines_than_are_held_at_once(gatewise, tiny_run):
    text = "".join(f"cat {number}\n" for number in range(1100))
    out = results(gatewise, "score", tiny_run, "-", stdin=text.encode())
    assert [line.split("\t")[1] for line in out.splitlines()] == text.splitlines()


def test_rank_puts_the_best_first(gatewise, tiny_run):
    code, out, err = gatewise("rank", tiny_run, stdin=LINES.encode())
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert sorted(text for _, text in rows) == sorted(filter(None, LINES.split("\n")))
    assert [float(value) for value, _ in rows] == sorted((float(value) for value, _ in rows), reverse=True)
    assert err == "left out: one blank line\n"
    assert gatewise("rank", tiny_run, stdin=b"\n\na\n")[2] == "left out: 2 blank lines\n"
    told = [json.loads(line) for line in gatewise("rank", tiny_run, "--json", stdin=LINES.encode())[1].splitlines()]
    assert [line["text"] for line in told] == [text for _, text in rows]


def test_info_says_what_it_is(gatewise, tiny_run):
    told = json.loads(results(gatewise, "info", tiny_run, "--json"))
    assert told["runner"] == "fused (the engine runs lstm)"
    assert told["hidden_size"] == tiny.SIZES["hidden_size"]
    assert told["training"]["steps"] == tiny.SIZES["max_steps"]
    assert told["parameters"] > 0
    assert not told["other_settings"].keys() & told.keys()
    out = results(gatewise, "info", tiny_run)
    assert "runner" in out
    assert f"{told['parameters']:,}" in out


def test_an_unverified_model_is_said_to_be(gatewise, tiny_run, tmp_path):
    folder = shutil.copytree(tiny_run / "model", tmp_path / "copy")
    (folder / "manifest.json").unlink()
    code, out, err = gatewise("info", folder)
    assert code == 0
    assert "verified" in out
    assert "the model is unverified" in err


def test_train_says_how_good_it_is_and_shows_what_it_writes(gatewise, tmp_path):
    flags = [word for name, value in tiny.SIZES.items() for word in (f"--{name.replace('_', '-')}", value)]
    held_out = tiny.text_file(tmp_path, tiny.sentences(20), "valid.txt")
    code, out, err = gatewise(
        "train",
        "lm",
        tiny.text_file(tmp_path),
        "--out",
        tmp_path / "run",
        "--valid",
        held_out,
        "--test",
        held_out,
        *flags,
    )
    assert code == 0
    assert len(out) > 3
    assert "training lm to step 12" in err
    assert "\nrecurrent layers: fused (the engine runs lstm)\n" in err
    assert "validation: loss " in err
    assert "test: loss " in err
    assert f"model: {tmp_path / 'run'}/model" in err


BENT = """import torch
from gatewise.cells import Cell, Input, Matrix
class Bent(Cell):
    "What no step program can say."
    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    def step(self, x, s, p):
        return s.next(hidden=torch.atan((x + p.R(s.hidden)).new))
"""


def test_layers_that_do_not_run_on_the_engine_say_so_with_operation_and_line(gatewise, tmp_path):
    (tmp_path / "my.py").write_text(BENT)
    flags = [word for name, value in tiny.SIZES.items() for word in (f"--{name.replace('_', '-')}", value)]
    own = ["--cell", f"{tmp_path / 'my.py'}:Bent"]
    code, _, err = gatewise("train", "lm", tiny.text_file(tmp_path), "--out", tmp_path / "run", *own, *flags)
    assert code == 0
    lines = err.splitlines()
    (line,) = [line for line in lines if line.startswith("recurrent layers: ")]
    assert line.startswith("recurrent layers: reference (torch has no kernel for bent; the engine cannot run it: ")
    assert line.endswith("my.py:9: the operation atan cannot be expressed), which is slow")
    assert lines.index(line) < next(place for place, told in enumerate(lines) if told.startswith("step "))
    told = line.removeprefix("recurrent layers: ")
    for file in ("summary.json", "model/training.json"):
        assert json.loads((tmp_path / "run" / file).read_text())["versions"]["recurrent layers"] == told
    assert f"| recurrent layers | {told} |" in (tmp_path / "run/model/README.md").read_text()
    assert told in " ".join(results(gatewise, "info", tmp_path / "run", *own).split())  # it goes over several lines


def test_a_window_run_has_its_own_name(gatewise, tmp_path, monkeypatch):
    flags = [word for name, value in tiny.SIZES.items() for word in (f"--{name.replace('_', '-')}", value)]
    monkeypatch.chdir(tmp_path)
    code, _, err = gatewise("train", "window", tiny.text_file(tmp_path), *flags)
    assert (code, err.count("training window to step 12: ")) == (0, 1)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("window-")
    assert f"<title>window: {folder.name}" in (folder / "report.html").read_text()
    for name in ("lm", "window"):
        told = " ".join(results(gatewise, "train", name, "--help").split())
        assert "default: runs/<task>-<date>-<time>" in told, name


def test_train_reads_stdin(gatewise, tmp_path):
    code, _, err = gatewise(
        "train", "lm", "-", "--out", tmp_path / "run", "--max-steps", 2, "--hidden-size", 8, "--batch-size", 4,
        "--bptt", 8, stdin=tiny.sentences().encode(),
    )  # fmt: skip
    assert code == 0
    assert "training lm" in err


def test_compare_shows_a_table_or_json(gatewise, tmp_path):
    flags = ["--models", "ngram,gru", "--level", "char", "--minutes", 0.001, "--batch-size", 4, "--bptt", 8]
    file = tiny.text_file(tmp_path)
    code, out, err = gatewise("compare", file, "--out", tmp_path / "a", *flags)
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("model", "ngram", "gru"))] == [
        "model", "ngram", "gru",
    ]  # fmt: skip
    assert max(map(len, out.splitlines())) <= 80
    assert "on the validation text" in out
    assert "gru, " in err
    held_out = tiny.text_file(tmp_path, tiny.sentences(70)[-300:], "held-out.txt")
    told = json.loads(gatewise("compare", file, "--out", tmp_path / "b", *flags, "--valid", held_out, "--json")[1])
    assert [row["model"] for row in told["rows"]] == ["ngram", "gru"]
    for row in told["rows"]:
        again = json.loads(results(gatewise, "eval", row["folder"], held_out, "--json"))
        assert math.isclose(again["perplexity_per_token"], row["perplexity"], rel_tol=1e-9)
