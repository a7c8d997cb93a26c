"""A congestion point with an open offer takes no more reserve: every subset of the offers can be ordered beside it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agr.domain.flexibility import BoundOffer
from agr.domain.kinds.battery import Battery
from agr.domain.register import CongestionPoint, Connection, Portfolio
from agr.planning.case import Inputs, NamedCase, build
from agr.planning.case_audit import audit_case
from agr.planning.difference import Solved
from agr.planning.held_reserve import held_by_offers, reserve_of
from agr.planning.inputs import previous_of
from agr.planning.offered import Behind, OfferedPrograms, packed
from agr.settings import CapacityProduct, Intraday, Markets
from models.audit import audit
from models.case import UNIT_CLASSES, held_freely
from models.evaluation import Earlier, keep
from models.flexibility.question import Priced, Room
from models.method import Method, solve
from models.outcome import Outcome
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


def world(prequalified_kw: float, evening_eur: float, *, awarded_mw: float = AWARDED_MW, **more: Any) -> Inputs:
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
        fixed={"day-ahead": (0.0,) * ISPS, "FCR": (awarded_mw,) * 6},
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


def missing_mw(solved: Solved, facts: Callable[[frozenset[str]], Inputs], limits: list[Room], offers: list[Priced]):
    """Return the reserve (T,) that is missing in the worst ISP and subset of offers ordered beside a plan, MW."""
    worst = 0.0
    for subset in product([False, True], repeat=len(offers)):
        waiting = frozenset(name for name, taken in zip(OFFERED, subset, strict=True) if not taken)
        case, now = build(facts(waiting)).case, solved.outcome  # what is ordered is stated anew, and free
        for point, taken in enumerate(subset):
            if taken:
                was = solved.named.case
                case, now, (part, found) = order_of(case, now, offers[point], limits[point], point, made_in=was)
                assert found.bound_eur >= found.objective_eur
                assert audit(part, found) == ()
        assert audit(case, now) == ()
        assert now.short_kw.max() < 1e-6
        worst = max(worst, float(now.reserve_shortfall_mw.max()))
    return worst


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
def test_every_subset_of_the_offers_can_be_ordered_beside_the_reserve(offered, method: Method) -> None:
    before, limits, offers = offered
    solved = planned(again(before), method)
    assert solved.outcome.reserve_shortfall_mw.max() < 1e-6
    assert missing_mw(solved, lambda waiting: again(before, waiting), limits, offers) < 1e-6


ALL_BUT_ONE_MW = 0.007


def holding(named: NamedCase, first: Solved, kw: list[np.ndarray]) -> Outcome:
    """Return the programs of a first plan in a case, where the batteries hold so much (T,) each."""
    held = np.array([kw])
    outcome = replace(first.outcome, headroom=replace(first.outcome.headroom, storage_up_kw=held, storage_down_kw=held))
    everyone = {name: np.arange(len(named.case.units(name).point)) for name in UNIT_CLASSES}
    found = keep(named.case, Earlier(case=first.named.case, outcome=outcome, rows=everyone), first.outcome).outcome
    np.testing.assert_allclose(found.headroom.storage_up_kw, held)
    return found


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
def test_reserve_does_not_move_to_where_a_program_on_offer_has_no_room_for_it(method: Method) -> None:
    """The first battery holds nothing in the evening, and sells all its power there; it could hold a kW as planned."""
    first = planned(world(1.0, 50.0))  # where each of the three holds a kW all day, as it could
    assert first.named.names["storage"] == ("b0", "b1", "b2", "free")
    evening, all_day = np.isin(np.arange(ISPS), EVENING), np.ones(ISPS)
    uneven = [np.where(evening, 0.0, 1.0), np.where(evening, 1.0, 0.0), all_day, 5 * all_day]
    named = build(world(1.0, 50.0, awarded_mw=ALL_BUT_ONE_MW))
    before = Solved(named=named, outcome=holding(named, first, uneven))
    assert audit(named.case, before.outcome) == ()
    limits = [
        room(before.outcome, point, requested=evening, least=np.where(evening, -5.0, -20.0),
             most=np.where(evening, 0.0, 20.0))
        for point in range(len(OFFERED))
    ]  # fmt: skip
    offers = [asked(before.named.case, before.outcome, limits[k], k).priced[0] for k in range(len(OFFERED))]
    sold = {
        address: reserve_of(OfferedPrograms(options=("all",), outcomes=(offer.outcome,), products=("FCR",)))
        for address, offer in zip(OFFERED, offers, strict=True)
    }

    def facts(waiting: frozenset[str] = frozenset(OFFERED), *, capped: bool = True) -> Inputs:
        most = {address: held for address, held in sold.items() if capped and address in waiting}
        return replace(
            world(1.0, 50.0, awarded_mw=ALL_BUT_ONE_MW, previous=previous_of(before, waiting), frozen_points=waiting,
                  offered_points=waiting), held_at_most=most,
        )  # fmt: skip

    uncapped = build(facts(capped=False))
    moved = holding(uncapped, first, [all_day, all_day, 0 * all_day, 5 * all_day])
    assert audit(uncapped.case, moved) == ()
    free = Solved(named=uncapped, outcome=moved)
    assert missing_mw(free, lambda waiting: facts(waiting, capped=False), limits, offers) > 1e-4
    named = build(facts())
    assert audit_case(facts(), named) == ()
    assert any("p0 is more than was kept for an open offer" in words for words in audit(named.case, moved))
    lost = replace(named, case=replace(named.case, held_at_most=held_freely()))
    assert any("limits reserve in 0 rows, where 3 are on offer" in words for words in audit_case(facts(), lost))

    solved = planned(facts(), method)
    outcome = solved.outcome
    assert outcome.reserve_shortfall_mw.max() < 1e-6
    for unit, address in enumerate(OFFERED):
        assert (outcome.headroom.storage_up_kw[0, unit] <= sold[address]["FCR"].planned_kw + 1e-6).all()
    assert missing_mw(solved, facts, limits, offers) < 1e-6


def test_what_programs_on_offer_hold_is_read_from_their_archives(offered) -> None:
    outcome = offered[2][0].outcome
    archive = packed(("all",), (outcome,), Behind(units={}, products=("FCR",)))

    class Reader:
        def offered_programs(self, offer: str) -> bytes:
            return archive if offer == "kept" else b""

    offers = [BoundOffer(message_id=m, congestion_point=p, draws_kwh=()) for m, p in (("kept", "p0"), ("gone", "p1"))]
    selling = SimpleNamespace(markets=Markets(capacity=(FCR,)))
    found = held_by_offers(Reader(), selling, offers)  # type: ignore[arg-type]
    assert found.keys() == {"p0"}
    np.testing.assert_allclose(found["p0"]["FCR"].planned_kw, outcome.headroom.storage_down_kw[0].sum(axis=0))
    assert found["p0"]["FCR"].planned_kw.max() > 0.5
    assert held_by_offers(Reader(), SimpleNamespace(markets=Markets()), offers) == {}  # type: ignore[arg-type]
