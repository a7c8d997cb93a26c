"""History where it is asked for: command, API, the page in a real browser, and the nightly job that keeps it."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from agr.cli.history import _shown
from agr.cli.main import app
from agr.history.days import DayHistory
from agr.history.reading import read_history
from agr.history.tables import BYS, table
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import Publisher
from agr.nomination.nominate import Nominator
from agr.schedule.bidding import Bidding
from agr.schedule.market_day import MarketDay
from agr.store import day, plans
from agr.store import history as kept
from agr.store.dumps import copy_sqlite
from agr.web.security import COOKIE
from tests.builders.accounts import account
from tests.builders.barriers import barriers
from tests.builders.operators_side import Desk
from tests.builders.small_scenarios import CONNECTION
from tests.builders.worlds import PERIOD, World
from tests.history.conftest import DAYS, FIRST, Stored

LAST = FIRST + timedelta(days=DAYS - 1)
SPAN = {"from": str(FIRST), "to": str(LAST)}


@pytest.fixture(scope="module")
def config(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "agr.toml"
    path.write_text(
        f'domain = "agr.example"\nisp_minutes = 60\nstore_url = "{stored.settings.store_url}"\nkey_file = "k"\n'
        "[markets.day_ahead]\nproduct_minutes = 60\n"
    )
    return path


def agr(config: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["history", "--config", str(config), *arguments])


SINCE = ("--from", str(FIRST), "--to", str(LAST))


def test_the_command_prints_the_days_and_their_sum(stored: Stored, config: Path) -> None:
    money = read_history(stored.store, stored.settings, FIRST, LAST).table("day")["money_eur"].sum()
    shown = agr(config, *SINCE)
    assert shown.exit_code == 0, shown.output
    assert f"{money:,.2f}" in shown.stdout
    assert str(LAST) in shown.stdout
    assert agr(config, *SINCE, "--by", "market").stdout.count("day-ahead") == 1
    rows = json.loads(agr(config, *SINCE, "--json").stdout)
    assert sum(row["money_eur"] for row in rows) == pytest.approx(money)


def test_the_terminal_names_what_a_table_is_by() -> None:
    for by in BYS:
        empty = table(by, ())
        assert _shown(empty, "").columns[0].header == empty.columns[0].replace("_", " ")


def test_the_command_writes_files(config: Path, tmp_path: Path) -> None:
    for name in ("h.csv", "h.parquet", "h.html"):
        assert agr(config, *SINCE, "--by", "connection", "--out", str(tmp_path / name)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "h.csv").read_text())))
    assert CONNECTION in [row["connection"] for row in rows]
    assert pq.read_table(tmp_path / "h.parquet").num_rows == len(rows)
    assert "By week" in (tmp_path / "h.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--by", "months"), "known are day"),
        (("--from", "yesterday"), "write a date such as"),
        (("--from", "2026-04-01", "--to", "2026-03-01"), "is before the first"),
        (("--out", "h.pdf"), "must end in .csv, .parquet or .html"),
        (("--out", "/proc/none/h.csv", *SINCE), "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_in_words(config: Path, arguments: tuple[str, ...], words: str) -> None:
    refused = agr(config, *arguments)
    assert refused.exit_code == 1
    assert words in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.output


@pytest.fixture(scope="module")
def desk(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A daemon with the store of the thirty days, whose clock stands before them."""
    folder = tmp_path_factory.mktemp("desk")
    copy_sqlite(stored.settings.data_folder / "agr.db", folder / "agr.db")
    opened = Desk(World(folder))
    yield opened
    opened.close()


def test_the_api_tells_the_same_in_every_form(desk: Desk, stored: Stored) -> None:
    client, past = desk.as_("viewer"), read_history(stored.store, stored.settings, FIRST, LAST)
    for by in ("day", "market", "point"):
        told = client.get("/api/v1/history", params=SPAN | {"by": by}).json()
        assert (told["first"], told["last"], told["columns"]) == (SPAN["from"], SPAN["to"], list(past.rows(by).columns))
        assert told["rows"] == past.rows(by).records()
        rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/history.csv", params=SPAN | {"by": by}).text)))
        assert [float(row["money_eur"]) for row in rows] == [row["money_eur"] for row in told["rows"]]
        table = pq.read_table(io.BytesIO(client.get("/api/v1/history.parquet", params=SPAN | {"by": by}).content))
        assert table["money_eur"].to_pylist() == [row["money_eur"] for row in told["rows"]]
    page = client.get("/api/v1/history.html", params=SPAN)
    assert "attachment" in page.headers["content-disposition"]
    assert page.text.count("<rect") == DAYS


