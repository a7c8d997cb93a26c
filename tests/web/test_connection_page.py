"""A connection's page without JavaScript, and the same as JSON: linked from the register, with its limits and bill."""

import json
import re
from collections.abc import Iterator
from datetime import date
from html import unescape

import httpx
import pytest

from agr.client.generated import ConnectionOut
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection, ConnectionLimit, ConnectionTariff, LimitGroup, Register
from agr.settings import Planning
from agr.store import register
from tests.builders.accounts import account
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, POINT, World

DAY, FIRST = str(PERIOD.day), date(2026, 1, 1)
PAGE, JSON = f"/connections/{DAY}/ean.1", f"/api/v1/days/{DAY}/connections/ean.1"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Nine devices at one house of a street: a battery of 100 kW behind a fuse of 45, and eight loads."""
    world = World(tmp_path_factory.mktemp("house"))
    planning = Planning(join_triggers_s=0.0, threads=1, method="reference")
    world.settings = world.settings.model_copy(update={"planning": planning})
    opened = Desk(world)
    battery = Battery(
        resource="battery", connection="ean.1", charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
        end_kwh=100,
    )  # fmt: skip
    loads = tuple(FixedLoad(resource=f"load-{n}", connection="ean.1") for n in range(1, 9))
    opened.world.know_register(
        connections=(
            Connection(address="ean.1", first_day=FIRST, limit_group="street"),
            Connection(address="ean.2", first_day=FIRST),
        ),
        resources=(battery, *loads),
        contracts=(),
    )
    limits = (("ean.1", 45.0), ("street", 90.0))
    with opened.world.store.transaction() as tx:
        known: Register = register.load(tx)
        for table, rows in (
            ("limit_groups", (LimitGroup(group="street"),)),
            ("connection_limits", tuple(
                ConnectionLimit(at=at, first_day=FIRST, import_kw=kw, export_kw=kw, penalty_eur_per_mwh=1000)
                for at, kw in limits
            )),
            ("connection_tariffs", (
                ConnectionTariff(connection="ean.1", first_day=FIRST, import_eur_per_mwh=5, peak_eur_per_kw=0.01),
            )),
        ):  # fmt: skip
            known = known.with_table(table, rows)
        register.replace(tx, known)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def anna(desk: Desk) -> httpx.Client:
    client = desk.anybody()
    client.cookies.set("agr_session", account(desk.accounts, "anna", "operator"))
    return client


def test_before_a_plan_the_page_says_so_and_after_it_shows_everything(desk: Desk, anna: httpx.Client) -> None:
    assert "There is no plan" in anna.get(PAGE).text
    assert anna.get(JSON).json() == {"error": f"there is no plan for {DAY} yet"}
    desk.plan()
    text = unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", anna.get(PAGE).text))
    found = ConnectionOut.model_validate(anna.get(JSON).json())
    for words in ("2 more devices", "battery", "import limit of ean.1, 45.00 kW (", "street", "energy at day-ahead"):
        assert words in text, words
    for bill in (found.planned, found.unmanaged):
        for eur in (bill.energy_eur, bill.tariff_eur, bill.peak_eur, bill.total_eur):
            assert f"{eur:,.2f}".replace("-", "−") in text
    assert found.planned.total_eur == pytest.approx(
        found.planned.energy_eur + found.planned.tariff_eur + found.planned.peak_eur
    )
    assert found.planned.total_eur < found.unmanaged.total_eur
    assert (found.isps, len(found.devices), found.congestion_point) == (92, 9, POINT)
    assert max(found.power_kw) == pytest.approx(45, abs=1e-3)
    assert [one.at for one in found.limits] == ["ean.1", "street"]
    assert set(found.limits[1].import_limit_kw) == {90.0}
    assert found.limits[0].export_limit_kw[0] == -45.0
    assert any("import limit of ean.1, 45.00 kW" in words for isp in found.held_by for words in isp)


def test_the_picture_has_limits_and_leaves_out_groups_that_leave_more_than_it_could_use(anna: httpx.Client) -> None:
    picture = json.loads(re.findall(r'<script type="application/json">(.*?)</script>', anna.get(PAGE).text)[0])
    shown = {one["label"]: one["values"] for one in picture["series"]}
    assert set(shown["import limit"]) == {45.0}
    assert shown["import that street leaves"] is None, "90 kW, and the fuse has 45"
    total = [sum(of) for of in zip(*(one["values"] for one in picture["stack"]), strict=True)]
    assert total == pytest.approx(shown["planned, all"], abs=1e-5)


def test_the_register_and_the_programs_lead_there(desk: Desk, anna: httpx.Client) -> None:
    for path, key in (("/register/connections/row", "ean.1"), ("/register/batteries/row", "battery")):
        assert f'href="{PAGE}"' in anna.get(path, params={"key": key, "period": DAY}).text, path
    assert f'href="{PAGE}"' in anna.get("/programs", params={"period": DAY}).text


def test_what_is_not_there_is_said(desk: Desk, anna: httpx.Client) -> None:
    assert "takes part in plan" in anna.get(f"/connections/{DAY}/ean.2").text
    for path in (f"/connections/{DAY}/ean.3", f"/api/v1/days/{DAY}/connections/ean.3"):
        answer = anna.get(path)
        assert answer.status_code == 404
        assert "ean.3" in answer.text
    assert anna.get(JSON, params={"plan": 99}).status_code == 404
    assert anna.get(f"/api/v1/days/{DAY}/connections/ean.2").status_code == 404
