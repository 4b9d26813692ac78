"""The list of seeded mistakes does not rot: what each of them changes is still there."""

from __future__ import annotations

import pytest

from mutants.mutants import MUTANTS, REPOSITORY


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mistake_changes_occurs_exactly_once(mutant):
    text = (REPOSITORY / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old


def test_there_are_enough_of_them_and_no_name_stands_twice():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 20
    assert sum(mutant.compiled for mutant in MUTANTS) > 10
