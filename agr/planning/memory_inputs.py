"""What a scenario's plans are made from, in memory: its tables, and what becomes known in the course of its day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.isp import Period
from agr.domain.kinds import MEASURED
from agr.domain.register import CongestionPoint, Contract, Portfolio, Price, Register
from agr.domain.visit import Visit
from agr.forecasting.error_days import NOTHING_PAST, PastForecasts
from agr.forecasting.sessions import of_sessions
from agr.planning.difference import Solved
from agr.store.charge_sessions import ChargeSession
from agr.store.forecast_runs import POWER_SERIES, ForecastRun
from agr.store.overrides import Unavailable
from agr.store.own_portfolio import OWN_LIST

Forecasts = Mapping[date, Mapping[tuple[str, str], NDArray[np.float64]]]
"""Period → (resource, quantity) → (T,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownBeforehand:
    """What is known before the market day begins. Every CRO has answered; nothing is unavailable."""

    register: Register  # with prices
    points: tuple[CongestionPoint, ...]
    free_connections: tuple[str, ...]
    forecasts: Forecasts
    runs: tuple[ForecastRun, ...] = ()  # forecasts of our own, each known from the moment it was made
    unpublished: frozenset[str] = frozenset()  # price series that are known of a day only once it is published
    to_come: frozenset[str] = frozenset()  # charging sessions that are known only once they come
    earlier: tuple[date, Solved] | None = None  # what was solved for the plan in force of the day before the first
    past: PastForecasts = NOTHING_PAST  # what was forecast for earlier days, and what happened
    own_points: bool = False  # whether our own table, and no CRO, says where connections are


class MemoryInputs:
    """The part of a `PlanReader` that no plan changes. For one thread."""

    def __init__(self, world: KnownBeforehand) -> None:
        self._world = world
        self._version = 0
        self._sessions: list[ChargeSession] = []
        self._contents: dict[str, list[tuple[datetime, float]]] = {}
        self._becomes: dict[str, str] = {}
        self._published: dict[str, list[Period]] = {}
        self._to_come = set(world.to_come)

    # --- what becomes known ------------------------------------------------------------------------------------------

    def measure(self, resource: str, at: datetime, kwh: float) -> None:
        """Record what a store was measured to hold."""
        self._contents.setdefault(resource, []).append((at, kwh))

    def reveal(self, series: str, becomes: str) -> None:
        """Read prices of `series` from the series `becomes` from now on."""
        self._version += 1
        self._becomes[series] = becomes

    def publish(self, series: str, period: Period) -> None:
        """Let the prices of a Period be known from now on."""
        self._version += 1
        self._published.setdefault(series, []).append(period)

    def come(self, resource: str) -> None:
        """Let a charging session be known from now on."""
        self._version += 1
        self._to_come.discard(resource)

    def see(self, session: ChargeSession) -> None:
        """Record what a charge point has reported of a session, in place of what it reported before."""
        self._sessions = [one for one in self._sessions if one.transaction != session.transaction] + [session]

    # --- what plans read ---------------------------------------------------------------------------------------------

    def cro_states(self, day: date) -> Mapping[str, str]:
        """Return that every CRO has answered, or that there is none."""
        return {OWN_LIST if self._world.own_points else "": "answered"}

    def last_call_made(self, day: date) -> bool:
        """Say that no CRO is waited for."""
        return True

    def portfolio(self, period: Period) -> Portfolio:
        """Return the congestion points, by address as in the daemon's store."""
        points = tuple(sorted(self._world.points, key=lambda point: point.address))
        return Portfolio(period=period, points=points, free_connections=self._world.free_connections)

    def register(self) -> Register:
        """Return the register, without sessions that have not come yet."""
        register = self._world.register
        if not self._to_come:
            return register
        return replace(register, resources=tuple(r for r in register.resources if r.resource not in self._to_come))

    def contract(self, name: str) -> Contract | None:
        """Return one contract."""
        return next((c for c in self._world.register.contracts if c.contract == name), None)

    def forecasts(self, period: Period) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Return (resource, quantity) → one value per ISP."""
        return self._world.forecasts.get(period.day, {})

    def silent_limits(self, period: Period, now: datetime) -> Mapping[str, NDArray[np.float64]]:
        """Return nothing: a scenario has no back-ends."""
        del period, now
        return {}

    def newest_contents(
        self, resources: Collection[str], since: datetime, upto: datetime
    ) -> Mapping[str, tuple[datetime, float]]:
        """Return resource → (instant, kWh) of its newest content that was measured."""
        found = {}
        for resource in resources:
            mine = [one for one in self._contents.get(resource, ()) if since <= one[0] <= upto]
            if mine:
                found[resource] = max(mine)
        return found

    def registers(
        self, resources: Collection[str], first: datetime, last: datetime
    ) -> Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]:
        """Return nothing: a scenario measures contents, not energy."""
        return {}

    def sessions(self, period: Period) -> Sequence[ChargeSession]:
        """Return what charge points are said to have told."""
        return [one for one in self._sessions if one.began_at < period.end]

    def ended_sessions(self, first: datetime, last: datetime) -> Sequence[ChargeSession]:
        """Return what charge points are said to have reported of sessions that ended in [first, last)."""
        return [one for one in self._sessions if one.ended_at is not None and first <= one.ended_at < last]

    def visits(self, period: Period, now: datetime) -> Sequence[Visit]:
        """Return nothing: a scenario has no charge points that limit a car."""
        del period, now
        return ()

    def latest_forecast_day(self, before: date) -> date | None:
        """Return the latest Period before a day that has forecasts."""
        forecasts = self._world.forecasts.items()
        known = (day for day, values in forecasts if any(quantity not in MEASURED for _, quantity in values))
        return max((day for day in known if day < before), default=None)

    def prices(self, start: datetime, end: datetime) -> Sequence[Price]:
        """Return prices that start in [start, end)."""
        found = [p for p in self._world.register.prices if start <= p.start < end and self._known(p)]
        if not self._becomes:
            return found
        kept = [price for price in found if price.series not in self._becomes]
        told = ((name, price) for name, other in self._becomes.items() for price in found if price.series == other)
        return [*kept, *(replace(price, series=name) for name, price in told)]

    def _known(self, price: Price) -> bool:
        if price.series not in self._world.unpublished:
            return True
        return any(one.start <= price.start < one.end for one in self._published.get(price.series, ()))

    def forecast(self, series: str, period: Period, as_of: datetime) -> ForecastRun | None:
        """Return our newest forecast of a Period that was made by then."""
        return self._newest(period, as_of).get(series)

    def power_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return resource → our newest forecast of its power that was made by then."""
        found = self._newest(period, as_of).items()
        return {name.removeprefix(POWER_SERIES): run for name, run in found if name.startswith(POWER_SERIES)}

    def heat_forecasts(self, period: Period, as_of: datetime) -> Mapping[tuple[str, str], ForecastRun]:
        """Return nothing: a scenario's forecasts are all in its tables."""
        return {}

    def session_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return series of charging sessions → the newest forecast of a Period that was made by then."""
        return {name: run for name, run in self._newest(period, as_of).items() if of_sessions(name)}

    def _newest(self, period: Period, as_of: datetime) -> dict[str, ForecastRun]:
        known = (run for run in self._world.runs if run.period == period.day and run.made_at <= as_of)
        return {run.series: run for run in sorted(known, key=lambda run: run.made_at)}

    def past(self, series: Sequence[str], period: Period, now: datetime, days: int) -> PastForecasts:
        """Return, of some series, what was forecast for the last days before a Period, and what happened."""
        return self._world.past.before(series, period, now, days)

    def unavailable(self, day: date) -> Sequence[Unavailable]:
        """Return nothing: no operator marks resources as unavailable."""
        return ()

    def trades(self, day: date) -> Sequence[Trade]:
        """Return nothing: a scenario has no trades but those of its plans."""
        return ()

    def input_version(self) -> int:
        """Return a number that grows with every position that is fixed."""
        return self._version
