"""The report of a run: complete in itself, escaped, and true to the rows it is made from."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

import pytest

from gatewise.drawing.curves import Line, chart
from gatewise.errors import GatewiseError
from gatewise.training import report

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def rows(steps):
    for step in range(1, steps + 1):
        loss = 1.5 + math.exp(-step / 50)
        row = {"step": step, "epoch": step / 20, "loss": loss, "learning_rate": 0.01, "gradient_norm": 2.0,
               "clipped": 0.25, "skipped": 0.0, "units": 100 * step, "units_per_second": 1000.0 + step,
               "seconds": step / 4, "memory": 500.0}  # fmt: skip
        yield row if step % 10 else row | {"validation_loss": loss + 0.125, "best": True}


SUMMARY = {
    "name": "lm", "unit": "token", "nats": True, "stopped": "done", "steps": 40, "epochs": 2.0, "units": 4000,
    "seconds": 10.0, "units_per_second": 400.0, "best_step": 40, "best": {"loss": 2.0, "bits_per_character": 1.75},
    "selects_by": {"measure": "loss", "higher": False}, "unfrozen_at": [],
    "parameters": 12345, "settings": {"seed": 7}, "versions": {"torch": "2.13.0"}, "samples": ["it wrote this"],
}  # fmt: skip


def made(some=None, **changes):
    given = {"title": "a run", "unit": "token", "facts": {}, "settings": {}, "samples": []} | changes
    return report.page(list(rows(40)) if some is None else some, **given)


def run_folder(place, **changes):
    (place / "summary.json").write_text(json.dumps(SUMMARY | changes), encoding="utf-8")
    (place / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(3)), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def text():
    return made()


def test_page_is_whole_and_needs_nothing_outside_itself(text):
    page = Page(text)
    assert page.open == []
    elsewhere = ("src", "href", "xlink:href", "action", "data")
    references = [value for _, name, value in page.attributes if name in elsewhere]
    assert references
    assert all(value.startswith("#") for value in references)
    assert {"script", "link", "iframe", "img", "object"}.isdisjoint(tag for tag, *_ in page.attributes)
    assert "url(http" not in text


def test_ids_are_unique_and_every_reference_finds_its_own(text):
    ids = [value for _, name, value in Page(text).attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = re.findall(r"""(?:url\(|href=")#([^)"]+)""", text)
    assert used
    assert set(used) <= set(ids)


def test_foreign_text_is_escaped_everywhere():
    evil = "</pre><script>alert('1')</script>\x00\x1b[2J"
    page = made([], title=evil, unit=evil, samples=[evil], facts={evil: evil}, settings={evil: {evil: evil}})
    drawn = chart(evil, evil, evil, [Line(evil, [(0, 1), (1, 2)])])
    assert not [bad for bad in ("<script", "\x00", "\x1b") if bad in page + drawn]
    assert "".join(Page(page).text).count("alert('1')") == 9
    assert "".join(Page(drawn).text).count("alert('1')") == 4


def test_facts_are_those_of_the_run(tmp_path):
    text = report.write(run_folder(tmp_path)).read_text(encoding="utf-8")
    told = Page(text).text
    for fact in ("2.0000", f"{math.exp(2):.2f}", "1.75", "12,345", "10 s", "400", "done", "it wrote this", "seed", "7"):
        assert fact in told


def test_settings_are_those_of_the_config_file_where_there_is_one(tmp_path):
    run_folder(tmp_path)
    (tmp_path / "config.toml").write_text('[model]\ncell = "coupled_lstm"\n', encoding="utf-8")
    told = Page(report.write(tmp_path).read_text(encoding="utf-8")).text
    assert "coupled_lstm" in told
    assert "seed" not in told


def test_every_curve_is_there(text):
    titles = ["Loss over steps", "Loss over time", "Perplexity over steps", "Perplexity over time", "Gradient norm",
              "Clipped steps", "Learning rate", "Speed", "Memory in use"]  # fmt: skip
    assert [title for title in titles if title in Page(text).text] == titles
    assert text.count("<svg") == len(titles)


def by_layer(steps):
    """Rows with norms by layer; one layer is trained from the middle on, and one norm is no number."""
    for row in rows(steps):
        late = {"encoder.recurrent.l0": 0.5} if row["step"] > steps / 2 else {}
        norms = {"words": 1.0, "encoder.recurrent.l1_reverse": None if row["step"] == 3 else 0.25, **late}
        yield (
            row | {"gradient_norm_by_layer": norms} | ({"update_ratio_by_layer": norms} if row["step"] % 5 == 0 else {})
        )


def test_norms_by_layer_are_drawn_with_their_names():
    told = Page(made(list(by_layer(40)))).text
    for title in ("Gradient norm by layer", "Change of the weights in one step"):
        assert title in told
    for layer in ("words", "recurrent 1", "recurrent 2, back"):
        assert told.count(layer) == 2


def test_norms_that_are_zero_everywhere_are_not_drawn():
    assert "by layer" not in made([row | {"gradient_norm_by_layer": {"words": 0.0}} for row in rows(5)])


def test_alarms_stand_above_the_curves_and_are_escaped():
    alarm = {"cause": "divergence", "step": 1200, "line": "the loss is 9 > 4: lower the learning rate"}
    text = made([*rows(3), next(iter(rows(1))) | {"alarms": [alarm]}])
    assert "<p>Step 1,200: the loss is 9 &gt; 4: lower the learning rate.</p>" in text
    assert text.index("What went wrong") < text.index("Curves")
    assert "What went wrong" not in made()


def test_a_loss_that_is_no_log_probability_gets_no_perplexity():
    text = made(list(rows(10)), nats=False)
    assert "erplexity" not in text
    assert "nats" not in text


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, None])
def test_losses_that_cannot_be_drawn_are_left_out(loss):
    assert report.charts([{"step": 99, "seconds": 9.0, "loss": loss, "validation_loss": loss}]) == []


def test_a_run_without_rows_still_has_a_page():
    assert "a run" in made([])


def test_a_report_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "report.html" / "in the way").mkdir(parents=True)
    with pytest.raises(GatewiseError, match=r"report\.html"):
        report.write(run_folder(tmp_path))
    assert (tmp_path / "report.html" / "in the way").exists()
