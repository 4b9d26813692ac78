"""A run that was stopped and resumed is, bit by bit, the run that was never stopped."""

import json
import shutil

import pytest
import torch

from gatewise.errors import TrainingError
from gatewise.scan import instruction_set
from gatewise.training import checkpoint
from gatewise.training.settings import TrainingSettings
from gatewise.training.tree import flatten
from training.toy import Toy
from training.watching import Memory, everything, last_checkpoint, metrics, quick_fit, run

KINDS = {
    "adamw": TrainingSettings(epochs=3, learning_rate=0.02, log_every=3),
    "sgd with momentum": TrainingSettings(
        optimizer="sgd", schedule="one-cycle", momentum=0.9, learning_rate=0.05, epochs=3, log_every=5,
        checkpoint_every=4,
    ),
    "averaged": TrainingSettings(
        optimizer="nt-asgd", schedule="plateau", learning_rate=0.5, nonmonotone=1, validate_every=3, epochs=3,
        clip_norm=0, clip_value=0.01,
    ),
    "accumulated": TrainingSettings(accumulate=3, epochs=3, learning_rate=0.02, log_every=2, checkpoint_every=1),
    "bfloat16": TrainingSettings(precision="bfloat16", epochs=3, learning_rate=0.02),
    "unfreezing": TrainingSettings(  # from steps 7 and 13 on
        schedule="slanted", rate_decay=2.6, unfreeze_every=0.75, epochs=3, learning_rate=0.02, checkpoint_every=4
    ),
    "unfreezing, averaged": TrainingSettings(
        optimizer="nt-asgd", momentum=0.5, rate_decay=2.0, unfreeze_every=1.5, learning_rate=0.5, nonmonotone=1,
        validate_every=3, epochs=3, checkpoint_every=1,
    ),
}  # fmt: skip
LOSSES = [3.0, 2.0, 2.5, 2.4, 2.3, 1.0, 1.5, 1.2]


