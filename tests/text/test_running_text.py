"""Windows of running text: what they hold, that nothing is lost, and that they can be resumed at every place."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import DataError
from gatewise.text.batch import Batch
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.streams import RunningText, Sentences, stream
from gatewise.text.windows import Queue
from text.conftest import numbered

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6))


@st.composite
def boundaries(draw: st.DrawFn, longest: int = 80) -> list[int]:
    """Where some sequences begin, and where the text ends."""
    tokens = draw(st.integers(1, longest))
    return sorted({0, tokens, *draw(st.lists(st.integers(0, tokens), max_size=12))})


def rows_of(batch: Batch) -> list[tuple[bool, list[int], list[int]]]:
    """For each row whether it is fresh, its inputs, and its targets, without what lies beyond its length."""
    steps, rows = batch.targets.shape
    lengths = [steps] * rows if batch.lengths is None else batch.lengths.tolist()
    fresh = [False] * rows if batch.fresh is None else batch.fresh.tolist()
    return [
        (fresh[row], batch.inputs[:length, row].tolist(), batch.targets[:length, row].tolist())
        for row, length in enumerate(lengths)
    ]


def runs_of(batches: list[Batch]) -> list[list[int]]:
    """The targets that each row read from one initial state to the next."""
    runs: list[list[int]] = []
    going: dict[int, list[int]] = {}
    for batch in batches:
        for row, (fresh, inputs, targets) in enumerate(rows_of(batch)):
            if not targets:
                continue
            if fresh:
                going[row] = []
                runs.append(going[row])
            assert inputs == [going[row][-1] if going[row] else 0, *targets[:-1]]
            going[row] += targets
    return runs


def same(left: Batch, right: Batch) -> bool:
    return all(
        (a is None and b is None) or torch.equal(a, b)
        for a, b in [
            (left.inputs, right.inputs),
            (left.targets, right.targets),
            (left.lengths, right.lengths),
            (left.fresh, right.fresh),
        ]
    )


@given(SHAPES, st.integers(1, 200))
def test_rows_go_round_the_text(shape: tuple[int, int], tokens: int):
    rows, steps = shape
    tokens += rows * steps
    text = RunningText(numbered(tokens), rows, steps)
    firsts = [row * tokens // rows for row in range(rows)]
    for step in range(3 * text.batches_per_epoch):
        batch = next(text)
        assert batch.lengths is None
        assert batch.tokens == rows * steps
        begins = step % text.batches_per_epoch == 0
        assert (batch.fresh is not None) == begins
        for row, (fresh, inputs, targets) in enumerate(rows_of(batch)):
            places = [(firsts[row] + step * steps + offset) % tokens for offset in range(steps)]
            assert targets == [place + 1 for place in places]
            before = [tokens if place == 0 else place for place in places]
            assert inputs == ([0, *before[1:]] if fresh else before)
            assert fresh == begins


@given(SHAPES, st.integers(0, 200))
def test_an_epoch_gives_every_token_at_least_once(shape: tuple[int, int], more: int):
    rows, steps = shape
    tokens = rows * steps + more
    text = RunningText(numbered(tokens), rows, steps)
    seen = [place for _ in range(text.batches_per_epoch) for place in next(text).targets.flatten().tolist()]
    assert set(seen) == set(range(1, tokens + 1))
    assert len(seen) - tokens < rows * steps  # fewer than one batch are given twice
    assert text.epoch == 1


@given(SHAPES, boundaries(), st.integers(0, 3))
def test_with_resets_an_order_gives_every_token_exactly_once(shape: tuple[int, int], bounds: list[int], seed: int):
    rows, steps = shape
    bounds = [*bounds, bounds[-1] + rows * steps]
    tokens = bounds[-1]
    text = RunningText(numbered(tokens, bounds), rows, steps, reset_at="document", seed=seed)
    batches = [next(text) for _ in range(3 * text.batches_per_epoch)]
    assert all(batch.lengths is None or batch.lengths.min() > 0 for batch in batches)  # no row is ever idle
    whole = parts_of(bounds, max(steps, tokens // rows))
    runs = runs_of(batches)
    for epoch in range(2):
        assert sorted(runs[epoch * len(whole) : (epoch + 1) * len(whole)]) == whole


def parts_of(bounds: list[int], longest: int) -> list[list[int]]:
    """The ids of all documents of a numbered store, those that are too long in equal parts."""
    parts = []
    for start, end in pairwise(bounds):
        size = -(-(end - start) // -(-(end - start) // longest))
        parts += [list(range(at + 1, min(at + size, end) + 1)) for at in range(start, end, size)]
    return parts


@given(SHAPES, boundaries())
def test_rows_with_resets_end_where_documents_end(shape: tuple[int, int], bounds: list[int]):
    rows, steps = shape
    tokens = bounds[-1]
    text = RunningText(numbered(tokens, bounds), rows, steps, reset_at="document")
    if tokens < rows * steps:
        return
    for run in runs_of([next(text) for _ in range(2 * text.batches_per_epoch)]):
        crossed = [bound for bound in bounds if run[0] <= bound < run[-1]]
        assert not crossed
        assert run == list(range(run[0], run[-1] + 1))


@given(SHAPES, boundaries(), st.sampled_from(["never", "document"]))
def test_one_pass_gives_every_token_exactly_once(shape: tuple[int, int], bounds: list[int], reset_at: str):
    rows, steps = shape
    tokens = bounds[-1]
    store = numbered(tokens, bounds)
    batches = list(RunningText(store, rows, steps, reset_at=reset_at).one_pass())
    seen = sorted(place for batch in batches for _, _, targets in rows_of(batch) for place in targets)
    assert seen == list(range(1, tokens + 1))
    assert sum(batch.tokens for batch in batches) == tokens
    assert all(batch.targets.shape[0] <= steps and batch.targets.shape[1] <= rows for batch in batches)
    for run in runs_of(batches):
        assert run == list(range(run[0], run[-1] + 1))
        assert reset_at == "never" or not any(run[0] <= bound < run[-1] for bound in bounds)


@pytest.mark.parametrize(("division", "begins"), [("line", 2), ("paragraph", 5)])
def test_one_pass_divides_no_line_however_long(division: str, begins: int):
    text = RunningText(numbered(100, [0, 1, 100], division), 4, 5, reset_at=division)
    assert sum(int(batch.fresh.sum()) for batch in text.one_pass() if batch.fresh is not None) == begins


def test_one_pass_of_one_token():
    (batch,) = RunningText(numbered(1), 32, 64).one_pass()
    assert rows_of(batch) == [(True, [0], [1])]


def test_beyond_a_length_stands_the_end():
    batch = next(iter(RunningText(numbered(10, [0, 2, 10]), 2, 4, reset_at="document").one_pass()))
    assert batch.lengths.tolist() == [2, 4]
    assert batch.targets[:, 0].tolist() == [1, 2, 0, 0]
    assert batch.inputs[:, 0].tolist() == [0, 1, 0, 0]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_after_an_epoch_of_a_queue_all_is_begun_and_fewer_than_all_rows_are_behind(sizes, rows, steps, epochs):
    bounds = np.cumsum([0, *sizes])
    queue = Queue(bounds[:-1], bounds[1:], rows, steps, seed=0)
    windows = [queue.next() for _ in range(epochs * queue.per_epoch)]
    assert queue.taken >= epochs * len(sizes)
    read = np.zeros(bounds[-1], dtype=int)
    for window in windows:
        for start, length in zip(window.starts, window.lengths, strict=True):
            read[start : start + length] += 1
    behind = [index for index in range(len(sizes)) if (read[bounds[index] : bounds[index + 1]] < epochs).any()]
    assert len(behind) < rows


def test_orders_differ_by_epoch_and_seed():
    store = numbered(400, list(range(0, 401, 4)))

    def order(seed: int, skip: int) -> list[list[int]]:
        text = RunningText(store, 5, 4, reset_at="document", seed=seed)
        return [next(text).targets.flatten().tolist() for _ in range(skip + 20)][skip:]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 20)
    assert order(0, 0) != order(1, 0)


STREAMS = {
    "never": lambda: RunningText(numbered(103), 3, 4),
    "document": lambda: RunningText(numbered(90, [0, 1, 5, 40, 41, 47, 90], "document"), 3, 4, "document", seed=5),
    "line": lambda: RunningText(numbered(60, list(range(0, 61, 3)), "line"), 4, 5, "line", seed=5),
    "sentences": lambda: Sentences(numbered(90, [*range(0, 60, 4), *range(60, 91, 3)], "sentence"), 4, seed=5),
}


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_every_place_can_be_resumed(make: object):
    whole = make()
    length = 3 * whole.batches_per_epoch
    places, batches = [], []
    for _ in range(length + 6):
        places.append((json.dumps(whole.state()), whole.epoch))
        batches.append(next(whole))
    for at in range(length):
        resumed = make()
        resumed.restore(json.loads(places[at][0]))
        for offset in range(6):
            assert (json.dumps(resumed.state()), resumed.epoch) == places[at + offset]
            assert same(next(resumed), batches[at + offset])


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_a_run_may_be_resumed_again_and_again(make: object):
    whole, stopped = make(), make()
    for step in range(3 * whole.batches_per_epoch):
        state = json.loads(json.dumps(stopped.state()))
        stopped = make()
        if step % 2:
            next(stopped)  # a stream that is restored need not be new
        stopped.restore(state)
        assert same(next(stopped), next(whole))


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_a_state_is_not_changed_by_what_comes_after(make: object):
    stream = make()
    next(stream)
    state = stream.state()
    before = json.dumps(state)
    for _ in range(5):
        next(stream)
    assert json.dumps(state) == before


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (lambda: RunningText(numbered(102), 3, 4), "tokens"),
        (lambda: RunningText(numbered(103), 4, 4), "batch_size"),
        (lambda: RunningText(numbered(103), 3, 5), "bptt"),
        (lambda: RunningText(numbered(103), 3, 4, "document"), "reset_at"),
        (lambda: RunningText(numbered(103), 3, 4, seed=1), "seed"),
        (STREAMS["sentences"], "stream"),
    ],
)
def test_the_place_in_another_stream_is_refused(other: object, name: str):
    with pytest.raises(DataError, match=f"saved with {name} = .*, but here it is"):
        other().restore(STREAMS["never"]().state())


@pytest.mark.parametrize("reset_at", ["never", "document"])
def test_too_short_a_text_for_training_says_what_is_needed(reset_at: str):
    text = RunningText(numbered(69), 2, 35, reset_at=reset_at)
    with pytest.raises(DataError, match=r"2 x 35 = 70 tokens, but the text has 69; .*--batch-size \(to 1\) or --bptt"):
        next(text)
    assert sum(batch.tokens for batch in text.one_pass()) == 69


def test_a_store_divided_otherwise_is_refused():
    with pytest.raises(DataError, match="divided at every line, but they are divided at every document"):
        RunningText(numbered(100), 2, 5, reset_at="line")
    with pytest.raises(DataError, match="divided into sentences"):
        Sentences(numbered(100), 2)


def test_settings_make_their_stream():
    batches = BatchSettings(batch_size=2, bptt=5, longest_sentence=7)
    running = stream(numbered(100, [0, 4, 100], "line"), TextSettings(reset_at="line"), batches, seed=3)
    assert isinstance(running, RunningText)
    assert (running.batch_size, running.bptt, running.reset_at, running.seed) == (2, 5, "line", 3)
    sentences = stream(numbered(100, [0, 4, 100], "sentence"), TextSettings(unit="sentences"), batches, seed=3)
    assert isinstance(sentences, Sentences)
    assert (sentences.batch_size, sentences.seed, sentences.longest) == (2, 3, 7)
