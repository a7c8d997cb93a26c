"""Forecasts of resources that have not been measured for long: from their site, or from others of their kind.

A standard profile by yearly use, PV by the sun that is forecast, heat by the temperature; else the mean of the loads
(or generators) that are forecast at the same congestion point, at the resource's own level. The tables
`[[forecasts.loads]]`, `[[forecasts.roofs]]` and `[[forecasts.heat]]` in the settings say which site a resource has.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.quantities import COP, HEAT
from agr.forecasting import ForecastModelError, Observed, days_of
from agr.forecasting.inputs import weather_series
from agr.forecasting.sessions import ELSEWHERE
from agr.forecasting.sites.heat import HeatDemand, cop_of, from_yearly_use, learned
from agr.forecasting.sites.profiles import standard_kw
from agr.forecasting.sites.roofs import Roof, roof_kw
from agr.operations.forecast_rows import FAILED
from agr.settings import Settings
from agr.settings.forecasts import HeatSites, LoadSites, RoofSites
from agr.store import actuals, day, forecast_runs, portfolio, register
from agr.store.engine import Store, Tx
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

Floats = NDArray[np.float64]
log = structlog.get_logger()
LEVEL_DAYS = 42
"""Days over which the mean of a resource's own level is taken."""
GROUP = "others of its kind"
HEAT_MODEL, COP_MODEL = "degree days", "COP by temperature"
SITES, HEAT_PUMPS = "sites", "heat"
_WEIGHT_DAYS = 14.0
_AT_ONCE = 1000


class _Site(Protocol):
    @property
    def resources(self) -> str:
        """Which resources are meant."""


S = TypeVar("S", bound=_Site)


@dataclass(frozen=True, kw_only=True)
class Cold:
    """A resource that needs a forecast: at which connection, of which kind's table, and whether it produces."""

    resource: str
    connection: str
    table: str
    produces: bool


