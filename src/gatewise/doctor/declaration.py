"""What the command line knows of the doctor before any of its code is imported."""

from __future__ import annotations

from gatewise.tasks.declaration import Argument, Verb

DOCTOR = Verb(
    "doctor",
    "why a model forgets or explodes: a verdict with advice, numbers, and a page; lessons",
    "gatewise.doctor.verb:doctor",
    "gatewise.doctor.settings:DOCTOR",
    (
        Argument("model", "a run folder, finished or not, or a model folder; not needed for a lesson", default=""),
        Argument(
            "text", "what it reads meanwhile; a language model has one of its own where none is given", default=""
        ),
    ),
    example="""
    gatewise doctor runs/notes
    gatewise doctor runs/notes other.txt --distance 400 --layer 2
    gatewise doctor --lesson vanishing
    """,
)
