"""What the register's pages show of many rows: pages, sums, plans, doubts and downloads."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from agr.connectors.tables.folder import read_folder
from agr.domain.register import Connection
from agr.store import portfolio, register
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, POINT
from tests.web.register_desk import BATTERY, FREE, ONE, TWO, Person, battery, opened


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def anna(desk: Desk) -> Person:
    return Person(desk, "anna", "operator")


def test_tables_are_searched_by_any_name_and_come_in_pages(desk: Desk, anna: Person) -> None:
    many = tuple(Connection(address=f"ean.{n:018d}", first_day=date(2026, 1, 1)) for n in range(120))
    with desk.world.store.transaction() as tx:
        register.replace(tx, register.load(tx).with_table("connections", many))
    page = anna.get("/register/connections")
    assert "120 of 120" in page.text
    assert "ean.000000000000000049" in page.text
    assert "ean.000000000000000050" not in page.text
    assert "ean.000000000000000119" in anna.get("/register/connections", page="3").text
    found = anna.get("/register/connections", q="00011").text
    assert "11 of 120" in found, "number 11, and 110 to 119"
    assert "load-2" in anna.get("/register/fixed_loads", q=TWO.upper()).text
    assert "load-1" not in anna.get("/register/fixed_loads", q=TWO).text
    assert "No row matches" in anna.get("/register/fixed_loads", q="100%_").text
    assert anna.get("/register/no_table").status_code == 404


def test_a_row_says_what_is_planned_for_it_and_why(desk: Desk, anna: Person) -> None:
    page = anna.get("/register/batteries/row", key="battery").text
    assert "There is no plan for 2026-03-29 yet" in page
    with desk.world.store.transaction() as tx:
        points = [replace(p, connections=(ONE,)) for p in portfolio.load(tx, PERIOD).points if p.address == POINT]
        portfolio.replace(tx, PERIOD.day, "cro.example", tuple(points), (TWO, FREE))
    desk.plan()
    page = anna.get("/register/batteries/row", key="battery").text
    assert "plan 1" in page
    assert "first plan" in page
    assert 'data-chart="lines" id="stored"' in page
    told = desk.as_("viewer").get(f"/api/v1/days/{PERIOD.day}/programs", params={"search": "battery"}).json()
    (power_kw,) = [row["power_kw"] for row in told["programs"]]
    isps = r'data-label="ISPs">(\d+)(?:–(\d+))?</td><td class="num" data-label="power kW">([^<]+)</td>'
    stretches = re.findall(isps, page)
    assert stretches[0][0] == "1"
    assert (stretches[-1][1] or stretches[-1][0]) == "92"
    for first, last, power in stretches:
        said = float(power.replace("−", "-").replace(",", ""))
        assert [round(kw, 3) for kw in power_kw[int(first) - 1 : int(last or first)]] == pytest.approx(
            [said] * (int(last or first) - int(first) + 1), abs=0.001
        )
    assert "reservation FO-1 of -100.0 kW" in page, "what holds it"
    whole = anna.get("/register/connections/row", key=ONE).text
    assert "load-1" in whole
    assert 'id="planned"' in whole
    assert "no forecast" not in page
    assert "There is no forecast <code>power_kw</code> of load-1 for 2026-04-02" in anna.get(
        "/register/fixed_loads/row", key="load-1", period="2026-04-02"
    ).text  # fmt: skip


def test_downloads_are_the_tables_that_import_reads(desk: Desk, anna: Person, tmp_path: Path) -> None:
    anna.enter("batteries", BATTERY | {"resource": 'a "quoted", one'})
    one = anna.get("/register/batteries.csv")
    assert one.headers["content-type"].startswith("text/csv")
    assert one.text.splitlines()[0].startswith("resource,connection,charge_kw")
    folder = tmp_path / "tables"
    with zipfile.ZipFile(io.BytesIO(anna.get("/register/tables.zip").content)) as archive:
        archive.extractall(folder)
    assert (folder / "batteries.csv").read_text() == one.text
    with desk.world.store.transaction() as tx:
        known = register.load(tx)
    assert read_folder(folder, zone_name="Europe/Amsterdam", isp_minutes=15).register == known


def test_a_contract_is_doubted_beside_the_power_of_all_resources(desk: Desk, anna: Person) -> None:
    cells = dict(
        re.findall(r'name="cell (\w+)" value="([^"]*)"', anna.get("/register/contracts/edit", key="FO-1").text)
    )
    for power_w, words in (
        ("-5000000", "50 times the power of all resources (100 kW)"),
        ("-50", "did you mean -50000 W"),
    ):
        look = anna.enter("contracts", cells | {"power_w": power_w}, key="FO-1", step="look")
        assert look.status_code == 200, look.text
        assert words in look.text, look.text
    assert "Doubtful" not in anna.enter("contracts", cells | {"power_w": "-90000"}, key="FO-1", step="look").text


def test_everything_behind_a_large_connection_is_added_up_though_not_all_is_listed(desk: Desk, anna: Person) -> None:
    many = tuple(battery(f"battery {n:03d}") for n in range(203))
    with desk.world.store.transaction() as tx:
        register.replace(tx, register.load(tx).with_table("batteries", many).with_table("contracts", ()))
        points = [replace(p, connections=(ONE,)) for p in portfolio.load(tx, PERIOD).points if p.address == POINT]
        portfolio.replace(tx, PERIOD.day, "cro.example", tuple(points), (TWO, FREE))
    desk.plan()
    page = anna.get("/register/connections/row", key=ONE, period=str(PERIOD.day)).text
    assert "Behind it <small>204</small>" in page, "with the load"
    assert "The first 200 of 204" in page
    assert "battery 198" in page
    assert "battery 199" not in page
    told = desk.as_("viewer").get(f"/api/v1/days/{PERIOD.day}/programs", params={"search": ONE, "limit": 500}).json()
    consumed = sum(max(sum(kw), 0.0) for kw in zip(*(row["power_kw"] for row in told["programs"]), strict=True)) / 4
    assert len(told["programs"]) == 204
    assert f"<dd>{consumed:,.1f} kWh" in page
