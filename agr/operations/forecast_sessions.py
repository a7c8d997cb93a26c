"""Forecasts of charging sessions by group: from what charge points' back-ends told, or from imported sessions.

A group is what arrives at one congestion point, or ELSEWHERE. Each has the three series of agr.forecasting.sessions, by
hours: groups are too small for more. The mean of alike days forecasts them, or naive where that was better.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period, period_of
from agr.forecasting import DayForecast, Observed, days_of
from agr.forecasting.forecast import quantile_of
from agr.forecasting.models.registry import ALIKE
from agr.forecasting.sessions import (
    ARRIVALS,
    ELSEWHERE,
    LONGEST,
    Session,
    SessionDay,
    count,
    of_sessions,
    session_unit,
    whole_days,
)
from agr.operations.forecast_rows import FAILED, SeriesOutcome, from_zero, run_of, with_moment
from agr.operations.forecast_worker import Maker, Task
from agr.settings import Settings
from agr.store import actuals, charge_sessions, day, forecast_runs, portfolio, register
from agr.store.actuals import Actual
from agr.store.engine import Store, Tx

log = structlog.get_logger()
HISTORY = timedelta(days=100)
HOUR = 60
BACK = 14
"""Past days that are searched for sessions not counted yet."""
MOST = 1_500
"""Most series that are forecast; if there are more groups, those that come first by name are."""
WITH_BANDS = 300
"""Most series whose bands are forecast; beyond that only the means are, since bands take ten times as long."""
ALL = "charging sessions"


class SessionForecasts:
    """What the market day and the command line do about charging sessions."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, make: Maker) -> None:
        self._store, self._settings, self._clock, self._make = store, settings, clock, make

    def take_sessions(self) -> int:
        """Count the sessions of past days that back-ends have reported and that are not counted yet; return new values.

        A day is counted when its cars have left, and something later was reported: silence is no empty street. Before
        the day after a group's first session nothing is counted: the first one is not whole.
        """
        now = self._clock.now()
        today = period_of(now, self._settings.time_zone, HOUR)
        with self._store.transaction() as tx:
            told = charge_sessions.newest_seen(tx)
            if told is None:
                return 0
            first = Period(today.day - timedelta(days=BACK), today.zone_name, HOUR)
            groups = self._groups(tx, today, first.start, now)
            newest = actuals.newest_starts(tx, [ARRIVALS + group for group in groups])
            taken = 0
            for group, sessions in sorted(groups.items()):
                begun = min((one.arrival for one in sessions), default=now)
                done = newest.get(ARRIVALS + group)
                period = first
                while period.day < today.day:
                    if period.start > (done or begun):
                        if told < period.end or not _left(sessions, period, now):
                            break
                        taken += put_day(tx, group, count(sessions, period), period, now)
                    period = period.next()
        return taken

    def run(self, period: Period, names: Sequence[str] = (), *, as_of: datetime | None = None) -> list[SeriesOutcome]:
        """Forecast groups for a Period from what was known by `as_of` (now), all when none is named; store the runs."""
        now = self._clock.now()
        moment = as_of or now
        tasks: list[Task] = []
        with self._store.transaction() as tx:
            series = [one for one in actuals.series_known(tx, moment) if of_sessions(one)]
            chosen = [one for one in series if not names or one in names]
            for one in chosen[:MOST]:
                observed = actuals.known(tx, one, moment, moment - HISTORY, period.start)
                if observed:
                    days = days_of(
                        observed, self._settings.time_zone, HOUR, country=self._settings.forecasts.country
                    )  # fmt: skip
                    bands = len(chosen) <= WITH_BANDS
                    tasks.append(Task(series=one, days=days, row=days.row(period.day), model=ALIKE, bands=bands))
        daily = [replace(task, days=whole_days(task.days)) for task in tasks if task.bands]
        every = self._make([*tasks, *daily], self._settings.forecasts.budget_s)
        wholes = {task.series: made for task, made in zip(daily, every[len(tasks) :], strict=True)}
        outcomes = []
        for task, made in zip(tasks, every[: len(tasks)], strict=True):
            if isinstance(made, str):
                outcomes.append(SeriesOutcome(series=task.series, run=None, words=made))
                continue
            made = replace(made, notes=(*made.notes, *_whole(task.series, wholes.get(task.series))))
            run = with_moment(run_of(task, from_zero(made), period, moment), now)
            with self._store.transaction() as tx:
                number = forecast_runs.put(tx, run, now)
            words = "; ".join((f"by {made.model}", *made.notes))
            outcomes.append(SeriesOutcome(series=task.series, run=number, words=words))
        self._say(period, outcomes, len(chosen) - MOST)
        return outcomes

    def _say(self, period: Period, outcomes: Sequence[SeriesOutcome], beyond: int) -> None:
        failed = [f"{one.series}: {one.words}" for one in outcomes if one.run is None]
        failed += [f"{beyond} more series: at most {MOST} are forecast"][: beyond > 0]
        with self._store.transaction() as tx:
            if failed:
                whose = number_of(len(failed), "series of charging sessions is", "series of charging sessions are")
                text = f"{whose} not forecast for {period}, the first: {failed[0]}"
                day.raise_alarm(tx, FAILED, ALL, text, self._clock.now())
            else:
                day.recover(tx, FAILED, ALL, self._clock.now())
        log.info("forecast.sessions", period=str(period), made=len(outcomes) - len(failed), failed=len(failed))

    def _groups(self, tx: Tx, today: Period, first: datetime, now: datetime) -> dict[str, list[Session]]:
        """Return group → the sessions of its charge points since an instant."""
        isps = Period(today.day, today.zone_name, self._settings.isp_minutes)
        known = portfolio.load(tx, isps)
        point_of = {connection: point.address for point in known.points for connection in point.connections}
        rows = register.load_tables(tx, "charge_points").charge_points
        group_of = {row.charge_point: point_of.get(row.connection, ELSEWHERE) for row in rows}
        found: dict[str, list[Session]] = {group: [] for group in group_of.values()}
        for one in charge_sessions.overlapping(tx, first, now):
            if one.began_at >= first:
                session = Session(arrival=one.began_at, departure=one.ended_at, energy_kwh=one.delivered_kwh)
                found.setdefault(group_of.get(one.charge_point, ELSEWHERE), []).append(session)
        return found


def _left(sessions: Sequence[Session], period: Period, now: datetime) -> bool:
    """Say whether the cars that came in a Period have left, or have stayed for too long to wait for."""
    there = any(one.departure is None and period.start <= one.arrival < period.end for one in sessions)
    return not there or period.end + LONGEST <= now


def _whole(series: str, made: DayForecast | str | None) -> tuple[str, ...]:
    """Return the forecast of the whole day in words: hours do not tell it, for their errors are not independent."""
    if made is None or isinstance(made, str):
        return ()
    one = from_zero(made)
    words = f"the whole day: {float(one.mean[0]):.4g} {session_unit(series)}"
    if one.quantiles is None:
        return (words,)
    low, high = (float(quantile_of(one.quantiles, level)[0]) for level in (0.1, 0.9))
    return (f"{words}, {low:.4g} to {high:.4g} with 80 %",)


def put_day(tx: Tx, group: str, counted: SessionDay, period: Period, received_at: datetime) -> int:
    """Store a counted day of a group as what happened; return how many values are new."""
    return actuals.put(tx, [
        Actual(
            series=begins + group, observed=Observed(start=start, minutes=HOUR, value=float(value)),
            received_at=received_at,
        )
        for begins, values in counted.series()
        for start, value in zip(period.starts(), values, strict=True)
    ])  # fmt: skip
