"""The audit finds every field of an outcome or a case that is changed after the solve, and names it."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from models.audit import audit
from models.outcome import Headroom, Outcome, Programs, Shadow, Termination
from models.reference.problem import solve
from tests.models.audited import add, edited, found, world
from tests.models.builders import day_ahead, intraday, load, make
from tests.models.case_arrays import NAN


@pytest.fixture(scope="module")
def case():
    return world()


@pytest.fixture(scope="module")
def outcome(case):
    return solve(case, time_limit_s=600)


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
    "connection_import_breach_kw": (add((0, 11), 5.0), ("connection limit connection 0, ISP 12", "import", "by 5 kW")),
    "connection_export_breach_kw": (add((1, 0), 5.0), ("connection limit connection 1, ISP 1", "export", "by 5 kW")),
    "called_connection_import_breach_kw": (
        add((1, 3), 5.0),
        ("called connection limit connection 1, ISP 4", "import", "by 5 kW"),
    ),
    "called_connection_export_breach_kw": (
        add((2, 3), 5.0),
        ("called connection limit connection 2, ISP 4", "export", "by 5 kW"),
    ),
    "order_shortfall_kw": (add((0, 4), 5.0), ("order order, ISP 5", "not what is missing, wrong by 5 kW")),
    "tariff_eur": (add(1, 1.0), ("connection home 1", "tariff_eur is not what it pays, wrong by 1 EUR")),
    "peak_kw": (add(0, 5.0), ("peak charge at home 1", "peak_kw is not its highest import, wrong by 5 kW")),
    "group_day_ahead_kw": (add((1, 4), 1.0), ("balancing group itself, ISP 5: balance", "by 1 kW")),
    "group_intraday_kw": (add((1, 11), 100.0), ("balancing group itself, ISP 12", "intraday buys beyond its depth")),
    "group_imbalance_kw": (add((0, 5), 2.0), ("ISP 6: short_kw is not the sum of all groups",)),
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
    "balance_eur_per_mwh": (add(5, 50.0), ("shadow.balance_eur_per_mwh is not that of the first group",)),
    "group_balance_eur_per_mwh": (add((1, 5), 50.0), ("point_terms_eur energy", "EUR")),
    "limit_import_eur_per_mwh": (add((0, 5), -9e9), ("limit 0, ISP 6", "limit_import_eur_per_mwh is negative")),
    "limit_export_eur_per_mwh": (add((0, 5), -9e9), ("limit 0, ISP 6", "limit_export_eur_per_mwh is negative")),
    "reservation_eur_per_mwh": (add((0, 5), -9e9), ("reservation less, ISP 6", "is negative")),
    "reserve_eur_per_mw": (add((0, 5), -9e9), ("reserve fcr, ISP 6", "is negative")),
    "connection_import_eur_per_mwh": (add((0, 5), -9e9), ("connection limit connection 0, ISP 6", "is negative")),
    "connection_export_eur_per_mwh": (add((2, 5), -9e9), ("connection limit connection 2, ISP 6", "is negative")),
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
    found(case, edited(outcome, "terms_eur", lambda terms: terms | {"luck": 0.0}), "terms_eur luck", "not a term")
    invented = edited(outcome, "point_terms_eur", lambda terms: terms | {"luck": np.zeros(3)})
    found(case, invented, "point_terms_eur luck", "not a term")


def test_every_term_is_reckoned(case, outcome):
    for name in outcome.terms_eur:
        wrong = edited(outcome, "terms_eur", lambda terms, name=name: terms | {name: terms[name] - 0.01})
        found(case, wrong, f"terms_eur {name}", "by 0.01 EUR")
    for name in outcome.point_terms_eur:
        wrong = edited(
            outcome, "point_terms_eur", lambda terms, name=name: terms | {name: terms[name] + [0.0, 0.0, 0.5]}
        )
        found(case, wrong, f"point_terms_eur {name}", "none", "by 0.5 EUR")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("day_ahead.committed_kw", "ISP 1: day-ahead position is not what is committed by 1 kW"),
        ("intraday.committed_kw", "ISP 1: intraday position is not what is committed by 1 kW"),
    ],
)
def test_positions_of_a_portfolio_that_is_balanced_as_a_whole_are_audited(path, words):
    """Facts of groups must add up to the whole's, so that none of these could be changed alone there."""
    case = make(
        2, load(2, 3.0), day_ahead=day_ahead(2, 50.0, committed_kw=1.0),
        intraday=intraday(2, 60.0, 40.0, depth_kw=9.0, committed_kw=2.0),
    )  # fmt: skip
    outcome = solve(case, time_limit_s=600)
    found(edited(case, path, lambda kw: kw + 1), outcome, words)
