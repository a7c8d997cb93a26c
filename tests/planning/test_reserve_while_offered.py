"""A congestion point with an open offer takes no more reserve: every subset of the offers can be ordered beside it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.register import CongestionPoint, Connection, Portfolio
from agr.planning.case import Inputs, build
from agr.planning.case_audit import audit_case
from agr.planning.difference import Solved
from agr.planning.inputs import previous_of
from agr.settings import CapacityProduct, Intraday, Markets
from models.audit import audit
from models.method import Method, solve
from tests.builders.case_inputs import FIRST, PERIOD, inputs
from tests.models.offers import asked, order_of, room

FCR = CapacityProduct(
    name="FCR", direction="symmetric", series="fcr", minimum_mw=0.001, step_mw=0.001, max_mw=0.02, sustain_minutes=15,
    shortfall_eur_per_mwh=20_000, gate={"at": "08:00", "days_before": 1},  # type: ignore[arg-type]
)  # fmt: skip
AWARDED_MW = 0.008
OFFERED = ("p0", "p1", "p2")
EVENING = range(72, 76)
ISPS = PERIOD.isp_count


def world(prequalified_kw: float, evening_eur: float, **more: object) -> Inputs:
    """Three congestion points with a battery each, and one in none; 8 kW of FCR were awarded: all there is at first."""
    everywhere = [("b0", "c0"), ("b1", "c1"), ("b2", "c2"), ("free", "c3")]
    batteries = tuple(
        Battery(
            resource=name, connection=connection, charge_kw=5, discharge_kw=5, capacity_kwh=20, initial_kwh=10,
            end_kwh=5, wear_eur_per_mwh=5, reserve_kw=5 if name == "free" else prequalified_kw,
        )
        for name, connection in everywhere
    )  # fmt: skip
    price = tuple(evening_eur if t in EVENING else 50.0 for t in range(ISPS))
    made = inputs(
        resources=batteries, markets=Markets(capacity=(FCR,), intraday=Intraday(depth_kw=100, spread_eur_per_mwh=2)),
        fixed={"day-ahead": (0.0,) * ISPS, "FCR": (AWARDED_MW,) * 6},
        closed_auctions=frozenset({"day-ahead", "FCR"}), **more,
    )  # fmt: skip
    points = tuple(
        CongestionPoint(address=f"p{i}", dso="dso.example", connections=(f"c{i}",)) for i in range(len(OFFERED))
    )
    register = replace(made.register, connections=tuple(Connection(address=c, first_day=FIRST) for _, c in everywhere))
    return replace(
        made, prices={"day_ahead_forecast": price, "fcr": (5.0,) * ISPS}, register=register,
        portfolio=Portfolio(period=PERIOD, points=points, free_connections=("c3",)),
    )  # fmt: skip


def planned(facts: Inputs, method: Method = Method.REFERENCE) -> Solved:
    named = build(facts)
    assert audit_case(facts, named) == ()
    outcome = solve(named.case, method=method, relative_gap=1e-6, time_limit_s=60)
    assert audit(named.case, outcome) == ()
    return Solved(named=named, outcome=outcome)


def again(before: Solved, kept: frozenset[str] = frozenset(OFFERED)) -> Inputs:
    """Return later facts: owners have prequalified more, and the evening is dear; offers are open at points `kept`."""
    return world(5.0, 400.0, previous=previous_of(before, kept), frozen_points=kept, offered_points=kept)


@pytest.fixture(scope="module")
def offered():
    """Return the plan in force, where each point holds 1 kW all day, and what was priced there beside it."""
    before = planned(world(1.0, 50.0))
    named, outcome = before.named, before.outcome
    limits, offers = [], []
    for point in range(len(OFFERED)):
        requested = np.isin(np.arange(ISPS), EVENING)
        least, most = np.where(requested, -3.0, -20.0), np.where(requested, 0.0, 20.0)
        limits.append(room(outcome, point, requested=requested, least=least, most=most))
        (priced,) = asked(named.case, outcome, limits[-1], point).priced
        assert priced.volume_kw.min() < -1
        offers.append(priced)
    return before, limits, offers


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
def test_every_subset_of_the_offers_can_be_ordered_beside_the_reserve(offered, method: Method) -> None:
    before, limits, offers = offered
    outcome = planned(again(before), method).outcome
    assert outcome.reserve_shortfall_mw.max() < 1e-6
    for subset in product([False, True], repeat=len(offers)):
        waiting = frozenset(name for name, taken in zip(OFFERED, subset, strict=True) if not taken)
        case, now = build(again(before, waiting)).case, outcome  # what is ordered is stated anew, and free
        for point, taken in enumerate(subset):
            if taken:
                case, now, (part, found) = order_of(case, now, offers[point], limits[point], point)
                assert audit(part, found) == ()
        assert audit(case, now) == ()
        assert now.reserve_shortfall_mw.max() < 1e-6, subset
        assert now.short_kw.max() < 1e-6
