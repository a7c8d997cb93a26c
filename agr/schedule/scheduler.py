"""The market day's timetable as APScheduler jobs: wakes the stages at each Period's moments, holds no state.

The store knows what was done, so a restart catches up with what is due and repeats nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock, RLock

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from agr.domain.errors import StoreError
from agr.domain.isp import Clock, Period, period_of
from agr.domain.moments import Handled, MomentState
from agr.schedule.moments import Moment, moments_of
from agr.settings import Settings
from agr.store import day
from agr.store.engine import Store

log = structlog.get_logger()

RETRY = timedelta(minutes=1)
"""Time after which a moment that could not be handled is tried again."""


Handler = Callable[[Period, str], Handled | None]
"""Handles the moment of this name in a Period; returns the outcome, or None when it is not possible yet."""


class Scheduler:
    """Runs each moment of today's and the next Periods once, at its time or as soon after it as the daemon runs."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, handlers: Mapping[str, Handler],
        handled: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`handled` is called after each moment, so that whoever goes on with its results need not look for them."""
        self._store, self._settings, self._clock, self._handlers = store, settings, clock, handlers
        self._handled = handled
        # A second run of a moment waits for the end of the first and looks again; else what became due meanwhile would
        # be skipped for good. There may be more than two runs: the end of a run is noted some time later, on a busy
        # machine only when the one after the next has become due.
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 10})
        self._running = RLock()
        self._adding, self._ended = Lock(), False

    def periods(self) -> list[Period]:
        """Return today's and the next two Periods: a gate may lie two days before its Period."""
        today = period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)
        return [today, today.next(), today.next().next()]

    def start(self) -> None:
        """Schedule the moments."""
        self._scheduler.start()
        self.arrange()

    def pause(self) -> None:
        """Let no further moment begin, until `resume`."""
        self._scheduler.pause()

    def resume(self) -> None:
        """Go on, beginning with what is due by now."""
        self._scheduler.resume()
        self.arrange()

    def stop(self, patience_s: float | None = None) -> None:
        """End the scheduler; a moment under way is finished first, if it takes no longer than so many seconds.

        Nothing may become due or be added meanwhile: a pass of the scheduler's thread would submit to executors that
        are shut down, and a moment that is tried again would wait for a lock that waits for the moment.
        """
        with self._adding:
            self._ended = True
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()  # returns once no pass is under way
        if patience_s is None:
            self._scheduler.shutdown(wait=True)
            return
        if self._running.acquire(timeout=patience_s):
            self._running.release()
        self._scheduler.shutdown(wait=False)

    def arrange(self) -> None:
        """(Re)schedule every moment that is not done: at start, at midnight, and when the clock jumps."""
        now = self._clock.now()
        # Do this first, so that a store that does not answer now cannot end the timetable.
        midnight = self.periods()[0].end + timedelta(seconds=1)
        self._add("next Period", self._clock.real(midnight), self.arrange)
        for period in self.periods():
            for moment in self.pending(period):
                when = self._clock.real(max(moment.at, now))
                self._add(f"{period} {moment.name}", when, self._run, period, moment)

    def _add(self, job: str, when: datetime, what: Callable[..., None], *args: object) -> None:
        with self._adding:
            if self._ended:
                return
            self._scheduler.add_job(
                what, DateTrigger(when), args=args, id=job, replace_existing=True, misfire_grace_time=None,
                coalesce=True,
            )  # fmt: skip

    def pending(self, period: Period) -> list[Moment]:
        """Return the Period's moments that were not handled yet."""
        with self._store.reading() as tx:
            done = day.done_moments(tx, period.day)
        return [m for m in moments_of(self._settings, period) if m.name not in done]

    def next_moment(self) -> Moment | None:
        """Return the next moment still to come."""
        coming = [m for period in self.periods() for m in self.pending(period)]
        return min(coming, key=lambda m: m.at, default=None)

    def _run(self, period: Period, moment: Moment) -> None:
        """Handle a moment, after every earlier moment of its Period that is still open: once each, in order."""
        try:
            with self._running:
                for open_one in () if self._ended else self.pending(period):
                    if open_one.at <= moment.at and open_one.at <= self._clock.now():
                        self._handle(period, open_one)
        except StoreError:  # the watchdog reports it, once for all moments
            self._add(f"{period} {moment.name}", self._clock.real(self._clock.now() + RETRY), self._run, period, moment)

    def _handle(self, period: Period, moment: Moment) -> None:
        now = self._clock.now()
        handled: Handled | None = Handled(f"missed; instead: {moment.fallback}", MomentState.MISSED)
        if now > moment.latest:
            log.warning("moment.missed", period=str(period), moment=moment.name, fallback=moment.fallback)
        else:
            handled = self._call(period, moment)
        if handled is None:
            self._add(f"{period} {moment.name}", self._clock.real(now + RETRY), self._run, period, moment)
            return
        with self._store.transaction() as tx:
            day.moment_done(tx, period.day, moment.name, now, handled.result, handled.state)
            day.recover(tx, "moment failed", f"{period} {moment.name}", now)
        self._handled()
        late = now - moment.at
        if now > moment.latest:
            return
        log.info(
            "moment.done", period=str(period), moment=moment.name, result=handled.result,
            late_s=round(late.total_seconds()) if late > timedelta(seconds=30) else 0,
        )  # fmt: skip

    def _call(self, period: Period, moment: Moment) -> Handled | None:
        try:
            return self._handlers[moment.name.split(" ")[0]](period, moment.name)
        except StoreError:
            raise  # not the moment's fault: it is tried again
        except Exception as error:
            log.exception("moment.failed", period=str(period), moment=moment.name)
            with self._store.transaction() as tx:
                text = f"{moment.name} failed: {error}; it is tried again in a minute"
                day.raise_alarm(tx, "moment failed", f"{period} {moment.name}", text, self._clock.now())
            return None
