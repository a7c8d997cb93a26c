"""Limits of connections and groups: by hand, against an independent statement, and the decomposition against both."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.audit import audit
from models.case import NO_POINT, UNIT_CLASSES, Direction
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from models.evaluation import Earlier, keep
from tests.models.builders import behind, intraday, load, make, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.solved import near, solved


def car(**changes):
    """Needs 10 kWh within two ISPs and can take them in one."""
    return storage(2, **({"charge_kw": 10.0, "low": [0, 10], "high": 10.0} | changes))


def decomposed(case, gap=1e-6):
    """Return the audited outcome of the decomposition, whose bound must hold the exact optimum."""
    outcome = decompose(case, relative_gap=gap, time_limit_s=600.0, threads=1)
    assert audit(case, outcome) == ()
    return outcome


@pytest.mark.parametrize(("penalty", "breach_kw", "eur"), [(1000, 0, 0.10 + 0.60), (30, 6, 0.20 + 0.20 + 6 * 0.03)])
def test_two_cars_share_a_fuse(penalty, breach_kw, eur):
    # a house draws 2 kW in the first ISP; two cars need 20 kWh, all of it at 10 EUR/MWh if they could
    case = make(2, car(), car(), load(2, [2, 0]), price=[10, 50])
    case = behind(case, {"import_kw": 16, "penalty": penalty}, storage=[0, 0], fixed=[0])
    outcome = solved(case)
    used = 14 + breach_kw
    expected = 0.02 + 0.01 * used + 0.05 * (20 - used) + 0.001 * penalty * breach_kw
    assert near(outcome.connection_import_breach_kw, [[breach_kw, 0]])
    assert near(outcome.objective_eur, -expected)
    assert near(outcome.shadow.connection_import_eur_per_mwh, [[min(penalty, 40), 0]])
    assert near(outcome.objective_eur, best_value(case))
    del eur
    found = decomposed(case)
    assert found.bound_eur >= outcome.objective_eur - 1e-6
    assert near(found.objective_eur, outcome.objective_eur)


def test_what_nobody_steers_is_a_breach_with_its_size():
    case = behind(make(1, load(1, 8), price=50), {"import_kw": 5, "penalty": 200}, fixed=[0])
    for outcome in (solved(case), decomposed(case)):
        assert near(outcome.connection_import_breach_kw, [[3]])
        assert near(outcome.terms_eur["connection limit breach"], -0.6)
        assert near(outcome.objective_eur, -0.4 - 0.6)


def test_groups_lie_in_each_other():
    # each house may take 10 kW, their feeder 12: the third unit is in the feeder without a limit of its own
    case = make(2, car(), car(), car(), price=[10, 50])
    limits = {"import_kw": 10, "parent": 2}, {"import_kw": 4, "parent": 2}, {"import_kw": 12, "name": "feeder"}
    case = behind(case, *limits, storage=[0, 1, 2])
    outcome = solved(case)
    # the feeder binds in both ISPs? 30 kWh, at most 12 in the first: 18 in the second, which is beyond 12 by 6
    assert near(outcome.objective_eur, best_value(case))
    assert near(outcome.connection_import_breach_kw.sum(axis=1), [0, 2, 6]) or outcome.objective_eur < 0
    found = decomposed(case)
    assert found.bound_eur >= outcome.objective_eur - 1e-6
    assert near(found.objective_eur, outcome.objective_eur)


def test_reserve_must_fit_through_the_fuse():
    # a battery of 10 kW could sell 10 kW of consumption more; 4 kW of load leave 3 of 7 kW for it
    case = make(
        1, storage(1, charge_kw=10, discharge_kw=10, high=100.0, start=50.0, reserve_kw=10.0), load(1, 4), price=0.0,
        reserves=[reserve(1, 1000.0, direction=Direction.DOWN, step_mw=0.0001)],
    )  # fmt: skip
    free = solved(behind(case, {}, storage=[0], fixed=[0]))
    case = behind(case, {"import_kw": 7, "penalty": 1e6}, storage=[0], fixed=[0])
    outcome = solved(case)
    assert near(free.bids_mw[0], [0.010])
    assert near(outcome.objective_eur, best_value(case))
    held = outcome.headroom.storage_down_kw[0, 0, 0] + outcome.programs.storage_kw[0, 0]
    assert held <= 3 + 1e-6
    found = decomposed(case)
    assert found.bound_eur >= outcome.objective_eur - 1e-6


def test_called_programs_keep_within_the_fuse():
    # called, 5 kW less in the first ISP, the car must charge more in the second, in which a load takes part of 12 kW
    case = make(2, car(), load(2, [0, 4]), reservation(2, [-5, 0], penalty=3000), price=[10, 50])
    case = behind(case, {"import_kw": 12, "penalty": 2000}, storage=[0], fixed=[0])
    outcome = solved(case)
    assert near(outcome.objective_eur, best_value(case))
    found = decomposed(case)
    assert found.bound_eur >= outcome.objective_eur - 1e-6


@pytest.mark.parametrize(("penalty", "beyond_kw", "missed_kw"), [(1000.0, 2.0, 0.0), (4000.0, 0.0, 2.0)])
def test_a_call_exceeds_a_limit_only_where_not_delivering_costs_more(penalty, beyond_kw, missed_kw):
    """The store could take 7 kW more in the second hour, beside 1 kW of load; 6 kW fit, at 2,000 EUR/MWh of penalty."""
    case = make(
        3, storage(3, charge_kw=10.0, high=20.0), load(3, 1.0), reservation(3, [0.0, 7.0, 0.0], penalty=2000.0),
        intraday=intraday(3, 65.0, 55.0, depth_kw=100.0),
    )  # fmt: skip
    case = behind(case, {"import_kw": 6.0, "penalty": penalty}, storage=[0], fixed=[0])
    for outcome in (solved(case), decomposed(case)):
        assert near(outcome.called_connection_import_breach_kw[0], [0.0, beyond_kw, 0.0])
        assert near(outcome.reservation_shortfall_kw[0], [0.0, missed_kw, 0.0])
        assert near(outcome.connection_import_breach_kw, 0.0)


def test_a_limit_that_cannot_bind_costs_nothing():
    case = make(2, car(), car(), price=[10, 50])
    wide = behind(case, {"import_kw": 20, "export_kw": 0}, storage=[0, 0])
    assert decomposed(wide).objective_eur == decomposed(case).objective_eur


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parent": np.array([1, 0])}, "must be a limit that comes later"),
        ({"parent": np.array([0, -1])}, "must be a limit that comes later"),
        ({"parent": np.array([5, -1])}, "must be a limit that comes later"),
        ({"penalty_eur_per_mwh": np.array([-1.0, 0.0])}, "must not be negative"),
        ({"point": np.array([3, 0])}, "must be -1..0"),
        ({"leaf": ()}, "has 0 classes"),
    ],
)
def test_contradictions_are_refused(changes, words):
    case = behind(make(2, car()), {"import_kw": 5, "parent": 1}, {"import_kw": 5}, storage=[0])
    with pytest.raises(CaseError, match=words):
        replace(case, connection_limits=replace(case.connection_limits, **changes))


ISPS = 4


@st.composite
def worlds(draw):
    """A few devices at two congestion points and none, in a random tree of limits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts, points = [], [0, 1, NO_POINT]
    kinds = {"storage": 0, "curtailable": 0, "fixed": 0, "switched": 0}
    for _ in range(draw(st.integers(2, 6))):
        point = int(rng.choice(points))
        kind = rng.choice(["storage", "storage", "curtailable", "fixed"])
        kinds[kind] += 1
        power = rng.uniform(2, 12)
        if kind == "storage":
            parts.append(
                storage(
                    ISPS, point=point, charge_kw=power, discharge_kw=rng.choice([0.0, power]), eta_c=0.95, eta_d=0.95,
                    low=np.array([0, 0, 0, 1]) * rng.uniform(0, power), high=3 * power, start=0.5, wear=0.002,
                    reserve_kw=rng.choice([0.0, power]),
                )
            )  # fmt: skip
        elif kind == "curtailable":
            parts.append(solar(ISPS, -rng.uniform(0, 15, ISPS), point=point, cost=rng.uniform(0, 5)))
        else:
            parts.append(load(ISPS, rng.uniform(0, 6, ISPS), point=point))
    if draw(st.booleans()):
        parts.append(reservation(ISPS, rng.choice([0.0, -4.0, 3.0], ISPS), point=0, penalty=rng.uniform(100, 3000)))
    reserves = []
    if draw(st.booleans()):
        direction = rng.choice([Direction.UP, Direction.DOWN, Direction.SYMMETRIC])  # type: ignore[arg-type]
        reserves.append(reserve(ISPS, 8.0, direction=direction, step_mw=0.0001, max_mw=0.02))
    case = make(
        ISPS, *parts, points=2, price=rng.uniform(5, 120, ISPS), reserves=reserves,
        intraday=intraday(ISPS, 90.0, 40.0, depth_kw=5.0),
    )  # fmt: skip
    count = draw(st.integers(1, 5))
    limits = [
        {
            "parent": int(rng.integers(i + 1, count)) if i + 1 < count and rng.random() < 0.7 else -1,
            "import_kw": np.where(rng.random(ISPS) < 0.8, rng.uniform(0, 15, ISPS), np.inf),
            "export_kw": np.where(rng.random(ISPS) < 0.8, -rng.uniform(0, 10, ISPS), -np.inf),
            "penalty": rng.uniform(20, 2000),
        }
        for i in range(count)
    ]
    leaf = {name: rng.integers(-1, count, n) for name, n in kinds.items() if name != "switched"}
    return behind(case, *limits, **leaf)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=worlds())
