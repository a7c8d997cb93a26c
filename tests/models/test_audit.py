"""The audit passes the solver's outcomes, and finds every later change of outcome or case."""

from dataclasses import fields, is_dataclass, replace
from functools import partial

import numpy as np
import pytest

from models.audit import audit
from models.audit.slicing import few_at_a_time
from models.case import NO_POINT, Anchor, Direction
from models.outcome import Headroom, Outcome, Programs, Shadow, Termination
from models.reference.problem import solve
from tests.models.builders import (
    NAN,
    day_ahead,
    imbalance,
    intraday,
    limit,
    load,
    make,
    reservation,
    reserve,
    run,
    solar,
    storage,
    switched,
)


def world(isps=12, *, hours=0.5, price_shift=0.0):
    """Everything at once: two congestion points and none, both signs of reservation, all directions of reserve."""
    rng = np.random.default_rng(isps)
    time = np.arange(isps) / isps
    price = 80 + 60 * np.sin(7 * time) + rng.normal(0, 5, isps) + price_shift
    block = (np.arange(isps) >= isps // 2).astype(np.int64)
    sun = -120 * np.sin(np.pi * time)
    closed = np.where(np.arange(isps) < 2, 5.0, NAN)
    battery = {"charge_kw": 40, "discharge_kw": 50, "eta_c": 0.9, "eta_d": 0.95, "retention": 0.999, "low": 5,
               "high": 150, "start": 60, "wear": 0.01, "end_value": 0.08, "reserve_kw": 30}  # fmt: skip
    case = make(
        isps,
        load(isps, rng.uniform(5, 20, isps), point=0),
        load(isps, 3.0, point=NO_POINT),
        solar(isps, sun, point=0, cost=3.0, reserve_kw=20.0),
        solar(isps, sun / 2, point=1, reserve_kw=20.0),
        storage(isps, point=0, **battery),
        storage(isps, point=1, **battery),
        storage(isps, point=NO_POINT, **battery),
        storage(isps, point=0, charge_kw=8, eta_c=3.0, high=20, start=10, demand=4, unmanaged_kw=3.0),
        storage(isps, point=1, charge_kw=4, high=200, low=np.where(time > 0.6, 30.0 * isps * hours, 0.0)),  # too much
        storage(isps, point=0, charge_kw=4, high=200, low=np.where(time > 0.6, 30.0 * isps * hours, 0.0)),
        run([6.0, 4.0, 2.0], 1, isps - 4, point=0),
        run([5.0, 5.0], 2, isps - 2, point=1),
        switched(isps, (0, isps, 3, isps - 2), on_kw=5.0, min_run=2, min_rest=2, start_eur=0.1, before=-1),
        limit(isps, point=0, import_kw=25.0, export_kw=-15.0, penalty=200.0),
        limit(isps, point=1, import_kw=np.where(time > 0.5, 2.0, np.inf), penalty=200.0),
        reservation(isps, np.where(time >= 0.5, -20.0, 0.0), name="less", point=0, fee=20.0),
        reservation(isps, np.where(time < 0.25, 500.0, 0.0), name="more", point=0, fee=20.0),
        hours=hours,
        points=2,
        day_ahead=day_ahead(isps, price, product=np.arange(isps) // 2, committed_kw=closed, depth_kw=500.0),
        intraday=intraday(isps, price + 10, price - 10, depth_kw=30.0, committed_kw=-closed),
        imbalance=imbalance(isps),
        reserves=(
            reserve(isps, [800.0, 900.0], name="fcr", direction=Direction.SYMMETRIC, block=block, sustain_h=0.25,
                    minimum_mw=0.01, step_mw=0.01, max_mw=0.02),
            reserve(isps, [7.0, 6.0], name="up", direction=Direction.UP, block=block, sustain_h=1.0,
                    committed_mw=[NAN, 0.02]),
            reserve(isps, [5.0, 8.0], name="down", direction=Direction.DOWN, block=block, sustain_h=1.0,
                    committed_mw=[0.9, NAN]),
        ),
    )  # fmt: skip
    announced = np.vstack([np.full(isps, 10.0), np.full(isps, NAN)])
    return replace(case, anchor=Anchor(point_kw=announced, eur_per_mwh=0.5))


@pytest.fixture(scope="module")
def case():
    return world()


@pytest.fixture(scope="module")
def outcome(case):
    return solve(case, time_limit_s=60)


def edited(value, path, change):
    """Return a copy with the part at the path replaced by change(part)."""
    head, _, rest = path.partition(".")
    part = getattr(value, head)
    if rest.isdigit():
        new = tuple(change(item) if i == int(rest) else item for i, item in enumerate(part))
    elif rest and isinstance(part, tuple):
        number, _, name = rest.partition(".")
        new = tuple(edited(item, name, change) if i == int(number) else item for i, item in enumerate(part))
    else:
        new = edited(part, rest, change) if rest else change(part)
    return replace(value, **{head: new})


def add(place, amount):
    def change(values):
        copy = values.copy()
        copy[place] = ~copy[place] if copy.dtype == bool else copy[place] + amount
        return copy

    return change


def found(case, outcome, *words):
    findings = audit(case, outcome)
    assert any(all(word in finding for word in words) for finding in findings), (words, findings)


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


# Path → change, and what some finding must say. Battery 0, generation 0 and run 0 lie in ean.0, which has reservations.
OUTCOME = {
    "termination": (lambda _: Termination.NO_PROGRAM, ("termination", "no program")),
    "called": (lambda _: None, ("called_headroom", "without called programs")),
    "called_headroom": (lambda _: None, ("called_headroom", "missing")),
    "headroom": (lambda _: None, ("headroom: is missing",)),
    "programs": (lambda _: None, ("programs: is missing",)),
    "shadow": (lambda _: None, ("shadow: is missing",)),
    "point_kw": (add((1, 3), 1.0), ("ean.1, ISP 4", "point_kw is not the sum of its units by 1 kW")),
    "total_kw": (add(3, -2.0), ("ISP 4: total_kw is not the sum of all units by 2 kW",)),
    "day_ahead_kw": (add(4, 1.0), ("ISP 5: balance", "by 1 kW")),
    "intraday_buy_kw": (add(11, 100.0), ("ISP 12", "intraday buys beyond its depth")),
    "intraday_sell_kw": (add(11, 100.0), ("ISP 12", "intraday sells beyond its depth")),
    "short_kw": (add(0, -1.0), ("ISP 1: short_kw is negative by 1 kW",)),
    "long_kw": (add(0, -1.0), ("ISP 1: long_kw is negative by 1 kW",)),
    "bids_mw.0": (add(0, 0.005), ("reserve fcr, block 0", "no multiple of the step by 0.005 MW")),
    "reserve_shortfall_mw": (add((1, 0), 0.01), ("reserve up, ISP 1", "more than is committed by 0.01 MW")),
    "breach_import_kw": (add((1, 11), 5.0), ("limit 1 at ean.1, ISP 12", "more than the overshoot by 5 kW")),
    "breach_export_kw": (add((1, 0), 5.0), ("limit 1 at ean.1, ISP 1", "more than the overshoot by 5 kW")),
    "reservation_shortfall_kw": (add((0, 0), 5.0), ("reservation less, ISP 1", "more than is reserved by 5 kW")),
    "terms_eur": (lambda terms: terms | {"wear": terms["wear"] + 1}, ("terms_eur wear", "by 1 EUR")),
    "point_terms_eur": (
        lambda terms: terms | {"wear": terms["wear"] + [0, 1, 0]},
        ("point_terms_eur wear", "ean.1", "by 1 EUR"),
    ),
    "objective_eur": (lambda eur: eur + 1, ("objective_eur", "the sum of terms_eur")),
    "bound_eur": (lambda eur: eur - 1, ("bound_eur", "below objective_eur")),
    "gap_eur": (lambda eur: eur + 1, ("gap_eur", "bound − objective")),
    "gross_cost_eur": (lambda eur: eur + 1, ("gross_cost_eur", "|terms_eur|")),
    "solver": (lambda _: "", ("solver",)),
    "seconds": (lambda seconds: seconds | {"solve": -1.0}, ("seconds 'solve'", "negative")),
}
PROGRAMS = {
    "curtailable_kw": (add((0, 5), -100.0), ("curtailable 0, ISP 6", "produces more than forecast")),
    "charge_kw": (add((0, 5), 100.0), ("storage 0, ISP 6", "charges above its limit")),
    "discharge_kw": (add((0, 5), 100.0), ("storage 0, ISP 6", "discharges above its limit")),
    "energy_kwh": (add((0, 5), -1000.0), ("storage 0, ISP 6", "energy is below its band")),
    "unmet_kwh": (add((0, 5), -2.0), ("storage 0, ISP 6", "unmet is negative by 2 kWh")),
    "excess_kwh": (add((0, 5), -2.0), ("storage 0, ISP 6", "excess is negative by 2 kWh")),
    "start": (add(0, 100), ("shiftable 0", "starts too late")),
    "switched_on": (lambda on: np.arange(on.size).reshape(on.shape) % 2 > 0, ("switched 0", "is switched too soon")),
}
HEADROOM = {
    "curtailable_up_kw": (add((1, 0, 5), 500.0), ("curtailable 0, ISP 6", "up headroom is beyond its room")),
    "curtailable_down_kw": (add((2, 0, 5), 500.0), ("curtailable 0, ISP 6", "down headroom is beyond its room")),
    "storage_up_kw": (add((1, 0, 5), 500.0), ("storage 0, ISP 6", "up headroom is beyond its room")),
    "storage_down_kw": (add((2, 0, 5), 500.0), ("storage 0, ISP 6", "down headroom is beyond its room")),
}
SHADOW = {
    "balance_eur_per_mwh": (add(5, 50.0), ("point_terms_eur energy", "EUR")),
    "limit_import_eur_per_mwh": (add((0, 5), -9e9), ("limit 0, ISP 6", "limit_import_eur_per_mwh is negative")),
    "limit_export_eur_per_mwh": (add((0, 5), -9e9), ("limit 0, ISP 6", "limit_export_eur_per_mwh is negative")),
    "reservation_eur_per_mwh": (add((0, 5), -9e9), ("reservation less, ISP 6", "is negative")),
    "reserve_eur_per_mw": (add((0, 5), -9e9), ("reserve fcr, ISP 6", "is negative")),
}


def tampered():
    for path, (change, words) in OUTCOME.items():
        yield path, change, words
    for parts, (planned, called) in ((PROGRAMS, ("programs", "called")), (HEADROOM, ("headroom", "called_headroom"))):
        for name, (change, words) in parts.items():
            yield f"{planned}.{name}", change, words
            yield f"{called}.{name}", change, (f"called {words[0]}", *words[1:])
    for name, (change, words) in SHADOW.items():
        yield f"shadow.{name}", change, words


@pytest.mark.parametrize(("path", "change", "words"), [pytest.param(*t, id=t[0]) for t in tampered()])
def test_a_tampered_field_is_found(case, outcome, path, change, words):
    found(case, edited(outcome, path, change), *words)


def test_every_field_of_an_outcome_is_tampered_with():
    tables = ((Outcome, OUTCOME), (Programs, PROGRAMS), (Headroom, HEADROOM), (Shadow, SHADOW))
    hints = {"duals", "log"}  # where a later search begins, what the solver said; no outcome rests on them
    for kind, table in tables:
        assert {item.name for item in fields(kind)} - hints == {path.partition(".")[0] for path in table}


def array_paths(value, prefix=""):
    for item in fields(value):
        part = getattr(value, item.name)
        if is_dataclass(part):
            yield from array_paths(part, f"{prefix}{item.name}.")
        elif isinstance(part, np.ndarray):
            yield prefix + item.name


@pytest.mark.parametrize("amount", [-1, 1])
def test_any_number_changed_alone_is_found(case, outcome, amount):
    """What is done ties to sums and euros. Only room not sold, prices and how a call is met leave some freedom."""
    free = {"called.curtailable_kw", "called.start", "called.switched_on"}
    rng = np.random.default_rng(7)
    for path in array_paths(outcome):
        if path in free or path.split(".")[0] in {"headroom", "called_headroom", "shadow"}:
            continue
        values = outcome
        for name in path.split("."):
            values = getattr(values, name)
        for place in zip(*(rng.integers(size, size=3).tolist() for size in values.shape), strict=True):
            assert audit(case, edited(outcome, path, add(place, amount))), (path, place)


MALFORMED = {
    "not a number": lambda values: np.full(values.shape, NAN),
    "infinite": lambda values: np.full(values.shape, -np.inf),
    "an ISP too many": lambda values: np.concatenate([values, values[..., :1]], axis=-1),
    "a number": lambda values: 3.0,
    "texts": lambda values: values.astype(str),
    "missing": lambda values: None,
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_array_is_a_finding_with_its_name(case, outcome, fault):
    for path in array_paths(outcome):
        findings = audit(case, edited(outcome, path, MALFORMED[fault]))
        assert len(findings) == 1, (path, findings)
        assert findings[0].startswith(f"{path}: "), (path, findings)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("termination", "optimal", ("termination",)),
        ("terms_eur", None, ("terms_eur",)),
        ("terms_eur", {"wear": NAN}, ("terms_eur 'wear'", "not a number")),
        ("terms_eur", {"wear": "much"}, ("terms_eur 'wear'", "not a number")),
        ("point_terms_eur", {"wear": np.zeros(9)}, ("point_terms_eur 'wear'", "shape")),
        ("seconds", None, ("seconds",)),
        ("seconds", {"solve": None}, ("seconds 'solve'", "not a number")),
        ("bids_mw", None, ("bids_mw",)),
        ("bids_mw", (), ("bids_mw", "3 products")),
        ("bids_mw.1", np.zeros(5), ("bids_mw of up", "shape")),
        ("objective_eur", NAN, ("objective_eur", "not a number")),
        ("objective_eur", np.inf, ("objective_eur", "infinite")),
        ("gap_eur", None, ("gap_eur", "not a number")),
        ("bound_eur", NAN, ("bound_eur", "not a number")),
        ("bound_eur", np.inf, ("termination", "proves nothing")),
    ],
)
def test_malformed_values_are_findings(case, outcome, path, value, words):
    found(case, edited(outcome, path, lambda _: value), *words)


def test_absurd_numbers_are_findings_not_warnings(case, outcome):
    assert audit(case, edited(outcome, "programs.charge_kw", add((0, 0), 1e308)))


@pytest.mark.parametrize("start", [np.iinfo(np.int64).max, np.iinfo(np.int64).min])
def test_absurd_starts_are_findings(case, outcome, start):
    found(
        case, edited(outcome, "programs.start", lambda starts: np.full_like(starts, start)), "shiftable", "starts too"
    )


def test_missing_and_invented_terms_are_found(case, outcome):
    missing = edited(outcome, "terms_eur", lambda terms: {k: v for k, v in terms.items() if k != "day-ahead"})
    found(case, missing, "terms_eur day-ahead", "is not what it amounts to")
    found(case, edited(outcome, "terms_eur", lambda terms: terms | {"luck": 0.0}), "terms_eur luck", "no term")
    invented = edited(outcome, "point_terms_eur", lambda terms: terms | {"luck": np.zeros(3)})
    found(case, invented, "point_terms_eur luck", "no term")


def test_every_term_is_reckoned(case, outcome):
    for name in outcome.terms_eur:
        wrong = edited(outcome, "terms_eur", lambda terms, name=name: terms | {name: terms[name] - 0.01})
        found(case, wrong, f"terms_eur {name}", "by 0.01 EUR")
    for name in outcome.point_terms_eur:
        wrong = edited(
            outcome, "point_terms_eur", lambda terms, name=name: terms | {name: terms[name] + [0.0, 0.0, 0.5]}
        )
        found(case, wrong, f"point_terms_eur {name}", "none", "by 0.5 EUR")


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


def scaled(factor):
    return lambda values: values * factor


def set_to(value):
    return lambda values: np.full_like(values, value)


CASE = {
    "isp_hours": (scaled(2), "energy does not follow"),
    "fixed.program_kw": (add((0, 0), 1.0), "point_kw is not the sum of its units by 1 kW"),
    "curtailable.forecast_kw": (scaled(0.5), "produces more than forecast"),
    "curtailable.cost_eur_per_mwh": (scaled(2), "terms_eur curtailment"),
    "curtailable.reserve_kw": (scaled(0), "headroom is beyond its reserve_kw"),
    "curtailable.pinned_kw": (set_to(-1.0), "leaves its pinned program"),
    "storage.charge_kw": (scaled(0.1), "charges above its limit"),
    "storage.charge_min_kw": (set_to(1e3), "charges below its minimum"),
    "storage.discharge_kw": (scaled(0.1), "discharges above its limit"),
    "storage.charge_efficiency": (scaled(0.9), "energy does not follow"),
    "storage.discharge_efficiency": (scaled(0.9), "energy does not follow"),
    "storage.retention": (scaled(0.99), "energy does not follow"),
    "storage.energy_min_kwh": (lambda low: low + 1, "energy is below its band"),
    "storage.energy_max_kwh": (lambda high: np.where(high == 150, 80.0, high), "energy is above its band"),
    "storage.energy_start_kwh": (lambda start: start + 1, "ISP 1: energy does not follow"),
    "storage.demand_kwh": (lambda demand: demand + 1, "energy does not follow from its power by 1 kWh"),
    "storage.wear_eur_per_kwh": (scaled(2), "terms_eur wear"),
    "storage.end_value_eur_per_kwh": (scaled(2), "terms_eur stored energy"),
    "storage.shortfall_eur_per_kwh": (scaled(2), "comfort shortfall"),
    "storage.reserve_kw": (scaled(0), "headroom is beyond its reserve_kw"),
    "storage.pinned_kw": (set_to(1.0), "leaves its pinned program"),
    "shiftable.profile_kw": (lambda kw: kw + 1, "point_kw is not the sum of its units"),
    "limits.import_kw": (lambda kw: kw - 50, "beyond its import limit"),
    "limits.export_kw": (lambda kw: kw + 100, "beyond its export limit"),
    "limits.penalty_eur_per_mwh": (scaled(2), "terms_eur limit breach"),
    "reservations.reserved_kw": (scaled(10), "for what is reserved"),
    "reservations.penalty_eur_per_mwh": (scaled(2), "terms_eur reservation shortfall"),
    "reservations.availability_eur_per_mw_h": (scaled(2), "terms_eur availability"),
    "day_ahead.price_eur_per_mwh": (scaled(2), "terms_eur day-ahead"),
    "day_ahead.max_buy_kw": (scaled(0), "day-ahead buys beyond its limit"),
    "day_ahead.max_sell_kw": (scaled(0), "day-ahead sells beyond its limit"),
    "day_ahead.product": (scaled(0), "differs within its product"),
    "day_ahead.committed_kw": (lambda kw: kw + 1, "day-ahead position is not what is committed by 1 kW"),
    "intraday.buy_eur_per_mwh": (scaled(2), "terms_eur intraday"),
    "intraday.buy_depth_kw": (scaled(0), "intraday buys beyond its depth"),
    "intraday.sell_depth_kw": (scaled(0), "intraday sells beyond its depth"),
    "intraday.committed_kw": (lambda kw: kw + 1, "intraday position is not what is committed by 1 kW"),
    "anchor.eur_per_mwh": (scaled(2), "terms_eur prognosis change"),
    "anchor.point_kw": (scaled(2), "terms_eur prognosis change"),
    "reserves.0.price_eur_per_mw": (scaled(2), "terms_eur capacity fcr"),
    "reserves.0.minimum_mw": (lambda _: 5.0, "bid is below the minimum"),
    "reserves.0.step_mw": (lambda _: 0.7, "no multiple of the step"),
    "reserves.0.max_mw": (scaled(0), "bid is beyond the depth"),
    "reserves.0.block": (set_to(-1), "bid for a block without ISPs"),
    "reserves.1.committed_mw": (lambda mw: mw + 0.01, "bid is not what is committed by 0.01 MW"),
    "reserves.1.sustain_h": (lambda _: 9.0, "up headroom is beyond its energy at the end"),
    "reserves.2.sustain_h": (lambda _: 9.0, "down headroom is beyond its energy at the start"),
    "reserves.2.shortfall_eur_per_mwh": (scaled(2), "terms_eur reserve shortfall"),
    "switched.on_kw": (scaled(2), "point_kw is not the sum of its units"),
    "switched.start_eur": (scaled(2), "terms_eur starts"),
    "switched.min_run": (set_to(99), "is switched too soon"),
    "switched.window_end": (set_to(0), "is on outside its windows"),
    "switched.least_on": (set_to(10), "terms_eur comfort shortfall"),
    "reserves.1.direction": (lambda _: Direction.DOWN, "does not take it"),
}


@pytest.mark.parametrize("path", CASE)
def test_the_outcome_of_another_case_fails(case, outcome, path):
    change, words = CASE[path]
    found(edited(case, path, change), outcome, words)


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
