"""Scenarios on forecasts know how wrong earlier forecasts would have been, and plan reservations by probability."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pytest

from agr.connectors.actuals import ActualRow
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Contract
from agr.forecasting import Observed, days_of, model
from agr.forecasting.error_days import error_days
from agr.scenario.changes import changed
from agr.scenario.day import play
from agr.scenario.past import PastData
from agr.scenario.past_errors import past_errors
from agr.scenario.scenario import Scenario
from tests.builders.small_scenarios import CONNECTION, DAY, POINT, small_scenario

LOAD, DAYS = "power_kw load", 34
PERIOD = Period(DAY, isp_minutes=60)
USED = 40.0 * np.random.default_rng(5).lognormal(0, 0.2, DAYS + 1)  # one level a day, the scenario's own last


def a_scenario(used: Any = USED, **promises: Any) -> Scenario:
    """Return a day of a load and a battery that may be called at 17:00, with what the load used on days before."""
    scenario = small_scenario(
        FixedLoad(resource="load", connection=CONNECTION),
        Battery(
            resource="battery", connection=CONNECTION, charge_kw=50, discharge_kw=50, capacity_kwh=100, initial_kwh=50,
            end_kwh=50, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=3,
        ),
        isp_minutes=60, forecasts={("load", "power_kw"): float(used[-1])},
        planning={"promises": promises},
    )  # fmt: skip
    rows = [
        ActualRow(line=0, series=LOAD, observed=Observed(start=start, minutes=60, value=float(kw)), received_at=None)
        for back, kw in zip(range(DAYS, 0, -1), used, strict=False)
        for start in Period(DAY - timedelta(days=back), isp_minutes=60).starts()
    ]  # fmt: skip
    called = Contract(
        contract="FO", dso="dso.example", congestion_point=POINT, first_day=date(2026, 1, 1),
        last_day=date(2026, 12, 31), window_start=time(17), window_end=time(18), power_w=-20_000,
        availability_eur_per_mw_h=1, penalty_eur_per_mwh=500,
    )  # fmt: skip
    described = type(scenario.description).model_validate(
        scenario.description.model_dump() | {"forecasts": {"history": ["loads.csv"]}}
    )
    return replace(
        scenario, description=described, past=PastData(series={LOAD: tuple(rows)}),
        register=replace(scenario.register, contracts=(called,)),
    )  # fmt: skip


def test_past_forecasts_are_those_of_their_day_and_later_days_change_no_bit() -> None:
    past = past_errors(a_scenario(scenarios=2), PERIOD)
    known = days_of(past.observed[LOAD], PERIOD.zone_name, 60)
    day = DAY - timedelta(days=6)
    (said,) = [one for one in past.predicted[LOAD] if one.day == day]
    # at 7:00 of the day before, that day was not over: the day before it is the last one known
    before = known.known(known.row(day) - 1)
    expected = model("alike days").fit(before, 2)(before, 2)
    naive = model("naive").fit(before, 2)(before, 2)
    assert any(np.allclose(said.mean, one) for one in (expected, naive))
    assert said.made_at == Period(day).start - timedelta(hours=17)
    later = USED.copy()
    later[-7:] *= 3.0  # the day before, and later ones
    again = past_errors(a_scenario(later, scenarios=2), PERIOD)
    assert [one.mean.tobytes() for one in past.predicted[LOAD] if one.day <= day] == [
        one.mean.tobytes() for one in again.predicted[LOAD] if one.day <= day
    ]
    errors = error_days(past.predicted, past.observed, PERIOD, 5)
    row = errors.days.index(day)
    assert errors.errors[LOAD][row] == pytest.approx(USED[DAYS - 6] - said.mean)
    assert past_errors(a_scenario(scenarios=1), PERIOD).predicted == {}


def test_a_scenario_on_forecasts_plans_reservations_by_probability(remembering: Any) -> None:
    scenario = changed(a_scenario(), ("planning.promises.scenarios=2", "planning.promises.probability=0.5"))
    first = next(iter(play(scenario, (scenario.description.of,), remembering)))
    assert first.notes[0].startswith(f"calls at {POINT} are answered on ")
    assert first.solved.named.case.anchor is not None
    cold = changed(a_scenario(), ("planning.promises.scenarios=10",))
    notes = next(iter(play(cold, (cold.description.of,), remembering))).notes
    assert any("errors of forecasts are known on" in note and "39 are needed" in note for note in notes)
