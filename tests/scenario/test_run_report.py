"""The report: one file that works offline, drawn by a real browser in light and dark."""

import json
import re
from pathlib import Path

import pytest

from agr.scenario.changes import changed
from agr.scenario.reports.page import report_html, write_report
from agr.scenario.running import run

PICTURES = ("waterfall", "programs", "prognosis", "shadow", "energy", "gains", "moved")


@pytest.fixture(scope="module")
def other_run(small, remembering):
    return run(changed(small, ["fcr.price=+20%"], ["event:1"]), solver=remembering)


def test_the_file_stands_alone_and_says_what_the_run_says(small_run):
    text = report_html([small_run])
    inner = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert inner is not None
    data = json.loads(inner[1])
    assert data["runs"][0]["steps"][-1]["objective_eur"] == small_run.value_eur
    assert data["runs"][0]["labels"]["2026-03-29"][7:9] == ["01:45", "03:00"]  # the clock goes forward
    assert len(data["runs"][0]["labels"]["2026-03-29"]) == 92
    assert not re.search(r'(src|href)\s*=\s*["\']', text.replace(inner[0], "").partition("<body>")[0])
    assert len(text) < 2_000_000


def test_words_from_outside_are_text_and_no_markup(small_run):
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    outcome = {**small_run.outcome, "title": hostile, "question": hostile}
    text = report_html([type(small_run)(name=hostile, outcome=outcome, tables=small_run.tables)])
    assert hostile not in text
    assert "<img src=x" not in text
    assert text.count("<script") == report_html([small_run]).count("<script")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_every_picture_without_a_word_of_complaint(browser, small_run, tmp_path, scheme):
    path = write_report([small_run], tmp_path / "report.html")
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 900})
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-drawn=yes]")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for picture in PICTURES:
        colors = page.evaluate(
            """id => { const c = document.querySelector(`#${id} canvas`), d = c.getContext('2d')
              .getImageData(0, 0, c.width, c.height).data, found = new Set();
              for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200)
                found.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);
              return found.size }""",
            picture,
        )
        assert colors > 5, picture
    assert complaints == []
    assert requests == [path.as_uri()]
    page.select_option("#step", "1 first plan")
    assert page.locator("#replan").is_hidden()  # nothing came before
    assert f"{small_run.steps[0]['objective_eur']:,.2f} EUR" in page.locator("#figures").inner_text()
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") != scheme
    assert complaints == []
    page.close()


def test_a_comparison_shows_both_runs_and_their_difference(browser, small_run, other_run, tmp_path):
    path = write_report([small_run, other_run], Path(tmp_path) / "compared.html")
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-drawn=yes]")
    assert page.locator("#comparedruns").inner_text().split() == [f"A{small_run.name}", f"B{other_run.name}"]
    assert "Model status" in page.locator("#solverlog").text_content()
    shown = page.locator("#comparedtable").inner_text()
    assert f"{other_run.value_eur - small_run.value_eur:+,.2f}" in shown
    page.select_option("#run", "1")
    assert "fcr.price=+20%" in page.locator("#changes").inner_text()
    assert complaints == []
    page.close()
