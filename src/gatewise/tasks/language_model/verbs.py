"""What the commands of this task do; each is called with the console, the arguments and the settings given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gatewise.errors import DataError
from gatewise.lm import Score
from gatewise.tasks import run
from gatewise.tasks.console import Console
from gatewise.tasks.language_model import info_table, ngram_growth, report, writing
from gatewise.tasks.language_model.mixing import held_out_by
from gatewise.tasks.language_model.mixing import mix as mixed
from gatewise.tasks.language_model.model import LanguageModel
from gatewise.tasks.language_model.ngram_run import make_ngram_plan
from gatewise.tasks.language_model.ngram_run import train_ngram as make_ngram
from gatewise.tasks.language_model.ngram_settings import GROWTH
from gatewise.tasks.language_model.prompt import read_prompt
from gatewise.tasks.language_model.run import RECIPES
from gatewise.tasks.language_model.settings import GenerateSettings, MixSettings
from gatewise.tasks.library import opened
from gatewise.tasks.run_folder import check_new
from gatewise.text.documents import Corpus
from gatewise.text.readers import read
from gatewise.text.store import TokenStore

Arguments = Mapping[str, Any]
Given = Mapping[str, Any]


def train(console: Console, arguments: Arguments, given: Given) -> int:
    """Train a recurrent model, say how good it is, and show what it writes."""
    return _train(console, arguments, given, "lm")


def train_window(console: Console, arguments: Arguments, given: Given) -> int:
    """Train a window-based model; as :func:`train`."""
    return _train(console, arguments, given, "window")


def train_ngram(console: Console, arguments: Arguments, given: Given) -> None:
    """Count and estimate an n-gram model, say how good it is, and show what it writes."""
    plan = make_ngram_plan(arguments["files"], given)
    history = make_ngram(plan, console.note, console.stdin).history
    _show(console, history)
    console.note(f"model: {plan.folder}/model")
    for sample in history["samples"]:
        console.line(f"{sample}\n")


def _train(console: Console, arguments: Arguments, given: Given, kind: str) -> int:
    model, code = run.train(RECIPES[kind], console, arguments["files"], given)
    if model is not None:
        _show(console, model.history)
        for sample in model.history["samples"]:
            console.line(f"{sample}\n")
    return code


def _show(console: Console, history: Mapping[str, Any]) -> None:
    for name, scores in history["scores"].items():
        console.note(f"{name}: {report.one_line(scores)}")


def eval(console: Console, arguments: Arguments, given: Given) -> None:
    """Show loss, bits, perplexity, tokens and unknown words of a text."""
    model = _open(console, arguments, given)
    corpus = _read(console, model, arguments, given)
    evaluation = model.evaluate_corpus(corpus)
    if given.get("json"):
        console.json(evaluation.to_dict())
    else:
        console.line(report.evaluation(evaluation, model.tokenizer.level))


def generate(console: Console, arguments: Arguments, given: Given) -> None:
    """Write text, as it comes."""
    asked = GenerateSettings(**{name: value for name, value in given.items() if name not in ("cell", "json")})
    model = _open(console, arguments, given)
    ids, line = read_prompt(model.tokenizer, asked.prompt)
    if line:
        console.note(line)
    if given.get("json"):
        for text in writing.texts(model.network, model.tokenizer, ids, asked):
            console.json({"prompt": asked.prompt, "text": text})
    elif asked.n > 1:
        console.line("\n\n".join(writing.texts(model.network, model.tokenizer, ids, asked)))
    else:
        console.write(asked.prompt)
        for piece in writing.pieces(model.network, model.tokenizer, ids, asked):
            console.write(piece)
        console.write("\n")


def score(console: Console, arguments: Arguments, given: Given) -> None:
    """Show the log probability of each line of a text, a line for a line."""
    model = _open(console, arguments, given)
    form = _as_json if given.get("json") else _as_text
    for chunk in _chunks(_lines(_read(console, model, arguments, given))):
        for text, scored in zip(chunk, model.score(chunk), strict=True):
            console.line(form(model, text, scored, bool(given.get("tokens"))))


def rank(console: Console, arguments: Arguments, given: Given) -> None:
    """Show the lines of stdin, the most probable first."""
    model = _open(console, arguments, given)
    lines = list(console.lines())
    candidates = [line for line in lines if line.strip()]
    if not candidates:
        raise DataError("there is no candidate to rank", where="stdin", fix="give one on each line")
    if blank := len(lines) - len(candidates):
        console.note(f"left out: {f'{blank:,} blank lines' if blank > 1 else 'one blank line'}")
    for text, log_prob in model.rank(candidates):
        if given.get("json"):
            console.json({"text": text, "log_prob": _finite(log_prob)})
        else:
            console.line(f"{log_prob:.4f}\t{text}")


def mix(console: Console, arguments: Arguments, given: Given) -> None:
    """Make one model of several, and say how good it is."""
    asked = MixSettings(**{name: value for name, value in given.items() if name not in ("encoding", "json")})
    models = [_open(console, {"model": path}, given) for path in arguments["models"]]
    held_out: Corpus | TokenStore | None = None
    if models and asked.valid:
        held_out = _read(console, models[0], {"file": asked.valid}, given)
    elif len(models) > 1 and not asked.weights:
        held_out = held_out_by(arguments["models"][0], models)
    made = mixed(models, held_out, asked.weights or None, names=arguments["models"])
    made.save(asked.out)
    if given.get("json"):
        console.json(made.info())
        return
    for path, told in zip(arguments["models"], made.info()["models"], strict=True):
        console.line(f"{path}: {info_table.model(told)}")
    _show(console, made.history)
    console.note(f"model: {asked.out}")


def ngrams(console: Console, arguments: Arguments, given: Given) -> None:
    """Show how many n-grams a text has as it grows, and how many of another text's are new."""
    tables: dict[str, Any] = GROWTH.build(dict(given))
    asked, text = tables["counts"], tables["text"]
    if asked.out is not None:
        check_new(Path(asked.out))  # before anything is counted
    found = ngram_growth.course(arguments["files"], text, asked.order, console.note, asked.test, console.stdin)
    if asked.out is not None:
        ngram_growth.write(found, asked.out)
        console.note(f"table and plots: {asked.out}")
    if tables["output"].json:
        console.json({"growths": [asdict(growth) for growth in found.growths], "other": found.other})
    else:
        console.line(ngram_growth.table(found))


