"""What a model writes: the same piece by piece and at once, the same for the same seed, of the length asked for."""

from __future__ import annotations

import pytest

import gatewise
from gatewise.errors import DataError, SettingError
from tasks import tiny


@pytest.mark.parametrize("settings", [{}, {"greedy": True}, {"beam": 3}, {"temperature": 0.5, "top_k": 3, "seed": 5}])
def test_streamed_is_the_same_as_at_once(model, settings):
    written = model.generate("the ", length=30, **settings)
    assert written == "the " + "".join(model.stream("the ", length=30, **settings))
    assert written.startswith("the ")


def test_the_seed_decides(model):
    first, again, other = (model.generate(length=40, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 40


def test_several_texts_are_those_of_their_own(model):
    several = model.generate_many("a ", n=3, length=20, seed=4)
    assert len(set(several)) == 3
    assert several[0] == model.generate("a ", length=20, seed=4)


def test_beam_of_one_is_greedy(model):
    assert model.generate("a ", beam=1, length=20) == model.generate("a ", greedy=True, length=20)


def test_a_wider_beam_is_never_less_probable(model):
    scores = [model.score([model.generate("", beam=width, length=6)])[0] for width in (1, 16)]
    narrow, wide = (sum(score.tokens[:-1]) for score in scores)
    assert wide >= narrow


def test_several_from_one_beam_come_best_first(model):
    several = model.generate_many("", n=3, beam=4, length=5)
    values = [sum(score.tokens[:-1]) for score in model.score(several)]
    assert len(set(several)) == 3
    assert values == sorted(values, reverse=True)


def test_the_length_penalty_reaches_the_search(tmp_path):
    model = gatewise.load(tiny.run(tmp_path, unit="sentences"))
    shortest, longest = (model.generate("", beam=8, length=12, length_penalty=penalty) for penalty in (0.0, 8.0))
    assert len(shortest) < len(longest)


def test_a_model_that_may_write_nothing_says_so(model, monkeypatch):
    every = list(range(model.tokenizer.vocabulary_size))
    monkeypatch.setattr("gatewise.tasks.language_model.writing._banned", lambda _: every)
    for way in ({"beam": 2}, {"greedy": True}, {}):
        with pytest.raises(SettingError, match="is left: banned are"):
            model.generate("", length=3, **way)


def test_the_unknown_is_never_written(model):
    assert "<unk>" not in model.generate(length=300, temperature=50.0)


def test_unknown_characters_are_warned_about(model):
    with pytest.warns(UserWarning, match="these characters of the prompt, and reads <unk> for each: 'é'"):
        assert model.generate("é a", length=1).startswith("é a")
    with pytest.raises(DataError, match="knows none of the characters"):
        model.generate("日本")


def test_an_unknown_setting_names_the_nearest(model):
    with pytest.raises(SettingError, match=r"there is no setting temprature; did you mean temperature\?"):
        model.generate("", temprature=1.0)


@pytest.mark.parametrize("level", ["word", "byte", "bpe", "unigram"])
@pytest.mark.parametrize("unit", ["running", "sentences"])
def test_every_level_writes_scores_and_is_loaded(tmp_path, level, unit):
    size = {"bpe": 300, "unigram": 300}.get(level, 0)
    run = tiny.run(tmp_path, tiny.sentences(150), level=level, unit=unit, vocabulary_size=size, bptt=4)
    model = gatewise.load(run)
    written = model.generate("the cat", length=12, seed=1)
    assert written.startswith("the cat")
    assert written == "the cat" + "".join(model.stream("the cat", length=12, seed=1))
    assert "<eos>" not in written
    if unit == "sentences":
        assert "\n" not in written or level in ("byte", "bpe", "unigram")
    assert all(score.log_prob < 0 for score in model.score(["the dog is big", ""]))
    assert model.sequence("")[-1] in (model.tokenizer.eos_id, model.tokenizer.newline_id)
