"""Limits, FlexOption reservations and the anchor on cases small enough to compute by hand. ISPs of one hour."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import NO_POINT, Anchor, Direction
from models.decomposition.solve import solve as decompose
from tests.models.builders import limit, load, make, run, solar, storage, switched
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reservation, reserve
from tests.models.solved import near, solved


def car(**changes):
    """Needs 10 kWh within two ISPs and can take them in one."""
    return storage(2, **({"charge_kw": 10.0, "low": [0, 10], "high": 10.0} | changes))


@pytest.mark.parametrize(("penalty", "breach_kw", "eur"), [(1000, 0, 0.06 + 0.20), (30, 4, 0.10 + 4 * 0.03)])
def test_an_import_limit_is_kept_or_breached_at_its_price(penalty, breach_kw, eur):
    # all 10 kWh at 10 would be best; beyond 6 kW one costs 50 − 10 = 40 EUR/MWh more in the other ISP
    outcome = solved(make(2, car(), limit(2, import_kw=[6, np.inf], penalty=penalty), price=[10, 50]))
    assert near(outcome.breach_import_kw, [[breach_kw, 0]])
    assert near(outcome.objective_eur, -eur)
    assert near(outcome.shadow.limit_import_eur_per_mwh, [[min(penalty, 40), 0]])


@pytest.mark.parametrize(("penalty", "breach_kw", "eur"), [(1000, 0, 0.30), (40, 4, 0.50 - 4 * 0.04)])
def test_an_export_limit_is_kept_or_breached_at_its_price(penalty, breach_kw, eur):
    # 10 kW of sun at 50, 6 of it may leave
    outcome = solved(make(1, solar(1, -10), limit(1, export_kw=-6, penalty=penalty), price=50))
    assert near(outcome.breach_export_kw, breach_kw)
    assert near(outcome.objective_eur, eur)
    assert near(outcome.shadow.limit_export_eur_per_mwh, min(penalty, 50))


def test_what_cannot_be_avoided_is_a_reported_breach():
    # 8 kW where 5 are allowed: 0.40 for energy, 3·200/1000; and an empty point that would have to produce 1 kW
    parts = (limit(1, import_kw=5, penalty=200), limit(1, point=1, import_kw=-1, penalty=200))
    outcome = solved(make(1, load(1, 8), *parts, points=2, price=50))
    assert near(outcome.breach_import_kw, [[3], [1]])
    assert near(outcome.objective_eur, -0.40 - 0.60 - 0.20)


def test_a_limit_counts_only_its_own_congestion_point():
    outcome = solved(make(2, car(point=1), car(point=NO_POINT), limit(2, import_kw=1), points=2, price=[10, 50]))
    assert near(outcome.point_kw, [[0, 0], [10, 0]])
    assert near(outcome.total_kw, [20, 0])
    assert near(outcome.objective_eur, -0.2)


def test_a_reservation_that_the_plan_can_deliver_anyway_only_earns_its_fee():
    # 10 kW in the first ISP can drop to 5 and charge the rest later: 5 kW · 1 h at 20 EUR/MW·h = 0.10
    outcome = solved(make(2, car(), reservation(2, [-5, 0], fee=20), price=[10, 50]))
    assert near(outcome.point_kw, [[10, 0]])
    assert outcome.called.storage_kw[0, 0] <= 5 + 1e-6
    assert near(outcome.called.energy_kwh[0, 1], 10)
    assert near(outcome.terms_eur["availability"], 0.1)
    assert near(outcome.objective_eur, -0.1 + 0.1)


@pytest.mark.parametrize(("penalty", "short_kw", "eur"), [(2000, 0, 0.05 + 0.25), (30, 5, 0.10 + 0.15)])
def test_being_able_to_reduce_needs_consumption_or_costs_the_penalty(penalty, short_kw, eur):
    # 5 kW must be consumed in the second ISP, at 50 instead of 10, to be able to drop them
    outcome = solved(make(2, car(), reservation(2, [0, -5], penalty=penalty), price=[10, 50]))
    assert near(outcome.reservation_shortfall_kw, [[0, short_kw]])
    assert near(outcome.objective_eur, -eur)
    assert near(outcome.shadow.reservation_eur_per_mwh, [[0, min(penalty, 40)]])


def test_being_able_to_reduce_with_sun_needs_curtailment():
    # 4 of 10 kW not sold at 50, so that they can be produced when called
    outcome = solved(make(1, solar(1, -10), reservation(1, -4), price=50))
    assert near(outcome.programs.curtailable_kw, -6)
    assert near(outcome.called.curtailable_kw, -10)
    assert near(outcome.objective_eur, 0.3)


def test_a_run_waits_when_called():
    outcome = solved(make(2, run([4], 0, 1), reservation(2, [-4, 0]), price=[10, 50]))
    assert outcome.programs.start.tolist() == [0]
    assert outcome.called.start.tolist() == [1]
    assert near(outcome.objective_eur, -0.04)


def test_being_able_to_consume_more_needs_room_in_all_reserved_isps_together():
    # +4 in both ISPs, 6 kWh of room: 2 kW are missing at 2000
    outcome = solved(make(2, storage(2, charge_kw=10, high=6), reservation(2, 4.0, penalty=2000), price=50))
    assert near(outcome.point_kw, 0)
    assert near(outcome.reservation_shortfall_kw.sum(), 2)
    assert near(outcome.objective_eur, -4)


def test_without_flexibility_all_of_a_reservation_is_missing():
    # 6 kW · 2 h at 2000, whichever way
    for volume in (6.0, -6.0):
        outcome = solved(make(2, load(2, 10), reservation(2, volume, penalty=2000), price=0))
        assert near(outcome.reservation_shortfall_kw, 6)
        assert near(outcome.objective_eur, -24)


def test_contracts_of_one_sign_add_up_and_the_cheaper_one_goes_short():
    # 6 + 6 of 10 kW: 2 missing at 500 rather than 2000
    dear, cheap = (reservation(1, 6.0, name=f"{p}", penalty=p) for p in (2000, 500))
    outcome = solved(make(1, storage(1, charge_kw=10, high=50), dear, cheap, price=50))
    assert near(outcome.reservation_shortfall_kw, [[0], [2]])
    assert near(outcome.objective_eur, -1)


def test_units_elsewhere_do_not_deliver_a_reservation():
    battery = storage(1, charge_kw=10, high=50, point=1)
    outcome = solved(make(1, battery, reservation(1, 6.0, point=0), points=2))
    assert near(outcome.reservation_shortfall_kw, 6)


def short_car(need_kwh=10.0, limit_kw=5.0):
    """A car that may take 5 kWh in the first of two ISPs and needs 10."""
    return storage(2, charge_kw=[limit_kw, 0.0], low=[0.0, need_kwh], high=need_kwh, shortfall=10.0)


SHORT = {"car": short_car(), "boiler": switched(2, (1, 2, 1, 1), pinned_on=[0, 0], shortfall=50.0)}


@pytest.mark.parametrize("solve", [solved, decompose], ids=["reference", "decomposition"])
@pytest.mark.parametrize("unit", SHORT)
def test_a_need_that_nobody_can_meet_is_charged_once_at_a_reserved_point(unit, solve):
    # 5 of 10 kWh at 10 EUR, or 1 ISP at 50: it lacks as much whether the battery beside it is called or not, so 50 EUR
    battery = storage(2, charge_kw=1.0, discharge_kw=1.0, high=1.0, start=1.0)
    case = make(2, SHORT[unit], battery, reservation(2, [0.0, -1.0]), price=0)
    outcome = solve(case)
    assert audit(case, outcome) == ()
    assert near(outcome.reservation_shortfall_kw, 0)
    assert near(outcome.terms_eur["comfort shortfall"], -50)
    assert near([outcome.objective_eur, outcome.bound_eur], -50)
    assert near(outcome.point_terms_eur["called comfort shortfall"], 0)


@pytest.mark.parametrize(("penalty", "eur"), [(20_000.0, 50 + 10), (4_000.0, 50 + 4)])
def test_what_a_call_makes_a_car_miss_more_is_charged_beside_it(penalty, eur):
    # called, it gives up 1 of the 5 kWh it gets, at 10 EUR, unless the contract's penalty is less
    case = make(2, short_car(), reservation(2, [-1.0, 0.0], penalty=penalty), price=0)
    outcome = solved(case)
    assert near([outcome.objective_eur, outcome.bound_eur], -eur)
    relaxed = decompose(case)
    assert audit(case, relaxed) == ()
    assert relaxed.objective_eur - 1e-4 <= -eur <= relaxed.bound_eur + 1e-4
    outcome.terms_eur["called comfort shortfall"] -= 50.0  # charged twice, as once
    assert any("terms_eur called comfort shortfall" in finding for finding in audit(case, outcome))


def consumer(point):
    return storage(1, point=point, charge_kw=3000, high=1e6, reserve_kw=3000)


@pytest.mark.parametrize(("reserved_kw", "bid_mw"), [(0.0, 3), (-1000.0, 2), (-1500.0, 1), (-3000.0, 0)])
def test_the_same_kilowatt_is_not_sold_to_reserve_and_dso(reserved_kw, bid_mw):
    # of 3 MW consumed at 50, what the DSO may call first leaves whole megawatts to offer at 200
    product = reserve(1, 200, direction=Direction.UP, minimum_mw=1, step_mw=1)
    outcome = solved(make(1, consumer(0), reservation(1, reserved_kw), price=50, reserves=[product]))
    assert near(outcome.bids_mw[0], bid_mw)
    consumed_mw = bid_mw - reserved_kw / 1000
    assert near(outcome.objective_eur, 200 * bid_mw - 50 * consumed_mw)


def test_reserve_held_elsewhere_is_untouched_by_a_call():
    product = reserve(1, 200, direction=Direction.UP, minimum_mw=1, step_mw=1)
    parts = (consumer(1), replace(consumer(0), reserve_kw=np.zeros(1)), reservation(1, -1000.0))
    outcome = solved(make(1, *parts, points=2, price=50, reserves=[product]))
    assert near(outcome.bids_mw[0], 3)
    assert near(outcome.point_kw, [[1000], [3000]])


def anchored(case, point_kw, eur_per_mwh):
    return replace(case, anchor=Anchor(point_kw=np.array([point_kw], dtype=float), eur_per_mwh=eur_per_mwh))


def test_of_equally_good_programs_the_announced_one_is_kept():
    for announced in ([3, 7], [7, 3]):
        outcome = solved(anchored(make(2, car(), price=50), announced, 0.1))
        assert near(outcome.point_kw, [announced])
        assert near(outcome.objective_eur, -0.5)


@pytest.mark.parametrize(("eur_per_mwh", "program", "eur"), [(15, [10, 0], 0.10 + 14 * 0.015), (25, [3, 7], 0.38)])
def test_an_announced_program_is_left_where_that_pays(eur_per_mwh, program, eur):
    # each kW moved saves 50 − 10 = 40 and is two kW of distance
    outcome = solved(anchored(make(2, car(), price=[10, 50]), [3, 7], eur_per_mwh))
    assert near(outcome.point_kw, [program])
    assert near(outcome.objective_eur, -eur)


def test_isps_not_announced_are_free():
    # only the second ISP is anchored at 0: nothing to pay for
    outcome = solved(anchored(make(2, car(), price=[10, 50]), [NAN, 0], 100.0))
    assert near(outcome.terms_eur["prognosis change"], 0)
    assert near(outcome.point_kw, [[10, 0]])
