"""Asks for plans of what is left of the running Period: every so many minutes, on deviations, and on news.

Whether a plan was asked for is read from the triggers in the store, so a restart repeats nothing and misses nothing.
"""

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period, period_of
from agr.domain.plan import ROLLED, Reason, ReasonKind
from agr.planning.measured_now import read_measured
from agr.planning.missed_cars import PATIENCE, arrivals_expected
from agr.planning.news import StandingPlan, left_overnight, news
from agr.planning.present import Measured, Paths
from agr.planning.stored_plans import StoredInputs
from agr.settings import Rolling, Settings
from agr.store import charge_sessions, day, forecast_runs, readings
from agr.store.engine import Store, Tx

log = structlog.get_logger()

_SHOWN = 3
_ON_EVENTS = (*ROLLED, ReasonKind.FORECAST)


class RollingPlans:
    """Looks again and again whether the rest of the running Period is to be planned. Idempotent."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, refresh: Callable[[Period], None]) -> None:
        self._store, self._settings, self._clock, self._refresh = store, settings, clock, refresh
        self._expected: tuple[datetime, ...] = ()  # when that plan's stand-ins for unknown cars arrive
        self._seen: datetime | None = None  # the newest reading that was compared with the plan
        self._plan, self._paths = 0, Paths(None, self._running())
        # The state of the inputs in which news was last looked for.
        self._compared: tuple[int, int, datetime | None, datetime | None, int] | None = None
        self._asked_feeds: datetime | None = None
        self._left_by: datetime | None = None  # the newest news of a session when tomorrow's plan was looked at

    @property
    def _rolling(self) -> Rolling:
        return self._settings.planning.rolling

    def _running(self) -> Period:
        return period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)

    def look(self) -> bool:
        """Ask for a plan of the running Period where one is due; say whether one was asked for."""
        now, period = self._clock.now(), self._running()
        due = self._due(period, now)
        if due is not None or self._feeds_due(now):
            self._refresh(period)
            self._asked_feeds = now
        reason = due or self._deviates(period, now) or self._news(period, now)
        if reason is None:
            return self._tomorrow(period.next(), now)
        with self._store.transaction() as tx:
            day.put_trigger(tx, period.day, reason, now)
        log.info("rolling.asked", period=str(period), reason=str(reason))
        return True

    def due(self) -> bool:
        """Say whether the last slot of so many minutes has not asked for a plan yet."""
        return self._due(self._running(), self._clock.now()) is not None

    def _due(self, period: Period, now: datetime) -> Reason | None:
        """Return a reason where the last slot of so many minutes has not asked for a plan yet."""
        every = timedelta(minutes=self._rolling.every_minutes)
        if not every:
            return None
        slot = period.start + (now - period.start) // every * every
        with self._store.reading() as tx:
            if (
                day.last_asked(tx, period.day, (ReasonKind.ROLLING,), since=slot)
                or StoredInputs(tx).number_in_force(period.day) is None
            ):
                return None
        return rolling_reason(period, slot)

    def _deviates(self, period: Period, now: datetime) -> Reason | None:
        """Return a reason where new readings show that stores are too far from the plan in force."""
        settings = self._rolling
        if not settings.on_deviation:
            return None
        with self._store.reading() as tx:
            newest = readings.newest_instant(tx)
            if newest is None or newest == self._seen:
                return None
            if self._too_soon(tx, period, now):
                return None  # looked at again later: the reading is not marked as seen
            found = self._measured(StoredInputs(tx), period, now)
        self._seen = newest
        return deviation(found, settings)

    def _feeds_due(self, now: datetime) -> bool:
        """Say whether feeds are to be asked again; the first time, so many minutes after the start."""
        every = timedelta(minutes=self._rolling.look_minutes)
        if not every:
            return False
        if self._asked_feeds is None or self._asked_feeds > now:  # the clock was set back
            self._asked_feeds = now
        return now - self._asked_feeds >= every

    def _too_soon(self, tx: Tx, period: Period, now: datetime) -> bool:
        """Say whether a plan was asked for a short time ago, or is under way."""
        least = now - timedelta(minutes=self._rolling.least_minutes)
        asked = day.last_asked(tx, period.day, _ON_EVENTS, since=least) is not None
        return asked or any(trigger.period == period.day for trigger in day.open_triggers(tx))

    def _news(self, period: Period, now: datetime) -> Reason | None:
        """Return a reason where prices, forecasts or sessions are too far from what the plan in force was made from."""
        if not (self._rolling.on_news or self._settings.markets.imbalance.reaction.on):
            return None
        with self._store.reading() as tx:
            reader = StoredInputs(tx)
            number = reader.number_in_force(period.day)
            state = (
                reader.input_version(), number or 0, forecast_runs.newest_made(tx, period.day),
                charge_sessions.newest_seen(tx), self._came_due(number or 0, now),
            )  # fmt: skip
            if self._rolling.carry_on:
                state = (*state[:3], readings.newest_instant(tx) or state[3], state[4])
            if number is None or state == self._compared or self._too_soon(tx, period, now):
                return None  # where it is too soon, it is looked at again later
            plan = reader.plan(number)
            if number != self._plan:
                self._follow(reader, number, period)
            solved = self._paths.solved
            found = None
            if plan is not None and solved is not None:
                in_force = StandingPlan(solved=solved, made=plan.created_at)
                found = news(reader, self._settings, period, now, in_force)
        self._compared = state
        return found

    def _came_due(self, number: int, now: datetime) -> int:
        """Return how many of the cars that a plan expects are to have come by now."""
        if number != self._plan or self._paths.solved is None:
            return 0
        return bisect_right(self._expected, now - PATIENCE)

    def _tomorrow(self, period: Period, now: datetime) -> bool:
        """Ask for tomorrow's plan where cars that it counts on have left; say whether it was asked for."""
        if self._rolling.session_kwh is None:
            return False
        with self._store.reading() as tx:
            seen = charge_sessions.newest_seen(tx)
            if seen is None or seen == self._left_by or self._too_soon(tx, period, now):
                return False
            reason = left_overnight(StoredInputs(tx), self._settings, period, now)
        self._left_by = seen
        if reason is None:
            return False
        with self._store.transaction() as tx:
            day.put_trigger(tx, period.day, reason, now)
        log.info("rolling.asked", period=str(period), reason=str(reason))
        return True

    def _follow(self, reader: StoredInputs, number: int, period: Period) -> None:
        """Keep a plan at hand: what its stores are to hold, and when the cars that it expects are to come."""
        self._plan, self._paths = number, Paths(reader.archived(number)(), period)
        solved = self._paths.solved
        self._expected = () if solved is None else arrivals_expected(solved.named)

    def _measured(self, reader: StoredInputs, period: Period, now: datetime) -> list[Measured]:
        number = reader.number_in_force(period.day)
        if number is None:
            return []
        if number != self._plan:
            self._follow(reader, number, period)
        return read_measured(reader, reader.register(), reader.forecasts(period), self._paths, now)


def rolling_reason(period: Period, slot: datetime) -> Reason:
    """Return why the rest of a Period is planned again at an instant."""
    return Reason(kind=ReasonKind.ROLLING, text=f"what is left of the day at {slot.astimezone(period.tz):%H:%M}")


def deviation(found: list[Measured], settings: Rolling) -> Reason | None:
    """Return why stores are too far from the plan in force; None where they are not."""
    far = sorted(found, key=lambda one: -abs(one.deviation_kwh))
    total = sum(abs(one.deviation_kwh) for one in far)
    together = settings.deviation_kwh is not None and total > settings.deviation_kwh
    share = settings.deviation_share
    alone = share is not None and any(abs(one.deviation_kwh) > share * one.capacity_kwh for one in far)
    if not (together or alone):
        return None
    named = "; ".join(
        f"{one.resource} {one.kwh:,.1f} kWh instead of {one.planned_kwh:,.1f}"
        for one in far[:_SHOWN]
        if one.planned_kwh is not None
    )
    text = f"{number_of(sum(one.deviation_kwh != 0 for one in far), 'store')} {total:,.1f} kWh off the plan: {named}"
    return Reason(kind=ReasonKind.DEVIATION, text=text)
