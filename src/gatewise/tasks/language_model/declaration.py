"""What the command line and the library know of this task before any of its code is imported."""

from __future__ import annotations

from gatewise.tasks.declaration import Argument, Declaration, Verb, eval_verb, info_verb

_HERE = "gatewise.tasks.language_model"
_MODEL = Argument("model", "a model folder, a run folder that holds one, or an ARPA file (.arpa, .arpa.gz)")
_FILE = Argument("file", "a text file, a folder, a glob, or - for stdin")
_FILES = Argument("files", "text files, folders, globs, .gz, or - for stdin", many=True)
_ON = "on text; without files, on the documentation inside this Python"


def _verb(name: str, help: str, *arguments: Argument, example: str) -> Verb:
    return Verb(name, help, f"{_HERE}.verbs:{name}", f"{_HERE}.settings:{name.upper()}", arguments, example)


LM = Declaration(
    name="lm",
    help="language model with recurrent layers: writes, scores and ranks text",
    train=Verb(
        "train",
        f"train a language model {_ON}",
        f"{_HERE}.verbs:train",
        f"{_HERE}.run_settings:TRAIN",
        (_FILES,),
        example="""
        gatewise train lm notes/ --out runs/notes
        gatewise train lm book.txt --level char --cell gru --hidden-size 512
        gatewise train lm --resume --out runs/notes
        """,
    ),
    verbs=(
        eval_verb(
            f"{_HERE}.verbs:eval",
            f"{_HERE}.settings:EVAL",
            "a text file, a folder, a glob, or - for stdin",
            example="""
            gatewise eval runs/notes other.txt
            gatewise eval model.arpa.gz test.txt
            """,
            model=_MODEL,
        ),
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
        _verb(
            "mix",
            "make one model of several, each with its weight",
            Argument("models", "model folders, run folders that hold one, or ARPA files", many=True),
            example="gatewise mix runs/ngram runs/notes --valid held-out.txt --out runs/mixture",
        ),
        _verb(
            "convert",
            "write a model as an ARPA file, or an ARPA file as a model folder",
            _MODEL,
            Argument("target", "a new ARPA file, where the name ends in .arpa or .arpa.gz; else a new model folder"),
            example="""
            gatewise convert runs/ngram model.arpa.gz
            gatewise convert model.arpa model
            """,
        ),
        Verb(
            "compare",
            "train models of several kinds on one text in a given time, and measure them side by side",
            f"{_HERE}.compare.verb:compare",
            f"{_HERE}.compare.settings:COMPARE",
            (_FILES,),
            example="""
            gatewise compare notes/ --minutes 5
            gatewise compare book.txt --models gru,lstm --sizes 10k,100k,1m --out runs/little-data
            gatewise generate runs/little-data/lstm-100k --prompt "Once upon"
            """,
        ),
        info_verb(f"{_HERE}.verbs:info", f"{_HERE}.settings:INFO", "gatewise info runs/notes", _MODEL),
    ),
    fit=f"{_HERE}.run:fit_lm",
    load=f"{_HERE}.model:load",
    kind=f"{_HERE}.run_settings:LM",
    examine=f"{_HERE}.examining:examine",
    sample=f"{_HERE}.sample:write_sample",
)
WINDOW = Declaration(
    name="window",
    help="language model that sees a window of the last tokens (Bengio et al. 2003)",
    train=Verb(
        "train",
        f"train a window-based neural language model {_ON}",
        f"{_HERE}.verbs:train_window",
        f"{_HERE}.run_settings:TRAIN_WINDOW",
        (_FILES,),
        example="""
        gatewise train window notes/ --window 5 --out runs/window
        gatewise train window book.txt --level word --no-direct
        """,
    ),
    verbs=(),
    fit=f"{_HERE}.run:fit_window",
    load=LM.load,
    kind=f"{_HERE}.run_settings:WINDOW",
    sample=LM.sample,
)
NGRAM = Declaration(
    name="ngram",
    help="n-gram language model: counted in seconds, and a strong baseline",
    train=Verb(
        "train",
        f"count and smooth an n-gram language model {_ON}",
        f"{_HERE}.verbs:train_ngram",
        f"{_HERE}.ngram_settings:NGRAM",
        (_FILES,),
        example="""
        gatewise train ngram notes/ --out runs/ngram
        gatewise train ngram book.txt --order 3 --smoothing witten-bell --unit sentences --arpa book.arpa.gz
        """,
        without={"--resume": "counting is not resumed: count again, with another --out"},
    ),
    verbs=(
        Verb(
            "ngrams",
            f"how many n-grams there are as a text grows, and how many of other text are new; {_ON}",
            f"{_HERE}.verbs:ngrams",
            f"{_HERE}.ngram_settings:GROWTH",
            (_FILES,),
            example="gatewise ngrams book.txt --test other.txt --out ngrams",
        ),
    ),
    fit=f"{_HERE}.ngram_run:fit_ngram_files",
    load=LM.load,
    sample=f"{_HERE}.sample:write_ngram_sample",
    reads={".arpa": f"{_HERE}.model:load_arpa", ".arpa.gz": f"{_HERE}.model:load_arpa"},
)
TASKS = (LM, WINDOW, NGRAM)
