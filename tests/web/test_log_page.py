"""The audit log on the page and by API: chosen by who, what, when and words, in pages, and as a file."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from agr.domain.foreign_text import not_a_formula
from agr.store import audit_log
from tests.builders.accounts import PASSWORD
from tests.builders.operators_side import Desk
from tests.builders.worlds import World

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
COUNT = 2_300
"""More lines than are read at once for a file."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(Path(tmp_path_factory.mktemp("log"))))
    with opened.world.store.transaction() as tx:
        for number in range(COUNT):
            audit_log.record(
                tx, at=START + timedelta(minutes=number), who="anna" if number % 3 else "bert (token 4)",
                action="hold" if number % 2 else "edit row", subject=f"row {number}", why="100% sure, \"because\"",
                detail="=1+1" if number == 7 else "",
            )  # fmt: skip
    opened.as_("viewer")  # making an account is a line, too: after it there are no others
    yield opened
    opened.close()


@pytest.fixture
def page(desk: Desk) -> httpx.Client:
    client = desk.anybody()
    client.cookies.set("agr_session", desk.daemon.authentication.log_in("viewer", PASSWORD, "here"))
    return client


CHOICES = [
    ({}, lambda n: True),
    ({"who": "bert"}, lambda n: n % 3 == 0),
    ({"who": "BERT (T"}, lambda n: n % 3 == 0),
    ({"who": "ert"}, lambda n: False),
    ({"action": "hold"}, lambda n: n % 2 == 1),
    ({"q": "ROW 22"}, lambda n: str(n).startswith("22")),
    ({"q": "100%"}, lambda n: True),
    ({"q": "1%0"}, lambda n: False),
    ({"q": "=1+1"}, lambda n: n == 7),
    ({"first": "2026-03-29", "last": "2026-03-29"}, lambda n: 11 * 60 <= n < (11 + 23) * 60),  # a day of 23 hours
    ({"first": "2026-03-29", "action": "hold", "who": "anna"}, lambda n: n >= 660 and n % 2 == 1 and n % 3),
]


@pytest.mark.parametrize(("asked", "belongs"), CHOICES)
def test_page_api_and_file_hold_the_same_lines(desk: Desk, page: httpx.Client, asked: dict, belongs) -> None:
    wanted = [f"row {n}" for n in range(COUNT) if belongs(n)]
    file = list(csv.DictReader(io.StringIO(page.get("/log.csv", params=asked).text)))
    written = [line for line in file if line["subject"].startswith("row ")]
    assert [line["subject"] for line in written] == wanted
    assert all(line["why"] == '100% sure, "because"' for line in written)
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in written)
    by_api = {("search" if name == "q" else name): value for name, value in asked.items()}
    client = desk.as_("viewer")
    assert client.get("/api/v1/log.csv", params=by_api).text == page.get("/log.csv", params=asked).text
    newest = client.get("/api/v1/log", params={**by_api, "limit": 20}).json()
    assert [one["id"] for one in newest] == [int(line["id"]) for line in file][:-21:-1]
    shown = page.get("/log", params=asked).text
    assert all(f"<td>{subject}</td>" in shown for subject in wanted[::-1][:30])


def test_older_pages_keep_the_choice(page: httpx.Client) -> None:
    first = page.get("/log", params={"who": "bert", "q": "row"}).text
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "who=bert" in older
    second = page.get(older).text
    assert "<td>anna</td>" not in second
    assert "<td>row 2150</td>" not in second
    assert "<td>row 2148</td>" in second or "<td>row 2145</td>" in second


def test_wrong_days_are_refused_in_words(page: httpx.Client) -> None:
    answer = page.get("/log", params={"first": "29.3."})
    assert answer.status_code == 422
    assert "write a date such as 2026-03-29" in answer.text
    answer = page.get("/log.csv", params={"first": "2026-03-29", "last": "2026-03-28"})
    assert "comes before the first" in answer.text


def test_no_cell_of_the_file_is_a_formula(page: httpx.Client) -> None:
    (line,) = csv.DictReader(io.StringIO(page.get("/log.csv", params={"q": "=1+1"}).text))
    assert (line["detail"], line["subject"]) == ("'=1+1", "row 7")
    assert [not_a_formula(cell) for cell in ("+1", "-1", "@x", "\tx", "\rx", "a=1", "")] == [
        "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=1", "",
    ]  # fmt: skip
