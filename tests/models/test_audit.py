"""The audit passes the solver's outcomes, and knows what is delivered, held and promised."""

from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

from models.audit import audit
from models.audit.payers import payers
from models.audit.protocols import Payer
from models.audit.resources.registry import CLASSES
from models.audit.slicing import few_at_a_time
from models.outcome import Headroom, Termination
from models.reference.problem import solve
from tests.models.audited import add, edited, found, world
from tests.models.builders import limit, load, make, solar, storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reservation, reserve


@pytest.fixture(scope="module")
def case():
    return world()


@pytest.fixture(scope="module")
def outcome(case):
    return solve(case, time_limit_s=600)


def test_the_world_exercises_every_part(case, outcome):
    assert outcome.termination is Termination.OPTIMAL
    idle = {name for name, amount in outcome.terms_eur.items() if abs(amount) < 1e-6}
    assert idle <= {"imbalance"}
    for headroom in (outcome.headroom, outcome.called_headroom):
        assert all(getattr(headroom, item.name).any() for item in fields(Headroom))
    assert all(bids.any() for bids in outcome.bids_mw)
    assert np.abs(outcome.called.storage_kw - outcome.programs.storage_kw).max() > 1


def test_a_solved_case_passes(case, outcome):
    assert audit(case, outcome) == ()


def test_money_that_is_nobodys_is_found(case, outcome, monkeypatch):
    silent = tuple(replace(one, payers={}) if one.name == "switched" else one for one in CLASSES)
    monkeypatch.setattr("models.audit.payers.CLASSES", silent)
    assert audit(case, outcome) == (
        "terms_eur starts: is paid by nobody known; the audit that yields it must name a payer",
    )


def test_two_audits_that_disagree_about_a_payer_are_a_mistake(case, monkeypatch):
    split = tuple(
        replace(one, payers={"comfort shortfall": Payer.OWNER}) if one.name == "switched" else one for one in CLASSES
    )
    monkeypatch.setattr("models.audit.payers.CLASSES", split)
    with pytest.raises(ValueError, match="'comfort shortfall' is a planning price and a cost of owners"):
        payers(case)


@pytest.mark.parametrize(("isps", "hours"), [(1, 1.0), (2, 12.0), (23, 1.0), (25, 1.0), (92, 0.25), (100, 0.25)])
def test_any_length_of_day_passes(isps, hours):
    case = make(
        isps,
        load(isps, 12.0),
        solar(isps, -20.0, cost=1.0),
        storage(isps, charge_kw=10, discharge_kw=10, eta_c=0.9, eta_d=0.9, high=40, start=20, wear=0.001),
        limit(isps, import_kw=15.0, export_kw=-5.0),
        reservation(isps, -3.0, fee=5.0),
        hours=hours,
        price=np.linspace(-50, 150, isps),
    )
    assert audit(case, solve(case)) == ()


@pytest.mark.parametrize("shift", [-300.0, -80.0])
def test_negative_prices_pass(shift):
    case = world(8, price_shift=shift)
    assert audit(case, solve(case)) == ()


def test_pinned_programs_pass_even_beyond_limits():
    pinned = [3.0, -2.0, NAN, 7.0]
    case = make(
        4,
        storage(4, charge_kw=5, discharge_kw=5, high=20, start=10, reserve_kw=5, pinned_kw=pinned),
        solar(4, -4.0, pinned_kw=[-6.0, NAN, 0.0, -4.0], reserve_kw=2, cost=5.0),
        reservation(4, -1.0),
        reserves=[reserve(4, 3.0)],
    )
    assert audit(case, solve(case)) == ()


def test_a_portfolio_of_nothing_passes():
    case = make(3, points=0)
    assert audit(case, solve(case)) == ()


def test_undelivered_reservations_are_found(case, outcome):
    resting = replace(outcome, called=outcome.programs)
    found(case, resting, "congestion point ean.0", "called program is not low enough")
    found(case, resting, "congestion point ean.0", "called program is not high enough")


def test_reservations_without_called_programs_must_be_shortfall(case, outcome):
    found(case, replace(outcome, called=None, called_headroom=None), "reservation more", "not stated as shortfall")


def test_contracts_of_one_point_add_up():
    """Resting, then discharging at 10 kW, delivers 6 kW but not twice 6 kW."""
    case = make(2, storage(2, discharge_kw=10, high=20, start=20, end_value=1.0), load(2, 12.0), reservation(2, -6.0))
    outcome = solve(case)
    assert audit(case, outcome) == ()
    twice = make(
        2,
        storage(2, discharge_kw=10, high=20, start=20, end_value=1.0),
        load(2, 12.0),
        reservation(2, -6.0),
        reservation(2, -6.0, name="second"),
    )
    both = replace(
        outcome,
        reservation_shortfall_kw=np.zeros((2, 2)),
        shadow=replace(outcome.shadow, reservation_eur_per_mwh=np.zeros((2, 2))),
    )
    found(twice, both, "ean.0, ISP 1", "not low enough for what is reserved by 2 kW")


