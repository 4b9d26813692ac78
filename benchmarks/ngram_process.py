"""One process of benchmarks/ngram.py: builds or asks a model, so that its time and peak memory are its own.

    python benchmarks/ngram_process.py JOB ORDER TRAIN [TEXT]

Answers with a line of JSON: seconds without the start of Python and its imports, and what the job found.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS_OF_NLTK = 30
"""Its Kneser-Ney goes over all counts for every word: as many words are scored as this time holds."""


def silent(_line: str) -> None:
    """What is noticed in the text is of no interest here."""


def build(order: int, train: str, text: str | None, arpa: bool = False) -> dict[str, Any]:
    """Text to table, or on to an ARPA file."""
    from gatewise.models.ngram import count, estimate, write_arpa
    from gatewise.tasks.language_model.data import read_data
    from gatewise.tasks.language_model.reading import text_of
    from gatewise.tasks.language_model.settings import DataSettings
    from gatewise.text.settings import TextSettings

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cut = TextSettings(level="word", pretokenised=True, reset_at="line")
        data = read_data([train], DataSettings(valid=text), cut, Path(folder), silent)
        tokenizer = data.tokenizer
        whole = text_of(data.train, cut, tokenizer.vocabulary_size)
        counts = count(whole.ids.astype("i8"), whole.boundaries, order, whole.vocabulary_size, whole.eos_id)
        table = estimate(counts, "modified-kneser-ney").table
        if arpa:
            write_arpa(f"{folder}/model.arpa", table, tokenizer.tokens(range(tokenizer.vocabulary_size)))
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "ngrams": sum(len(found.keys) for found in table.orders)}


def build_arpa(order: int, train: str, text: str | None) -> dict[str, Any]:
    """Text to ARPA file, as lmplz does."""
    return build(order, train, text, arpa=True)


def score(order: int, train: str, text: str | None) -> dict[str, Any]:
    """Lines of a text scored in bulk by a trained model: strings in, a log probability for each token out."""
    import gatewise

    assert text is not None
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/run"
        model = gatewise.train("ngram", train, order=order, pretokenised=True, reset_at="line", valid=text, out=place)
    lines = Path(text).read_text(encoding="utf-8").splitlines()
    begun = time.perf_counter()
    tokens = sum(len(scored.tokens) for scored in model.score(lines))
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    found = model.evaluate([text])
    return {
        "seconds": seconds,
        "tokens": tokens,
        "evaluate_seconds": time.perf_counter() - begun,
        "evaluate_tokens": found.measure.tokens,
        "perplexity": found.measure.perplexity,
    }


def score_kenlm(order: int, train: str, text: str | None) -> dict[str, Any]:
    """The same with the package kenlm, from an ARPA file of that order."""
    import kenlm

    assert text is not None
    model = kenlm.Model(train)
    assert model.order == order
    lines = Path(text).read_text(encoding="utf-8").splitlines()
    begun = time.perf_counter()
    tokens = 0
    for line in lines:
        tokens += sum(1 for _ in model.full_scores(line, bos=True, eos=True))
    return {"seconds": time.perf_counter() - begun, "tokens": tokens}


def score_nltk(order: int, train: str, text: str | None) -> dict[str, Any]:
    """The same with NLTK's interpolated Kneser-Ney, on the first words."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import pad_both_ends, padded_everygram_pipeline
    from nltk.util import ngrams

    assert text is not None
    begun = time.perf_counter()
    with open(train, encoding="utf-8") as file:
        sentences = [line.split() for line in file]
    model = KneserNeyInterpolated(order)
    model.fit(*padded_everygram_pipeline(order, sentences))
    built = time.perf_counter() - begun
    with open(text, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    grams = [gram for line in lines for gram in list(ngrams(pad_both_ends(line, n=order), order))[: len(line) + 1]]
    begun, tokens = time.perf_counter(), 0
    for gram in grams:
        model.score(gram[-1], gram[:-1])
        tokens += 1
        if time.perf_counter() - begun > SECONDS_OF_NLTK:
            break
    return {"seconds": time.perf_counter() - begun, "tokens": tokens, "build_seconds": built}


JOBS: dict[str, Callable[[int, str, str | None], dict[str, Any]]] = {
    "build": build,
    "build-arpa": build_arpa,
    "score": score,
    "score-kenlm": score_kenlm,
    "score-nltk": score_nltk,
}


def main() -> None:
    """Do one job."""
    job, order, train, *text = sys.argv[1:]
    print(json.dumps(JOBS[job](int(order), train, text[0] if text else None)))


if __name__ == "__main__":
    main()
