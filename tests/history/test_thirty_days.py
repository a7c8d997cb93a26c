"""The history of thirty simulated days adds up to the cent with the plans' cash, whichever way it is cut."""

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lxml import html

from agr.domain.errors import InputError
from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.isp import Period
from agr.domain.plan import PlanState
from agr.domain.register import Price
from agr.history import files
from agr.history.days import DayHistory
from agr.history.reading import History, read_history
from agr.history.tables import BYS, table
from agr.planning.case import CLASSES
from agr.scenario.cash_audit import cash_audit
from agr.scenario.day import Step, in_force
from agr.store import executions, flex_orders, plans, register
from agr.store import history as kept
from agr.store.dumps import copy_sqlite
from agr.store.engine import Store
from agr.store.flex_orders import SettledOrder
from tests.builders.small_scenarios import CONNECTION, POINT
from tests.history.conftest import DAYS, FIRST, FREE, OTHER, OTHER_POINT, SOLD, Stored

LAST = FIRST + timedelta(days=DAYS - 1)
CENT = 0.005
MONEY = ("paid_eur", "owner_eur", "carried_eur")


@pytest.fixture(scope="module")
def past(stored: Stored) -> History:
    return read_history(stored.store, stored.settings, FIRST, LAST, connections=True)


def final(stored: Stored) -> dict[date, Step]:
    """Return Period → the step in force, without our own code of history."""
    days = sorted({step.period for step in stored.steps})
    return {day.day: in_force([step for step in stored.steps if step.period == day]) for day in days}


def test_every_table_adds_up_to_the_cash_of_the_plans(stored: Stored, past: History) -> None:
    cash = cash_audit(stored.scenario, stored.steps)
    assert cash.findings == ()
    assert len(past.days) == DAYS
    for by in ("day", "week", "market", "point", "connection", "brp"):
        sums = past.table(by).filter(like="_eur").sum()
        found = [sums["paid_eur"], sums["owner_eur"], sums["carried_eur"], sums["planning_eur"]]
        due = [cash.paid_eur, cash.borne_eur, cash.left_eur, cash.planning_eur]
        assert found == pytest.approx(due, abs=CENT), by
        assert sums["unknown_eur"] == 0.0
        assert sums["money_eur"] + sums["planning_eur"] == pytest.approx(cash.reported_eur, abs=CENT), by


def test_every_day_adds_up_to_its_own_plan(stored: Stored, past: History) -> None:
    steps = final(stored)
    for row, of in zip(past.rows("day").records(), [one.connections for one in past.parties or ()], strict=True):
        outcome = steps[date.fromisoformat(str(row["day"]))].solved.outcome
        assert row["money_eur"] + row["planning_eur"] == pytest.approx(outcome.objective_eur, abs=1e-6)  # type: ignore[operator]
        assert sum(of.values()) == pytest.approx(outcome.objective_eur, abs=1e-6)
    for row in past.rows("market").records():
        due = sum(step.solved.outcome.terms_eur.get(str(row["term"]), 0.0) for step in steps.values())
        assert row["money_eur"] + row["planning_eur"] == pytest.approx(due, abs=1e-6)  # type: ignore[operator]


def test_a_contract_earns_what_was_reserved_and_ordered_under_it(stored: Stored, past: History) -> None:
    (row,) = past.rows("contract").records()
    days = (date(2026, 4, 1) - FIRST).days + 1
    available = days * 3 * 0.080 * 2.0  # what is ordered was available too
    short = sum(day.plan.result.reservation_shortfall_kwh for day in past.days) / 1000 * 300.0
    assert short > 0  # the battery cannot give 80 kW
    assert (row["contract"], row["congestion_point"]) == ("FO-1", POINT)
    mine = [one for day in past.days for one in day.orders if one.contract == "FO-1"]
    assert len(mine) == 2
    bound = [one for step in final(stored).values() for one in step.orders if one.order.contract_id]
    assert sum(sum(one.order.power_w[17:20]) for one in bound) < 0
    ordered = sum(one.ordered_eur for one in mine)
    assert ordered > 0.9
    assert row["paid_eur"] == pytest.approx(available - short + ordered, abs=CENT)


def test_what_dsos_order_is_told_by_order_and_by_dso_and_is_what_plans_count(past: History) -> None:
    orders, buyers = past.rows("order").records(), past.rows("dso").records()
    (sold,) = (row for row in past.rows("market").records() if row["term"] == "flexibility sold")
    assert [row["contract"] for row in orders] == [SOLD[d] or "" for d in sorted(SOLD)]
    assert {(row["dso"], row["congestion_point"], row["state"]) for row in orders} == {
        ("dso.example", POINT, "accepted")
    }
    assert [(row["contract"], row["orders"]) for row in buyers] == [("", 1), ("FO-1", 2)]
    for rows in (orders, buyers):
        assert sum(row["ordered_eur"] for row in rows) == pytest.approx(sold["paid_eur"], abs=1e-9)
        assert {row["settled_eur"] for row in rows} == {None}


