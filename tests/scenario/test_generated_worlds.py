"""Generated portfolios: what they must contain, at any size and on days of any length."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from agr.connectors.tables.folder import read_folder
from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.scenario.generate import generate, main
from agr.scenario.population import Recipe, ean
from agr.scenario.profiles import borrowed_day, read_profiles
from agr.scenario.writing import write
from tests.builders.real_downloads import real_downloads

DSOS = ("north-grid.example", "south-grid.example")
SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2026, 10, 25), date(2024, 4, 10)


@pytest.fixture(scope="module")
def profiles():
    return read_profiles(real_downloads(), Period(PLAIN))


def recipe(day=SPRING, **changes):
    given = {"seed": 5, "connections": 24, "points": 5, "dsos": DSOS, "real_prices": False, **changes}
    return Recipe(period=Period(day), **given)


@pytest.mark.parametrize(("day", "isps"), [(SPRING, 92), (PLAIN, 96), (AUTUMN, 100)])
def test_every_forecast_and_price_covers_the_whole_day(profiles, day, isps):
    register = generate(recipe(day), profiles).register
    assert {len(f.values) for f in register.forecasts} == {isps}
    for series in ("day_ahead_forecast", "fcr_capacity", "afrr_up_capacity", "afrr_down_capacity"):
        rows = [p for p in register.prices if p.series == series]
        assert rows[0].start == Period(day).start
        assert sum(p.minutes for p in rows) == isps * 15
        ends = [p.start + timedelta(minutes=p.minutes) for p in rows]
        assert [p.start for p in rows[1:]] == ends[:-1]
    known = [p for p in register.prices if p.series == "day_ahead"]
    assert sum(p.minutes for p in known) == (isps + Period(day).previous().isp_count) * 15


@pytest.mark.parametrize("day", [SPRING, PLAIN, AUTUMN])
def test_written_tables_read_back_as_the_same_register(profiles, day, tmp_path):
    world = generate(recipe(day), profiles)
    write(tmp_path, world.files())
    reading = read_folder(tmp_path / "tables", zone_name="Europe/Amsterdam", isp_minutes=15)
    assert reading.register == world.register


def test_register_and_connection_list_differ_in_one_connection_each_way(profiles):
    world = generate(recipe(), profiles)
    ours = {c.address for c in world.register.connections}
    listed = [c for p in world.portfolio.points for c in p.connections] + list(world.portfolio.free_connections)
    assert len(listed) == len(set(listed)) == len(ours) == 24
    assert len(ours - set(listed)) == len(set(listed) - ours) == 1
    assert {p.dso for p in world.portfolio.points} == set(DSOS)


def test_every_resource_has_its_forecasts_and_a_name_of_its_own(profiles):
    register = generate(recipe(connections=200), profiles).register
    resources = [r.resource for r in register.resources]
    assert max(Counter(resources).values()) == 1
    wanted = {(r.resource, "power_kw") for kind in (FixedLoad, Generator) for r in register.of(kind)}
    wanted |= {(h.resource, q) for h in register.of(HeatPump) for q in ("heat_kw", "cop")}
    assert {(f.resource, f.quantity) for f in register.forecasts} == wanted
    assert register.of(ShiftableRun)
    assert register.of(HeatPump)
    sun = {g.resource for g in register.of(Generator)}
    assert all(max(f.values) <= 0 < -min(f.values) for f in register.forecasts if f.resource in sun)


def test_every_driver_can_be_served_and_no_plug_serves_two_cars_at_once(profiles):
    register = generate(recipe(PLAIN, connections=400, points=13), profiles).register
    assert len(register.of(EvSession)) > 50
    start, end = Period(PLAIN).start, Period(PLAIN).end
    for car in register.of(EvSession):
        assert car.arrival < end
        assert car.departure > start
        hours = (car.departure - car.arrival) / timedelta(hours=1)
        assert car.energy_kwh <= car.charge_kw * car.charge_efficiency * hours
    plugs = Counter(car.resource.rsplit("-", 1)[0] for car in register.of(EvSession))
    for plug, count in plugs.items():
        visits = sorted(
            (c.arrival, c.departure) for c in register.of(EvSession) if c.resource.rsplit("-", 1)[0] == plug
        )
        assert count == 1 or visits[0][1] <= visits[1][0]


def test_each_dso_has_a_contract_its_large_battery_can_keep(profiles):
    world = generate(recipe(PLAIN, connections=330, points=13), profiles)
    points = {p.address: p for p in world.portfolio.points}
    assert [c.dso for c in world.register.contracts] == list(DSOS)
    for contract in world.register.contracts:
        at = points[contract.congestion_point].connections
        largest = max((b for b in world.register.of(Battery) if b.connection in at), key=lambda b: b.capacity_kwh)
        called_kwh = -sum(contract.contracted_w(Period(PLAIN))) / 1000 * 0.25
        usable_kwh = (largest.capacity_kwh - largest.minimum_kwh) * largest.discharge_efficiency
        assert 0 < called_kwh <= usable_kwh
        assert -contract.power_w / 1000 <= largest.discharge_kw
    assert 1000 <= sum(b.reserve_kw for b in world.register.of(Battery)) <= 10_000


def test_stores_may_rest_all_day(profiles):
    register = generate(recipe(AUTUMN, connections=100), profiles).register
    stores: list[Battery | HeatPump] = [*register.of(Battery), *register.of(HeatPump)]
    for store in stores:
        assert store.end_kwh <= store.initial_kwh * (1 - store.loss_per_day) ** (25 / 24)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(profiles):
    assert generate(recipe(), profiles).files() == generate(recipe(), profiles).files()
    assert generate(recipe(), profiles).files() != generate(recipe(seed=6), profiles).files()


@pytest.mark.parametrize(("connections", "points", "fewest"), [(20, 3, 40), (5000, 200, 10_000)])
def test_portfolios_of_fifty_to_ten_thousand_resources_can_be_made(profiles, connections, points, fewest):
    register = generate(recipe(PLAIN, connections=connections, points=points), profiles).register
    assert len(register.resources) >= fewest
    assert len(register.connections) == connections


def test_real_prices_are_those_published_and_the_forecast_those_of_the_day_before(profiles):
    register = generate(recipe(PLAIN, real_prices=True), profiles).register
    by_series = {(p.series, p.start): p.value for p in register.prices}
    noon = Period(PLAIN).isp_start(4 * 15 + 1)  # 15:00 local, 13:00 UTC
    assert by_series["day_ahead", noon] == -0.1  # NL 2024-04-10T13:00Z in the published file
    assert by_series["day_ahead_forecast", noon] == by_series["day_ahead", noon - timedelta(days=1)] == 0.0


def test_a_day_without_published_prices_is_refused_with_its_date(profiles):
    with pytest.raises(InputError, match="2026-03-2"):
        generate(recipe(SPRING, real_prices=True), profiles)


def test_loads_follow_the_wall_clock_and_weather_the_sun(profiles):
    plain, spring = Period(date(2026, 3, 22)), Period(SPRING)
    before, after = profiles.load_kw("h25", plain), profiles.load_kw("h25", spring)
    assert len(after) == 92
    # the evening at 20:00 local time is ISP 81 of 96, but ISP 77 of 92
    assert after[76] == pytest.approx(before[80], rel=0.15)
    sunny = profiles.weather_of("pv_south35_kw_per_kwp", spring)
    assert sunny[:16].max() == 0
    assert int(np.argmax(sunny)) // 4 in range(8, 14)


@pytest.mark.parametrize(
    ("day", "borrowed"),
    [
        (date(2024, 4, 10), date(2025, 4, 9)),
        (date(2026, 3, 29), date(2025, 3, 30)),
        (date(2024, 2, 29), date(2025, 2, 27)),
        (date(2027, 1, 1), date(2025, 1, 3)),
        (date(2026, 12, 30), date(2025, 12, 31)),
    ],
)
def test_a_borrowed_day_is_the_nearest_same_weekday_of_2025(day, borrowed):
    assert borrowed_day(day) == borrowed
    assert borrowed.weekday() == day.weekday()


def test_addresses_have_the_check_digit_of_the_standard():
    # 29900000000000001: 3·(2+9+0…)+… = 3·2 + 9 + 3·9 + 3·1 = 45 → 5
    assert ean(1) == "ean.299000000000000015"


def test_a_recipe_that_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="at least 4 connections"):
        recipe(connections=10)
    with pytest.raises(InputError, match="more congestion points than DSOs"):
        recipe(points=2)


def test_missing_profiles_end_the_command_with_words(tmp_path, capsys):
    words = ["--out", str(tmp_path / "x"), "--data", str(tmp_path), "--period", "2024-04-10"]
    assert main(words) == 2
    assert "--data" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
