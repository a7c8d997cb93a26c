"""Portfolios of several balance responsible parties, each balanced by itself or together.

Oracles: hand-computed cases, the problem stated a second time (tests.models.oracle), and the spread.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.audit import audit
from models.audit.resources.registry import CLASSES
from models.baseline import no_flexibility
from models.case import NO_POINT, UNIT_CLASSES, Direction, no_balancing_groups
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from models.evaluation import keep
from models.flexibility.pricing import price
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, intraday, limit, load, make, solar, storage
from tests.models.obligation_builders import balanced, reservation, reserve
from tests.models.offers import question, room
from tests.models.oracle import best_value
from tests.models.solved import near, solved
from tests.models.test_evaluation import in_force
from tests.models.test_replan import again, scaled
from tests.models.worlds import portfolio

LIMIT_S = 240.0


def consumer_and_sun(*, spread=20.0, depth_kw=1e4, committed_kw=0.0, shares=(0.5, 0.5), isps=2):
    """A BRP with a load of 100 kW and one with as much sun, which may be curtailed; nothing was bought day-ahead."""
    case = make(
        isps, load(isps, 100.0), solar(isps, -100.0),
        day_ahead=day_ahead(isps, 50.0, committed_kw=committed_kw),
        intraday=intraday(isps, 50 + spread / 2, 50 - spread / 2, depth_kw=depth_kw),
    )  # fmt: skip
    first, second = shares
    return case, balanced(case, {"share": first}, {"share": second}, curtailable=[1])


def test_what_one_sells_and_another_buys_costs_the_spread():
    together, apart = consumer_and_sun()
    assert solved(together).objective_eur == pytest.approx(0.0, abs=1e-6)
    outcome = solved(apart)
    assert outcome.objective_eur == pytest.approx(-2 * 0.1 * 20.0)  # 0.1 MWh in each of two hours
    assert near(outcome.group_intraday_kw, [[100, 100], [-100, -100]])
    assert near(outcome.intraday_buy_kw, 100)
    assert near(outcome.intraday_sell_kw, 100)


def test_without_a_spread_nothing_is_lost():
    together, apart = consumer_and_sun(spread=0.0)
    assert solved(apart).objective_eur == pytest.approx(solved(together).objective_eur, abs=1e-6)


def test_before_the_gate_each_buys_what_it_takes_and_nothing_is_lost():
    together, apart = consumer_and_sun(committed_kw=np.nan)
    outcome = solved(apart)
    assert outcome.objective_eur == pytest.approx(solved(together).objective_eur, abs=1e-6)
    assert near(outcome.group_day_ahead_kw, [[100, 100], [-100, -100]])
    assert near(outcome.day_ahead_kw, 0)


def test_beyond_its_own_depth_a_group_is_in_imbalance_although_another_has_the_energy():
    _, apart = consumer_and_sun(depth_kw=100.0, shares=(0.3, 0.7))
    outcome = solved(apart)
    assert near(outcome.group_intraday_kw, [[30, 30], [-70, -70]])
    assert near(outcome.group_imbalance_kw, [[70, 70], [0, 0]])  # its sun is curtailed by the rest
    assert near(outcome.programs.curtailable_kw, -70)


def test_a_battery_serves_its_own_group_only():
    """It could carry the sun to the evening, but the sun is another party's: that costs the spread."""
    isps = 2
    case = make(
        isps, load(isps, [0.0, 10.0]), solar(isps, [-10.0, 0.0]), storage(isps, charge_kw=10, discharge_kw=10, high=10),
        day_ahead=day_ahead(isps, [50.0, 50.0], committed_kw=0.0), intraday=intraday(isps, 70.0, 30.0, depth_kw=1e3),
    )  # fmt: skip
    assert solved(case).objective_eur == pytest.approx(0.0, abs=1e-6)
    own = solved(balanced(case, {}, {}, curtailable=[1], storage=[1]))
    assert own.objective_eur == pytest.approx(-0.01 * 70 + 0.01 * 30)  # the battery has nobody to serve
    with_load = solved(balanced(case, {}, {}, curtailable=[1]))
    assert with_load.objective_eur == pytest.approx(-0.01 * 70 + 0.01 * 30)
    all_one = solved(balanced(case, {}, {}, curtailable=[1], fixed=[1], storage=[1]))
    assert all_one.objective_eur == pytest.approx(0.0, abs=1e-6)