def test_a_settlement_stands_beside_what_was_ordered_and_changes_no_plan(
    stored: Stored, past: History, tmp_path: Path
) -> None:
    before = past.rows("day").records()
    order = past.days[3].orders[0]
    copy_sqlite(stored.settings.data_folder / "agr.db", tmp_path / "agr.db")
    store = Store(f"sqlite:///{tmp_path / 'agr.db'}")
    with store.transaction() as tx:
        found = flex_orders.by_reference(tx, order.dso, order.reference, "Europe/Amsterdam", 60)
        settled = SettledOrder(
            message_id="m", at=past.days[3].period.end, price=found.order.price, penalty=Decimal("0.30"),
            net=found.order.price - Decimal("0.30"), expected_net=found.order.price, deficiency_kwh=0.0, faults=("x",),
        )  # fmt: skip
        flex_orders.put_settled(tx, found.order.message_id, settled)
    again = read_history(store, stored.settings, FIRST, LAST)
    store.close()
    assert again.rows("day").records() == before
    (row,) = (row for row in again.rows("order").records() if row["settled_eur"] is not None)
    assert (row["correction_eur"], row["expected_eur"]) == (pytest.approx(-0.30), row["ordered_eur"])
    free, under = again.rows("dso").records()
    assert free["correction_eur"] == pytest.approx(-0.30)
    assert under["correction_eur"] is None
    assert "Orders of flexibility" in again.html()


def test_a_connection_pays_for_the_energy_it_takes_at_the_day_ahead_price(stored: Stored, past: History) -> None:
    due = dict.fromkeys((CONNECTION, OTHER, FREE), 0.0)
    owner = {"battery": CONNECTION, "shop": OTHER, "roof": FREE}
    for step in final(stored).values():
        case, outcome = step.solved.named.case, step.solved.outcome
        for units in CLASSES:
            powers = units.power_kw(case, outcome.programs)
            for name, power in zip(step.solved.named.of(units.name), powers, strict=True):
                due[owner[name]] -= float((power * case.day_ahead.price_eur_per_mwh).sum()) / 1000
    rows = {row["connection"]: row["paid_eur"] for row in past.rows("connection").records()}
    assert {name: rows[name] for name in (OTHER, CONNECTION)} == pytest.approx(
        {name: due[name] for name in (OTHER, CONNECTION)}, abs=CENT
    )
    points = {row["congestion_point"]: row["paid_eur"] for row in past.rows("point").records()}
    assert points[OTHER_POINT] == pytest.approx(due[OTHER], abs=CENT)
    assert list(points)[-1] == ""  # what belongs to no congestion point comes last


def test_forecast_gap_and_execution_are_columns_and_what_is_not_known_is_empty(stored: Stored, past: History) -> None:
    for day, row in zip(past.days, past.rows("day").records(), strict=True):
        mine = [step for step in stored.steps if step.period == day.period and step.state is PlanState.AUDITED]
        first = mine[0].solved.outcome
        assert row["first_plan_eur"] == pytest.approx(first.objective_eur, abs=1e-6)  # without planning prices
        assert row["gap_eur"] == pytest.approx(mine[-1].solved.outcome.gap_eur, abs=1e-9)
        assert (row["executed_eur"], row["measured_mwh"], row["deviation_mwh"]) == (None, None, None)
        assert row["plans"] == len([step for step in stored.steps if step.period == day.period])
    assert [row["executed_eur"] for row in past.rows("week").records()] == [None] * 5


def test_what_was_measured_is_settled_and_stays_when_the_readings_are_gone(stored: Stored, tmp_path: Path) -> None:
    copy_sqlite(stored.settings.data_folder / "agr.db", tmp_path / "agr.db")
    store = Store(f"sqlite:///{tmp_path / 'agr.db'}")
    day = Period(FIRST, "Europe/Amsterdam", 60)
    noon, one = day.starts()[12], day.starts()[13]
    usual: dict[str, Any] = {
        "planned_kwh": 20.0, "quality": "measured", "verdict": Verdict.EXECUTED, "cause": DeviationCause.UNKNOWN,
        "plan": 1,
    }  # fmt: skip
    shop = [Execution(resource="shop", start=start, measured_kwh=20.0, **usual) for start in day.starts()]
    shop[12] = replace(shop[12], measured_kwh=26.0, verdict=Verdict.DEVIATED)
    shop[13] = replace(shop[13], measured_kwh=15.0, verdict=Verdict.DEVIATED)
    roof = [Execution(resource="roof", start=noon, measured_kwh=18.0, **usual)]  # takes 2 less than planned
    unsure = Execution(resource="other", start=one, measured_kwh=99.0, **usual | {
        "quality": "partial", "verdict": Verdict.UNMEASURED,
    })  # fmt: skip
    with store.transaction() as tx:
        register.put_prices(tx, [
            Price(series=series, start=start, minutes=60, value=eur)
            for series, eur in (("imbalance_shortage", 150.0), ("imbalance_surplus", 30.0))
            for start in (noon, one)
        ])  # fmt: skip
        executions.put(tx, [*shop, *roof, unsure])
    days = DayHistory(store, stored.settings)

    def row() -> dict[str, Any]:
        (found,) = table("day", days.between(FIRST, FIRST)).records()
        return found

    found = row()
    assert found["measured_mwh"] == pytest.approx((22 * 20 + 26 + 15 + 18) / 1000)
    assert found["deviation_mwh"] == pytest.approx((6 + 2 + 5) / 1000)
    assert found["deviation_eur"] == pytest.approx(-0.004 * 150 + 0.005 * 30)  # at noon 6 more and 2 less
    assert found["executed_eur"] == pytest.approx(found["money_eur"] + found["deviation_eur"])
    week = table("week", days.between(FIRST, FIRST + timedelta(days=2))).records()[0]
    assert week["deviation_eur"] == found["deviation_eur"]
    days.keep(day)
    with store.transaction() as tx:
        executions.delete_before(tx, day.end)
    assert row() == found
    store.close()


