"""Tariffs from their tables to the case, the audit of the case, and what customers pay."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, ConnectionTariff, Portfolio, Register
from agr.history.facts import connections_eur, facts_of
from agr.planning.case import Inputs, build
from agr.planning.case_audit import audit_case
from agr.planning.difference import Solved
from agr.planning.plan_summary import result_of
from agr.scenario.case_changes import changed_case
from agr.settings import Markets, Planning
from models.audit import audit
from models.case import NO_POINT
from models.method import Method, solve
from models.part import divisible

PERIOD = Period(date(2026, 1, 15))
FIRST = date(2026, 1, 1)
AMSTERDAM = timezone(timedelta(hours=1))


def car(name: str, connection: str) -> EvSession:
    """Needs 10 kWh between six and eight in the evening; it can take 11 kW."""
    return EvSession(
        resource=name, connection=connection, arrival=datetime(2026, 1, 15, 18, tzinfo=AMSTERDAM),
        departure=datetime(2026, 1, 15, 20, tzinfo=AMSTERDAM), energy_kwh=10.0, charge_kw=11.0,
    )  # fmt: skip


def tariff(connection: str, **given: Any) -> ConnectionTariff:
    return ConnectionTariff(connection=connection, **({"first_day": FIRST} | given))


def world(*tariffs: ConnectionTariff) -> Inputs:
    """Return two houses, `a` with a car and a load at point p, and `b` with a car in none, and an empty one."""
    register = Register(
        connections=tuple(Connection(address=c, first_day=FIRST) for c in ("a", "b", "empty")),
        resources=(car("ev1", "a"), car("ev3", "b"), FixedLoad(resource="home", connection="a")),
        connection_tariffs=tariffs,
    )
    portfolio = Portfolio(
        period=PERIOD, points=(CongestionPoint(address="p", dso="dso.example", connections=("a",)),),
        free_connections=("b", "empty"),
    )  # fmt: skip
    prices = tuple(50.0 if t < 76 else 20.0 for t in range(96))
    return Inputs(
        period=PERIOD, portfolio=portfolio, register=register, forecasts={("home", "power_kw"): np.full(96, 2.0)},
        prices={"day_ahead_forecast": prices}, reserved_w={}, fixed={}, carried_state={}, markets=Markets(),
        planning=Planning(),
    )  # fmt: skip


def test_rows_of_a_connection_add_up_in_their_windows_and_on_their_days() -> None:
    inputs = world(
        tariff("b", import_eur_per_mwh=120.0, export_eur_per_mwh=120.0),
        tariff("a", import_eur_per_mwh=100.0, export_eur_per_mwh=60.0),
        tariff("a", import_eur_per_mwh=30.0, window_start=time(18), window_end=time(20)),
        tariff("a", import_eur_per_mwh=500.0, last_day=date(2026, 1, 14)),
        tariff("a", peak_eur_per_kw=2.5, peak_reached_kw=4.0, window_start=time(22), window_end=time(6)),
        tariff("a", peak_eur_per_kw=1.0, first_day=date(2026, 2, 1)),
        tariff("empty", import_eur_per_mwh=70.0),
    )
    named = build(inputs)
    tariffs = named.case.connection_tariffs
    assert tariffs.name == ("a", "b")
    assert tariffs.point.tolist() == [0, NO_POINT]
    assert tariffs.import_eur_per_mwh[0, [71, 72, 79, 80]].tolist() == [100, 130, 130, 100]
    assert set(tariffs.export_eur_per_mwh[0]) == {60.0}
    assert set(tariffs.import_eur_per_mwh[1]) == set(tariffs.export_eur_per_mwh[1]) == {120.0}
    assert (tariffs.peak_at.tolist(), tariffs.peak_eur_per_kw.tolist()) == ([0], [2.5])
    assert tariffs.peak_reached_kw.tolist() == [4.0]
    assert np.flatnonzero(~tariffs.peak_inside[0]).tolist() == list(range(24, 88))
    assert named.case.tariff("storage").tolist() == [0, 1]
    assert named.case.tariff("fixed").tolist() == [0]
    assert audit_case(inputs, named) == ()
    assert not divisible(named.case, np.array([0]))  # its customer's bill is planned as a whole


@pytest.mark.parametrize(
    ("field", "change", "words"),
    [
        ("import_eur_per_mwh", lambda v: v + 1.0, "import is 131 EUR/MWh in ISP 1, the tables give 130"),
        ("export_eur_per_mwh", lambda v: v - 1.0, "export is -1 EUR/MWh"),
        ("peak_eur_per_kw", lambda v: 2 * v, "peak charges are not what the tables give"),
        ("peak_reached_kw", lambda v: v + 1.0, "peak charges are not what the tables give"),
        ("peak_inside", lambda v: ~v, "peak charges are not what the tables give"),
        ("of_units", lambda v: tuple(np.full_like(of, -1) for of in v), "ev1: pays at None, the tables give a"),
        ("point", lambda v: np.zeros_like(v), ""),
    ],
)
def test_the_audit_of_the_case_finds_a_wrong_tariff(field: str, change: Any, words: str) -> None:
    inputs = world(tariff("a", import_eur_per_mwh=130.0), tariff("a", peak_eur_per_kw=2.5))
    named = build(inputs)
    tariffs = named.case.connection_tariffs
    wrong = replace(tariffs, **{field: change(getattr(tariffs, field))})
    found = audit_case(inputs, replace(named, case=replace(named.case, connection_tariffs=wrong)))
    assert (found == ()) if not words else any(words in finding for finding in found)


def test_what_customers_pay_stands_apart_and_by_connection() -> None:
    inputs = world(
        tariff("a", import_eur_per_mwh=100.0), tariff("a", peak_eur_per_kw=0.01, peak_reached_kw=4.0),
        tariff("b", import_eur_per_mwh=50.0),
    )  # fmt: skip
    named = build(inputs)
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-8, threads=1)
    assert audit(named.case, outcome) == ()
    solved = Solved(named=named, outcome=outcome)
    peak = float(outcome.peak_kw[0]) - 4.0
    assert outcome.tariff_eur == pytest.approx([-(48 + 10) * 0.1, -10 * 0.05], abs=1e-6)
    result = result_of(solved, findings=(), no_flexibility_eur=0.0, notes=())
    assert result.customers == ("connection tariff", "peak charge")
    assert result.customers_eur == pytest.approx(-5.8 - 0.5 - 0.01 * peak, abs=1e-6)
    assert {fact.whose for fact in facts_of(solved) if fact.term in result.customers} == {"customer"}
    paid = connections_eur(solved, {"ev1": "a", "ev3": "b", "home": "a"})
    assert paid["a", "connection tariff", "customer"] == pytest.approx(-5.8, abs=1e-6)
    assert paid["a", "peak charge", "customer"] == pytest.approx(-0.01 * peak, abs=1e-6)
    assert paid["b", "connection tariff", "customer"] == pytest.approx(-0.5, abs=1e-6)
    assert sum(paid.values()) == pytest.approx(outcome.objective_eur, abs=1e-6)


def test_no_customer_is_worse_off_where_the_settings_say_so() -> None:
    # the market is cheaper by 30 EUR/MWh after seven, where the house pays 20 more: good for both together, not for it
    paid = tariff("a", import_eur_per_mwh=20.0, window_start=time(19), window_end=time(20))
    free = build(world(paid))
    inputs = replace(world(paid), planning=Planning(customers_worse_off=False))
    named = build(inputs)
    (least,) = named.case.connection_tariffs.least_eur
    assert least == pytest.approx(-2 * 0.02 - 0.005)  # the house alone: the car charges on arrival
    assert audit_case(inputs, named) == ()
    assert any("asks for nothing" in finding for finding in audit_case(inputs, free))
    assert any("the settings do not" in finding for finding in audit_case(world(paid), named))
    cheap = replace(named.case, connection_tariffs=replace(named.case.connection_tariffs, worse_off_price=1.0))
    assert any("1 EUR per EUR" in finding for finding in audit_case(inputs, replace(named, case=cheap)))
    worse, kept = (solve(one.case, relative_gap=1e-8, threads=1) for one in (free, named))
    assert worse.tariff_eur[0] < least - 0.1
    assert kept.tariff_eur[0] == pytest.approx(least, abs=1e-6)
    assert kept.terms_eur["customer worse off"] == pytest.approx(0.0, abs=1e-6)
    assert audit(named.case, kept) == ()
    assert kept.objective_eur < worse.objective_eur


def test_a_large_portfolio_is_not_planned_with_a_condition_on_every_customer(monkeypatch) -> None:
    monkeypatch.setattr("agr.planning.case.connection_tariffs.MOST_UNITS", 1)
    with pytest.raises(PlanError, match="for up to 1 resources at once, not for 2"):
        build(replace(world(tariff("a", import_eur_per_mwh=40.0)), planning=Planning(customers_worse_off=False)))


def test_a_stored_case_is_replayed_with_another_tariff() -> None:
    named = build(world(tariff("a", import_eur_per_mwh=100.0, peak_eur_per_kw=0.5, peak_reached_kw=4.0)))
    dearer = changed_case(
        named, ["connection_tariffs.a.import_eur_per_mwh=+20%", "peak_charges.a.peak_reached_kw=9"]
    ).case.connection_tariffs
    assert set(dearer.import_eur_per_mwh[0]) == {120.0}
    assert dearer.peak_reached_kw.tolist() == [9.0]
    free = changed_case(named, (), ["connection_tariff:a"]).case.connection_tariffs
    assert not free.import_eur_per_mwh.any()
    assert free.peak_eur_per_kw.tolist() == [0.0]
    assert changed_case(named, (), ["resource:ev1"]).case.tariff("storage").tolist() == [-1]