def test_called_programs_and_headroom_elsewhere_are_as_planned(case, outcome):
    moved = edited(outcome, "called.charge_kw", add((1, 0), 1.0))
    found(case, moved, "called storage 1, ISP 1", "charge_kw is not as planned", "by 1 kW")
    found(case, edited(outcome, "called.start", add(1, 1)), "called shiftable 1", "start is not as planned")
    held = edited(outcome, "called_headroom.storage_up_kw", add((1, 1, 0), 1.0))
    found(case, held, "reserve up, called storage 1, ISP 1", "not as planned", "by 1 kW")


def test_headroom_given_up_leaves_a_bid_uncovered(case, outcome):
    for part, word in (("headroom", ""), ("called_headroom", " when called")):
        for side in ("up", "down"):
            given_up = outcome
            for kind in ("storage", "curtailable"):
                given_up = edited(given_up, f"{part}.{kind}_{side}_kw", np.zeros_like)
            found(case, given_up, f"reserve {side}{word}, ISP", f"bid is not covered by {side} headroom")


def test_headroom_on_the_wrong_side_or_negative_is_found(case, outcome):
    found(case, edited(outcome, "headroom.storage_up_kw", add((2, 0, 0), 1.0)), "reserve down", "does not take it")
    found(
        case, edited(outcome, "headroom.storage_up_kw", add((1, 0, 0), -99.0)), "reserve up", "up headroom is negative"
    )


def test_runs_must_start_when_they_may(case, outcome):
    first = replace(case.shiftable, first_start=outcome.programs.start + 1, last_start=outcome.programs.start + 1)
    latest = case.isps - case.shiftable.length
    if (first.last_start <= latest).all():
        found(replace(case, shiftable=first), outcome, "shiftable 0: starts too early by 1 ISPs")
    last = replace(case.shiftable, first_start=np.zeros(2, dtype=np.int64), last_start=outcome.programs.start - 1)
    found(replace(case, shiftable=last), outcome, "shiftable 0: starts too late by 1 ISPs")


def test_charging_and_discharging_at_once_is_found_even_if_the_energy_is_right():
    case = make(1, storage(1, charge_kw=10, discharge_kw=10, high=20, start=10))
    outcome = solve(case)
    both = replace(outcome.programs, charge_kw=outcome.programs.charge_kw + 3,
                   discharge_kw=outcome.programs.discharge_kw + 3)  # fmt: skip
    found(case, replace(outcome, programs=both), "storage 0, ISP 1: charges and discharges at once")


def test_the_same_power_held_for_two_products_is_found():
    """One kW of room, sold twice: 10 kW discharge limit, resting, 10 kW to each of two products."""
    products = [reserve(1, 50.0, name="a", max_mw=0.01), reserve(1, 0.0, name="b", committed_mw=0.01)]
    case = make(1, storage(1, discharge_kw=10, high=20, start=10, end_value=9.0, reserve_kw=20), reserves=products)
    outcome = solve(case)
    assert audit(case, outcome) == ()
    held = replace(outcome.headroom, storage_up_kw=np.full((2, 1, 1), 10.0))
    found(case, replace(outcome, headroom=held), "storage 0, ISP 1: up headroom is beyond its room by 10 kW")


def test_findings_per_rule_are_few_and_the_rest_is_counted(case, outcome):
    findings = audit(case, edited(outcome, "point_kw", lambda kw: kw + 1))
    rule = [finding for finding in findings if "point_kw is not the sum of its units" in finding]
    assert len(rule) == 4
    assert rule[-1] == f"point_kw is not the sum of its units: {2 * case.isps - 3} more"


def test_rounding_is_no_finding(case, outcome):
    assert audit(case, edited(outcome, "programs.charge_kw", add((0, 5), 1e-6))) == ()


@pytest.mark.parametrize("units", [1, 2, 1000])
def test_units_looked_at_a_few_at_a_time_are_called_by_their_number(case, outcome, units, monkeypatch):
    monkeypatch.setattr("models.audit.units.few_at_a_time", partial(few_at_a_time, units=units))
    monkeypatch.setattr("models.audit.headroom.few_at_a_time", partial(few_at_a_time, units=units))
    last = len(case.storage.point) - 1
    assert last >= 1
    assert audit(case, outcome) == ()
    bad = edited(outcome, "programs.charge_kw", add((last, 5), 1000.0))
    found(case, bad, f"storage {last}, ISP 6: charges above its limit")
    held = edited(outcome, "headroom.storage_up_kw", add((0, last, 5), 1000.0))
    found(case, held, f"storage {last}, ISP 6: up headroom is beyond its room")