def test_promises_that_a_plan_cannot_keep_are_counted_and_named(past: History) -> None:
    rows = past.rows("day").records()
    short = [day.plan.result.reservation_shortfall_kwh > 1e-3 for day in past.days]
    assert any(short)
    assert not all(short)
    for row, broken in zip(rows, short, strict=True):
        assert (row["promises_broken"], row["promises_kept"]) == ((1, 5) if broken else (0, 6))
        assert str(row["broken"]).partition(":")[0] == ("reservation not covered" if broken else "")
    weeks = past.rows("week").records()
    assert sum(row["promises_broken"] for row in weeks) == sum(short)  # type: ignore[misc]
    assert [row["week"] for row in weeks] == ["2026-W11", "2026-W12", "2026-W13", "2026-W14", "2026-W15"]


def test_files_hold_the_same_numbers(past: History, tmp_path) -> None:
    for by in BYS:
        whole = past.rows(by)
        rows = list(csv.DictReader(io.StringIO(files.csv_text(whole))))
        files.write(files.parquet_bytes(whole), tmp_path / f"{by}.parquet")
        columns = pq.read_table(tmp_path / f"{by}.parquet").to_pylist()
        for row, column, record in zip(rows, columns, whole.records(), strict=True):
            assert column == record
            assert {k: float(v) for k, v in row.items() if isinstance(record[k], float)} == {
                k: v for k, v in record.items() if isinstance(v, float)
            }
            assert all(row[k] == "" for k, v in record.items() if v is None)


def test_the_page_that_is_mailed_needs_nothing_else_and_names_no_connection(past: History, tmp_path) -> None:
    path = past.report(tmp_path / "month.html")
    text = path.read_text(encoding="utf-8")
    page: Any = html.fromstring(text)
    assert page.xpath("//script | //link | //img | //@href | //@src") == []
    assert len(page.xpath("//*[local-name()='rect']")) == DAYS
    assert CONNECTION not in text
    money = past.table("day")["money_eur"].sum()
    assert f"{money:,.2f} EUR</b> money".replace("-", "−") in text
    assert re.search(r"Planning prices \(.*\), which nobody\s+pays, stand apart", text)


def test_what_was_computed_once_is_kept_without_the_programs(stored: Stored, past: History, monkeypatch) -> None:
    monkeypatch.setattr("agr.history.days.plan_loader.read", lambda *_: pytest.fail("it was computed again"))
    monkeypatch.setattr("agr.history.days.plans.get", lambda *_: pytest.fail("a plan was read again"))
    again = DayHistory(stored.store, stored.settings).between(FIRST, LAST)
    assert again == past.days
    with stored.store.reading() as tx:
        assert CONNECTION not in "".join(earned for _, earned in kept.kept(tx, FIRST, LAST).values())


def test_days_whose_programs_are_gone_keep_their_terms(stored: Stored, past: History, tmp_path) -> None:
    copy = tmp_path / "agr.db"
    copy_sqlite(stored.settings.data_folder / "agr.db", copy)
    store = Store(f"sqlite:///{copy}")
    with store.transaction() as tx:
        kept.delete_before(tx, LAST)
        plans.forget_programs(tx, LAST)
    days = DayHistory(store, stored.settings)
    old, new = days.between(FIRST, FIRST)[0], days.between(LAST, LAST)[0]
    assert old.eur("unknown") + old.eur("planning") == pytest.approx(old.plan.result.objective_eur, abs=1e-6)
    assert new.eur("unknown") == 0.0
    with pytest.raises(InputError, match="no longer kept"):
        days.parties([old])
    store.close()


def test_the_register_is_read_once_for_all_days(stored: Stored, past: History, monkeypatch) -> None:
    loads = []
    load = register.load
    monkeypatch.setattr("agr.history.days.register.load", lambda tx: loads.append(1) or load(tx))
    assert len(DayHistory(stored.store, stored.settings).parties(past.days[:3])) == 3
    assert loads == [1]
