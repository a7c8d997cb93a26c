"""One connection of a plan: its limits, what its group leaves, prices, what binds in words, and what is paid."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agr.domain.register import ConnectionTariff
from agr.operations.at_connection import AtConnection, at_connection
from agr.operations.resource_programs import ResourcePrograms, programs_of
from agr.planning.case import build
from agr.planning.difference import Solved
from models.baseline import unmanaged_kw, unmanaged_programs
from models.case import UNIT_CLASSES
from models.method import Method, solve
from models.resources.registry import BY_NAME
from tests.planning.test_connection_limits_of_tables import FIRST, PERIOD, limit, world

CHEAP = slice(76, 80)
"""19:00 to 20:00, when energy costs 20 EUR/MWh; it costs 50 before."""


@pytest.fixture(scope="module")
def planned() -> tuple[ResourcePrograms, Solved]:
    """Two cars and 2 kW behind a fuse, a tariff and a peak charge; another car in the same street."""
    inputs = world(
        limit("a", import_kw=17.25), limit("street", import_kw=30.0), groups={"street": None}, a="street", b="street"
    )
    rows: dict[str, Any] = {"connection": "a", "first_day": FIRST}
    register = inputs.register.with_table(
        "connection_tariffs",
        (
            ConnectionTariff(**rows, import_eur_per_mwh=100.0, export_eur_per_mwh=60.0),
            ConnectionTariff(**rows, peak_eur_per_kw=0.01, peak_reached_kw=4.0),
        ),
    )
    named = build(type(inputs)(**(vars(inputs) | {"register": register})))
    solved = Solved(named=named, outcome=solve(named.case, method=Method.REFERENCE, relative_gap=1e-8, threads=1))
    plan: Any = SimpleNamespace(id=7, created_at=datetime(2026, 1, 14, tzinfo=UTC), period=PERIOD)
    return programs_of(plan, solved, register), solved


def of(planned: tuple[ResourcePrograms, Solved], name: str, seen: Callable[[str], bool] = lambda _: True) -> Any:
    found = at_connection(*planned, name, seen)
    assert isinstance(found, AtConnection)
    return found


def test_devices_fill_the_fuse_in_the_cheap_hour(planned: tuple[ResourcePrograms, Solved]) -> None:
    house = of(planned, "a")
    assert {one.resource for one in house.devices} == {"ev1", "ev2", "home"}
    assert house.power_kw == pytest.approx(sum(one.power_kw for one in house.devices))
    assert house.power_kw[CHEAP] == pytest.approx([17.25] * 4, abs=1e-6)
    assert set(house.import_kw) == {17.25}
    assert np.isneginf(house.export_kw).all()
    fuse, street = house.limits
    assert (fuse.at, street.at) == ("a", "street")
    assert street.drawn_kw == pytest.approx(house.power_kw + of(planned, "b").power_kw)
    most, _ = house.left_by(street)
    assert most[CHEAP].mean() == pytest.approx(30.0 - 10.0)  # the neighbour's car takes 10 kWh then


def test_prices_have_the_tariff_and_the_words_say_what_binds(planned: tuple[ResourcePrograms, Solved]) -> None:
    house = of(planned, "a")
    assert (house.market_eur_per_mwh[0], house.import_eur_per_mwh[0], house.export_eur_per_mwh[0]) == (50, 150, 110)
    words = [one for isp in house.held_by[CHEAP] for one in isp]
    assert any(one.startswith("import limit of a, 17.25 kW (") for one in words)
    assert "peak of a, 17.25 kW, 4.00 kW reached before, at 0.01 per kW" in words
    assert house.held_by[0] == ()


def test_what_is_paid_is_what_a_calculator_says(planned: tuple[ResourcePrograms, Solved]) -> None:
    house = of(planned, "a")
    load = 2 * (19 * 50 + 5 * 20) / 1000
    assert house.planned.energy_eur == pytest.approx(load + 15.25 * 0.020 + 4.75 * 0.050)
    assert house.unmanaged.energy_eur == pytest.approx(load + 20 * 0.050)
    assert house.planned.tariff_eur == house.unmanaged.tariff_eur == pytest.approx(68 * 0.1)
    assert (house.planned.peak_kw, house.unmanaged.peak_kw) == pytest.approx((17.25, 24.0))
    assert (house.planned.peak_eur, house.unmanaged.peak_eur) == pytest.approx((0.1325, 0.20))
    assert house.planned.total_eur == pytest.approx(load + 0.5425 + 6.80 + 0.1325)
    outcome = planned[1].outcome
    assert -outcome.tariff_eur[0] == pytest.approx(house.planned.tariff_eur)  # as the objective counts it
    assert of(planned, "b").planned.total_eur == pytest.approx(10 * 0.020)


def test_what_tells_of_others_is_left_out_where_it_is_not_seen(planned: tuple[ResourcePrograms, Solved]) -> None:
    house = of(planned, "a", lambda _: False)
    assert [one.at for one in house.limits] == ["a"]
    assert any("17.25" in one for isp in house.held_by for one in isp)
    assert at_connection(*planned, "c", lambda _: True) is None


def test_units_that_nobody_steers_do_the_same_alone_as_among_all(planned: tuple[ResourcePrograms, Solved]) -> None:
    case = planned[1].named.case
    every = unmanaged_programs(case)
    some = {name: np.arange(len(case.units(name).point))[::2] for name in UNIT_CLASSES}
    for name, power in unmanaged_kw(case, some).items():
        whole = BY_NAME[name].power_kw(case, some[name], every.of(BY_NAME[name].fields, some[name]))
        assert np.array_equal(power, whole)
