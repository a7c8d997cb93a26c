"""Nothing is decided for what is over: gates that have closed, and ISPs that have ended."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from agr.planning.closed import closed_auctions
from agr.settings import CapacityProduct, Markets
from models.method import Method, solve
from tests.builders.case_inputs import PERIOD, inputs
from tests.builders.small_scenarios import small_scenario

FCR = CapacityProduct(
    name="FCR", direction="symmetric", series="fcr", minimum_mw=0.001, step_mw=0.001, max_mw=0.01,
    gate={"at": "08:00", "days_before": 1},  # type: ignore[arg-type]
)  # fmt: skip
ENDED, CLOSED = 40, 44
BATTERY = Battery(
    resource="battery", connection="b", charge_kw=5, discharge_kw=5, capacity_kwh=20, initial_kwh=10, end_kwh=0,
    reserve_kw=5,
)  # fmt: skip
SUN = Generator(resource="sun", connection="b", curtailment_eur_per_mwh=0)
PUMP = HeatPump(resource="pump", connection="b", power_kw=2.0, buffer_kwh=20.0, initial_kwh=10.0)


def running(**more: object) -> Inputs:
    """Return a day of which 40 ISPs are over, with prices below zero in its night, where producing costs money."""
    isps = PERIOD.isp_count
    price = tuple([-30.0] * 20 + [60.0] * (isps - 20))
    forecasts = {
        ("sun", "power_kw"): np.full(isps, -3.0), ("pump", "heat_kw"): np.full(isps, 3.0),
        ("pump", "cop"): np.full(isps, 3.0),
    }  # fmt: skip
    made = inputs(
        resources=(BATTERY, SUN, PUMP), forecasts=forecasts, markets=Markets(capacity=(FCR,)),
        closed_isps=CLOSED, past_isps=ENDED, closed_auctions=frozenset({"day-ahead", "FCR"}),
    )  # fmt: skip
    prices = {"day_ahead_forecast": price, "fcr": (5.0,) * isps}
    return replace(made, prices=prices, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
def test_a_first_plan_of_a_running_day_decides_nothing_that_is_over(method: Method) -> None:
    now = running()
    named = build(now)
    assert audit_case(now, named) == ()
    assert any("day-ahead: the gate has closed" in note for note in named.notes)
    outcome = solve(named.case, method=method, relative_gap=1e-4, time_limit_s=600)
    assert not outcome.day_ahead_kw.any()  # nothing was bought when it could be
    assert not outcome.bids_mw[0].any()
    programs = outcome.programs
    assert programs.curtailable_kw[0, :ENDED] == pytest.approx(-3.0)  # although curtailing would have paid
    assert programs.curtailable_kw[0, CLOSED:] == pytest.approx(-3.0)
    stores = dict(zip(named.of("storage"), programs.storage_kw, strict=True))
    assert stores["battery"][:ENDED] == pytest.approx(0.0)
    assert stores["pump"][:ENDED] == pytest.approx(1.0)  # 3 kW of heat at a coefficient of 3
    assert stores["battery"][ENDED:].any()


def test_what_the_plan_in_force_has_bought_stays_when_no_gate_has_fixed_it() -> None:
    bought = {"day-ahead": np.arange(96.0) / 100, "FCR": np.array([0.001, 0.0, 0.0, 0.002, 0.0, 0.0])}
    now = running(previous=Previous(positions=bought))
    case = build(now).case
    assert case.day_ahead.committed_kw.tolist() == bought["day-ahead"].tolist()
    assert case.reserves[0].committed_mw.tolist() == bought["FCR"].tolist()
    assert audit_case(now, build(now)) == ()
    fixed = replace(now, fixed={"day-ahead": (1.0,) * 96})
    assert (build(fixed).case.day_ahead.committed_kw == 1.0).all()


def test_blocks_that_have_begun_take_no_bid_even_before_their_gate() -> None:
    now = running(closed_auctions=frozenset())
    case = build(now).case
    assert np.isnan(case.reserves[0].committed_mw).tolist() == [False] * 3 + [True] * 3  # 44 ISPs are closed: 11:00
    assert np.isnan(case.day_ahead.committed_kw).tolist() == [False] * 44 + [True] * 52
    assert audit_case(now, build(now)) == ()


@pytest.mark.parametrize("part", ["day_ahead", "reserves", "curtailable", "pump"])
def test_the_audit_finds_whatever_is_left_open(part: str) -> None:
    now = running()
    named = build(now)
    case = named.case
    storage = case.storage
    pinned = storage.pinned_kw.copy()
    pinned[named.of("storage").index("pump")] = np.nan
    left_open: dict[str, dict[str, Any]] = {
        "day_ahead": {"day_ahead": replace(case.day_ahead, committed_kw=np.full(96, np.nan))},
        "reserves": {"reserves": (replace(case.reserves[0], committed_mw=np.full(6, np.nan)),)},
        "curtailable": {"curtailable": replace(case.curtailable, pinned_kw=np.full((1, 96), np.nan))},
        "pump": {"storage": replace(storage, pinned_kw=pinned)},
    }
    found = audit_case(now, replace(named, case=replace(case, **left_open[part])))
    assert any("committed" in words or "pinned_kw" in words for words in found)


def test_gates_are_read_from_the_timetable() -> None:
    chosen = small_scenario(markets={"capacity": [FCR.model_dump()]}).description
    gate = dict(chosen.timetable.moments(PERIOD))["day_ahead_gate"]
    eight = FCR.gate.gate("FCR").instant(PERIOD)
    assert closed_auctions(chosen, PERIOD, eight - timedelta(seconds=1)) == frozenset()
    assert closed_auctions(chosen, PERIOD, eight) == {"FCR"}
    assert closed_auctions(chosen, PERIOD, gate) == {"FCR", "day-ahead"}
