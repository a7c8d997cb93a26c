"""Cars at charge points whose back-end is silent are planned with what was accepted there, then the fallback."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.kinds.ev_session import EvSession
from agr.planning.case import Inputs, MeasuredEnergy, build
from agr.planning.case_audit import audit_case, audit_programs
from agr.planning.silent_back_ends import as_told_before
from agr.planning.stored_plans import StoredInputs
from models.method import Method, solve
from tests.builders import worlds
from tests.builders.case_inputs import PERIOD, inputs
from tests.builders.citrine import Station
from tests.builders.depots import START, Depot, depots, point
from tests.builders.http_server import Told

ISPS = PERIOD.isp_count
CAR = EvSession(
    resource="car", connection="b", arrival=PERIOD.start + timedelta(hours=6, minutes=9),
    departure=PERIOD.start + timedelta(hours=10), energy_kwh=20.0, charge_kw=11.0, charge_efficiency=0.9,
    initial_kwh=5.0, capacity_kwh=40.0,
)  # fmt: skip
LIMITS = np.where(np.arange(ISPS) < 32, 6.0, 4.2)  # 8 h: then the fallback


def silent(made: Inputs, limits: np.ndarray = LIMITS) -> tuple[Inputs, list[str]]:
    notes: list[str] = []
    return as_told_before(made, {"car": limits}, notes), notes


def test_a_car_takes_what_its_point_gives_from_arrival_to_departure() -> None:
    now, notes = silent(inputs(resources=(CAR,)))
    drawn = now.dictated_kw["car"]
    assert drawn[:24].tolist() == [0.0] * 24
    assert drawn[24] == pytest.approx(6.0 * 6 / 15)  # it comes 9 minutes after the ISP has begun
    assert drawn[25:32] == pytest.approx(6.0)
    assert drawn[32:40] == pytest.approx(4.2)
    assert drawn[40:].tolist() == [0.0] * (ISPS - 40)
    assert notes == ["1 session at charge points that get no plans planned with what was accepted there: car"]


def test_a_full_car_takes_nothing_more() -> None:
    """35 kWh fit in, behind losses of a tenth."""
    now, _ = silent(inputs(resources=(CAR,)), np.full(ISPS, 22.0))
    drawn = now.dictated_kw["car"]
    assert drawn.sum() * 0.25 * 0.9 == pytest.approx(35.0)
    assert drawn.max() == 11.0


def test_what_is_over_stays_and_what_was_measured_counts() -> None:
    began = replace(
        inputs(resources=(CAR,), closed_isps=34, past_isps=30), held={"car": MeasuredEnergy(isps=30, kwh=39.0)}
    )
    now, _ = silent(began)
    drawn = now.dictated_kw["car"]
    assert np.isnan(drawn[:34]).all()
    assert np.nansum(drawn) * 0.25 * 0.9 == pytest.approx(1.0)


def test_a_car_that_pauses_below_its_least_power_draws_nothing() -> None:
    now, _ = silent(inputs(resources=(replace(CAR, charge_min_kw=5.0),)))
    assert now.dictated_kw["car"][32:].tolist() == [0.0] * (ISPS - 32)


@pytest.mark.parametrize("closed", [0, 34])
def test_the_plan_has_it_as_it_is_and_says_what_the_car_misses(closed: int) -> None:
    now, _ = silent(inputs(resources=(CAR,), closed_isps=closed, past_isps=closed), np.full(ISPS, 4.2))
    named = build(now)
    assert audit_case(now, named) == ()
    assert any("pinned_kw" in words for words in audit_case(replace(now, dictated_kw={}), named))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-4, time_limit_s=600)
    assert audit_programs(now, named, outcome) == ()
    expected = now.dictated_kw["car"]
    assert outcome.programs.storage_kw[0][closed:] == pytest.approx(expected[closed:])
    missed = 20.0 - np.nansum(expected) * 0.25 * 0.9
    assert outcome.programs.unmet_kwh.sum() == pytest.approx(missed)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depots(tmp_path, CP1=Station(), CP2=Station()) as made:
        made.points(point("p1"), point("p2", "CP2"))
        made.plan(p1=7.0, p2=6.0)
        yield made


def limits(depot: Depot) -> dict[str, np.ndarray]:
    with depot.store.transaction() as tx:
        return dict(StoredInputs(tx).silent_limits(worlds.PERIOD, depot.clock.now()))


def test_limits_are_what_was_accepted_then_the_fallback_and_the_worst_of_what_was_never_answered(depot: Depot) -> None:
    depot.run(20)
    assert limits(depot) == {}
    depot.citrine.stations["CP2"].answer = "silent"
    depot.plan(p1=7.0, p2=5.0)
    depot.run()
    depot.citrine.trouble = lambda asked: Told(status=500)
    for _ in range(4):
        depot.pass_time(61)
        depot.run()
    found = limits(depot)
    first = worlds.PERIOD.isp_of(START + timedelta(minutes=15)) - 1
    assert found["p1/1"][first] == 7.0
    assert found["p2/1"][first] == 6.0  # 5 kW were never answered: the old 6 kW may be in force
    assert found["p1/1"][-1] == 4.2
    depot.citrine.trouble = None
    depot.citrine.stations["CP2"].answer = "Accepted"
    for _ in range(2):
        depot.pass_time(61)
        depot.run()
    assert limits(depot) == {}
