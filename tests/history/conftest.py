"""Thirty simulated days, played once, and stored as the daemon stores them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.plan import Plan
from agr.domain.register import CongestionPoint, Connection, Contract
from agr.planning import serialisation
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.scenario.day import Step, in_force
from agr.scenario.description import DsoRequest
from agr.scenario.running import plans_of
from agr.scenario.scenario import Scenario
from agr.settings import Planning, Settings
from agr.store import flex_orders, plans, register
from tests.builders.remembered import remembering
from tests.builders.small_scenarios import CONNECTION, POINT, hourly, small_scenario
from tests.builders.stores import migrated

FIRST, DAYS = date(2026, 3, 10), 30  # with the day of 23 hours
OTHER, FREE = "ea1.2024-01.example.agr:c2", "ea1.2024-01.example.agr:c3"
SOLD = {3: None, 5: "FO-1", 8: "FO-1"}
"""Day → the contract under which a DSO orders flexibility then."""
OTHER_POINT = "ea1.2024-01.example.dso:cp2"


def thirty_days() -> Scenario:
    """Return two congestion points and a connection in none; prices that change from day to day."""
    battery = Battery(
        resource="battery", connection=CONNECTION, charge_kw=50, discharge_kw=50, capacity_kwh=100, initial_kwh=50,
        end_kwh=10, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5, end_worth_eur_per_mwh=45,
    )  # fmt: skip
    prices = [hourly(40.0 + day % 7, (0, 6, 15.0 + day), (17, 21, 90.0 - 2 * day)) for day in range(DAYS + 1)]
    made = small_scenario(
        battery,
        FixedLoad(resource="shop", connection=OTHER),
        Generator(resource="roof", connection=FREE, curtailment_eur_per_mwh=1.0),
        prices=prices, days=DAYS, first_day=FIRST, isp_minutes=60,
        forecasts={("shop", "power_kw"): 20.0, ("roof", "power_kw"): -7.0},
        events=tuple(
            DsoRequest(
                kind="flex_request", at=Period(FIRST + timedelta(days=d - 1)).start + timedelta(hours=14),
                congestion_point=POINT, window_start=time(18), window_end=time(20), power_mw=-0.02, contract=under,
                period=FIRST + timedelta(days=d),
            )
            for d, under in SOLD.items()
        ),
        trading={"floor_eur": 0.75},
        markets={"day_ahead": {"product_minutes": 60}, "intraday": {"depth_kw": 100.0, "spread_eur_per_mwh": 4.0}},
    )  # fmt: skip
    contract = Contract(
        contract="FO-1", dso="dso.example", congestion_point=POINT, first_day=FIRST, last_day=date(2026, 4, 1),
        window_start=time(17), window_end=time(20), power_w=-80_000, availability_eur_per_mw_h=2.0,
        penalty_eur_per_mwh=300.0,
    )  # fmt: skip
    known = replace(
        made.register, contracts=(contract,),
        connections=tuple(
            Connection(address=a, first_day=date(2026, 1, 1), brp="sun" if a == FREE else None)
            for a in (CONNECTION, OTHER, FREE)
        ),
    )  # fmt: skip
    second = CongestionPoint(address=OTHER_POINT, dso="dso.example", connections=(OTHER,), intraday_redispatch_by="AGR")
    return replace(made, register=known, points=(*made.points, second), free_connections=(FREE,))


@pytest.fixture(scope="session")
def played() -> tuple[Scenario, list[Step]]:
    """Return the thirty days and all their plans."""
    scenario = thirty_days()
    solver = remembering(Planning(threads=1, method="reference"))  # two files begin with these days
    return scenario, plans_of(scenario, scenario.description.periods(), solver)


def plan_of(step: Step) -> Plan:
    """Return a step as the daemon keeps plans."""
    return Plan(
        id=0, period=step.period, created_at=step.at, reasons=step.reasons, state=step.state,
        points=points_of(step.solved), positions=positions_of(step.solved), change=None, predecessor=None,
        case_digest=serialisation.digest(step.solved.named),
        result=result_of(
            step.solved, findings=step.findings, no_flexibility_eur=step.no_flexibility_eur, notes=step.notes
        ),
    )  # fmt: skip


class Stored:
    """A store with every plan of the days."""

    def __init__(self, folder: Path, scenario: Scenario, steps: Sequence[Step]) -> None:
        self.scenario, self.steps = scenario, steps
        self.settings = Settings(
            domain="agr.example", data_folder=folder, store_url=f"sqlite:///{folder / 'agr.db'}", isp_minutes=60,
            key_file=folder / "agr.key", markets=scenario.description.markets,
        )  # fmt: skip
        self.store = migrated(self.settings.store_url)
        with self.store.transaction() as tx:
            register.replace(tx, scenario.register)
            for step in steps:
                outcome, case = serialisation.pack(step.solved.outcome), serialisation.pack(step.solved.named)
                plans.put(tx, plan_of(step), outcome, case)
            for period in sorted({step.period for step in steps}, key=lambda period: period.day):
                for obligation in in_force([step for step in steps if step.period == period]).orders:
                    flex_orders.put(tx, obligation)


@pytest.fixture(scope="session")
def stored(played: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    made = Stored(tmp_path_factory.mktemp("history"), *played)
    yield made
    made.store.close()
