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
from gatewise.training.result import versions


def mix(
    models: Sequence[LanguageModel], held_out: Corpus | TokenStore | None = None, weights: Sequence[float] | None = None
) -> LanguageModel:
    """The mixture of some models.

    Args:
        models: over the same tokens; none of them a mixture.
        held_out: the text under which the weights are found, which none of them was trained on; or its tokens.
        weights: from 0 to 1, together 1; given, there is nothing to be found.

    Raises:
        SettingError: models that do not go together, weights that are none, or neither text nor weights.
        DataError: the text has no token.
    """
    if weights is None and held_out is None:
        raise SettingError("the weights are found on held-out text", fix="give --valid FILE, or --weights")
    _check_together(models)
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


def _check_together(models: Sequence[LanguageModel]) -> None:
    if len(models) < 2:
        raise SettingError(f"a mixture needs at least two models, but {len(models)} came")
    first = models[0]
    for index, model in enumerate(models[1:], start=2):
        if model.tokenizer.fingerprint != first.tokenizer.fingerprint:
            message = f"model {index} has another vocabulary than the first"
            fix = "mix models that were trained on the same text, at the same level"
            raise SettingError(message, fix=fix)
        there, here = _begins(first.parts.text), _begins(model.parts.text)
        if here != there:
            message = f"model {index} begins anew {here}, the first {there}"
            raise SettingError(message, fix="train them with the same --unit and --reset-at")


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
