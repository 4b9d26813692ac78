"""Entities: cases worked by hand, and a witness that walks from tag to tag as conlleval is described to."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from gatewise.errors import DataError, ShapeError
from gatewise.measures import TagTable, entity_report, entity_report_of_ids, surface_form_report
from gatewise.measures.counts import Counts

# Pairs of neighbouring prefixes of one type between which a chunk ends, and those between which one begins.
ENDS = {"BB", "BS", "BO", "IB", "IS", "IO", "EE", "EI", "EO", "EB", "ES", "SE", "SI", "SO", "SB", "SS"}
BEGINS = {"BB", "IB", "OB", "EB", "SB", "OI", "EI", "SI", "OE", "EE", "SE", "OS", "BS", "IS", "ES", "SS"}


def parted(tag):
    return (tag[0], tag[2:])


def borders(before, now):
    """Whether a chunk ends between two tags, and whether one begins."""
    (p, kind_before), (q, kind_now) = parted(before), parted(now)
    other = kind_before != kind_now
    return (p + q in ENDS or (p != "O" and other)), (p + q in BEGINS or (q != "O" and other))


def witness(gold, predicted):
    """right, predicted and gold chunks of each type, kept while walking over both sides at once."""
    right, given, there = Counter(), Counter(), Counter()
    for one, other in zip(gold, predicted, strict=True):
        running = False
        last = ("O", "O")
        for now in [*zip(one, other, strict=True), ("O", "O")]:
            (end_g, begin_g), (end_p, begin_p) = borders(last[0], now[0]), borders(last[1], now[1])
            if running and (end_g or end_p):
                right[parted(last[0])[1]] += end_g and end_p
                running = False
            there[parted(now[0])[1]] += begin_g
            given[parted(now[1])[1]] += begin_p
            if begin_g and begin_p:
                running = parted(now[0])[1] == parted(now[1])[1]
            last = now
    kinds = sorted({*+given, *+there})
    return {kind: Counts(right[kind], given[kind], there[kind]) for kind in kinds}


@pytest.mark.parametrize(
    ("gold", "predicted", "right", "given", "there"),
    [
        ("B-P I-P O", "B-P I-P O", 1, 1, 1),
        ("B-P I-P O", "B-P O O", 0, 1, 1),  # the end is wrong
        ("B-P I-P O", "O B-P O", 0, 1, 1),  # the beginning is wrong
        ("B-P I-P", "B-L I-L", 0, 1, 1),  # the type is wrong
        ("I-P I-P B-P", "B-P I-P B-P", 2, 2, 2),  # IOB1 has B only where two of one type meet
        ("O I-P I-L", "O B-P B-L", 2, 2, 2),  # another type begins another chunk, whatever the prefix
        ("B-P I-L", "B-P B-L", 2, 2, 2),
        ("B-P E-P S-P O", "B-P I-P B-P O", 2, 2, 2),  # BIOES against BIO
        ("S-P S-P", "B-P I-P", 0, 1, 2),
        ("B-P E-P E-P", "B-P I-P B-P", 2, 2, 2),  # nothing goes on after E
        ("E-P I-P", "B-P B-P", 2, 2, 2),
        ("O E-P", "O B-P", 1, 1, 1),  # an E alone is a chunk
        ("B-P B-P B-P", "B-P I-P I-P", 0, 1, 3),
        ("O O", "O O", 0, 0, 0),
        ("B-geo-loc I-geo-loc", "B-geo-loc I-geo-nat", 0, 2, 1),  # types have hyphens
        ("B- I-", "B- I-", 1, 1, 1),  # and one may be empty
    ],
)
def test_cases_worked_by_hand(gold, predicted, right, given, there):
    assert entity_report([gold.split()], [predicted.split()]).micro == Counts(right, given, there)


def test_a_corpus_worked_by_hand():
    """Three sentences, 9 tokens: chunks, right ones and tags counted on paper.

    1  gold PER(0-1) LOC(3),  predicted PER(0-1) ORG(3):  3 of 4 tags right
    2  gold LOC(0),           predicted LOC(0-1):         1 of 2
    3  gold PER(0) PER(1),    predicted PER(0) PER(1):    3 of 3
    """
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"], ["B-PER", "B-PER", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG"], ["B-LOC", "I-LOC"], ["B-PER", "B-PER", "O"]]
    report = entity_report(gold, predicted)
    assert report.counts == {"LOC": Counts(0, 1, 2), "ORG": Counts(0, 1, 0), "PER": Counts(3, 3, 3)}
    assert (report.tokens, report.right_tokens) == (9, 7)
    assert report.micro.precision == report.micro.recall == 3 / 5
    assert report.macro["f1"] == pytest.approx((0 + 0 + 1) / 3)
    assert report.conlleval() == (
        "processed 9 tokens with 5 phrases; found: 5 phrases; correct: 3.\n"
        "accuracy:  77.78%; precision:  60.00%; recall:  60.00%; FB1:  60.00\n"
        "              LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
        "              ORG: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  3"
    )
    told = json.loads(json.dumps(report.to_dict()))
    assert (told["f1"], told["types"]["PER"]["right"], told["token_accuracy"]) == (3 / 5, 3, 7 / 9)


def test_no_chunk_goes_from_one_sequence_into_the_next():
    parts = entity_report([["B-P"], ["I-P"], [], ["I-P"]], [["B-P"], ["I-P"], [], ["I-P"]])
    assert parts.micro == Counts(3, 3, 3)
    assert entity_report([["B-P", "I-P", "I-P"]], [["B-P", "I-P", "I-P"]]).micro == Counts(1, 1, 1)


SCHEMES = {"IOB": "BI", "BIOES": "BIES", "ends": "IE"}


@pytest.mark.parametrize("other", SCHEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_order_of_tags_is_counted_as_the_witness_does(scheme, other):
    random.seed(f"{scheme} {other}")
    mine, theirs = (["O", "O", *(f"{p}-{kind}" for p in SCHEMES[name] for kind in "XY")] for name in (scheme, other))
    gold = [random.choices(mine, k=random.randint(0, 12)) for _ in range(300)]
    predicted = [
        [tag if random.random() < 0.6 and tag in theirs else random.choice(theirs) for tag in one] for one in gold
    ]
    report = entity_report(gold, predicted)
    assert report.counts == witness(gold, predicted)
    assert report.micro.right > 0
    pairs = [pair for one, two in zip(gold, predicted, strict=True) for pair in zip(one, two, strict=True)]
    assert report.token_accuracy == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


def test_ids_give_what_texts_give():
    random.seed(0)
    tags = ["B-Y", "O", "I-X", "B-X", "S-Z"]
    gold, predicted = ([random.choices(tags[:4], k=size) for size in (5, 0, 1, 30)] for _ in range(2))
    flat = [[tags.index(tag) for one in side for tag in one] for side in (gold, predicted)]
    assert entity_report_of_ids(*flat, [5, 0, 1, 30], tags) == entity_report(gold, predicted)


def test_a_table_knows_each_type_once():
    table = TagTable.of(["I-B", "B-A", "O", "S-B"])
    assert (table.types, table.kind.tolist()) == (("A", "B"), [1, 0, -1, 1])


# Different forms on the gold side: PER Ada, LOC Rome, PER Ada Lovelace, LOC Lovelace. Predicted: PER Ada, PER Rome,
# PER Ada Lovelace. Right: PER Ada, by the first sequence; PER Ada Lovelace stands in both lists, but it was found
# where gold has two chunks.
WORDS = [["Ada", "in", "Rome"], ["Ada", "Lovelace"], ["Ada", "Lovelace"]]
FORMS_GOLD = [["B-PER", "O", "B-LOC"], ["B-PER", "I-PER"], ["B-PER", "B-LOC"]]
FORMS_GIVEN = [["B-PER", "O", "B-PER"], ["B-PER", "O"], ["B-PER", "I-PER"]]


def test_surface_forms_worked_by_hand():
    assert surface_form_report(WORDS, FORMS_GOLD, FORMS_GIVEN) == Counts(right=1, predicted=3, gold=4)


def test_a_surface_form_counts_once_however_often_it_occurs():
    often = surface_form_report([["Ada"]] * 9 + [["Bob"]], [["S-PER"]] * 10, [["S-PER"]] * 9 + [["O"]])
    assert often == Counts(right=1, predicted=1, gold=2)
    once = surface_form_report([["Ada"]] * 2, [["S-PER"]] * 2, [["S-PER"], ["O"]])
    assert once.f1 == 1.0
    assert surface_form_report([["ada"], ["Ada"]], [["S-PER"]] * 2, [["S-PER"], ["O"]]).gold == 2


def test_a_surface_form_of_two_types_counts_for_each():
    words, tags = [["Paris"], ["Paris"]], [["S-PER"], ["S-LOC"]]
    assert surface_form_report(words, tags, tags) == Counts(right=2, predicted=2, gold=2)
    assert surface_form_report(words, tags, [["S-PER"], ["S-PER"]]) == Counts(right=1, predicted=1, gold=2)


@pytest.mark.parametrize(
    ("gold", "predicted", "mistake", "told"),
    [
        ([], [], DataError, "there are no tags, so nothing can be measured"),
        ([[]], [[]], DataError, "there are no tags"),
        ([["O"]], [["O"], ["O"]], ShapeError, "1 sequences have gold tags, but there are predictions for 2"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], ShapeError, "sequence 2: expected 2 tags, one for each word, but 1 were"),
        ([["X-PER"]], [["O"]], DataError, "but the tag 'X-PER' came"),
        ([["O"]], [["PER"]], DataError, "but the tag 'PER' came"),
        ([["O-PER"]], [["O"]], DataError, "but the tag 'O-PER' came"),
        ([[""]], [["O"]], DataError, "but the tag '' came"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(gold, predicted, mistake, told):
    with pytest.raises(mistake, match=told) as caught:
        entity_report(gold, predicted)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "lengths", "mistake", "told"),
    [
        ([0, 3], [2], DataError, "gold tags, number 2: expected an id from 0 to 1, but 3 came"),
        ([0, 1], [1], ShapeError, "2 and 2 tags came, and the lengths add up to 1"),
        ([0, 1], [3, -1], ShapeError, "the lengths add up to 2"),
    ],
)
def test_ids_that_cannot_be_measured(ids, lengths, mistake, told):
    with pytest.raises(mistake, match=told):
        entity_report_of_ids(ids, ids, lengths, ["O", "B-X"])


def test_surface_forms_need_a_tag_for_each_word():
    with pytest.raises(ShapeError, match="sequence 1: expected 2 tags, one for each word, but 1 came"):
        surface_form_report([["a", "b"]], [["O"]], [["O"]])
    with pytest.raises(ShapeError, match="1 sequences have gold tags, but 2 have words"):
        surface_form_report([["a"], ["b"]], [["O"]], [["O"]])