def test_trades_and_closed_hours_are_each_groups_own():
    case = make(
        2, load(2, 10.0), load(2, 10.0), day_ahead=day_ahead(2, 50.0, committed_kw=[4.0, 20.0]),
        intraday=intraday(2, 60.0, 40.0, depth_kw=100.0, committed_kw=[6.0, np.nan], traded_kw=[10.0, 0.0],
                          traded_eur=-1.0),
    )  # fmt: skip
    facts = {"day_ahead_kw": [4.0, 15.0], "intraday_kw": [6.0, np.nan], "traded_kw": [0.0, 0.0]}
    others = {"day_ahead_kw": [0.0, 5.0], "intraday_kw": [0.0, np.nan], "traded_kw": [10.0, 0.0]}
    outcome = solved(balanced(case, facts, others, fixed=[0, 1]))
    assert near(outcome.group_intraday_kw, [[6, -5], [0, 5]])
    money = -0.004 * 50 - 0.020 * 50 - 0.006 * 60 - 1.0 - 0.005 * 60 + 0.005 * 40
    assert outcome.objective_eur == pytest.approx(money)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"of_units": (np.array([5]),) * len(UNIT_CLASSES)}, "of_units"),
        ({"day_ahead_kw": np.ones((2, 2))}, "day_ahead_kw: do not add up"),
        ({"traded_kw": np.ones((2, 2))}, "traded_kw: do not add up"),
        ({"intraday_kw": np.ones((2, 2))}, "intraday_kw: must be given in the ISPs where"),
        ({"buy_depth_kw": -np.ones((2, 2))}, "buy_depth_kw: must not be negative"),
        ({"max_buy_kw": np.ones((3, 2))}, "max_buy_kw"),
    ],
)
def test_contradicting_groups_are_refused(changes, words):
    _, case = consumer_and_sun()
    with pytest.raises(CaseError, match=words):
        replace(case, balancing_groups=replace(case.balancing_groups, **changes))


ISPS = 4


@st.composite
def worlds(draw):
    """A few devices of two or three groups at two congestion points and none, before or after the gate."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts, of, count = [], {"storage": [], "curtailable": [], "fixed": []}, draw(st.integers(2, 3))
    for _ in range(draw(st.integers(2, 6))):
        point, kind = int(rng.choice([0, 1, NO_POINT])), str(rng.choice(["storage", "storage", "curtailable", "fixed"]))
        of[kind].append(int(rng.integers(count)))
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
    if draw(st.booleans()):
        parts.append(limit(ISPS, point=1, import_kw=rng.uniform(1, 9), export_kw=-rng.uniform(1, 9), penalty=300.0))
    reserves = []
    if draw(st.booleans()):
        direction = rng.choice([Direction.UP, Direction.DOWN, Direction.SYMMETRIC])  # type: ignore[arg-type]
        reserves.append(reserve(ISPS, 8.0, direction=direction, step_mw=0.0001, max_mw=0.02))
    price, fixed = rng.uniform(5, 120, ISPS), draw(st.booleans())
    spread, depth = float(rng.choice([0.0, 30.0])), float(rng.choice([8.0, 1000.0]))
    facts = rng.uniform(-5, 5, (count, ISPS)) if fixed else np.full((count, ISPS), np.nan)
    case = make(
        ISPS, *parts, points=2, reserves=reserves,
        day_ahead=day_ahead(ISPS, price, product=[0, 0, 1, 1], depth_kw=300.0, committed_kw=facts.sum(axis=0)),
        intraday=intraday(ISPS, price + spread / 2, price - spread / 2, depth_kw=depth),
    )  # fmt: skip
    shares = rng.dirichlet(np.ones(count))
    groups = [{"share": share, "day_ahead_kw": kw} for share, kw in zip(shares.tolist(), facts, strict=True)]
    return balanced(case, *groups, **of)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=worlds())
def test_random_portfolios_have_one_optimum_and_no_bound_lies_below_it(case):
    outcome = solved(case)
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=1e-5)
    found = decompose(case, relative_gap=1e-3, time_limit_s=LIMIT_S)
    assert audit(case, found) == ()
    assert found.bound_eur >= outcome.objective_eur - 1e-5 - 1e-7 * outcome.gross_cost_eur
    assert found.objective_eur <= outcome.objective_eur + 1e-5
    assert audit(case, no_flexibility(case)) == ()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=worlds())
def test_apart_loses_at_most_the_spread_on_what_is_netted(case):
    """Of the best program together, what groups trade against each other costs the spread, within the same depths."""
    market, none = case.intraday, case.balancing_groups
    wide = {name: np.full_like(none.max_buy_kw, 1e4) for name in ("buy_depth_kw", "sell_depth_kw")}
    total = len(none.name) * wide["buy_depth_kw"][0]
    case = replace(
        case, intraday=replace(market, buy_depth_kw=total, sell_depth_kw=total),
        balancing_groups=replace(none, **wide),
    )  # fmt: skip
    together, apart = solved(replace(case, balancing_groups=no_balancing_groups())), solved(case)
    if np.isnan(none.day_ahead_kw).any():
        assert apart.objective_eur <= together.objective_eur + 1e-6
        return  # a product's position is one for two ISPs: each group has its own
    power_kw = np.zeros_like(none.day_ahead_kw)
    for of_class in CLASSES:
        np.add.at(power_kw, case.balanced_in(of_class.name), of_class.power_kw(case, together.programs))
    open_kw = power_kw - none.day_ahead_kw
    crossing = np.minimum(np.maximum(open_kw, 0).sum(axis=0), np.maximum(-open_kw, 0).sum(axis=0))
    spread_eur = float(crossing @ (market.buy_eur_per_mwh - market.sell_eur_per_mwh)) / 1000
    assert together.objective_eur - spread_eur - 1e-5 <= apart.objective_eur <= together.objective_eur + 1e-6


def portfolio_apart(units=60, isps=24, points=4):
    """A decomposed portfolio in which every third store, and half of the sun, is another party's."""
    case = portfolio(units, isps, points=points)
    of = {name: np.arange(len(case.units(name).point)) % 3 == 2 for name in ("storage", "curtailable", "shiftable")}
    return balanced(case, {"share": 0.6}, {"share": 0.4}, **{name: mine.astype(int) for name, mine in of.items()})


