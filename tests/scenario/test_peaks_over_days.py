"""Peaks of a month over several days, by hand: what one day has reached costs the next one nothing."""

from dataclasses import replace
from datetime import date, time

import numpy as np
import pytest

from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import ConnectionTariff
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, small_scenario

PEAK = ConnectionTariff(connection=CONNECTION, first_day=date(2026, 1, 1), peak_eur_per_kw=0.04, peak_reached_kw=2.0)


@pytest.mark.parametrize(
    ("period", "reached_kw", "highest_kw"),
    [("month", [2, 5, 2], [5, 5, 3]), ("year", [2, 5, 5], [5, 5, 5]), ("day", [2, 2, 2], [5, 3, 3])],
)
def test_a_peak_lasts_until_its_billing_period_ends(period: str, reached_kw, highest_kw) -> None:
    """A car needs 10, 6 and 6 kWh on the last days of May and the first of June, in an hour at 20 or one at 50 EUR/MWh.

    A kW of the cheap hour saves 0.03 EUR and costs 0.04 above what was reached. On the first day both hours are alike,
    5 kW each; then 5 kW are free, and 1 kW is left for the dear hour; where they are not, both have 3 kW.
    """
    days = [date(2026, 5, 30), date(2026, 5, 31), date(2026, 6, 1)]
    cars = [
        EvSession(
            resource=f"car-{day}", connection=CONNECTION, arrival=at(20, day=day), departure=at(22, day=day),
            energy_kwh=kwh, charge_kw=11.0,
        )
        for day, kwh in zip(days, (10.0, 6.0, 6.0), strict=True)
    ]  # fmt: skip
    prices = hourly(80.0, (20, 21, 20.0), (21, 22, 50.0))
    scenario = small_scenario(*cars, prices=prices, days=3, first_day=days[0])
    row = replace(PEAK, peak_period=period)
    made = run(
        replace(scenario, register=replace(scenario.register, connection_tariffs=(row,))), solver=by_method("reference")
    )
    assert all(step["audit"] == [] for step in made.steps)
    assert made.outcome["cash"]["findings"] == []
    grid = made.final("connection_tariffs")
    assert grid.groupby("period", observed=True)["power_kw"].max().tolist() == pytest.approx(highest_kw, abs=0.02)
    paid = sum(0.04 * (high - low) for high, low in zip(highest_kw, reached_kw, strict=True))
    assert made.outcome["totals"]["terms_eur"]["peak charge"] == pytest.approx(-paid, abs=1e-3)


@pytest.mark.parametrize(
    ("first_day", "period", "paid_eur"),
    [(date(2026, 6, 10), "month", 8.0), (date(2026, 6, 10), "day", 13.0), (date(2026, 6, 30), "month", 13.0)],
)
def test_a_peak_window_over_midnight_goes_on_in_the_same_billing_period(first_day, period, paid_eur) -> None:
    """A load draws 5 kW from 22:00 and 8 kW from 00:00 to 03:00, at 1 EUR for each kW more than was reached before.

    In one month 5 EUR are paid, and 3 for the rest after midnight; where midnight begins a new period, 5 and 8. The
    9 kW from 03:00 to 22:00 are outside the window.
    """
    scenario = small_scenario(
        FixedLoad(resource="load", connection=CONNECTION), days=2, first_day=first_day,
        forecasts={("load", "power_kw"): 9.0},
    )  # fmt: skip
    hour = np.arange(96) / 4
    drawn = np.select([hour < 3, hour < 22], [8.0, 9.0], 5.0)
    before = np.select([hour < 3, hour < 22], [0.0, 9.0], 5.0)
    forecasts = {
        day: {("load", "power_kw"): before if day == first_day else drawn} for day in scenario.forecasts
    }  # fmt: skip
    row = ConnectionTariff(
        connection=CONNECTION, first_day=date(2026, 1, 1), window_start=time(22), window_end=time(3),
        peak_eur_per_kw=1.0, peak_period=period,
    )  # fmt: skip
    made = run(
        replace(
            scenario, forecasts=forecasts, register=replace(scenario.register, connection_tariffs=(row,))
        ), solver=by_method("reference"),
    )  # fmt: skip
    assert all(step["audit"] == [] for step in made.steps)
    assert made.outcome["cash"]["findings"] == []
    assert made.outcome["totals"]["terms_eur"]["peak charge"] == pytest.approx(-paid_eur)
