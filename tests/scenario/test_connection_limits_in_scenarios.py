"""Limits of connections in scenarios: what they cost by hand, with both optimisers, and what another one would earn."""

from dataclasses import replace
from datetime import date

import pytest

from agr.domain.errors import InputError
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import ConnectionLimit
from agr.scenario.changes import changed
from agr.scenario.record import open_run
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, small_scenario

PRICES = hourly(80.0, (20, 21, 20.0), (21, 22, 50.0))
FUSE = ConnectionLimit(
    at=CONNECTION, first_day=date(2026, 1, 1), import_kw=15.0, export_kw=None, penalty_eur_per_mwh=1000.0
)


def two_cars(*limits: ConnectionLimit):
    """Each needs 10 kWh between 20:00 and 22:00, and takes at most 11 kW."""
    cars = [
        EvSession(
            resource=name, connection=CONNECTION, arrival=at(20), departure=at(22), energy_kwh=10.0, charge_kw=11.0
        )
        for name in ("one", "two")
    ]
    scenario = small_scenario(*cars, prices=PRICES)
    return replace(scenario, register=replace(scenario.register, connection_limits=limits or (FUSE,)))


@pytest.mark.parametrize("method", ["reference", "decomposition"])
def test_two_cars_behind_one_fuse_cost_what_a_fuse_takes_by_hand(method: str, tmp_path) -> None:
    # 15 of 20 kWh at 20 EUR/MWh, the other 5 at 50: 0.55 EUR; a MWh more through the fuse were worth 30
    made = run(two_cars(), solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.55, abs=1e-4)
    table = made.final("connection_limits")
    assert table["at"].unique().tolist() == [CONNECTION]
    assert table["power_kw"].max() == pytest.approx(15.0, abs=1e-3)
    assert table["import_limit_kw"].eq(15.0).all()
    first = made.tables["connection_limits"].query("step == @made.steps[0]['step']")  # before positions are fixed
    worth = first.loc[first["isp"].between(81, 84), "import_worth_eur_per_mwh"]
    assert worth.tolist() == pytest.approx([30.0] * 4, abs=0.1)
    made.save(tmp_path / "run")
    assert open_run(tmp_path / "run").final("connection_limits").equals(table)


def test_what_another_fuse_would_earn() -> None:
    for setting in (f"connections.{CONNECTION}.import_kw=25", f"connection_limits.{CONNECTION}.import_kw=+10"):
        made = run(changed(two_cars(), [setting]), solver=by_method("reference"))
        assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.40)
    without = changed(two_cars(), (), [f"connection_limit:{CONNECTION}"])
    assert without.register.connection_limits == ()
    with pytest.raises(InputError, match="must not be negative"):
        changed(two_cars(), [f"connections.{CONNECTION}.import_kw=-100"])
    with pytest.raises(InputError, match="does not exist"):
        changed(two_cars(), ["connections.elsewhere.import_kw=5"])


def test_copied_connections_have_copies_of_their_limits_and_removed_ones_none() -> None:
    more = changed(two_cars(), ["connections=+2"])
    assert len(more.register.connection_limits) == len(more.register.connections) == 3
    assert {row.at for row in more.register.connection_limits} == {c.address for c in more.register.connections}
    assert changed(two_cars(), ["connections=0"]).register.connection_limits == ()
