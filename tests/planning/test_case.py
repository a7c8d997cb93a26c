"""From register to case: windows, bands, blocks, fall-backs and what is frozen; numbers worked out by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agr.domain.award import Trade
from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.register import Connection, Contract, PointLimit, Portfolio
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from agr.settings import CapacityProduct, DayAhead, Intraday, Markets, MarketTime
from models.case import NO_POINT, Direction
from models.method import Method, solve
from tests.builders.case_inputs import FIRST, PERIOD, at, ev, inputs


def test_a_session_charges_only_while_the_car_is_there_and_needs_its_energy_at_departure() -> None:
    storage = build(inputs(resources=(ev(at(10, 5), at(12)),))).case.storage
    assert np.flatnonzero(storage.charge_kw[0]).tolist() == list(range(40, 48))  # 10:00 … 11:45
    assert storage.charge_kw[0, 40] == pytest.approx(8 * 10 / 15)  # there for 10 of the first 15 minutes
    assert storage.energy_min_kwh[0, 46] == 0
    assert storage.energy_min_kwh[0, 47] == 10
    assert storage.energy_max_kwh[0].max() == 10
    assert storage.charge_min_kw.tolist() == [0.0]


def test_a_session_keeps_its_minimum_power() -> None:
    storage = build(inputs(resources=(ev(at(10), at(12), charge_min_kw=4.2),))).case.storage
    assert storage.charge_min_kw.tolist() == [4.2]


def test_unmanaged_charging_is_full_power_from_arrival() -> None:
    storage = build(inputs(resources=(ev(at(10), at(18), 5.0),))).case.storage
    assert storage.unmanaged_kw[0, 40:44].tolist() == [8, 8, 4, 0]  # 2 + 2 + 1 kWh


def test_a_session_over_midnight_owes_only_what_cannot_be_charged_after_it() -> None:
    storage = build(inputs(resources=(ev(at(20), at(1, 0, day=16), 20.0),))).case.storage
    assert storage.energy_min_kwh[0, -1] == pytest.approx(20 - 8)  # one hour at 8 kW is left after midnight
    assert storage.end_value_eur_per_kwh[0] == pytest.approx(0.05)


def test_a_session_from_the_day_before_starts_with_what_was_carried_over() -> None:
    session = ev(at(20, day=14), at(6), 20.0)
    assert build(inputs(resources=(session,))).case.storage.energy_start_kwh[0] == 20  # unmanaged: full by midnight
    carried = inputs(resources=(session,), carried_state={"ev": 3.0})
    assert build(carried).case.storage.energy_start_kwh[0] == 3


def test_sessions_of_other_days_are_left_out() -> None:
    assert build(inputs(resources=(ev(at(8, day=16), at(9, day=16)),))).of("storage") == ()


def test_a_battery_ends_the_day_as_it_must_and_a_heat_pump_serves_its_demand() -> None:
    battery = Battery(
        resource="b", connection="b", charge_kw=5, discharge_kw=4, capacity_kwh=10, initial_kwh=2, end_kwh=3,
        loss_per_day=0.01, wear_eur_per_mwh=20,
    )  # fmt: skip
    pump = HeatPump(resource="h", connection="a", power_kw=3, buffer_kwh=8, initial_kwh=4)
    forecasts = {("h", "heat_kw"): np.full(96, 6.0), ("h", "cop"): np.full(96, 3.0)}
    storage = build(inputs(resources=(battery, pump), forecasts=forecasts)).case.storage
    assert storage.point.tolist() == [NO_POINT, 0]
    assert (storage.energy_min_kwh[0, -2], storage.energy_min_kwh[0, -1]) == (0, 3)
    assert storage.retention[0] ** 96 == pytest.approx(0.99)
    assert storage.wear_eur_per_kwh[0] == pytest.approx(0.02)
    assert storage.demand_kwh[1, 0] == pytest.approx(1.5)
    assert storage.unmanaged_kw[1, 0] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("on", "isps", "first_block"), [("2026-03-29", 92, 12), ("2026-10-25", 100, 20), ("2026-01-15", 96, 16)]
)
def test_capacity_is_paid_by_the_hour_also_in_short_and_long_blocks(on: str, isps: int, first_block: int) -> None:
    product = CapacityProduct(
        name="FCR", direction="symmetric", series="fcr", max_mw=2, sustain_minutes=30, gate=MarketTime(at="08:00")
    )
    period = Period(date.fromisoformat(on))
    world = inputs(period, markets=Markets(capacity=(product,)))
    world = replace(world, prices={**world.prices, "fcr": (10.0,) * isps})
    (reserve,) = build(world).case.reserves
    assert (reserve.block == 0).sum() == first_block
    assert reserve.price_eur_per_mw[0] == pytest.approx(10 * first_block / 4)
    assert reserve.price_eur_per_mw[1] == pytest.approx(40)
    assert (reserve.direction, reserve.sustain_h) == (Direction.SYMMETRIC, 0.5)


def test_bids_ask_the_share_of_the_expected_price_that_may_earn_most() -> None:
    product = CapacityProduct(
        name="aFRR", direction="up", series="afrr", max_mw=2, gate=MarketTime(at="08:00"), paid="as bid",
        award=((0.7, 0.95), (0.85, 0.8), (1.0, 0.55)),
    )  # fmt: skip
    world = inputs(markets=Markets(capacity=(product,)))
    (reserve,) = build(replace(world, prices={**world.prices, "afrr": (10.0,) * 96})).case.reserves
    assert reserve.price_eur_per_mw == pytest.approx(np.full(6, 0.85 * 40))
    assert reserve.award_probability.tolist() == [0.8] * 6


def test_a_block_without_a_price_takes_no_bid_and_is_noted() -> None:
    product = CapacityProduct(name="FCR", direction="up", series="fcr", max_mw=2, gate=MarketTime(at="08:00"))
    world = inputs(markets=Markets(capacity=(product,)))
    world = replace(world, prices={**world.prices, "fcr": (None, *([10.0] * 95))})
    made = build(world)
    assert made.case.reserves[0].max_mw.tolist() == [0, 2, 2, 2, 2, 2]
    assert any("no price of FCR" in note for note in made.notes)


@pytest.mark.parametrize(("unit", "paid", "noted"), [("EUR/MW/h", 100, 0), ("EUR/MW/block", 25, 1)])
def test_a_block_that_has_several_prices_is_noted_where_it_should_have_one(unit: str, paid: float, noted: int) -> None:
    """Hours of 10, 20, 30 and 40: together 100 EUR/MW for four hours, but no price of a block; the next one has 7."""
    product = CapacityProduct(
        name="FCR", direction="up", series="fcr", price_unit=unit, max_mw=2, gate=MarketTime(at="08:00")
    )
    prices = hourly(10, 20, 30, 40, *[7.0] * 20)
    world = inputs(markets=Markets(capacity=(product,)))
    built = build(replace(world, prices={**world.prices, "fcr": prices}))
    assert built.case.reserves[0].price_eur_per_mw[:2].tolist() == [paid, 28 if unit == "EUR/MW/h" else 7]
    assert [("16 ISPs (1–16)" in note) for note in built.notes if "differ within blocks" in note] == [True] * noted


def test_missing_prices_are_an_error_in_words() -> None:
    with pytest.raises(PlanError, match=r"no day-ahead price for 96 of 96 ISPs.*import series"):
        build(inputs(prices=None))


def test_results_replace_the_forecast_where_they_are_known() -> None:
    world = inputs()
    world = replace(world, prices={**world.prices, "day_ahead": (70.0, None, *([70.0] * 94))})
    case = build(world).case
    assert case.day_ahead.price_eur_per_mwh[:3].tolist() == [70, 50, 70]
    assert case.intraday.buy_eur_per_mwh[0] - case.intraday.sell_eur_per_mwh[0] == pytest.approx(20)


def test_a_reservation_is_what_the_newest_update_left_of_the_contract() -> None:
    contract = Contract(
        contract="FO", dso="dso.example", congestion_point="p", first_day=FIRST, last_day=date(2026, 12, 31),
        window_start=at(17).time(), window_end=at(21).time(), power_w=-50_000, availability_eur_per_mw_h=5,
        penalty_eur_per_mwh=1000,
    )  # fmt: skip
    case = build(inputs(contracts=(contract,))).case
    assert np.flatnonzero(case.reservations.reserved_kw[0]).tolist() == list(range(68, 84))
    assert case.reservations.reserved_kw[0, 70] == -50
    halved = build(inputs(contracts=(contract,), reserved_w={"FO": tuple([-25_000] * 96)})).case
    assert halved.reservations.reserved_kw[0, 0] == -25
    assert build(inputs(contracts=(contract,), reserved_w={"FO": (0,) * 96})).case.reservations.name == ()


def test_limits_bind_in_their_window_and_production_is_a_negative_bound() -> None:
    limit = PointLimit(
        congestion_point="p", first_day=FIRST, last_day=FIRST.replace(month=12), window_start=at(16).time(),
        window_end=at(0).time(), import_kw=80, export_kw=30, penalty_eur_per_mwh=500,
    )  # fmt: skip
    case = build(inputs(limits=(limit,))).case
    assert case.limits.import_kw[0, 63:65].tolist() == [np.inf, 80]
    assert case.limits.export_kw[0, 95] == -30


def test_connections_known_to_one_side_only_are_noted_and_stop_nothing() -> None:
    world = inputs(resources=(FixedLoad(resource="l", connection="c"),), forecasts={("l", "power_kw"): np.ones(96)})
    world = replace(
        world,
        register=replace(world.register, connections=(Connection(address="c", first_day=FIRST),)),
    )
    made = build(world)
    assert made.case.fixed.point.tolist() == [NO_POINT]
    assert len([n for n in made.notes if " in the list of points" in n or " in our register" in n]) == 2


def test_a_period_that_has_lost_all_its_congestion_points_is_planned_without_them() -> None:
    announced = Previous(point_kw={"p": np.zeros(PERIOD.isp_count)})
    nothing = Portfolio(period=PERIOD, points=(), free_connections=("a", "b"))
    case = build(inputs(previous=announced, stay_eur_per_mwh=5.0, portfolio=nothing)).case
    assert case.anchor is not None
    assert case.anchor.point_kw.shape == (0, PERIOD.isp_count)


def test_closed_isps_keep_the_previous_program_and_frozen_points_keep_all_of_it() -> None:
    battery = Battery(
        resource="b", connection="a", charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=5, end_kwh=5
    )
    before = Previous(programs_kw={"b": np.full(96, 1.0)}, intraday_kw=np.full(96, 2.0))
    case = build(inputs(resources=(battery,), previous=before, closed_isps=10)).case
    assert np.isnan(case.storage.pinned_kw[0]).sum() == 86
    assert case.storage.pinned_kw[0, :10].tolist() == [1.0] * 10
    assert case.intraday.committed_kw[:11].tolist()[:10] == [2.0] * 10
    assert np.isnan(case.intraday.committed_kw[10])
    frozen = build(inputs(resources=(battery,), previous=before, closed_isps=10, frozen_points=frozenset({"p"}))).case
    assert not np.isnan(frozen.storage.pinned_kw).any()


@pytest.mark.parametrize(("every_trade_is_reported", "elsewhere_kw"), [(False, 2.0), (True, 0.0)])
def test_trades_are_facts_and_stand_for_what_was_planned_in_closed_isps(every_trade_is_reported, elsewhere_kw) -> None:
    before = Previous(intraday_kw=np.full(96, 2.0))
    trades = (
        Trade(trade="a", start=at(1), minutes=60, mw=0.003, price_eur_per_mwh=100.0),
        Trade(trade="b", start=at(1, 30), minutes=15, mw=-0.001, price_eur_per_mwh=90.0),
        Trade(trade="c", start=at(20), minutes=15, mw=0.004, price_eur_per_mwh=50.0),
    )
    markets = Markets(intraday=Intraday(trades_reported=every_trade_is_reported))
    made = inputs(previous=before, closed_isps=10, trades=trades, markets=markets)
    market = build(made).case.intraday
    assert market.traded_kw[3:9].tolist() == [0, 3, 3, 2, 3, 0]
    assert market.traded_kw[80] == 4
    assert market.committed_kw[:10].tolist() == [elsewhere_kw] * 4 + [0.0] * 4 + [elsewhere_kw] * 2
    assert np.isnan(market.committed_kw[10:]).all()
    assert market.traded_eur == pytest.approx(-0.3 + 0.001 / 4 * 90 - 0.004 / 4 * 50)
    assert audit_case(made, build(made)) == ()


def test_a_run_that_has_started_keeps_its_start() -> None:
    run = ShiftableRun(resource="r", connection="a", earliest_start=at(8), latest_end=at(16), profile_kw=(10.0, 20.0))
    free = build(inputs(resources=(run,))).case.shiftable
    assert (free.first_start[0], free.last_start[0]) == (32, 62)
    begun = inputs(resources=(run,), previous=Previous(decided={"r": 35}), closed_isps=40)
    assert build(begun).case.shiftable.last_start[0] == 35
    frozen = replace(begun, previous=Previous(decided={"r": 50}), frozen_points=frozenset({"p"}))
    assert (build(frozen).case.shiftable.first_start[0], build(frozen).case.shiftable.last_start[0]) == (50, 50)
    waiting = inputs(resources=(run,), previous=Previous(decided={"r": 50}), closed_isps=40)
    later = build(waiting).case.shiftable
    assert (later.first_start[0], later.last_start[0]) == (40, 62)


def test_a_forecast_that_is_missing_or_consumes_is_noted() -> None:
    pv = (Generator(resource="pv", connection="a"), Generator(resource="dark", connection="a"))
    made = build(inputs(resources=pv, forecasts={("pv", "power_kw"): np.r_[np.full(95, -2.0), 0.5]}))
    assert made.case.curtailable.forecast_kw[:, -1].tolist() == [0, 0]
    assert any("consumes" in n for n in made.notes)
    assert any("dark has no forecast" in n for n in made.notes)


def hourly(*values: float | None) -> tuple[float | None, ...]:
    """Return one value per ISP from one per hour; the last one lasts until the end of the day."""
    return tuple(v for hour in range(24) for v in (values[min(hour, len(values) - 1)],) * 4)


def crossing(**series: tuple[float | None, ...]) -> Inputs:
    """Return a world that trades intraday only, at the given series."""
    market = Intraday(buy_series="bid", sell_series="ask", depth_kw=1000)
    markets = Markets(day_ahead=DayAhead(max_buy_kw=0, max_sell_kw=0), intraday=market)
    return replace(inputs(markets=markets), prices={"day_ahead_forecast": (70.0,) * 96} | series)


def test_only_the_isps_whose_intraday_prices_cross_are_repaired() -> None:
    """`t15_crossed`: a battery moves 100 kWh once. Buying costs 60 EUR/MWh in hours 0 and 1, selling pays 65 in hour 0
    and 85 in hour 2. In hour 0 the prices cross: 62.5 for both. Best: buy at 60 in hour 1, sell at 85 in hour 2,
    0.1 MWh · 25 = 2.50 EUR. Every other hour keeps its prices.
    """
    given = crossing(bid=hourly(60, 60, 90), ask=hourly(65, 50, 85, 50))
    battery = Battery(
        resource="b", connection="a", charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100, end_kwh=100
    )
    made = build(replace(given, register=replace(given.register, resources=(battery,))))
    market = made.case.intraday
    assert market.buy_eur_per_mwh.tolist() == [62.5] * 4 + [60.0] * 4 + [90.0] * 88
    assert market.sell_eur_per_mwh.tolist() == [62.5] * 4 + [50.0] * 4 + [85.0] * 4 + [50.0] * 84
    assert any("in 4 ISPs (1–4): the mean was used there" in note for note in made.notes)
    assert solve(made.case, method=Method.REFERENCE, threads=1).objective_eur == pytest.approx(2.50)


def test_an_intraday_price_that_is_missing_replaces_no_other_one() -> None:
    """Day-ahead 70 ± 10. Hour 0 has no selling price: 60. Hour 1 has no buying price: 80. Hour 2 has neither.

    In hour 3 the buying price is 40: a selling price of 60 would cross it, so it is 40. In hour 4 likewise 100.
    """
    bid = hourly(75, None, None, 40, None, 90)
    ask = hourly(None, 65, None, None, 100, 50)
    made = build(crossing(bid=bid, ask=ask))
    hours = range(0, 24, 4)
    assert made.case.intraday.buy_eur_per_mwh[hours].tolist() == [75, 80, 80, 40, 100, 90]
    assert made.case.intraday.sell_eur_per_mwh[hours].tolist() == [60, 65, 60, 40, 100, 50]
    assert any("no intraday price 'bid' in 12 ISPs (5–12, 17–20)" in note for note in made.notes)
