"""From register to case: windows, bands, blocks, fall-backs and what is frozen; numbers worked out by hand."""

import io
import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from agr.domain.errors import PlanError, StoreError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.register import CongestionPoint, Connection, Contract, PointLimit, Portfolio, Register
from agr.planning import serialisation
from agr.planning.case import Inputs, NamedCase, Previous, build, comfort_shortfall_kwh
from agr.planning.case.switched import carried_isps, missed_kwh
from agr.settings import CapacityProduct, DayAhead, Intraday, Markets, Moment, Planning
from models.baseline import no_flexibility
from models.case import ADDED, NO_POINT, Direction
from models.method import Method, solve

AMSTERDAM = timezone(timedelta(hours=1))
PERIOD = Period(date(2026, 1, 15))
FIRST = date(2026, 1, 1)
REGISTER = {"connections", "resources", "contracts", "limits"}


def inputs(period: Period = PERIOD, prices: float | None = 50.0, **more: object) -> Inputs:
    """Return a world with two connections: `a` at point p, `b` in none."""
    register = Register(connections=tuple(Connection(address=c, first_day=FIRST) for c in ("a", "b")))
    made = Inputs(
        period=period,
        portfolio=Portfolio(
            period=period,
            points=(CongestionPoint(address="p", dso="dso.example", connections=("a",)),),
            free_connections=("b",),
        ),
        register=replace(register, **{k: more.pop(k) for k in list(more) if k in REGISTER}),  # type: ignore[arg-type]
        forecasts={},
        prices={"day_ahead_forecast": (prices,) * period.isp_count},
        reserved_w={},
        fixed={},
        carried_state={},
        markets=Markets(),
        planning=Planning(),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def at(hour: int, minute: int = 0, day: int = 15) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=AMSTERDAM)


def ev(arrival: datetime, departure: datetime, energy_kwh: float = 10.0, **more: float) -> EvSession:
    return EvSession(
        resource="ev",
        connection="a",
        arrival=arrival,
        departure=departure,
        energy_kwh=energy_kwh,
        charge_kw=8.0,
        **more,
    )


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
        name="FCR", direction="symmetric", series="fcr", max_mw=2, sustain_minutes=30, gate=Moment(at="08:00")
    )
    period = Period(date.fromisoformat(on))
    world = inputs(period, markets=Markets(capacity=(product,)))
    world = replace(world, prices={**world.prices, "fcr": (10.0,) * isps})
    (reserve,) = build(world).case.reserves
    assert (reserve.block == 0).sum() == first_block
    assert reserve.price_eur_per_mw[0] == pytest.approx(10 * first_block / 4)
    assert reserve.price_eur_per_mw[1] == pytest.approx(40)
    assert (reserve.direction, reserve.sustain_h) == (Direction.SYMMETRIC, 0.5)


def test_a_block_without_a_price_takes_no_bid_and_is_noted() -> None:
    product = CapacityProduct(name="FCR", direction="up", series="fcr", max_mw=2, gate=Moment(at="08:00"))
    world = inputs(markets=Markets(capacity=(product,)))
    world = replace(world, prices={**world.prices, "fcr": (None, *([10.0] * 95))})
    made = build(world)
    assert made.case.reserves[0].max_mw.tolist() == [0, 2, 2, 2, 2, 2]
    assert any("no price of FCR" in note for note in made.notes)


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
    assert len([n for n in made.notes if "connections are in" in n]) == 2


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


BOILER = SwitchedLoad(
    resource="s", connection="a", power_kw=2.0, needs="12:00-16:00 1; 00:00-06:00 2.3-3.9", min_run_minutes=20,
    min_rest_minutes=10, start_eur=0.1, initial_minutes=40,
)  # fmt: skip


def test_a_switched_load_is_on_for_whole_isps_in_its_windows() -> None:
    units = build(inputs(resources=(BOILER, replace(BOILER, resource="t", connection="x")))).case.switched
    table = [units.window_first, units.window_end, units.least_on, units.most_on]
    assert np.array(table)[:, 0].T.tolist() == [[0, 24, 10, 15], [48, 64, 4, 16]]  # 2.3 h up, 3.9 h down
    assert (units.min_run[0], units.min_rest[0], units.before[0]) == (2, 1, 2)
    assert units.on_kw[0].tolist() == [2.0] * 96
    assert units.shortfall_eur[0] == pytest.approx(Planning().comfort_shortfall_eur_per_kwh * 2.0 * 0.25)
    assert np.isnan(units.pinned_on).all()
    assert build(inputs(resources=(BOILER,), carried_state={"s": -7})).case.switched.before[0] == -7


@pytest.mark.parametrize(
    ("day", "needs", "windows"),
    [
        # clocks go forward at 02:00: a window within the missing hour is left out, with a note
        (date(2026, 3, 29), "02:00-03:00 1; 03:00-04:00 1", [[8, 12, 4, 4]]),
        # clocks go back at 03:00: a window holds both hours from 02:00 on, and one that ends in it both its halves
        (date(2026, 10, 25), "02:00-03:00 1; 03:00-04:00 1", [[8, 16, 4, 8], [16, 20, 4, 4]]),
        (date(2026, 10, 25), "01:00-02:30 1; 02:30-04:00 1", [[4, 14, 4, 10], [14, 20, 4, 6]]),
    ],
)
def test_windows_of_a_switched_load_on_days_of_other_lengths(day: date, needs: str, windows: list[list[int]]) -> None:
    made = build(inputs(Period(day), resources=(replace(BOILER, needs=needs),)))
    units = made.case.switched
    table = [units.window_first, units.window_end, units.least_on, units.most_on]
    assert np.array(table)[:, 0].T.tolist() == windows
    assert sum("has no ISP in its window from 02:00" in note for note in made.notes) == 2 - len(windows)


