"""Balance responsible parties in cases: who is balanced by itself, shares of limits, positions, trades; the audit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agr.domain.award import Trade
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.register import Connection
from agr.history.facts import brps_eur, connections_eur
from agr.planning.case import GroupBefore, Inputs, NamedCase, Previous, build
from agr.planning.case.balancing import TOGETHER
from agr.planning.case_audit import audit_case
from agr.planning.difference import Solved
from agr.settings import Brp, Intraday, Markets
from models.method import Method, solve
from tests.builders.case_inputs import FIRST, at, inputs

ALONE = (Brp(name="supplier"), Brp(name="sun", balance="itself"))


def world(brps: tuple[Brp, ...] = ALONE, **more: Any) -> Inputs:
    """A load of 30 kW of the supplier's, and a generator of 10 kW, whose BRP is the sun's, at the same point."""
    connections = (
        Connection(address="a", first_day=FIRST, brp="supplier"), Connection(address="b", first_day=FIRST, brp="sun"),
        Connection(address="c", first_day=FIRST),
    )  # fmt: skip
    resources = (FixedLoad(resource="load", connection="a"), Generator(resource="pv", connection="b"),
                 FixedLoad(resource="other", connection="c"))  # fmt: skip
    forecasts = {
        ("load", "power_kw"): np.full(96, 20.0), ("pv", "power_kw"): np.full(96, -10.0),
        ("other", "power_kw"): np.full(96, 10.0),
    }  # fmt: skip
    return inputs(connections=connections, resources=resources, forecasts=forecasts, brps=brps, **more)


def audited(made: Inputs) -> NamedCase:
    named = build(made)
    assert audit_case(made, named) == ()
    return named


def test_a_connection_without_a_brp_is_the_first_ones() -> None:
    case = audited(world()).case
    assert case.balancing_groups.name == (TOGETHER, "sun")
    assert case.balanced_in("fixed").tolist() == [0, 0]
    assert case.balanced_in("curtailable").tolist() == [1]


@pytest.mark.parametrize(
    "brps", [(), (Brp(name="supplier"), Brp(name="sun")), (Brp(name="supplier", balance="itself"),)]
)
def test_where_nobody_is_balanced_by_itself_there_are_no_groups(brps: tuple[Brp, ...]) -> None:
    """A single BRP, which answers for unknown ones as well, is the portfolio; unknown BRPs are balanced together."""
    made = world(brps)
    names = build(made).case.balancing_groups.name
    assert names == ((TOGETHER, "supplier") if len(brps) == 1 else ())
    assert audit_case(made, build(made)) == ()


def test_limits_are_shared_by_what_units_can_do() -> None:
    case = audited(world(markets=Markets(intraday=Intraday(depth_kw=80.0)))).case
    assert case.balancing_groups.buy_depth_kw[:, 0] == pytest.approx([60.0, 20.0])  # 30 kW of load, 10 of sun
    assert case.balancing_groups.max_sell_kw.sum(axis=0) == pytest.approx(case.day_ahead.max_sell_kw)


def test_each_keeps_what_it_has_bought_and_a_different_award_is_shared_by_size() -> None:
    before = {
        TOGETHER: GroupBefore(day_ahead_kw=np.full(96, 30.0), intraday_kw=np.full(96, 2.0)),
        "sun": GroupBefore(day_ahead_kw=np.full(96, -10.0), intraday_kw=np.full(96, -1.0)),
    }
    previous = Previous(groups=before, intraday_kw=np.full(96, 1.0))
    same = audited(world(fixed={"day-ahead": (20.0,) * 96}, previous=previous, closed_isps=4)).case.balancing_groups
    assert same.day_ahead_kw[:, 0].tolist() == [30.0, -10.0]
    assert same.intraday_kw[:, 3].tolist() == [2.0, -1.0]
    assert np.isnan(same.intraday_kw[:, 4]).all()
    less = audited(world(fixed={"day-ahead": (16.0,) * 96}, previous=previous)).case.balancing_groups
    assert less.day_ahead_kw[:, 0] == pytest.approx([27.0, -11.0])


def test_without_groups_before_each_has_bought_what_it_took() -> None:
    previous = Previous(programs_kw={"load": np.full(96, 20.0), "other": np.full(96, 10.0), "pv": np.full(96, -8.0)})
    groups = audited(world(fixed={"day-ahead": (22.0,) * 96}, previous=previous)).case.balancing_groups
    assert groups.day_ahead_kw[:, 0] == pytest.approx([30.0, -8.0])
    first = audited(world(fixed={"day-ahead": (21.0,) * 96})).case.balancing_groups
    assert first.day_ahead_kw.sum(axis=0) == pytest.approx(21.0)
    assert (first.day_ahead_kw[1] <= 0).all()


def test_trades_are_those_of_the_brp_they_were_made_for() -> None:
    trades = (
        Trade(trade="a", start=at(1), minutes=60, mw=0.003, price_eur_per_mwh=100.0),
        Trade(trade="b", start=at(1), minutes=15, mw=-0.004, price_eur_per_mwh=90.0, brp="sun"),
        Trade(trade="c", start=at(1), minutes=15, mw=0.001, price_eur_per_mwh=90.0, brp="supplier"),
    )
    groups = audited(world(trades=trades)).case.balancing_groups
    assert groups.traded_kw[:, 4].tolist() == pytest.approx([4.0, -4.0])
    assert groups.traded_kw[:, 5].tolist() == pytest.approx([3.0, 0.0])


def test_prices_that_pay_for_trades_without_resources_limit_each_group_to_its_own() -> None:
    """Intraday sells above the day-ahead price: the sun may sell its 10 kW, and not the supplier's load."""
    series = {"day_ahead_forecast": (50.0,) * 96, "bid": (70.0,) * 96, "ask": (90.0,) * 96}
    markets = Markets(intraday=Intraday(buy_series="ask", sell_series="bid"))
    case = audited(replace(world(markets=markets), prices=series)).case
    assert case.balancing_groups.max_sell_kw[:, 0].tolist() == [0.0, 10.0]
    assert case.balancing_groups.max_buy_kw[:, 0] == pytest.approx([30.0, 0.0])
    assert case.day_ahead.max_buy_kw[0] == pytest.approx(30.0)