def convert(console: Console, arguments: Arguments, given: Given) -> None:
    """Write a model in another form."""
    _open(console, arguments, given).save(arguments["target"])
    console.note(f"model: {arguments['target']}")


def info(console: Console, arguments: Arguments, given: Given) -> None:
    """Show what a model is, its sizes, how it was trained, and which runner it will use."""
    model = _open(console, arguments, given)
    console.json(model.info()) if given.get("json") else console.line(info_table.info(model.info()))


def _open(console: Console, arguments: Arguments, given: Given) -> LanguageModel:
    model: LanguageModel = opened(console, arguments, given, "lm")
    return model


def _read(console: Console, model: LanguageModel, arguments: Arguments, given: Given) -> Corpus:
    """The text that the user names; what was noticed in it is said."""
    encoding = given.get("encoding", model.parts.text.encoding)
    corpus = read(arguments["file"], encoding=encoding, stdin=console.stdin)
    for note in corpus.notes:
        console.note(note)
    return corpus


def _lines(corpus: Corpus) -> Iterator[str]:
    """The lines of a text, blank ones too, so that results stand beside them."""
    for document in corpus:
        yield from _joined(document)


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces.

    Example:
        >>> list(_joined(["a", "b\\nc", "", "\\n\\nd"]))
        ['ab', 'c', '', 'd']
    """
    rest: list[str] = []  # joined once: a line may come in thousands of pieces
    for piece in pieces:
        first, *others = piece.split("\n")
        rest.append(first)
        if others:
            yield "".join(rest)
            yield from others[:-1]
            rest = others[-1:]
    if line := "".join(rest):
        yield line


def _chunks(lines: Iterator[str], size: int = 512) -> Iterator[list[str]]:
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def _as_text(model: LanguageModel, text: str, scored: Score, tokens: bool) -> str:
    names = model.tokenizer.tokens(model.sequence(text)) if tokens else []
    parts = [f"{_visible(name)} {value:.4f}" for name, value in zip(names, scored.tokens, strict=False)]
    return "\t".join([f"{scored.log_prob:.4f}", text, *parts])


def _as_json(model: LanguageModel, text: str, scored: Score, tokens: bool) -> str:
    names = model.tokenizer.tokens(model.sequence(text)) if tokens else []
    told: dict[str, Any] = {"text": text, "log_prob": _finite(scored.log_prob), "count": len(scored.tokens)}
    if tokens:
        told["tokens"] = list(zip(names, map(_finite, scored.tokens), strict=True))
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def _finite(log_prob: float) -> float | None:
    """JSON has no infinity: None stands for the logarithm of 0."""
    return log_prob if math.isfinite(log_prob) else None


def _visible(name: str) -> str:
    return {" ": "␣", "\n": "⏎", "\t": "⇥"}.get(name, name)