def test_a_switched_load_keeps_its_states_in_closed_isps_and_is_off_where_it_is_out_of_order() -> None:
    states = np.arange(96) % 8 < 4
    before = Previous(decided={"s": states}, programs_kw={"s": 3.0 * states})
    world = inputs(resources=(BOILER,), previous=before, closed_isps=10)
    units = build(world).case.switched
    assert units.pinned_on[0, :10].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert np.isnan(units.pinned_on[0, 10:]).all()
    assert units.on_kw[0, :12].tolist() == [3, 3, 3, 3, 2, 2, 2, 2, 3, 3, 2, 2]  # its power was another when it was on
    off = build(replace(world, unavailable_from={"s": 90})).case.switched
    assert np.isnan(off.pinned_on[0, 10:90]).all()
    assert off.pinned_on[0, 90:].tolist() == [0] * 6
    frozen = build(replace(world, frozen_points=frozenset({"p"}))).case.switched
    np.testing.assert_array_equal(frozen.pinned_on[0], states)
    new = build(inputs(resources=(BOILER,), closed_isps=3)).case.switched
    assert new.pinned_on[0, :4].tolist()[:3] == [0, 0, 0]


def test_what_a_switched_load_was_at_midnight_is_carried_into_the_next_day() -> None:
    case = build(inputs(resources=tuple(replace(BOILER, resource=name) for name in "abcd"))).case
    on = np.zeros((4, 96), dtype=bool)
    on[0, -3:], on[1, :-2], on[2] = True, True, True
    # on since 3 ISPs; off since 2; on all day and 2 ISPs before; off all day after it was on
    assert carried_isps(case, on) == [3, -2, 98, -96]


def test_hours_a_switched_load_misses_are_comfort_that_is_missing() -> None:
    case = build(inputs(resources=(BOILER,))).case
    programs = no_flexibility(case).programs
    assert comfort_shortfall_kwh(case, programs) == 0
    on = np.zeros((1, 96), dtype=bool)
    on[0, 0:20] = True  # 5 ISPs more than the first window allows, 4 fewer than the second needs: 9 x 2 kW x 1/4 h
    missing = replace(programs, switched_on=on)
    assert comfort_shortfall_kwh(case, missing) == pytest.approx(4.5)
    assert missed_kwh(case, missing, least=True)[0, 63] == pytest.approx(2.0)
    assert missed_kwh(case, missing, least=False)[0, 23] == pytest.approx(2.5)


def test_a_forecast_that_is_missing_or_consumes_is_noted() -> None:
    pv = (Generator(resource="pv", connection="a"), Generator(resource="dark", connection="a"))
    made = build(inputs(resources=pv, forecasts={("pv", "power_kw"): np.r_[np.full(95, -2.0), 0.5]}))
    assert made.case.curtailable.forecast_kw[:, -1].tolist() == [0, 0]
    assert any("consumes" in n for n in made.notes)
    assert any("dark has no forecast" in n for n in made.notes)


def test_a_case_survives_its_archive_to_the_bit_and_equal_cases_have_equal_addresses() -> None:
    battery = Battery(
        resource="b", connection="a", charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=1 / 3, end_kwh=0
    )
    made = build(inputs(resources=(battery,), stay_eur_per_mwh=1.0, previous=Previous(point_kw={"p": np.ones(96)})))
    back = serialisation.unpack(NamedCase, serialisation.pack(made))
    assert serialisation.digest(back) == serialisation.digest(made)
    assert back.case.storage.energy_start_kwh.tobytes() == made.case.storage.energy_start_kwh.tobytes()
    assert back.case.anchor is not None
    other = build(inputs(resources=(replace(battery, initial_kwh=0.3333),)))
    assert serialisation.digest(other) != serialisation.digest(made)
    with pytest.raises(StoreError, match="cannot be read"):
        serialisation.unpack(NamedCase, b"not an archive")


@dataclass(frozen=True, kw_only=True, eq=False)
class Before:
    """A case as it was archived."""

    isps: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited:
    """The parameters of a market that was added since."""

    limit_kw: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Since(Before):
    """The case with that market."""

    limited: Limited | None = field(default=None, metadata=ADDED)


def test_a_market_or_class_that_was_added_changes_no_address_where_it_has_nothing() -> None:
    before = serialisation.digest(Before(isps=96))
    assert serialisation.digest(Since(isps=96)) == before
    assert serialisation.digest(Since(isps=96, limited=Limited(limit_kw=np.zeros(0)))) == before
    limited = Since(isps=96, limited=Limited(limit_kw=np.zeros(1)))
    assert serialisation.digest(limited) != before
    back = serialisation.unpack(Since, serialisation.pack(limited))
    assert back.limited is not None
    assert back.limited.limit_kw.tolist() == [0.0]
    assert serialisation.unpack(Since, serialisation.pack(Before(isps=96))).limited is None


def test_a_case_kept_before_cars_had_a_minimum_power_is_still_read() -> None:
    made = build(inputs(resources=(ev(at(10), at(12)),)))
    with np.load(io.BytesIO(serialisation.pack(made))) as stored:
        arrays = {name: stored[name] for name in stored.files if not name.endswith(".charge_min_kw")}
    head = json.loads(arrays["__json__"].tobytes())
    del head["case"]["storage"]["charge_min_kw"]
    arrays["__json__"] = np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8)
    old = io.BytesIO()
    np.savez(old, allow_pickle=False, **arrays)
    assert serialisation.digest(serialisation.unpack(NamedCase, old.getvalue())) == serialisation.digest(made)


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