def test_parts_of_a_portfolio_are_planned_again_within_the_bound_of_the_whole():
    case = portfolio_apart()
    before = decompose(case, relative_gap=1e-3, time_limit_s=LIMIT_S)
    assert audit(case, before) == ()
    points = case.reservations.point[:1]
    new, found, whole, outcome = again(case, before, points, scaled(0.5))
    assert audit(new, found) == ()
    assert audit(whole, outcome) == ()
    theirs = reference(whole, relative_gap=1e-5, time_limit_s=LIMIT_S)
    rounding = 1e-6 * theirs.gross_cost_eur
    assert found.bound_eur >= theirs.objective_eur - rounding
    assert found.objective_eur <= theirs.bound_eur + rounding


def test_a_program_in_force_keeps_the_positions_of_its_groups():
    _, case = consumer_and_sun()
    outcome = solved(case)
    rows = {name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    kept = keep(case, in_force(case, outcome, **rows), outcome).outcome
    assert audit(case, kept) == ()
    assert kept.objective_eur == pytest.approx(outcome.objective_eur)
    assert near(kept.group_intraday_kw, outcome.group_intraday_kw)


def test_an_offer_is_traded_by_the_groups_of_its_point():
    """5 kWh less in the second hour are charged in the first: bought at 60 and sold at 40, by the battery's party.

    The other party's position stays. If the operator trades what it asks for, nothing is sold.
    """
    case = make(
        2, load(2, 20.0), solar(2, -20.0, point=1),
        storage(2, charge_kw=10, discharge_kw=10, low=[0.0, 10.0], high=20, start=10, wear=1e-5), points=2,
        day_ahead=day_ahead(2, 50.0, committed_kw=0.0), intraday=intraday(2, 60.0, 40.0, depth_kw=100.0),
    )  # fmt: skip
    case = balanced(case, {}, {}, curtailable=[1])
    plan = solved(case)
    asked = question(case, plan, room(plan, 0, requested=[False, True], least=[-10.0, -5.0], most=[10.0, 0.0]))
    (priced,) = price(asked).priced
    assert priced.cost_eur == pytest.approx(0.005 * (60 - 40), abs=2e-4)
    assert priced.traded_kw == pytest.approx([5, -5], abs=1e-3)
    assert audit(priced.case, priced.outcome) == ()
    (sold,) = price(replace(asked, traded_by_operator=True)).priced
    assert sold.cost_eur == pytest.approx(0.005 * 60, abs=2e-4)