def test_units_back_trades_of_their_group_only_when_they_can_run() -> None:
    """From 20:00 the sun's group has PV of 10 kW, a battery of 10 kW that is out of order from 20:30 on, a run of 2 and
    5 kW that starts at 20:00 or 20:15, and a boiler of 2 kW that may be on until 20:30.

    It takes −20, −18, −10, −10 kW at least, and 14, 17, 5, 0 at most.
    """
    series = {"day_ahead_forecast": (50.0,) * 96, "bid": (70.0,) * 96, "ask": (90.0,) * 96}
    markets = Markets(intraday=Intraday(buy_series="ask", sell_series="bid"))
    more = (
        Battery(
            resource="b", connection="b", charge_kw=10, discharge_kw=10, capacity_kwh=20, initial_kwh=10, end_kwh=0
        ),
        ShiftableRun(
            resource="run", connection="b", earliest_start=at(20), latest_end=at(20, 45), profile_kw=(2.0, 5.0)
        ),
        SwitchedLoad(resource="boiler", connection="b", power_kw=2.0, needs="00:00-20:30 4"),
    )
    made = world(markets=markets, unavailable_from={"b": 82})
    register = replace(made.register, resources=(*made.register.resources, *more))
    groups = audited(replace(made, prices=series, register=register)).case.balancing_groups
    assert groups.max_sell_kw[1, 80:84].tolist() == [20.0, 18.0, 10.0, 10.0]
    assert groups.max_buy_kw[1, 80:84].tolist() == [14.0, 17.0, 5.0, 0.0]


def test_what_they_cannot_give_each_other_costs_the_spread_and_history_says_whom() -> None:
    """10 kW of sun against 30 kW of load, all intraday, at 60 and 40: 0.24 MWh each way, 20 EUR/MWh."""
    nothing = GroupBefore(day_ahead_kw=np.zeros(96), intraday_kw=np.zeros(96))
    before = Previous(groups={TOGETHER: nothing, "sun": nothing})
    apart, together = (build(world(brps, fixed={"day-ahead": (0.0,) * 96}, previous=before)) for brps in (ALONE, ()))
    solved = Solved(named=apart, outcome=solve(apart.case, method=Method.REFERENCE))
    value = solved.outcome.objective_eur
    assert solve(together.case, method=Method.REFERENCE).objective_eur - value == pytest.approx(0.24 * 20)
    connections = connections_eur(solved, {"load": "a", "pv": "b", "other": "c"})
    found = brps_eur(solved, connections, {"a": "supplier", "b": "sun", "c": "supplier"})
    assert {key: eur for key, eur in found.items() if key[0] == "sun"} == {
        ("sun", "intraday", "paid"): pytest.approx(0.24 * 40)  # sold by itself, not for 50 day-ahead
    }
    assert found["supplier", "day-ahead", "paid"] == pytest.approx(-0.72 * 50)
    assert sum(found.values()) == pytest.approx(value)


def tampered(named: NamedCase, **values: Any) -> NamedCase:
    groups = replace(named.case.balancing_groups, **values)  # type: ignore[arg-type]
    return replace(named, case=replace(named.case, balancing_groups=groups))


def test_the_audit_finds_other_groups_limits_trades_and_positions() -> None:
    trade = Trade(trade="b", start=at(1), minutes=15, mw=-0.004, price_eur_per_mwh=90.0, brp="sun")
    before = {name: GroupBefore(day_ahead_kw=np.full(96, kw), intraday_kw=np.zeros(96))
              for name, kw in ((TOGETHER, 30.0), ("sun", -10.0))}  # fmt: skip
    made = world(trades=(trade,), fixed={"day-ahead": (20.0,) * 96}, previous=Previous(groups=before))
    named = audited(made)
    groups, moved = named.case.balancing_groups, np.array([[5.0], [-5.0]])
    units = (*groups.of_units[:1], 1 - groups.of_units[1], *groups.of_units[2:])
    for changed, words in (
        ({"of_units": units}, "pv: is balanced with balanced together, its BRP is sun"),
        ({"buy_depth_kw": 2 * groups.buy_depth_kw}, "may buy intraday more than the portfolio"),
        ({"traded_kw": groups.traded_kw[::-1].copy()}, "traded_kw"),
        ({"day_ahead_kw": groups.day_ahead_kw + moved}, "day-ahead position moved away"),
        ({"name": (TOGETHER, "moon")}, "are balanced by themselves"),
    ):
        assert any(words in finding for finding in audit_case(made, tampered(named, **changed))), words
    without = replace(named, case=build(replace(made, brps=())).case)
    assert any("are balanced by themselves" in finding for finding in audit_case(made, without))
