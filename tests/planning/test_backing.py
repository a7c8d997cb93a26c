"""Positions are backed by what resources can do, by default; limits and euros worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.planning.case import Inputs, NamedCase, build
from agr.settings import DayAhead, Imbalance, Intraday, Markets
from models.audit import audit
from models.method import Method, solve
from models.outcome import Outcome
from tests.builders.case_inputs import at, inputs

HOUR = slice(80, 84)
"""The hour from 20:00, in which intraday pays more than day-ahead costs."""
LOAD = FixedLoad(resource="house", connection="a")
BATTERY = Battery(
    resource="b", connection="a", charge_kw=10, discharge_kw=10, capacity_kwh=20, initial_kwh=10, end_kwh=10
)  # fmt: skip


def world(*resources: object, load_kw: float | np.ndarray = 1.0, speculation: bool = False, **more: Any) -> Inputs:
    """Day-ahead costs 70 EUR/MWh all day. Intraday buys at 80 and sells at 60, but at 90 and 85 from 20:00 to 21:00."""
    buy, sell = np.full(96, 80.0), np.full(96, 60.0)
    buy[HOUR], sell[HOUR] = 90.0, 85.0
    market = Intraday(buy_series="bid", sell_series="ask", depth_kw=10_000)
    settings = {"intraday": market, "speculation": speculation} | {
        name: more.pop(name) for name in ("day_ahead", "imbalance") if name in more
    }
    forecasts = {("house", "power_kw"): np.broadcast_to(np.asarray(load_kw, dtype=float), (96,))}
    forecasts |= more.pop("forecasts", {})  # type: ignore[operator, arg-type]
    made = inputs(markets=Markets(**settings), forecasts=forecasts, **more)
    series = {"day_ahead_forecast": (70.0,) * 96, "bid": tuple(buy.tolist()), "ask": tuple(sell.tolist())}
    return replace(made, prices=series, register=replace(made.register, resources=resources))  # type: ignore[arg-type]


def best(made: NamedCase) -> Outcome:
    found = solve(made.case, method=Method.REFERENCE, threads=1)
    assert audit(made.case, found) == ()
    return found


def test_t15_spec_a_house_buys_what_it_needs_and_no_more() -> None:
    """1 kW for 24 h at 70 EUR/MWh: −1.68 EUR. Buying 10 MW day-ahead and selling it in the hour from 20:00 would earn
    10 MWh · 15 EUR = 150 EUR, backed by nothing.
    """
    made = build(world(LOAD))
    found = best(made)
    assert found.objective_eur == pytest.approx(-1.68)
    assert found.day_ahead_kw.max() == pytest.approx(1.0)
    assert not (found.intraday_buy_kw + found.intraday_sell_kw).any()
    assert any("in 4 ISPs (81–84), trades would pay without resources" in note for note in made.notes)


def test_speculation_is_a_setting_and_is_said() -> None:
    """10,001 kW bought for the hour at 70, 10,000 of them sold at 85: −1.68 + 150 EUR."""
    made = build(world(LOAD, speculation=True))
    assert best(made).objective_eur == pytest.approx(-1.68 + 150)
    assert any("markets.speculation: in 4 ISPs (81–84)" in note for note in made.notes)
    assert not any("limited" in note for note in made.notes)


def test_what_a_battery_could_do_may_be_traded_twice() -> None:
    """House 1 kW, battery ±10 kW: −9 to 11 kW. Day-ahead takes 11 kW at most, intraday sells 11 − (−9) = 20 kW.

    Best: buy 11 kW day-ahead from 20:00 and sell all that the house does not need, 10 kW plus 10 kW discharged, at 85.
    The battery's 10 kWh are bought back at 70 elsewhere: −1.68 + 0.010 · 15 + 0.010 · 15 = −1.38 EUR.
    """
    made = build(world(LOAD, BATTERY))
    case = made.case
    assert case.day_ahead.max_buy_kw[HOUR].tolist() == [11.0] * 4
    assert case.day_ahead.max_sell_kw[HOUR].tolist() == [9.0] * 4
    assert case.intraday.sell_depth_kw[HOUR].tolist() == [20.0] * 4
    assert case.intraday.buy_depth_kw[HOUR].tolist() == [20.0] * 4
    assert case.day_ahead.max_buy_kw[0] == 100_000  # where nothing pays without resources, limits stay
    assert case.intraday.sell_depth_kw[0] == 10_000
    assert best(made).objective_eur == pytest.approx(-1.38)


def test_a_product_of_an_hour_reaches_what_its_most_able_isp_can_do() -> None:
    """The house takes 1, 2, 3 and 4 kW in the quarters of the hour: one position for all of them, up to 4 kW.

    What is bought too much may be sold: 4 − 1, 4 − 2, 4 − 3 and nothing. 4 kWh at 70, 1.5 kWh sold at 85 EUR/MWh.
    """
    load = np.ones(96)
    load[HOUR] = [1.0, 2.0, 3.0, 4.0]
    made = build(world(LOAD, load_kw=load, day_ahead=DayAhead(product_minutes=60)))
    assert made.case.day_ahead.max_buy_kw[HOUR].tolist() == [4.0] * 4
    assert made.case.intraday.sell_depth_kw[HOUR].tolist() == [3.0, 2.0, 1.0, 0.0]
    assert best(made).objective_eur == pytest.approx(-0.023 * 70 - 0.004 * 70 + 0.0015 * 85)


def test_fixed_positions_are_facts_that_may_be_traded_away() -> None:
    """10 kW were bought day-ahead by mistake, for a house of 1 kW: 9 kW can be sold in every ISP, as the depth allows.

    After the gate nothing pays without resources here, so depths stay.
    """
    made = build(world(LOAD, fixed={"day-ahead": (10.0,) * 96}))
    assert made.case.intraday.sell_depth_kw.tolist() == [10_000.0] * 96
    found = best(made)
    assert found.intraday_sell_kw == pytest.approx(np.full(96, 9.0))
    assert not found.short_kw.any()


def test_after_the_gate_imbalance_is_no_source_of_income_either() -> None:
    """Imbalance costs 70 EUR/MWh here, selling pays 85 from 20:00: selling what one does not have would earn 15.

    Fixed are 3 kW for a house of 1 kW: 2 kW may be sold and no more.
    """
    made = build(world(LOAD, fixed={"day-ahead": (3.0,) * 96}, imbalance=Imbalance(penalty_eur_per_mwh=0)))
    assert made.case.intraday.sell_depth_kw[HOUR].tolist() == [2.0] * 4
    assert not best(made).short_kw[HOUR].any()


def test_the_range_of_every_kind_by_hand() -> None:
    """From 20:00, in kW: house 1; sun 0 to −3; battery −10 to 10; a run of 2 and 5 kW that starts at 20:00 or 20:15;
    a boiler of 2 kW that may be on until 20:30.

    20:00: −13 + 1 + 0 = −12 to 1 + 10 + 2 + 2 = 15. 20:15: the run takes 2 or 5: −10 to 18.
    20:30: it takes 5 or has ended: −12 to 16. 20:45: it has ended: −12 to 11.
    """
    run = ShiftableRun(
        resource="run", connection="a", earliest_start=at(20), latest_end=at(20, 45), profile_kw=(2.0, 5.0)
    )
    boiler = SwitchedLoad(resource="boiler", connection="a", power_kw=2.0, needs="00:00-20:30 4")
    sun = Generator(resource="sun", connection="a")
    forecasts = {("sun", "power_kw"): np.full(96, -3.0)}
    case = build(world(LOAD, sun, BATTERY, run, boiler, forecasts=forecasts)).case
    assert case.day_ahead.max_sell_kw[HOUR].tolist() == [12.0, 10.0, 12.0, 12.0]
    assert case.day_ahead.max_buy_kw[HOUR].tolist() == [15.0, 18.0, 16.0, 11.0]


def test_what_is_pinned_or_out_of_order_can_do_nothing_else() -> None:
    """The battery is out of order from 20:30 on: then only the house's 1 kW is left."""
    case = build(world(LOAD, BATTERY, unavailable_from={"b": 82})).case
    assert case.day_ahead.max_buy_kw[HOUR].tolist() == [11.0, 11.0, 1.0, 1.0]
    assert case.day_ahead.max_sell_kw[HOUR].tolist() == [9.0, 9.0, 0.0, 0.0]


def test_with_a_spread_around_the_day_ahead_price_nothing_is_limited_and_nothing_said() -> None:
    made = build(inputs())
    assert made.case.day_ahead.max_buy_kw.tolist() == [100_000.0] * 96
    assert made.case.intraday.buy_depth_kw.tolist() == [10_000.0] * 96
    assert not any("trades" in note for note in made.notes)