def test_random_trees_have_one_optimum_and_no_bound_lies_below_it(case):
    outcome = solved(case)
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=1e-5)
    found = decomposed(case, gap=1e-3)
    assert found.bound_eur >= outcome.objective_eur - 1e-5 - 1e-7 * outcome.gross_cost_eur
    assert found.objective_eur <= outcome.objective_eur + 1e-5


def test_a_boiler_and_a_car_behind_one_fuse():
    case = make(
        4,
        switched(4, (0, 4, 2, 4), on_kw=6.0),
        storage(4, charge_kw=8, low=[0, 0, 0, 16], high=16),
        price=[10, 20, 30, 40],
    )
    case = behind(case, {"import_kw": 9.0}, switched=[0], storage=[0])
    outcome = solved(case)
    assert near(outcome.objective_eur, best_value(case))
    found = decomposed(case, gap=1e-3)
    assert found.bound_eur >= outcome.objective_eur - 1e-6


def test_a_program_in_force_is_evaluated_with_its_breaches():
    case = make(2, car(), car(), load(2, [2, 0]), reservation(2, [-3, 0], penalty=30), price=[10, 50])
    case = behind(case, {"import_kw": 16, "penalty": 30}, storage=[0, 0], fixed=[0])
    outcome = solved(case)
    lower = replace(case, connection_limits=replace(case.connection_limits, import_kw=np.full((1, 2), 12.0)))
    rows = {name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    for now in (case, lower):
        kept = keep(now, Earlier(case=case, outcome=outcome, rows=rows), outcome).outcome
        assert audit(now, kept) == ()
        assert kept.objective_eur <= solved(now).objective_eur + 1e-6
        if now is case:
            assert near(kept.objective_eur, outcome.objective_eur)


def test_generation_at_a_reserved_point_behind_a_limit_that_counts_in_some_hours_only():
    """Export is limited to 4 of 6 kW in the first hour; in the second neither limit nor reservation says anything."""
    parts = [solar(2, -6.0), reservation(2, [2.0, 0.0], fee=10.0), load(2, 0.0)]
    case = behind(make(2, *parts, price=50), {"export_kw": [-4.0, -np.inf]}, curtailable=[0])
    outcome = solved(case)
    assert outcome.programs.curtailable_kw.tolist() == [[-4.0, -6.0]]
    assert outcome.called.curtailable_kw[0, 0] >= -2.0 - 1e-6
    assert outcome.objective_eur == pytest.approx(0.05 * 10.0 + 0.02)
