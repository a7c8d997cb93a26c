"""The whole portfolio as one linear lp, where all of it is behind connections that answer as a whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.solve import solve
from models.decomposition.tuning import DEFAULT
from models.decomposition.whole.blocks import blocks_of
from models.decomposition.whole.equations import Bent, Equations, NewtonSolver
from models.decomposition.whole.interior import first_iterate
from models.decomposition.whole.linking import families_of, joined, linking_of
from models.decomposition.whole.search import is_one_lp
from models.decomposition.whole.whole_lp import WholeLp
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import behind, intraday, limit, load, make, paying, solar, storage
from tests.models.obligation_builders import reservation, reserve

ISPS = 11  # more than one block of ISPs whose outputs are carried on together, and a part of one
ALWAYS = replace(DEFAULT, whole=replace(DEFAULT.whole, least_connections=1))


def street(seed, homes=5, *, points=2, reserves=True, peaks=2, markets=()):
    """Return random homes at two points: one limited, one reserved; each with stores, a roof, a load and a tariff."""
    rng = np.random.default_rng(seed)
    parts, store_of, roof_of, peak_at = [], [], [], []
    for home in range(homes):
        for power in rng.uniform(2, 9, rng.integers(1, 4)):
            both = rng.random() < 0.5
            parts.append(
                storage(
                    ISPS, point=home % points, charge_kw=power, discharge_kw=power if both else 0.0, eta_c=0.95,
                    eta_d=0.9, retention=0.99, high=4 * power, start=power, wear=0.002, end_value=rng.uniform(0, 0.05),
                    low=[0] * (ISPS - 1) + [rng.uniform(0, 3 * power)], reserve_kw=power if both else 0.0,
                    pinned_kw=[np.nan] * (ISPS - 1) + [0.5 if rng.random() < 0.3 else np.nan],
                    worth_steps=[(2 * power, -0.02)] if rng.random() < 0.5 else (),
                )
            )  # fmt: skip
            store_of.append(home)
        parts.append(solar(ISPS, -rng.uniform(0, 6, ISPS), point=home % points, cost=2.0))
        parts.append(load(ISPS, rng.uniform(0, 4, ISPS), point=home % points))
        roof_of.append(home)
        peak_at += [home] * (home % (peaks + 1))
    price = rng.uniform(40, 200, ISPS)
    products = (
        reserve(ISPS, 30.0, name="up", step_mw=1e-7),
        reserve(ISPS, 40.0, name="both", direction=Direction.SYMMETRIC, step_mw=1e-7),
    ) if reserves else ()  # fmt: skip
    case = make(
        ISPS, *parts, limit(ISPS, point=0, import_kw=14.0), *markets, points=points, price=price,
        intraday=intraday(ISPS, price + 4, price - 4, depth_kw=5.0), reserves=products,
    )  # fmt: skip
    units = {"storage": store_of, "curtailable": roof_of, "fixed": list(range(homes))}
    fuses = [{"import_kw": rng.uniform(5, 12), "export_kw": -rng.uniform(4, 9)} for _ in range(homes)]
    case = behind(case, *fuses, **units)
    tariffs = [{"import_eur": 100.0, "export_eur": 20.0, "point": home % points} for home in range(homes)]
    inside = [np.arange(ISPS) < 6, np.arange(ISPS) >= 4]
    tops = [
        {"at": at, "eur_per_kw": 0.05 + 0.02 * n % 3, "reached_kw": 1.0, "inside": inside[n % 2]}
        for n, at in enumerate(peak_at)
    ]
    return paying(case, *tariffs, peaks=tops, **units)


def whole_of(case):
    """Return the whole LP of a case, its first prices, and the responders of its connections."""
    grouping = group_units(case)
    master, responders = RestrictedMaster(case, grouping), LocalPricing(case, grouping).joint_responders()
    assert is_one_lp(grouping, responders, ALWAYS.whole)
    kinds, families = families_of(grouping, case.isps)
    linking, y = linking_of(master, kinds), joined(master.first_prices())
    return WholeLp(blocks_of(responders, families), linking, y), y[linking.used]


RESERVED = reservation(ISPS, [0] * 4 + [-3] * 3 + [0] * 4, point=1)
KINDS: dict[str, dict[str, Any]] = {
    "plain": {}, "no reserve": {"reserves": False}, "no peaks": {"peaks": 0},
    "called": {"markets": [RESERVED], "reserves": False},
}  # fmt: skip
CALLED: dict[str, Any] = {"markets": [RESERVED]}


@pytest.mark.parametrize("kind", [*KINDS.values(), CALLED], ids=[*KINDS, "called with reserve"])
def test_a_full_step_meets_every_row(kind):
    lp, prices = whole_of(street(1, **kind))
    z = first_iterate(lp, prices, 0.3)
    before = lp.misses(z)
    step = Equations(NewtonSolver(lp), z, before).step(1e-3, Bent())
    z.go(step, 1.0, 1.0)
    for was, now in zip(before, lp.misses(z), strict=True):
        assert np.abs(now).max() < 1e-7
        assert np.abs(was).max() > 0.1 or was is before[2]


def test_a_step_corrects_every_product_to_its_target():
    lp, prices = whole_of(street(2, **CALLED))
    z = first_iterate(lp, prices, 0.3)
    low, high, left = lp.widths(z)
    step = Equations(NewtonSolver(lp), z, lp.misses(z)).step(1e-3, Bent())
    ends = np.isfinite(lp.high)
    assert low * (z.below + step.below) + step.value * z.below == pytest.approx(np.full(len(low), 1e-3), abs=1e-9)
    upper = high * (z.above + step.above) - step.value * z.above
    assert upper[ends] == pytest.approx(np.full(int(ends.sum()), 1e-3), abs=1e-9)
    rows = z.slack * (z.dual + step.dual) + step.slack * z.dual
    assert rows == pytest.approx(np.full(len(rows), 1e-3), abs=1e-9)
    soft = np.isfinite(lp.price)
    beyond = z.beyond * (left - step.dual) + step.beyond * left
    assert beyond[soft] == pytest.approx(np.full(int(soft.sum()), 1e-3), abs=1e-9)
    assert (step.beyond[~soft] == 0).all()


@pytest.mark.parametrize("kind", ["plain", "no reserve", "no peaks"])
@pytest.mark.parametrize("seed", range(4))
def test_the_whole_is_solved_to_the_gap_asked_for_as_one_program_of_highs_is(kind, seed):
    case = street(seed, **KINDS[kind])
    outcome = solve(case, relative_gap=5e-4, threads=1, tuning=ALWAYS)
    best = reference(case, relative_gap=1e-7).objective_eur
    assert outcome.termination is Termination.OPTIMAL, outcome.log
    assert not any("search ended" in line for line in outcome.log)
    assert outcome.objective_eur <= best + 1e-6 <= outcome.bound_eur + 2e-6
    assert outcome.gap_eur <= 5e-4 * outcome.gross_cost_eur
    assert audit(case, outcome) == ()


@pytest.mark.parametrize("seed", range(3))
def test_with_called_programs_its_bound_is_near_the_best(seed):
    case = street(seed, **CALLED)
    outcome = solve(case, relative_gap=1e-3, threads=1, tuning=ALWAYS)
    best = reference(case, relative_gap=1e-7).objective_eur
    assert outcome.objective_eur <= best + 1e-6
    assert best - 1e-6 <= outcome.bound_eur <= best + 5e-4 * outcome.gross_cost_eur
    assert audit(case, outcome) == ()


def test_a_breach_that_nobody_can_avoid_has_the_same_size():
    case = street(3)
    fuses = case.connection_limits
    case = replace(case, connection_limits=replace(fuses, import_kw=np.minimum(fuses.import_kw, 1.0)))
    outcome = solve(case, relative_gap=1e-4, threads=1, tuning=ALWAYS)
    assert any("whole LP" in line for line in outcome.log)
    assert outcome.objective_eur == pytest.approx(
        reference(case, relative_gap=1e-7).objective_eur, abs=1e-4 * outcome.gross_cost_eur
    )


def test_the_whole_is_no_one_program_where_anything_else_has_a_choice():
    case = street(0)
    grouping, responders = group_units(case), LocalPricing(case, group_units(case)).joint_responders()
    assert is_one_lp(grouping, responders, ALWAYS.whole)
    assert not is_one_lp(grouping, responders, DEFAULT.whole)  # too few connections
    assert not is_one_lp(grouping, responders, replace(ALWAYS.whole, most_connections=4))
    leaf = tuple(np.where(np.arange(len(of)) == 0, -1, of) for of in case.connection_limits.leaf)
    for other in (
        replace(case, connection_limits=replace(case.connection_limits, leaf=leaf)),
        replace(case, reserves=(*case.reserves, replace(case.reserves[0], name="again"))),
    ):
        grouping = group_units(other)
        assert not is_one_lp(grouping, LocalPricing(other, grouping).joint_responders(), ALWAYS.whole)


def test_more_rows_than_are_worth_it_are_searched_round_by_round():
    few = replace(ALWAYS, whole=replace(ALWAYS.whole, most_rows=10))
    outcome = solve(street(0), relative_gap=1e-3, threads=1, tuning=few)
    assert any("search ended" in line for line in outcome.log)


def test_a_run_that_is_cancelled_half_way_returns_what_it_has():
    left = iter(range(6))
    outcome = solve(street(0), threads=1, tuning=ALWAYS, cancelled=lambda: next(left, None) is None)
    assert outcome.termination is Termination.TIME_LIMIT
    assert np.isfinite(outcome.objective_eur)
    assert outcome.objective_eur <= reference(street(0), relative_gap=1e-7).bound_eur + 1e-6


def test_the_same_case_is_solved_in_the_same_way_again():
    first, second = (solve(street(4), threads=1, tuning=ALWAYS) for _ in range(2))
    assert first.objective_eur == second.objective_eur
    assert first.bound_eur == second.bound_eur