def test_the_api_refuses_in_words_and_needs_a_token(desk: Desk) -> None:
    client = desk.as_("viewer")
    for params, words in (
        ({"by": "months"}, "known are day"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "is before the first"),
        ({"from": "2026-01-01", "to": "2026-03-01", "by": "connection"}, "at most 31 days at a time"),
    ):
        refused = client.get("/api/v1/history", params=params)
        assert refused.status_code == 422
        assert words in refused.json()["error"]
    assert desk.anybody().get("/api/v1/history.csv").status_code == 401
    usual = client.get("/api/v1/history").json()
    assert (usual["first"], usual["last"]) == ("2026-02-27", "2026-03-28")  # the thirty days until the clock's today


def test_the_page_shows_a_picture_a_table_and_what_was_broken(desk: Desk, browser: Any) -> None:
    session = account(desk.accounts, "anna", "operator")
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB", bypass_csp=True)
    context.add_cookies([{"name": COOKIE, "value": session, "url": desk.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{desk.url}/history?from={FIRST}&to={LAST}")
    page.locator("#money canvas").wait_for()
    assert page.locator("tbody tr").count() == DAYS
    assert "reservation not covered" in page.inner_text("main")
    assert barriers(page) == []
    page.select_option("select[name=by]", "market")
    page.wait_for_url("**by=market**")
    assert page.get_by_role("row", name="day-ahead").is_visible()
    with page.expect_download() as got:
        page.get_by_role("link", name="page to be mailed").click()
    assert "Planning prices" in Path(got.value.path()).read_text(encoding="utf-8")
    page.goto(f"{desk.url}/history?from=2020-01-01&to=2020-01-05")
    assert "No plan was in force on these days." in page.inner_text("main")
    context.close()
    assert faults == []


def market_day_of(desk: Desk) -> MarketDay:
    world = desk.world
    parts = (world.store, desk.daemon.settings, world.clock)
    return MarketDay(
        *parts, PortfolioRequests(*parts, world.participants), Publisher(*parts, world.participants),
        Bidding(*parts[1:]), Nominator(*parts), DayHistory(*parts[:2]),
    )  # fmt: skip


def test_programs_that_cannot_be_read_keep_nobody_from_deleting_and_are_an_alarm(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    desk.plan()
    old = (PERIOD.day - timedelta(days=desk.daemon.settings.retention.plans_days + 9), 7)
    with desk.world.store.transaction() as tx:
        whole = plans.archives(tx, 1)[1]
        tx.exec_driver_sql("UPDATE plans SET outcome = ?", (b"no archive",))
        kept.put(tx, *old, "{}")
    handle = market_day_of(desk).handlers()["retention_job"]
    assert handle(PERIOD.next(), "retention_job") is not None
    with desk.world.store.transaction() as tx:
        assert kept.kept(tx, old[0], PERIOD.day) == {}
        (alarm,) = (a for a in day.open_alarms(tx) if a.kind == "history not kept")
    assert "the programs of plan 1 cannot be read" in alarm.text
    (row,) = read_history(desk.world.store, desk.daemon.settings, PERIOD.day, PERIOD.day).rows("day").records()
    assert row["unknown_eur"]
    with desk.world.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE plans SET outcome = ?", (whole,))
    handle(PERIOD.next(), "retention_job")
    with desk.world.store.transaction() as tx:
        assert list(kept.kept(tx, PERIOD.day, PERIOD.day)) == [PERIOD.day]
        assert [a for a in day.open_alarms(tx) if a.kind == "history not kept"] == []
    desk.close()


def test_the_nightly_job_keeps_yesterday_before_its_programs_go(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    desk.plan()
    market_day_of(desk).handlers()["retention_job"](PERIOD.next(), "retention_job")
    with desk.world.store.transaction() as tx:
        assert list(kept.kept(tx, PERIOD.day, PERIOD.day)) == [PERIOD.day]
        plans.forget_programs(tx, PERIOD.next().day)
    (row,) = read_history(desk.world.store, desk.daemon.settings, PERIOD.day, PERIOD.day).rows("contract").records()
    assert row["contract"] == "FO-1"
    desk.close()
