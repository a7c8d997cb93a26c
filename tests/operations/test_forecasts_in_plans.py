"""What a plan is made from where nobody gave prices and powers: forecasts of our own, named in its notes."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection, Price
from agr.forecasting import Observed
from agr.operations.forecast_worker import make
from agr.operations.forecasts import ForecastService
from agr.planning.inputs import read_inputs
from agr.planning.stored_plans import StoredInputs
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.store import actuals, register, tables
from agr.store.actuals import Actual
from tests.builders.worlds import PERIOD, World
from tests.web.register_desk import ONE


def test_a_plan_begins_with_forecasts_of_what_nobody_gave_and_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"forecasts": ForecastSettings(enabled=True, model="alike days")})
    world.know_points()
    first = Period(PERIOD.day - timedelta(days=30))
    hours = int((PERIOD.start - first.start) / timedelta(hours=1))
    starts = [first.start + timedelta(hours=n) for n in range(hours)]
    world.know_register(
        connections=(Connection(address=ONE, first_day=first.day),),
        resources=(
            FixedLoad(resource="load-1", connection=ONE),
            Battery(
                resource="battery", connection=ONE, charge_kw=50, discharge_kw=50, capacity_kwh=100,
                initial_kwh=50, end_kwh=50, charge_efficiency=0.95, discharge_efficiency=0.95,
            ),
        ),
    )  # fmt: skip
    with world.store.transaction() as tx:
        tx.execute(tables.prices.delete())
        tx.execute(tables.forecasts.delete())
        history = [
            Price(series="day_ahead", start=start, minutes=60, value=60 + 50 * float(np.sin(n / 24 * 2 * np.pi)))
            for n, start in enumerate(starts)
        ]
        register.put_prices(tx, history)
        measured = [
            Actual(series="power_kw load-1", received_at=start + timedelta(hours=1),
                   observed=Observed(start=start, minutes=60, value=8.0 + 0.01 * (n % 5)))
            for n, start in enumerate(starts[:-48])
        ]  # fmt: skip
        actuals.put(tx, measured)
    forecasts = ForecastService(
        world.store, world.settings, world.clock, lambda tasks, _s: [make(task) for task in tasks]
    )
    forecasts.before_plan(PERIOD)
    with world.store.transaction() as tx:
        found = read_inputs(StoredInputs(tx), world.settings, PERIOD, world.clock.now())
    world.store.close()
    assert found is not None
    notes = "\n".join(found.notes)
    assert "day_ahead_forecast: 92 of 92 ISPs are not given; forecast 1 by alike days stands in" in notes
    assert "the power of 1 resource is not given; our forecasts by alike days stand in" in notes
    prices = found.inputs.prices["day_ahead_forecast"]
    assert min(value for value in prices if value is not None) < 20 < 100 < max(value or 0.0 for value in prices)
    assert {row.series for row in found.quoted if row.start >= PERIOD.start} == {"day_ahead_forecast"}
    assert found.inputs.forecasts["load-1", "power_kw"] == pytest.approx(8.02, abs=0.05)
