"""What the command line and the library know of this task before any of its code is imported."""

from __future__ import annotations

from gatewise.tasks.declaration import MODEL, TEXT_FILE, Argument, Declaration, Verb, eval_verb, info_verb

_HERE = "gatewise.tasks.classification"
_DATA = Argument(
    "files",
    "labelled texts: CSV, TSV, JSON lines, Parquet, a file or a folder for each class, or - for stdin",
    many=True,
)

CLASSIFY = Declaration(
    name="classify",
    help="text classifier: one label for each text, or any number of them",
    train=Verb(
        "train",
        "train a text classifier on texts with labels",
        f"{_HERE}.verbs:train",
        f"{_HERE}.run_settings:TRAIN",
        (_DATA,),
        example="""
        gatewise train classify reviews.csv --text review --label stars --out runs/reviews
        gatewise train classify train.tsv --text 1 --label 2 --dev dev.tsv --test test.tsv
        gatewise train classify pos.txt neg.txt --from-lm runs/notes --unfreeze-every 1 --rate-decay 2.6
        gatewise train classify --resume --out runs/reviews
        """,
    ),
    verbs=(
        Verb(
            "classify",
            "the label of each text, a line for a line",
            f"{_HERE}.verbs:classify",
            f"{_HERE}.settings:CLASSIFY",
            (MODEL, TEXT_FILE),
            example="""
            echo "what a film" | gatewise classify runs/reviews --explain
            gatewise classify runs/reviews new.csv --text review --json
            """,
        ),
        eval_verb(
            f"{_HERE}.verbs:eval",
            f"{_HERE}.settings:EVAL",
            "labelled texts, in any form that train classify reads",
            example="gatewise eval runs/reviews test.csv --report errors",
        ),
        info_verb(f"{_HERE}.verbs:info", f"{_HERE}.settings:INFO", "gatewise info runs/reviews"),
    ),
    fit=f"{_HERE}.run:fit_files",
    load=f"{_HERE}.model:load",
    kind=f"{_HERE}.run_settings:KIND",
    examine=f"{_HERE}.examining:examine",
    sample=f"{_HERE}.sample:write_sample",
)
TASKS = (CLASSIFY,)
