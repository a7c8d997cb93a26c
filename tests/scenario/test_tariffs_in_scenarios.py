"""Tariffs in scenarios: a house's bill by hand, with both optimisers, and what another tariff would mean."""

from dataclasses import replace
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from agr.domain.errors import InputError
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import ConnectionTariff
from agr.scenario.changes import changed
from agr.scenario.record import open_run
from agr.scenario.rendering import run_tables
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, small_scenario

PRICES = hourly(80.0, (20, 21, 20.0), (21, 22, 50.0))
PRICE = ConnectionTariff(connection=CONNECTION, first_day=date(2026, 1, 1), import_eur_per_mwh=100.0)
PEAK = ConnectionTariff(connection=CONNECTION, first_day=date(2026, 1, 1), peak_eur_per_kw=0.04, peak_reached_kw=2.0)


def a_car(*tariffs: ConnectionTariff):
    """Needs 10 kWh between 20:00 and 22:00, and takes at most 11 kW."""
    car = EvSession(
        resource="one", connection=CONNECTION, arrival=at(20), departure=at(22), energy_kwh=10.0, charge_kw=11.0
    )
    scenario = small_scenario(car, prices=PRICES)
    return replace(scenario, register=replace(scenario.register, connection_tariffs=tariffs or (PRICE, PEAK)))


@pytest.mark.parametrize("method", ["reference", "decomposition"])
def test_a_house_pays_by_hand(method: str, tmp_path) -> None:
    # a kW less in the cheap hour saves 0.04 EUR of the peak and costs 0.03: 5 kW in both hours
    made = run(a_car(), solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    totals = made.outcome["totals"]
    assert totals["terms_eur"]["connection tariff"] == pytest.approx(-1.0, abs=1e-4)
    assert totals["terms_eur"]["peak charge"] == pytest.approx(-0.04 * 3, abs=1e-3)
    assert totals["objective_eur"] == pytest.approx(-(0.10 + 0.25) - 1.0 - 0.12, abs=1e-3)
    cash = made.outcome["cash"]
    assert cash["findings"] == []
    assert cash["customers_eur"] == pytest.approx(-1.12, abs=1e-3)
    assert cash["paid_eur"] == pytest.approx(-0.35, abs=1e-3)
    grid = made.final("connection_tariffs")
    assert grid["power_kw"].max() == pytest.approx(5.0, abs=0.02)
    assert grid["unmanaged_kw"].max() == pytest.approx(11.0)
    assert grid["tariff_eur"].sum() == pytest.approx(-1.0, abs=1e-4)
    (bill,) = made.final("customers").to_dict("records")
    assert bill["connection"] == CONNECTION
    assert bill["peak_kw"] == pytest.approx(5.0, abs=0.02)
    assert bill["unmanaged_eur"] == pytest.approx(-1.0 - 0.04 * 9, abs=1e-4)
    assert bill["better_eur"] == pytest.approx(0.24, abs=1e-3)
    made.save(tmp_path / "run")
    assert open_run(tmp_path / "run").final("customers").equals(made.final("customers"))


def test_a_peak_without_steering_is_paid_for_once_in_a_run_of_several_days() -> None:
    # unmanaged 11 kW on both days: 9 above the 2 reached before on the first, none on the second, as planned 5 of 5
    second = EvSession(
        resource="two", connection=CONNECTION, arrival=at(44), departure=at(46), energy_kwh=10.0, charge_kw=11.0
    )
    one = a_car()
    scenario = small_scenario(*one.register.resources, second, prices=PRICES, days=2)
    scenario = replace(scenario, register=replace(scenario.register, connection_tariffs=(PRICE, PEAK)))
    made = run(scenario, solver=by_method("reference"))
    assert all(step["audit"] == [] for step in made.steps)
    bills = made.final("customers")
    assert bills["unmanaged_eur"].tolist() == pytest.approx([-1.0 - 0.04 * 9, -1.0], abs=1e-4)
    assert bills["total_eur"].tolist() == pytest.approx([-1.12, -1.0], abs=2e-3)
    assert bills["better_eur"].sum() == pytest.approx(0.24, abs=2e-3)
    # 10 kWh at 20 EUR/MWh if nobody steers, half of them at 50 as planned: 0.15 more for energy on both days, 0.24 less
    assert [step["no_flexibility_eur"] for step in made.last] == pytest.approx([-0.20 - 1.36, -0.20 - 1.0], abs=1e-4)
    assert [step["flexibility_eur"] for step in made.last] == pytest.approx([0.24 - 0.15, -0.15], abs=2e-3)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(-0.06, abs=4e-3)


def test_a_peak_charge_that_costs_nothing_more_is_said_to_cost_nothing() -> None:
    console = Console(width=100, record=True, file=StringIO())
    console.print(*run_tables(run(a_car(PRICE, replace(PEAK, peak_reached_kw=20.0)), solver=by_method("reference"))))
    (line,) = [line for line in console.export_text().splitlines() if "peak charge" in line]
    assert line.split()[-2] == "0.00"


def test_what_another_tariff_would_mean() -> None:
    dearer = f"connections.{CONNECTION}.peak_eur_per_kw=0"
    made = run(
        changed(a_car(PEAK), [dearer, f"connections.{CONNECTION}.peak_reached_kw=0"]), solver=by_method("reference")
    )
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.20)
    tripled = changed(a_car(), [f"connection_tariffs.{CONNECTION}.import_eur_per_mwh=*3"])
    assert [row.import_eur_per_mwh for row in tripled.register.connection_tariffs] == [300.0, 0.0]
    assert changed(a_car(), (), [f"connection_tariff:{CONNECTION}"]).register.connection_tariffs == ()
    with pytest.raises(InputError, match="export may earn at most what import costs"):
        changed(a_car(), ["connection_tariffs.*.export_eur_per_mwh=150"])
    with pytest.raises(InputError, match="does not exist"):
        changed(a_car(), ["connections.elsewhere.import_eur_per_mwh=5"])


def test_copied_connections_pay_like_their_originals_and_removed_ones_not() -> None:
    more = changed(a_car(), ["connections=+2"])
    assert len(more.register.connection_tariffs) == 6
    assert {row.connection for row in more.register.connection_tariffs} == {
        c.address for c in more.register.connections
    }
    assert changed(a_car(), ["connections=0"]).register.connection_tariffs == ()
