"""Mixtures of trained models: as good as the best of them, saved, loaded, and refused where they do not go together."""

from __future__ import annotations

import pytest

import gatewise
from gatewise.errors import SettingError
from gatewise.tasks.language_model.mixing import held_out_by, mix
from gatewise.text.readers import read
from tasks import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixing")
    file = tiny.text_file(folder)
    with tiny.briefly():
        return [
            gatewise.train("ngram", file, level="char", order=3, out=str(folder / "ngram")),
            gatewise.train("lm", file, **{**tiny.SIZES, "out": str(folder / "lm")}),
            gatewise.train("window", file, **{**tiny.SIZES, "window": 2, "out": str(folder / "window")}),
        ]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    return read(tiny.text_file(tmp_path_factory.mktemp("held_out"), tiny.sentences(90)[-900:]))


def test_found_weights_make_it_no_worse_than_its_best_model(models, held_out):
    mixture = mix(models, held_out)
    found = mixture.evaluate_corpus(held_out).measure.nats_per_token
    alone = [mix(models, held_out, [float(one == other) for one in range(3)]) for other in range(3)]
    best = min(model.history["scores"]["validation"]["loss"] for model in alone)
    assert found <= best + 1e-5
    assert mixture.history["scores"]["validation"]["loss"] == pytest.approx(found)


def test_it_is_the_weighted_sum_of_its_models(models):
    mixture = mix(models[:2], weights=[0.25, 0.75])
    first, second, both = (model.score(["the cat"])[0].tokens for model in (*models[:2], mixture))
    for one, other, mixed in zip(first, second, both, strict=True):
        assert 2.718281828459045**mixed == pytest.approx(
            0.25 * 2.718281828459045**one + 0.75 * 2.718281828459045**other, rel=1e-5
        )


def test_a_loaded_mixture_is_the_one_that_was_saved(models, held_out, tmp_path):
    mixture = mix(models, held_out)
    mixture.save(tmp_path / "mixture")
    again = gatewise.load(tmp_path / "mixture")
    texts = ["the cat is small", "dog"]
    assert [one.tokens for one in again.score(texts)] == [one.tokens for one in mixture.score(texts)]
    assert again.info()["models"] == mixture.info()["models"]
    assert again.generate("the", length=5) == mixture.generate("the", length=5)


def test_what_does_not_go_together_is_refused(models, held_out, tmp_path):
    other = gatewise.train("ngram", tiny.text_file(tmp_path), out=str(tmp_path / "words"))
    with pytest.raises(SettingError, match=r"model 2 reads words, the first model characters \(--level\)"):
        mix([models[0], other], held_out)
    with pytest.raises(SettingError, match=r"2 models need 2 weights, but 3 were given"):
        mix(models[:2], weights=[0.5, 0.25, 0.25])
    with pytest.raises(SettingError, match=r"2 models need 2 weights, but 1 was given"):
        mix(models[:2], weights=[1.0])
    with pytest.raises(SettingError, match="at least two models, but 1 came"):
        mix(models[:1], held_out)
    with pytest.raises(SettingError, match="the weights are found on held-out text"):
        mix(models)
    with pytest.raises(SettingError, match=r"weights are from 0 to 1 and add up to 1, but 0.5, 0.6 came"):
        mix(models[:2], weights=[0.5, 0.6])
    with pytest.raises(SettingError, match="a mixture is mixed already"):
        mix([mix(models, held_out), models[0]], held_out)


def test_the_card_names_each_model_with_its_weight(models, tmp_path):
    mix(models[:2], weights=[0.25, 0.75]).save(tmp_path / "mixture")
    card = (tmp_path / "mixture" / "README.md").read_text()
    assert card.startswith("# A mixture of language models over characters")
    first = card.index("## Settings: model 1 of the mixture")
    second = card.index("## Settings: model 2 of the mixture")
    assert "| weight | 0.25 |" in card[first:second]
    assert "| order | 3 |" in card[first:second]
    assert "| weight | 0.75 |" in card[second:]
    assert "| kind | recurrent-lm |" in card[second:]


def test_models_that_begin_anew_at_other_places_are_refused(models, tmp_path):
    file = tiny.text_file(tmp_path)
    other = gatewise.train("ngram", file, level="char", reset_at="document", out=str(tmp_path / "documents"))
    with pytest.raises(SettingError, match="model 2 begins anew at every document, the first model never"):
        mix([models[0], other], weights=[0.5, 0.5])
    with pytest.raises(SettingError, match="model 2 begins anew never, the first model at every document"):
        mix([other, models[0]], weights=[0.5, 0.5])


def test_runs_on_one_text_have_their_held_out_part_in_common(models, tmp_path):
    file = tiny.text_file(tmp_path)
    runs = [str(tmp_path / f"order-{order}") for order in (2, 4)]
    counted = [
        gatewise.train("ngram", file, level="char", order=order, out=run)
        for order, run in zip((2, 4), runs, strict=True)
    ]
    mixture = mix(counted, held_out_by(runs[0], counted))
    assert mixture.history["scores"]["validation"]["tokens"] == counted[0].history["scores"]["validation"]["tokens"]
    best = min(model.history["scores"]["validation"]["loss"] for model in counted)
    assert mixture.history["scores"]["validation"]["loss"] <= best + 1e-6
    other = gatewise.train("ngram", tiny.text_file(tmp_path, tiny.sentences(50)), level="char", out=str(tmp_path / "o"))
    for run, together in ((runs[0], [counted[0], other]), (tmp_path, counted)):
        with pytest.raises(SettingError, match="these are no runs on one text; give --valid FILE, or --weights"):
            held_out_by(run, together)


def words_of(folder, text, **settings):
    """A model of words that begins anew at every line, as an ARPA file does."""
    folder.mkdir()
    given = {"order": 2, "reset_at": "line", "minimum_count": 1, **settings}
    return gatewise.train("ngram", tiny.text_file(folder, text), out=str(folder / "run"), **given)


def test_what_keeps_words_from_being_mixed_is_told(tmp_path):
    text = "so it is\nit was so\n" * 30
    first = words_of(tmp_path / "first", text)
    first.save(tmp_path / "first.arpa")
    arpa = gatewise.load(tmp_path / "first.arpa")
    lower = words_of(tmp_path / "lower", text, lowercase=True)
    more = words_of(tmp_path / "more", "and it ends here\n" + text)  # and, ends, here
    order = [words_of(tmp_path / name, f"{name} {name} {name} is so it\n" * 30) for name in ("so", "it")]
    for models, words in [
        ([first, arpa], "b has the same words as a, but reads text in another way: pretokenised"),
        ([arpa, first], "b has the same words as a, but reads text in another way: not pretokenised"),
        ([first, lower], "b has the same words as a, but reads text in another way: in small letters"),
        ([first, more], "3 of the 9 words of b are unknown to a"),
        ([more, first], "3 of the 9 words of a are unknown to b"),
        (order, "b has the same words as a, but numbers them in another order"),
    ]:
        with pytest.raises(SettingError) as told:
            mix(models, weights=[0.5, 0.5], names=["a", "b"])
        assert words in str(told.value)
