"""What the command line and the library know of this task before any of its code is imported."""

from __future__ import annotations

from gatewise.tasks.declaration import MODEL, Argument, Declaration, Verb, eval_verb, info_verb

_HERE = "gatewise.tasks.tagging"
_FILE = Argument(
    "file", "text with a sentence on each line, or a file of columns or CoNLL-U; - for stdin (the default)", default="-"
)

TAG = Declaration(
    name="tag",
    help="sequence tagger: parts of speech, named entities, any tag for each word",
    train=Verb(
        "train",
        "train a tagger on files with a word and its tag a line, CoNLL-U among them",
        f"{_HERE}.verbs:train",
        f"{_HERE}.run_settings:TRAIN",
        (Argument("files", "tagged files, folders, globs, .gz, or - for stdin", many=True),),
        example="""
        gatewise train tag train.conllu --dev dev.conllu --test test.conllu --out runs/tags
        gatewise train tag entities.conll --preset entities
        gatewise train tag --resume --out runs/tags
        """,
    ),
    verbs=(
        Verb(
            "tag",
            "tag text, or tagged files anew",
            f"{_HERE}.verbs:tag",
            f"{_HERE}.settings:TAG",
            (MODEL, _FILE),
            example="""
            gatewise tag runs/tags story.txt
            echo "It rains." | gatewise tag runs/tags --json
            gatewise tag runs/tags test.conllu > tagged.conllu
            """,
        ),
        eval_verb(
            f"{_HERE}.verbs:eval",
            f"{_HERE}.settings:EVAL",
            "a tagged file, a folder, a glob, or - for stdin",
            example="gatewise eval runs/tags test.conllu",
        ),
        info_verb(f"{_HERE}.verbs:info", f"{_HERE}.settings:INFO", "gatewise info runs/tags"),
    ),
    fit=f"{_HERE}.run:fit_tagger",
    load=f"{_HERE}.model:load",
    kind=f"{_HERE}.run_settings:KIND",
    examine=f"{_HERE}.examining:examine",
    sample=f"{_HERE}.sample:write_sample",
)
TASKS = (TAG,)
