"""A mixture of trained models as a model of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewise.errors import SettingError
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.neural_lm import NeuralLM
from gatewise.models.ngram import NgramLM
from gatewise.models.rebuild import Network
from gatewise.tasks.language_model.data import reopen_data
from gatewise.tasks.language_model.folder import Parts
from gatewise.tasks.language_model.model import LanguageModel, evaluate
from gatewise.tasks.language_model.reading import one_pass
from gatewise.text.documents import Corpus
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.text.store import TokenStore
from gatewise.text.streams import division
from gatewise.text.tokenizer import Tokenizer
from gatewise.training.result import versions

_WORDS = {"word": "words", "char": "characters", "byte": "bytes"}


def mix(
    models: Sequence[LanguageModel],
    held_out: Corpus | TokenStore | None = None,
    weights: Sequence[float] | None = None,
    names: Sequence[str] = (),
) -> LanguageModel:
    """The mixture of some models.

    Args:
        models: over the same tokens; none of them a mixture.
        held_out: the text under which the weights are found, which none of them was trained on; or its tokens.
        weights: from 0 to 1, together 1; given, there is nothing to be found.
        names: what the models are called where they are refused; none: "the first model", "model 2".

    Raises:
        SettingError: models that do not go together, weights that are none, or neither text nor weights.
        DataError: the text has no token.
    """
    if weights is None and held_out is None:
        raise SettingError("the weights are found on held-out text", fix="give --valid FILE, or --weights")
    _check_together(models, names or ["the first model", *(f"model {number}" for number in range(2, len(models) + 1))])
    first = models[0].parts
    batches = _batches(models)
    mixture = MixtureLM([_single(model.network) for model in models], weights)
    scores: dict[str, Any] = {}
    if held_out is not None:
        with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
            store = held_out
            if not isinstance(store, TokenStore):
                store = TokenStore.build(store, first.tokenizer, folder=folder, division=division(first.text))
            if weights is None:
                mixture = mixture.fitted(one_pass(mixture, store, first.text, batches))
            scores["validation"] = evaluate(mixture, store, first.text, batches).to_dict()
    history = {"scores": scores, "settings": {"text": first.text.to_dict()}, "versions": versions()}
    return LanguageModel(Parts(mixture, first.tokenizer, first.text, batches, history))


def held_out_by(run: str | Path, models: Sequence[LanguageModel]) -> TokenStore:
    """The validation text of a run, where all models were made from the text that it was held out from.

    Args:
        run: the run folder of one of them.
        models: those that are to be mixed.

    Raises:
        SettingError: there is no such text.
    """
    texts = [model.history.get("data", {}).get("texts") for model in models]
    if not (Path(run) / "data").is_dir() or texts[0] is None or any(other != texts[0] for other in texts):
        message = "the weights are found on held-out text, and these are no runs on one text"
        raise SettingError(message, fix="give --valid FILE, or --weights")
    return reopen_data(Path(run) / "data").valid


def _check_together(models: Sequence[LanguageModel], names: Sequence[str]) -> None:
    if len(models) < 2:
        raise SettingError(f"a mixture needs at least two models, but {len(models)} came")
    first = models[0]
    for name, model in zip(names[1:], models[1:], strict=True):
        if model.tokenizer.fingerprint != first.tokenizer.fingerprint:
            raise _other_tokens(names[0], first.tokenizer, name, model.tokenizer)
        there, here = _begins(first.parts.text), _begins(model.parts.text)
        if here != there:
            message = f"{name} begins anew {here}, {names[0]} {there}"
            raise SettingError(message, fix="train them with the same --unit and --reset-at")


def _other_tokens(first: str, there: Tokenizer, other: str, here: Tokenizer) -> SettingError:
    """What is said of two models that do not see a text as the same tokens.

    Args:
        first: the name of one.
        there: its tokenizer.
        other: the name of the other.
        here: its tokenizer.
    """
    words = _WORDS.get(here.level, "pieces")
    if here.level != there.level:
        message = f"{other} reads {words}, {first} {_WORDS.get(there.level, 'pieces')} (--level)"
        return SettingError(message, fix="mix models of the same level")
    if here.vocabulary == there.vocabulary:
        message = f"{other} has the same {words} as {first}, but {_reading(here, there)}"
        return SettingError(message, fix="mix models that read text in the same way")
    unknown, missing = len(here.vocabulary.keys() - there.vocabulary), len(there.vocabulary.keys() - here.vocabulary)
    if unknown:
        message = f"{unknown:,} of the {here.vocabulary_size:,} {words} of {other} are unknown to {first}"
    elif missing:
        message = f"{missing:,} of the {there.vocabulary_size:,} {words} of {first} are unknown to {other}"
    else:
        message = f"{other} has the same {words} as {first}, but numbers them in another order"
    return SettingError(message, fix="mix models that were trained on the same text, with the same settings of text")


def _reading(here: Tokenizer, there: Tokenizer) -> str:
    """In what way a tokenizer reads text that another with the same words does not."""
    if here.form.pretokenised != there.form.pretokenised:
        how = "words are what stands between spaces" if here.form.pretokenised else "punctuation is cut off words"
        return f"reads text in another way: {'' if here.form.pretokenised else 'not '}pretokenised ({how})"
    if here.form.lowercase != there.form.lowercase:
        return f"reads text in another way: {'' if here.form.lowercase else 'not '}in small letters"
    return "cuts them in another way"


def _begins(text: TextSettings) -> str:
    """When contexts begin anew."""
    if text.unit == "running" and text.reset_at == "never":
        return "never"
    return f"at every {division(text)}"


def _single(network: Network) -> NeuralLM | NgramLM:
    if isinstance(network, MixtureLM):
        raise SettingError("a mixture is mixed already", fix="mix the models that it was made of")
    return network


def _batches(models: Sequence[LanguageModel]) -> BatchSettings:
    """Of a model that keeps more than a table has in memory; the first where all are tables."""
    neural = [model for model in models if not isinstance(model.network, NgramLM)]
    return (neural or list(models))[0].parts.batches