def task(kind):
    return Toy(LOSSES * 2, per_epoch=3) if "averaged" in kind else Toy()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What each kind of run leaves when it is not stopped."""
    made = {}

    def make(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp("whole")
            run(folder, KINDS[kind], task(kind))
            made[kind] = everything(folder)
        return made[kind]

    return make


STEPS = {"averaged": 9, "accumulated": 8, "unfreezing, averaged": 9}  # of 24 otherwise


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_at_any_step(tmp_path, whole, kind):
    steps = STEPS.get(kind, 24)
    for stop in sorted({1, 2, steps // 3, steps // 2, steps - 1, steps}):
        folder = tmp_path / str(stop)
        _, _, first = run(folder, KINDS[kind], task(kind), stop_at=stop)
        assert (first.stopped, first.signal, first.steps, first.exit_code) == ("signal", 15, stop, 143)
        assert not (folder / "model").exists()
        _, memory, second = run(folder, KINDS[kind], task(kind), resume=True)
        assert (second.stopped, second.steps, second.exit_code) == ("done", steps, 0)
        assert [step for step, _ in memory.steps] == [*range(stop + 1, steps + 1)]
        assert everything(folder) == whole(kind)


def test_stopped_many_times(tmp_path, whole):
    for stop in (1, 2, 3, 7, 8, 9, 16, 23, 24):
        run(tmp_path, KINDS["adamw"], stop_at=stop, resume=stop > 1)
    run(tmp_path, KINDS["adamw"], resume=True)
    assert everything(tmp_path) == whole("adamw")


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_at_any_step(tmp_path, whole, kind):
    """The run goes back to the last checkpoint that it wrote by itself, and metrics.jsonl with it."""

    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    for at in (2, 5, 8):
        folder = tmp_path / str(at)
        memory = Memory(at, crash)
        with pytest.raises(Crash):
            quick_fit(task(kind), KINDS[kind], folder, memory)
        assert memory.ends == 1
        run(folder, KINDS[kind], task(kind), resume=True)
        assert everything(folder) == whole(kind)


def test_resumed_after_the_end_it_saves_again(tmp_path, whole):
    run(tmp_path, KINDS["adamw"])
    shutil.rmtree(tmp_path / "model")
    toy, memory, result = run(tmp_path, KINDS["adamw"], resume=True)
    assert memory.steps == []
    assert result.stopped == "done"
    assert len(toy.results) == 1
    assert everything(tmp_path) == whole("adamw")


def test_a_half_written_line_of_metrics_is_cut_off(tmp_path, whole):
    run(tmp_path, KINDS["adamw"], stop_at=10)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99, "loss": 1}\n{"step": 1')
    run(tmp_path, KINDS["adamw"], resume=True)
    assert metrics(tmp_path) == whole("adamw")[1]


def test_lost_lines_of_metrics_are_said(tmp_path):
    run(tmp_path, KINDS["adamw"], stop_at=10)
    (tmp_path / "metrics.jsonl").write_text("")
    _, memory, _ = run(tmp_path, KINDS["adamw"], resume=True)
    assert any("metrics.jsonl is shorter than it was" in line for line in memory.lines)


def test_a_damaged_checkpoint_is_said_and_the_one_before_taken(tmp_path, whole):
    settings = KINDS["accumulated"]
    run(tmp_path, settings, stop_at=5)
    newest = checkpoint.Checkpoints(tmp_path / "checkpoints", 1).found()[-1]
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    _, memory, _ = run(tmp_path, settings, resume=True)
    assert memory.lines == [f"{newest}: is damaged: its SHA-256 is not the one written in it; copy it again; "
                            "going back to the checkpoint before it",
                            f"{newest}: is kept as {newest.name}.damaged"]  # fmt: skip
    assert newest.with_name(f"{newest.name}.damaged").read_bytes() == data
    assert memory.steps[0][0] == 5
    assert everything(tmp_path) == whole("accumulated")


def test_nothing_to_resume_and_nothing_to_overwrite(tmp_path):
    with pytest.raises(TrainingError, match=r"checkpoints: there is no checkpoint to resume from; start a new run$"):
        run(tmp_path, KINDS["adamw"], resume=True)
    run(tmp_path, KINDS["adamw"], stop_at=1)
    before = everything(tmp_path)
    with pytest.raises(TrainingError, match="there is a run already; resume it or choose another folder"):
        run(tmp_path, KINDS["adamw"])
    assert everything(tmp_path) == before


def test_changed_settings_are_refused_by_name(tmp_path):
    run(tmp_path, KINDS["adamw"], stop_at=2)
    before = everything(tmp_path)
    changed = KINDS["adamw"].replace(learning_rate=0.03, epochs=4.0)
    message = "learning_rate was 0.02 and is 0.03, epochs was 3.0 and is 4.0"
    with pytest.raises(TrainingError, match=message):
        run(tmp_path, changed, resume=True)
    other = Toy()
    other.identity = lambda: {"sizes": {"hidden": 6}}
    with pytest.raises(TrainingError, match=r"but sizes was .* and is \{'hidden': 6\}"):
        run(tmp_path, KINDS["adamw"], other, resume=True)
    assert everything(tmp_path) == before


def test_another_network_is_refused(tmp_path):
    run(tmp_path, KINDS["adamw"], stop_at=2)

    class Wider(Toy):
        def network(self):
            made = super().network()
            made.extra = torch.nn.Linear(2, 2)
            return made

    with pytest.raises(TrainingError, match=r"the network has changed: extra.weight was absent and is float32 2 x 2"):
        run(tmp_path, KINDS["adamw"], Wider(), resume=True)


def test_another_machine_is_said(tmp_path, monkeypatch):
    run(tmp_path, KINDS["adamw"], stop_at=2)
    monkeypatch.setattr("torch.get_num_threads", lambda: 7)
    _, memory, _ = run(tmp_path, KINDS["adamw"], resume=True)
    assert memory.lines == ["threads was 1 and is 7: the rest of the run may differ in the last bits"]


def test_another_instruction_set_of_the_engine_is_said(tmp_path, monkeypatch):
    run(tmp_path, KINDS["adamw"], stop_at=2)
    before = last_checkpoint(tmp_path)["versions"]["engine"]
    assert before == instruction_set()
    monkeypatch.setattr("gatewise.training.result.instruction_set", lambda: "another")
    _, memory, result = run(tmp_path, KINDS["adamw"], resume=True)
    assert memory.lines == [f"engine was {before} and is another: the rest of the run may differ in the last bits"]
    assert (result.exit_code, result.versions["engine"]) == (0, "another")


def test_what_computes_the_network_is_said_recorded_and_compared(tmp_path):
    toy = Toy()
    toy.computed_by = lambda network: {"the waves": f"a loop in {type(network).__name__}"}
    _, memory, first = run(tmp_path, KINDS["adamw"], toy, stop_at=2)
    assert memory.lines == ["the waves: a loop in Waves", "stopped after step 2; resume it to go on"]
    assert first.versions["the waves"] == "a loop in Waves"
    toy.computed_by = lambda network: {"the waves": "a kernel"}
    _, memory, _ = run(tmp_path, KINDS["adamw"], toy, resume=True)
    change = "the waves was a loop in Waves and is a kernel: the rest of the run may differ in the last bits"
    assert memory.lines == [change, "the waves: a kernel"]
    assert json.loads((tmp_path / "summary.json").read_text())["versions"]["the waves"] == "a kernel"


# --- every field of a checkpoint counts ---

BASE = TrainingSettings(
    optimizer="nt-asgd", schedule="plateau", plateau_patience=1, learning_rate=0.3, momentum=0.5, nonmonotone=1,
    validate_every=2, log_every=3, checkpoint_every=1, epochs=7, patience=5, clip_value=0.05, clip_norm=0,
)  # fmt: skip
SCRIPTED = [3.0, 2.0, 2.5, 2.4, 2.3, 2.45, 2.5]
PENDING = "a signal came before the validation"
# Checkpoints in which different fields are alive: how the toy is made, the settings, the step.
ALIVE = {
    "just validated, not yet averaging": ((SCRIPTED, 2), BASE, 4),
    "between lines, averaging": ((SCRIPTED, 2), BASE, 11),
    "just logged, after a skipped step": ((SCRIPTED, 2, (7, 9, 10)), BASE.replace(validate_every=4), 9),
    PENDING: ((SCRIPTED, 2), BASE, 6),
    "adamw": ((SCRIPTED, 2), BASE.replace(optimizer="adamw", schedule="cosine", learning_rate=0.01), 5),
    "a group frozen": ((SCRIPTED, 2), BASE.replace(rate_decay=2.0, unfreeze_every=2), 5),
}
LARGE = 1e9  # a change of a time or a speed that no slow machine explains


def leaves(tree, path=()):
    if isinstance(tree, dict | list | tuple):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return [leaf for key, value in pairs for leaf in leaves(value, (*path, key))]
    return [path]


def changed(tree, path):
    """The tree with the one leaf changed."""
    head, *rest = path
    part = changed(tree[head], rest) if rest else other(head, tree[head])
    if isinstance(tree, dict):
        return tree | {head: part}
    return type(tree)([*tree[:head], part, *tree[head + 1 :]])


def other(name, value):
    if name == "torch" and isinstance(value, torch.Tensor):
        value = value.clone()
        value[24 : 24 + 8 * 624 : 8] += 1  # the words of the generator, of whose eight bytes four are in use
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    large = name in ("seconds", "validation_seconds", "units")
    return 1.0 if value is None else value + LARGE if large else value + 1


def resumed(folder, source, tree, made, settings):
    """All that resuming from ``tree`` in a copy of a run leaves and says, or the refusal."""
    shutil.copytree(source, folder)
    found = checkpoint.Checkpoints(folder / "checkpoints", 1).found()
    for path in found:
        path.unlink()
    found[-1].write_bytes(b"".join(checkpoint.pack(*flatten(tree))))
    memory, toy = Memory(), Toy(*made)
    try:
        result = quick_fit(toy, settings, folder, memory, resume=True)
    except Exception as error:
        left = f"{type(error).__name__}: {error}".replace(str(folder), "")
    else:
        slow = [record["units_per_second"] < 1 or record["units_per_second"] > LARGE / 10 for record in memory.records]
        left = everything(folder), memory.lines, slow, result.seconds > LARGE, result.validation_seconds > LARGE
    shutil.rmtree(folder)
    return left


# One leaf for each part of a checkpoint, alive while averaging; the other leaves have their turn in the slow test.
ONE_EACH = [
    "settings.seed", "identity.sizes.rows", "versions.torch", "progress.unimproved", "metrics_size", "stream.position",
    "carry.h.0", "network.recurrent.weight", "optimizer.moments.2", "plateau.factor", "average.weights.3",
    "best.outward.bias", "random.torch",
]  # fmt: skip


@pytest.mark.parametrize("thorough", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["parts", "leaves"])
def test_each_field_of_a_checkpoint_counts(tmp_path, monkeypatch, thorough):
    """Where a field is changed, the resumed run must differ or be refused: else the field is not in use (figure C5)."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)

    class Crash(Exception):
        pass

    def crash() -> None:
        raise Crash

    alive, dead = set(), set()
    for name in ALIVE if thorough else ["between lines, averaging"]:
        made, settings, step = ALIVE[name]
        source = tmp_path / name
        if name == PENDING:
            run(source, settings, Toy(*made), stop_at=step)
        else:
            with pytest.raises(Crash):
                quick_fit(Toy(*made), settings, source, Memory(step + 1, crash))
        tree = last_checkpoint(source)
        assert tree["progress"]["step"] == step
        expected = resumed(tmp_path / "copy", source, tree, made, settings)
        assert expected[0][1][-1]["step"] == 14
        fields = {".".join(map(str, path)): path for path in leaves(tree)}
        for field in fields if thorough else ONE_EACH:
            if field not in alive:
                left = resumed(tmp_path / "copy", source, changed(tree, fields[field]), made, settings)
                (dead if left == expected else alive).add(field)
    assert {field.partition(".")[0] for field in alive} == set(tree)
    assert dead - alive == set()