class SiteForecasts:
    """Makes forecasts from sites and groups for one Period."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def powers(self, period: Period, wanted: Collection[Cold], made: Mapping[str, ForecastRun]) -> set[str]:
        """Forecast the power of resources where that can be done, and store the runs; return which.

        `made`: resource → what was forecast for it from its own past; these are the groups of the others.
        """
        now, settings = self._clock.now(), self._settings.forecasts
        with self._store.transaction() as tx:
            levels = actuals.levels(tx, POWER_SERIES, now, now - timedelta(days=LEVEL_DAYS))
            own = {series.removeprefix(POWER_SERIES): one for series, one in levels.items()}
            groups, weather = _Groups(tx, period, made, own), _Weather(tx, period, now)
            for one in wanted:
                groups.add(one)
            runs, missing = [], set[str]()
            for one in wanted:
                if one.resource in made:
                    continue
                level, days = own.get(one.resource, (0.0, 0.0))
                load = None if one.produces else _site(settings.loads, one.resource)
                roof = _site(settings.roofs, one.resource) if one.produces else None
                found = None
                if load is not None:
                    found = self._load(load, period, level, days)
                elif roof is not None:
                    found = self._roof(weather, roof, period)
                    if found is None:
                        missing.add(f"the sun of {roof.place}")
                if found is None and days >= 1:
                    found = groups.of(one, level, days)
                if found is not None:
                    runs.append(replace(found, series=POWER_SERIES + one.resource, made_at=now))
        self._keep(runs, now)
        self._say(period, missing, SITES, now)
        log.info("forecast.sites", period=str(period), made=len(runs))
        return {run.series.removeprefix(POWER_SERIES) for run in runs}

    def heat(self, period: Period) -> int:
        """Forecast demand of heat and COP of heat pumps for which the user gave none; return how many."""
        now, settings = self._clock.now(), self._settings.forecasts
        runs, missing = [], set[str]()
        with self._store.transaction() as tx:
            given = set(register.forecasts_on(tx, period)) if settings.heat else set()
            rows = register.load_tables(tx, "heat_pumps").of(HeatPump) if settings.heat else ()
            weather = _Weather(tx, period, now)
            for row in rows:
                site = _site(settings.heat, row.resource)
                if site is None or {(row.resource, HEAT.name), (row.resource, COP.name)} <= given:
                    continue
                air = weather.newest("temperature_c", site.place)
                if air is None:
                    missing.add(f"the temperature of {site.place}")
                    continue
                demand, note = self._demand(weather, site, row.resource)
                for quantity, model, mean, notes in (
                    (HEAT, HEAT_MODEL, demand(air.mean), (note,)),
                    (COP, COP_MODEL, cop_of(air.mean, site.flow_c), ()),
                ):
                    series = f"{quantity.name} {row.resource}"
                    runs.append(ForecastRun(series=series, model=model, made_at=now, period=period.day,
                                            minutes=air.minutes,
                                    mean=mean, notes=notes))  # fmt: skip
        self._keep(runs, now)
        self._say(period, missing, HEAT_PUMPS, now)
        return len(runs) // 2

    def _load(self, site: LoadSites, period: Period, level: float, days: float) -> ForecastRun:
        country = self._settings.forecasts.country
        power = standard_kw(site.profile, site.kwh_per_year, period, country)
        factor, words = 1.0, "it was not measured yet"
        if days > 0:
            weight = days / (days + _WEIGHT_DAYS)
            usual = np.mean([
                standard_kw(site.profile, site.kwh_per_year, _back(period, n), country).mean()
                for n in range(1, int(min(days, LEVEL_DAYS)) + 2)
            ])  # fmt: skip
            factor = 1 - weight + weight * max(level / float(usual), 0.0) if usual > 0 else 1.0
            words = f"{days:.1f} days were measured, which count with {weight:.0%}"
        note = f"{site.profile} at {site.kwh_per_year:,.0f} kWh a year stands in: {words}"
        return _run(f"standard profile {site.profile}", period, power * factor, note)

    @staticmethod
    def _roof(weather: "_Weather", site: RoofSites, period: Period) -> ForecastRun | None:
        sun = weather.newest("sun_w_m2", site.place)
        if sun is None:
            return None
        air = weather.newest("temperature_c", site.place)
        roof = Roof(
            peak_kw=site.peak_kw, latitude=site.latitude, longitude=site.longitude, tilt_deg=site.tilt_deg,
            azimuth_deg=site.azimuth_deg,
        )  # fmt: skip
        hours = Period(period.day, period.zone_name, sun.minutes)
        same = air is not None and len(air.mean) == len(sun.mean)
        power, how = roof_kw(roof, sun.mean, air.mean if air is not None and same else None, hours)
        note = f"{how}: {site.peak_kw:g} kW, the sun of {site.place}"
        return replace(_run(how, period, power, note), minutes=sun.minutes)

    def _demand(self, weather: "_Weather", site: HeatSites, resource: str) -> tuple[HeatDemand, str]:
        """Return what a building takes, from its measured days, else from its yearly use; and which, in words."""
        usual = from_yearly_use(
            site.kwh_per_year, hot_water_share=site.hot_water_share, base_c=site.base_c, degree_days=site.degree_days
        )
        note = f"{site.kwh_per_year:,.0f} kWh of heat a year stand in"
        zone = self._settings.time_zone
        measured = weather.actuals(f"{HEAT.name} {resource}")
        if not measured:
            return usual, f"{note}: it was not measured"
        days = days_of(measured, zone, 60)
        air = np.full((len(days.values), 24), np.nan)
        for run in weather.between("temperature_c", site.place, days.first, days.day(len(days.values) - 1)):
            if run.given and run.made_at < days.period(days.row(run.period)).start:
                air[days.row(run.period)] = days.by_the_clock(run.mean, run.minutes, days.period(days.row(run.period)))
        try:
            return learned(days.values.mean(axis=1), air, site.base_c), "learned from measured days"
        except ForecastModelError as error:
            return usual, f"{note}: {error}"

    def _keep(self, runs: list[ForecastRun], now: datetime) -> None:
        for first in range(0, len(runs), _AT_ONCE):
            with self._store.transaction() as tx:
                forecast_runs.put_all(tx, runs[first : first + _AT_ONCE], now)

    def _say(self, period: Period, missing: Collection[str], subject: str, now: datetime) -> None:
        with self._store.transaction() as tx:
            if not missing:
                day.recover(tx, FAILED, subject, now)
                return
            what = ", ".join(sorted(missing)[:3])
            text = f"{what} of {period} is not known, so resources of [forecasts] have no forecast from their site"
            day.raise_alarm(tx, FAILED, subject, f"{text}; look at the weather feed", now)


class _Groups:
    """The mean forecast of resources of a kind, at a congestion point and everywhere."""

    def __init__(
        self, tx: Tx, period: Period, made: Mapping[str, ForecastRun], own: Mapping[str, tuple[float, float]]
    ) -> None:
        self._period, self._made, self._own = period, made, own
        self._point = {c: p.address for p in portfolio.load(tx, period).points for c in p.connections}
        self._members: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._means: dict[tuple[str, str], tuple[Floats, float, int] | None] = {}

    def add(self, one: Cold) -> None:
        """Let a resource that is forecast from its own past be one of its groups."""
        if one.resource in self._made and one.resource in self._own:
            for where in (self._point.get(one.connection, ELSEWHERE), ""):
                self._members[one.table, where].append(one.resource)

    def of(self, one: Cold, level: float, days: float) -> ForecastRun | None:
        """Return a resource's forecast from its group; None where nothing is forecast of others of its kind."""
        for where in (self._point.get(one.connection, ELSEWHERE), ""):
            mean = self._mean((one.table, where))
            if mean is not None:
                shape, usual, count = mean
                weight = days / (days + _WEIGHT_DAYS)
                factor = 1 - weight + weight * max(level / usual, 0.0)
                whose = number_of(count, "other of its kind", "others of its kind")
                note = f"{whose} at {where or 'other places'} stand in, its own {days:.1f} days count with {weight:.0%}"
                return _run(GROUP, self._period, shape * factor, note)
        return None

    def _mean(self, key: tuple[str, str]) -> tuple[Floats, float, int] | None:
        if key not in self._means:
            names = self._members.get(key, [])
            usual = float(np.mean([self._own[name][0] for name in names])) if names else 0.0
            shapes = [self._made[name].per_isp(self._period) for name in names]
            self._means[key] = (np.mean(shapes, axis=0), usual, len(names)) if abs(usual) > 1e-9 else None
        return self._means[key]


