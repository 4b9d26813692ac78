"""A tagger as the doctor examines it: on the longest sentence, by the loss of the tags that it gives itself."""

from __future__ import annotations

import math

import pytest
import torch

import gatewise as package
from gatewise.errors import DataError, SettingError
from gatewise.tasks.declaration import resolve
from gatewise.tasks.discovery import find_task
from tasks.tagging import tiny_tags as tiny
from tolerance import tolerance

examine = resolve(find_task("tag").examine)
WORDS = ["the", "small", "cat", "sat", "."]


@pytest.fixture
def text(tmp_path):
    return tiny.write(tmp_path, "a dog ran\nthe small cat sat .\n", "text.txt")


def outputs_of(subject):
    with torch.no_grad():
        return subject.stack(subject.inputs[:, None])[0]


def test_the_loss_of_a_sentence_is_that_of_the_best_path(tmp_path, text):
    found = package.load(tiny.run(tmp_path / "run", tiny.columns(tiny.pos()), output="crf", epochs=1))
    subject = examine(found, text)
    assert subject.tokens == tuple(WORDS)
    loss = subject.text_loss(outputs_of(subject).expand(-1, 3, -1))
    best = found.nbest([WORDS], 1)[0][0].probability
    expected = torch.full((3,), -math.log(best))
    torch.testing.assert_close(loss, expected, **tolerance(torch.float32, 20))


def test_the_loss_of_a_step_is_that_of_its_tag(tmp_path, text):
    found = package.load(tiny.run(tmp_path / "run", tiny.columns(tiny.pos()), output="softmax", epochs=1))
    subject = examine(found, text)
    steps = torch.tensor([4, 0, 2])
    loss = subject.step_loss(outputs_of(subject)[steps, 0], steps)
    from gatewise.text.encoded import EncodedTexts
    from gatewise.text.text_batches import one_pass

    batch = next(one_pass(EncodedTexts.of_words([WORDS], found.lexicon), 1))
    expected = -found.network.marginals(batch)[:, 0].max(-1).values.log()[steps]
    torch.testing.assert_close(loss, expected, **tolerance(torch.float32, 20))


def test_tagged_files_are_read_as_they_are_for_tagging(pos_model, tmp_path):
    path = tiny.write(tmp_path, tiny.columns([tiny.LONG]), "a.conll")
    assert examine(pos_model, path).tokens == tuple(word for word, _ in tiny.LONG)


def test_without_a_text_one_is_asked_for(pos_model):
    with pytest.raises(SettingError, match="give a file with sentences"):
        examine(pos_model, None)


def test_a_file_without_a_word_is_refused(pos_model, tmp_path):
    with pytest.raises(DataError, match="there is not one word"):
        examine(pos_model, tiny.write(tmp_path, "\n\n", "blank.txt"))
