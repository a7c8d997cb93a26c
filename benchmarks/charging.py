"""How good forecasts of charging sessions by group are: 10,000 real sessions at public charge points, 2019.

Each day from 1 April is forecast from the days that are counted for certain at 7:00 of the day before, up to four days
before it: cars of later ones may still be there. The sessions may not be shipped: they are read from beside the
project, and where they are missing nothing is measured. Where they are from: benchmarks/data/README.md.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.forecasting import Days, days_of, model, rolling, score
from agr.forecasting.days import Observed
from agr.forecasting.expected import expected_sessions
from agr.forecasting.models.registry import ALIKE, NAIVE
from agr.forecasting.sessions import Session, count, whole_days

Floats = NDArray[np.float64]
SESSIONS = Path(__file__).parents[2] / "shared" / "data" / "ev_sessions_elaadnl_public_nl_2019.csv.gz"
FIRST, LAST = date(2019, 4, 1), date(2019, 12, 29)
_BEGINS = date(2019, 1, 1)
_ZONE, _LEAD, _CALIBRATION = "Europe/Amsterdam", 4, 60
TARGET = 0.85
"""Mean absolute error of the power, of that of naive, from 25 sessions a day on."""
POWER = "power unmanaged, 15 min"
CAR_KW = 3.7
"""What most of these cars take at most."""


def sessions() -> list[tuple[Session, float]]:
    """Return the sessions with the power each car takes, kW."""
    with gzip.open(SESSIONS, "rt", encoding="utf-8") as file:
        return [
            (
                Session(
                    arrival=_instant(row["start_utc"]), departure=_instant(row["end_utc"]),
                    energy_kwh=float(row["energy_kwh"]),
                ),
                float(row["max_power_kw"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def series_of(known: list[tuple[Session, float]]) -> dict[str, Days]:
    """Return name → the series: power per quarter hour if nobody steers, what arrives per hour, sums of days."""
    period, observed = Period(_BEGINS, _ZONE, 60), []
    while period.day <= LAST:
        counted = count([one for one, _ in known], period)
        observed.append([
            [
                Observed(start=start, minutes=60, value=float(value))
                for start, value in zip(period.starts(), values, strict=True)
            ]
            for _, values in counted.series()
        ])  # fmt: skip
        period = period.next()
    found = {POWER: days_of(list(_unmanaged(known)), _ZONE, 15, country="NL")}
    for place, name in enumerate(("arrivals", "energy", "stay")):
        hours = days_of([one for day in observed for one in day[place]], _ZONE, 60, country="NL")
        found |= {f"{name}, hours": hours, f"{name}, days": whole_days(hours)}
    return found


def _unmanaged(known: list[tuple[Session, float]]) -> Iterator[Observed]:
    """Yield the power of all cars per quarter hour, each from its arrival on, kW."""
    start, end = Period(_BEGINS, _ZONE, 15).start, Period(LAST, _ZONE, 15).end
    quarter = timedelta(minutes=15)
    power = np.zeros(int((end - start) / quarter))
    for one, kw in known:
        hours = (one.energy_kwh or 0.0) / kw if kw > 0 else 0.0
        first = (one.arrival - start) / quarter
        last = min(first + hours * 4, len(power))
        for place in range(max(int(first), 0), int(np.ceil(last))):
            power[place] += kw * (min(last, place + 1) - max(first, place))
    return (Observed(start=start + n * quarter, minutes=15, value=float(value)) for n, value in enumerate(power))


def prognosis_error(car_kw: float) -> tuple[float, float]:
    """Return the error of a prognosis that is made of expected sessions only, over the mean: per quarter hour, per day.

    Each car charges at once, at `car_kw`. Without expected sessions the prognosis is empty, and both errors are 1.
    """
    known = series_of(sessions())
    power, parts = known[POWER], [known[f"{name}, hours"] for name in ("arrivals", "energy", "stay")]
    begin, end = power.row(FIRST), power.row(LAST) + 1
    made = [np.maximum(rolling(one, model(ALIKE), begin, end, lead=_LEAD, refit_days=1).forecast, 0.0) for one in parts]
    slots = power.slots
    expected = np.zeros((end - begin + 2) * slots)
    for row in range(end - begin):
        of = parts[0].period(begin + row)
        arrivals, energy, stay = (one.on(values[row], of) for one, values in zip(parts, made, strict=True))
        for one in expected_sessions(arrivals, energy, stay, of.start, of.isp_minutes):
            kw = car_kw * one.cars
            first = row * slots + (one.arrival - of.start) / timedelta(minutes=power.minutes)
            last = first + one.energy_kwh / kw * 60 / power.minutes
            for place in range(int(first), int(np.ceil(last))):
                expected[place] += kw * (min(last, place + 1) - max(first, place))
    actual = power.values[begin:end]
    error = expected[: actual.size].reshape(actual.shape) - actual
    return (
        float(np.abs(error).sum() / actual.sum()), float(np.abs(error.sum(axis=1)).sum() / actual.sum())
    )  # fmt: skip


def measured() -> dict[str, dict[str, float]] | None:
    """Return series → its figures for alike days; None where the sessions are missing."""
    if not SESSIONS.exists():
        return None
    figures = {}
    for name, days in series_of(sessions()).items():
        begin, end = days.row(FIRST), days.row(LAST) + 1
        naive, alike = (
            rolling(days, model(one), begin - _CALIBRATION, end, lead=_LEAD, refit_days=1) for one in (NAIVE, ALIKE)
        )
        kept = slice(_CALIBRATION, None)
        bands = [np.maximum(one.quantiles()[kept], 0.0) for one in (alike, naive)]
        found = score(
            alike.forecast[kept], alike.actual[kept], quantiles=bands[0], naive=naive.forecast[kept],
            naive_quantiles=bands[1],
        )  # fmt: skip
        assert found is not None
        mean = float(alike.actual[kept].mean())
        of_naive = found.relative_mae or np.nan
        figures[name] = {
            "days": found.days, "mean": mean, "MAE/mean naive": found.mae / of_naive / mean,
            "MAE/mean": found.mae / mean, "relative MAE": of_naive, "CRPS of naive": 1 - (found.crps_skill or 0.0),
            "80 % covers": found.coverage or np.nan,
        }  # fmt: skip
    return figures