def _site(sites: Iterable[S], resource: str) -> S | None:
    """Return the first site that means a resource."""
    return next((one for one in sites if fnmatchcase(resource, one.resources)), None)


class _Weather:
    """What was forecast of places, each read once however many resources are there, and what resources measured."""

    def __init__(self, tx: Tx, period: Period, now: datetime) -> None:
        self._tx, self._period, self._now = tx, period, now
        self._newest: dict[str, ForecastRun | None] = {}
        self._between: dict[tuple[str, date, date], list[ForecastRun]] = {}

    def newest(self, quantity: str, place: str) -> ForecastRun | None:
        """Return the forecast for the Period; None where there is none."""
        name = weather_series(quantity, place)
        if name not in self._newest:
            self._newest[name] = forecast_runs.newest(self._tx, name, self._period.day, self._now, given=True)
        return self._newest[name]

    def between(self, quantity: str, place: str, first: date, last: date) -> list[ForecastRun]:
        """Return the forecasts for some days, oldest first."""
        key = weather_series(quantity, place), first, last
        if key not in self._between:
            self._between[key] = forecast_runs.between(self._tx, *key, self._now)
        return self._between[key]

    def actuals(self, series: str) -> list[Observed]:
        """Return what was measured in the last 100 days."""
        return actuals.known(self._tx, series, self._now, self._now - timedelta(days=100), self._now)


def _back(period: Period, days: int) -> Period:
    return Period(period.day - timedelta(days=days), period.zone_name, period.isp_minutes)


def _run(model: str, period: Period, power_kw: Floats, note: str) -> ForecastRun:
    return ForecastRun(
        series="", model=model, made_at=period.start, period=period.day, minutes=period.isp_minutes, mean=power_kw,
        notes=(note,),
    )  # fmt: skip
