"""What is held out: of every class its share, the same for the same seed, and never all of a class."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from gatewise.errors import DataError, SettingError
from gatewise.text.labelled import Labelled, stratified_split


def examples(*labels: tuple[str, ...]) -> list[Labelled]:
    return [Labelled(f"text {n}", ours, f"a:{n}") for n, ours in enumerate(labels, 1)]


def counts(part: list[Labelled]) -> Counter[str]:
    return Counter(label for example in part for label in example.labels)


@pytest.mark.parametrize("share", [0.05, 0.1, 1 / 3, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_every_class_keeps_its_share(share: float, seed: int):
    source = random.Random(seed)
    sizes = [1, 1, 2, 3, 5, 10, 17, 100, source.randrange(1, 400)]
    labels = [(f"class {n}",) for n, size in enumerate(sizes) for _ in range(size)]
    source.shuffle(labels)
    whole = examples(*labels)
    kept, held = stratified_split(whole, share, seed)
    assert sorted(kept + held, key=whole.index) == whole
    assert [part for part in (kept, held) if sorted(part, key=whole.index) != part] == []
    for n, size in enumerate(sizes):
        out = counts(held)[f"class {n}"]
        assert out <= size - 1
        assert out in (0, size - 1) or math.floor(share * size) <= out <= math.ceil(share * size)
    divided = sum(size for size in sizes if size > 1)
    assert abs(len(held) - share * divided) <= 0.5 + 2  # each of the classes of 2 and 3 may have to keep one more


def test_rounding_does_not_add_up():
    whole = examples(*[(f"class {n}",) for n in range(100) for _ in range(5)])
    kept, held = stratified_split(whole, 0.1)
    assert (len(kept), len(held)) == (450, 50)
    assert set(counts(held).values()) == {1}


def test_the_choice_follows_the_seed():
    whole = examples(*[("x",), ("y",)] * 50)
    assert stratified_split(whole, 0.2, 7) == stratified_split(whole, 0.2, 7)
    drawn = {tuple(example.where for example in stratified_split(whole, 0.2, seed)[1]) for seed in range(20)}
    assert len(drawn) == 20
    often = Counter(where for seed in range(400) for *_, where in stratified_split(whole, 0.2, seed)[1])
    assert len(often) == 100
    assert 40 < min(often.values()) <= max(often.values()) < 120  # 80 expected, 8 the standard deviation


@pytest.mark.parametrize("seed", range(10))
def test_texts_with_several_labels_keep_the_shares_and_every_label(seed: int):
    source = random.Random(seed)
    rates = {"common": 0.5, "usual": 0.3, "rare": 0.05, "rarest": 0.01}
    labels = [tuple(label for label, rate in rates.items() if source.random() < rate) for _ in range(1000)]
    whole = examples(*labels, ("once", "rare"), ("twice",), ("twice", "common"))
    kept, held = stratified_split(whole, 0.2, seed)
    assert len(kept) + len(held) == len(whole)
    every, out = counts(whole), counts(held)
    assert all(counts(kept)[label] for label in every)
    assert out["once"] == 0
    for label in ("rarest", "rare", "usual", "common"):
        assert abs(out[label] - 0.2 * every[label]) <= 3
    none, without = (sum(not example.labels for example in part) for part in (whole, held))
    assert abs(without - 0.2 * none) <= 1


def test_a_label_whose_texts_all_have_rarer_labels_stays():
    whole = examples(("a", "b"), ("b",), ("a", "c"), ("c",))
    for seed in range(50):
        kept, _ = stratified_split(whole, 0.5, seed)
        assert set(counts(kept)) == {"a", "b", "c"}


def test_too_few_texts_or_no_share_are_refused():
    with pytest.raises(
        DataError, match=r"a: a share of 0\.1 is to be held out, but of 2 texts that is none; give more"
    ):
        stratified_split(examples(("a",), ("b",)), 0.1)
    with pytest.raises(DataError, match="of 0 texts that is none"):
        stratified_split([], 0.1)
    for share in (0, 1, -0.5, math.nan):
        with pytest.raises(SettingError, match="must be between 0 and 1"):
            stratified_split(examples(("a",), ("a",)), share)
