"""Forecasts from what is known of a site: standard profiles, roofs, heat. Figures by hand and closed forms."""

import sys
from datetime import date, timedelta

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.forecasting import ForecastModelError
from agr.forecasting.sites.heat import HeatDemand, cop_of, from_yearly_use, learned
from agr.forecasting.sites.profiles import NAMES, standard_kw
from agr.forecasting.sites.roofs import BY_PVLIB, FLAT, Roof, roof_kw

HOURS = Period(date(2026, 6, 21), "Europe/Amsterdam", 60)
ROOF = Roof(peak_kw=10, latitude=52.1, longitude=5.2, tilt_deg=0, azimuth_deg=180)


def test_a_value_of_the_published_table_is_scaled_to_the_yearly_use() -> None:
    """H25, a Saturday of January, 00:00: 22.152 kWh a quarter of 1,000,000 kWh."""
    day = Period(date(2026, 1, 3))
    factor = -3.92e-10 * 3**4 + 3.2e-7 * 3**3 - 7.02e-5 * 3**2 + 0.0021 * 3 + 1.24
    assert standard_kw("H25", 4000, day)[0] == pytest.approx(22.152 * 4 * factor * 4000 / 1e6)
    assert len(standard_kw("G25", 1, Period(date(2026, 3, 29)))) == 92
    holiday = Period(date(2026, 5, 1))  # a Friday
    assert standard_kw("G25", 1000, holiday, "DE") == pytest.approx(
        standard_kw("G25", 1000, Period(date(2026, 5, 3)))
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_year_adds_up_to_the_yearly_use(name: str) -> None:
    days = (Period(date(2025, 1, 1) + timedelta(days=n)) for n in range(365))
    assert sum(standard_kw(name, 3500, day, "DE").sum() / 4 for day in days) == pytest.approx(3500, rel=0.01)


def test_flat_modules_have_what_the_sun_gives_less_losses_and_heat() -> None:
    """At 12 °C and 500 W/m² the cell has 12 + 500/(25 + 6.84·1) °C."""
    sun = np.zeros(24)
    sun[12] = 500.0
    found, how = roof_kw(ROOF, sun, np.full(24, 12.0), HOURS)
    assert how == BY_PVLIB
    cell = 12 + 500 / (25 + 6.84)
    assert found[12] == pytest.approx(-10 * 0.5 * (1 - 0.004 * (cell - 25)) * 0.86, rel=0.002)
    assert found[:12] == pytest.approx(0.0)


def test_a_roof_to_the_east_has_its_sun_in_the_morning() -> None:
    hour = np.arange(24)
    sun = np.maximum(800 * np.sin((hour - 5.5) / 16.5 * np.pi), 0) * ((hour >= 6) & (hour <= 21))
    east, west = (
        roof_kw(Roof(peak_kw=10, latitude=52.1, longitude=5.2, tilt_deg=40, azimuth_deg=to), sun, None, HOURS)[0]
        for to in (90, 270)
    )
    assert east[8] < 1.5 * west[8] < 0
    assert west[19] < 1.5 * east[19] < 0
    assert east.min() >= -10


def test_without_pvlib_modules_lie_flat_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pvlib", None)
    found, how = roof_kw(ROOF, np.full(24, 500.0), None, HOURS)
    assert how == FLAT
    assert found == pytest.approx(-10 * 0.5 * 0.86)


def test_a_year_of_degree_days_takes_the_yearly_heat() -> None:
    """2,400 degree days in 240 days of 5 °C below 15: 10,000 kWh, a fifth of it hot water on 365 days."""
    demand = from_yearly_use(10_000, hot_water_share=0.2, base_c=15, degree_days=2400)
    cold, warm = demand(np.full(24, 5.0)).sum(), demand(np.full(24, 20.0)).sum()
    assert 240 * cold + 125 * warm == pytest.approx(10_000)


def test_measured_days_teach_what_a_building_takes() -> None:
    random = np.random.default_rng(1)
    air = random.uniform(-5, 14, (30, 1)) + random.normal(0, 1, (30, 24)).clip(-1, 1)
    real = HeatDemand(constant_kw=0.5, slope_kw_per_k=0.3, base_c=15)
    days = np.array([real(one).mean() for one in air])
    found = learned(days, air, 15)
    assert (found.constant_kw, found.slope_kw_per_k) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.3, abs=0.01))
    without = learned(days - 0.8, air, 15)
    assert without.constant_kw == 0.0
    with pytest.raises(ForecastModelError, match="only 13 days"):
        learned(days[:13], air[:13], 15)


def test_a_heat_pump_makes_less_of_a_kwh_when_it_is_cold() -> None:
    assert cop_of(np.array([0.0]), 40.0)[0] == pytest.approx(6.08 - 3.6 + 0.8)
    assert (np.diff(cop_of(np.linspace(-20, 20, 9), 45.0)) > 0).all()
