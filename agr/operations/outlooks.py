"""Forecasts that others make, of weather and areas: fetched, judged row by row, kept with the moment they were known.

They are kept as runs of the model `given`, of whole Periods. What a source says again unchanged is kept once, with
the first moment. Of a Period that is over only what had to be published by a certain time is kept, as known then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agr.connectors.ports import Outlook, open_source
from agr.domain.errors import FeedError
from agr.domain.faults import number_of, verb_of
from agr.domain.isp import Clock, Period, period_of
from agr.forecasting.admission import believable
from agr.forecasting.days import Observed
from agr.forecasting.inputs import on_period
from agr.forecasting.models.registry import GIVEN
from agr.operations.forecast_rows import REFUSED
from agr.settings import OutlookFeed, Settings
from agr.store import day, forecast_runs
from agr.store.engine import Store, Tx
from agr.store.forecast_runs import ForecastRun

log = structlog.get_logger()
OLDEST_ISSUE = timedelta(hours=48)
"""Age of a forecast above which its source is taken to have stopped."""
_JUST_COME = timedelta(days=1)
"""A forecast that was due for publication less than this ago, or is still due, counts as known from when it came."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came of one feed: new forecasts of a Period each, and what is wrong."""

    feed: str
    new: int = 0
    faults: tuple[str, ...] = ()


class Outlooks:
    """What the market day and the command line do with the feeds of weather and areas."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def fetch(self, periods: Sequence[Period]) -> list[Fetched]:
        """Ask every such feed for some Periods; a feed that fails, and a series with refused rows, is an alarm."""
        feeds = [feed for feed in self._settings.feeds if isinstance(feed, OutlookFeed)]
        return [self._fetch(feed, periods) for feed in feeds]

    def _fetch(self, feed: OutlookFeed, periods: Sequence[Period]) -> Fetched:
        source = open_source(feed, self._settings.tls.authorities_file)
        new, faults = 0, list[str]()
        told: dict[str, list[str]] = {}
        try:
            for period in periods:
                for outlook in source.fetch(period).outlooks:
                    stored, wrong = self.take(outlook, feed.name)
                    new += stored
                    told.setdefault(outlook.series, []).extend(wrong)
        except FeedError as error:
            log.warning("feed.failed", feed=feed.name, why=str(error))
            faults.append(str(error))
        now = self._clock.now()
        with self._store.transaction() as tx:
            if faults:
                day.raise_alarm(tx, "feed failed", feed.name, faults[0], now)
            else:
                day.recover(tx, "feed failed", feed.name, now)
            for series, wrong in told.items():
                faults += _alarm(tx, series, feed.name, wrong, now)
        log.info("outlooks.fetched", feed=feed.name, new=new, faults=len(faults))
        return Fetched(feed=feed.name, new=new, faults=tuple(faults))

    def take(self, outlook: Outlook, source: str) -> tuple[int, list[str]]:
        """Keep one outlook; return how many forecasts of a Period are new, and what is wrong with it."""
        now, wrong = self._clock.now(), list(outlook.refused)
        if outlook.issued is not None and outlook.issued > now:
            return 0, [*wrong, f"it says it was made at {_iso(outlook.issued)}, which is to come; check its clock"]
        if outlook.issued is not None and now - outlook.issued > OLDEST_ISSUE:
            return 0, [*wrong, f"it was made at {_iso(outlook.issued)}; the source has stopped"]
        places, refusals = believable(outlook.rows, outlook.low, outlook.high)
        wrong += [one.why for one in refusals]
        rows = [outlook.rows[place] for place in places]
        new = 0
        with self._store.transaction() as tx:
            for period in self._periods(rows):
                new += self._keep(tx, outlook, rows, period, now, source)
        return new, wrong

    def _periods(self, rows: Sequence[Observed]) -> Iterator[Period]:
        if not rows:
            return
        minutes = min(max(min(one.minutes for one in rows), 15), 60)
        zone = self._settings.time_zone
        period = period_of(min(one.start for one in rows), zone, minutes)
        last = max(one.start for one in rows)
        while period.start <= last:
            yield period
            period = period.next()

    def _keep(
        self, tx: Tx, outlook: Outlook, rows: Sequence[Observed], period: Period, now: datetime, source: str
    ) -> bool:  # fmt: skip
        known_at = _known_at(outlook, period, now)
        covered = None if known_at is None else on_period(rows, period)
        if known_at is None or covered is None:
            return False
        before = forecast_runs.newest(tx, outlook.series, period.day, now, given=True)
        if forecast_runs.same_values(before, list(covered.values)):
            return False
        notes = [f"from feed {source}"]
        if outlook.issued is not None:
            notes.append(f"made at {_iso(outlook.issued)}")
        if covered.drawn:
            notes.append(f"{covered.drawn} of {period.isp_count} values are missing: a straight line stands in")
        run = ForecastRun(
            series=outlook.series, model=GIVEN, made_at=known_at, period=period.day, minutes=period.isp_minutes,
            mean=covered.values, notes=tuple(notes),
        )  # fmt: skip
        forecast_runs.put(tx, run, now)
        return True


def last_of(period: Period, count: int) -> list[Period]:
    """Return so many Periods up to this one, oldest first."""
    found = [period]
    while len(found) < count:
        found.append(found[-1].previous())
    return found[::-1]


def _known_at(outlook: Outlook, period: Period, now: datetime) -> datetime | None:
    """Return when the forecast of a Period was known; None where nobody can say."""
    if outlook.published is not None:
        return now if now - outlook.published < _JUST_COME else outlook.published
    return now if period.end > now else None


def _alarm(tx: Tx, series: str, source: str, wrong: list[str], now: datetime) -> list[str]:
    """Raise or end the alarm of a series; return what it says."""
    if not wrong:
        day.recover(tx, REFUSED, series, now)
        return []
    count = len(wrong)
    words = f"{number_of(count, 'value')} of feed {source} {verb_of(count, 'was', 'were')} refused"
    text = f"{series}: {words}, the first because {wrong[0]}"
    day.raise_alarm(tx, REFUSED, series, text, now)
    return [text]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
