"""Which words moved a prediction, compared with what the model says of the text without each of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gatewise.errors import SettingError
from tasks.classification import small

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32, and texts of other lengths in a batch


def without_each(model, words, number, separator=" "):
    """By how much the score falls without each word."""
    whole = model.logits([separator.join(words)])[0, number]
    less = [
        model.logits([separator.join(words[:place] + words[place + 1 :])])[0, number] for place in range(len(words))
    ]
    return [whole - one for one in less]


def test_a_word_weighs_what_the_score_loses_without_it(model):
    words = ["the", "film", "was", "dull", "and", "long"]
    found = model.explain(" ".join(words))
    assert (found.label, found.words) == ("neg", tuple(words))
    assert np.allclose(found.weights, without_each(model, words, model.labels.index("neg")), **CLOSE)
    assert found.words[int(np.argmax(found.weights))] == "dull"
    assert max(found.shares) == 1.0


def test_for_another_label_the_word_speaks_against(model):
    found = model.explain("the film was dull", label="pos")
    assert found.words[int(np.argmin(found.weights))] == "dull"
    assert found.probability == pytest.approx(1 - model.explain("the film was dull").probability)
    with pytest.raises(SettingError, match="did you mean pos"):
        model.explain("dull", label="poss")


def test_the_gradient_points_to_the_same_word(model):
    found = model.explain("the film was dull and long", method="gradient")
    assert found.words[int(np.argmax(found.weights))] == "dull"


@pytest.mark.parametrize("text", ["", "   "])
def test_of_no_word_nothing_is_said(model, text):
    found = model.explain(text)
    assert (found.words, found.weights, found.terminal()) == ((), (), "")


@pytest.mark.slow
def test_pieces_are_put_together_to_words_and_the_characters_of_one_word_stand_alone(tmp_path):
    pieces = small.train(small.write(tmp_path), tmp_path / "bpe", level="bpe", vocabulary_size=300)
    found = pieces.explain("the film  was dull")
    assert found.words == ("the", "film", "was", "dull")
    assert found.words[int(np.argmax(found.weights))] == "dull"
    letters = small.train(small.write(tmp_path), tmp_path / "char", level="char", epochs=2)
    assert letters.explain("dull").words == tuple("dull")
    assert letters.explain("dull").separator == ""
    assert np.allclose(
        letters.explain("dull", "neg").weights,
        without_each(letters, list("dull"), letters.labels.index("neg"), ""),
        **CLOSE,
    )
    assert letters.explain("so dull").words == ("so", "dull")


def test_words_that_are_not_read_weigh_nothing(tmp_path):
    model = small.train(small.write(tmp_path), tmp_path / "run", longest_text=4)
    found = model.explain("lovely fine dull dull dull poor poor")
    assert [weight != 0 for weight in found.weights] == [True, True, False, False, False, True, True]


def test_the_command_shows_words_in_the_terminal_as_json_and_on_a_page(run, command, tmp_path, model):
    page = tmp_path / "page.html"
    code, out, err = command("classify", run, "--explain", "--html", page, stdin=b"dull film\n\nfine <b>\n")
    lines = out.split("\n")
    assert code == 0
    assert lines[0].startswith("neg\tdull(+1.00)")
    assert len(lines) == 4
    assert f"page: {page}" in err
    text = page.read_text()
    assert text.count('<p style="line-height') == 3
    assert "&lt;" in text
    assert "<b>" not in text
    _, out, _ = command("classify", run, "--explain", "--json", stdin=b"dull film\n")
    told = json.loads(out)["explanation"]
    assert [word for word, _ in told["words"]] == ["dull", "film"]
    assert np.allclose([weight for _, weight in told["words"]], model.explain("dull film").weights, **CLOSE)


def test_a_page_that_cannot_be_finished_leaves_nothing(run, command, tmp_path):
    page = tmp_path / "page.html"
    code, _, err = command("classify", run, "--html", page, stdin=b"fine\n\xff\n")
    assert code == 2
    assert "stdin:2" in err
    assert list(tmp_path.iterdir()) == []
