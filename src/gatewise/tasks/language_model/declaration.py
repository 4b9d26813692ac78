"""What the command line and the library know of this task before any of its code is imported."""

from __future__ import annotations

from gatewise.tasks.declaration import Argument, Declaration, Verb

_HERE = "gatewise.tasks.language_model"
_MODEL = Argument("model", "a model folder, or a run folder that holds one")
_FILE = Argument("file", "a text file, a folder, a glob, or - for stdin")


def _verb(name: str, help: str, *arguments: Argument, example: str) -> Verb:
    return Verb(
        name,
        help,
        f"{_HERE}.verbs:{name}",
        f"{_HERE}.{'run_' if name == 'train' else ''}settings:{name.upper()}",
        arguments,
        example,
    )


TASK = Declaration(
    name="lm",
    help="language model: writes, scores and ranks text",
    train=_verb(
        "train",
        "train a language model on text; without files, on the documentation inside this Python",
        Argument("files", "text files, folders, globs, .gz, or - for stdin", many=True),
        example="""
        gatewise train lm notes/ --out runs/notes
        gatewise train lm book.txt --level char --cell gru --hidden-size 512
        gatewise train lm --resume --out runs/notes
        """,
    ),
    verbs=(
        _verb("eval", "loss, bits, perplexity, tokens and unknown words of a text", _MODEL, _FILE, example=""),
        _verb(
            "generate",
            "write text, streamed to the terminal",
            _MODEL,
            example='gatewise generate runs/notes --prompt "Once upon" --temperature 0.8 --top-p 0.95',
        ),
        _verb(
            "score", "the log probability of each line", _MODEL, _FILE, example="gatewise score runs/notes - --tokens"
        ),
        _verb(
            "rank",
            "the lines of stdin, most probable first",
            _MODEL,
            example=r"printf 'small the is cat\nthe cat is small\n' | gatewise rank runs/notes",
        ),
        _verb("info", "what a model is, its sizes, how it was trained, which runner it will use", _MODEL, example=""),
    ),
    fit=f"{_HERE}.run:fit_files",
    load=f"{_HERE}.model:load",
)
