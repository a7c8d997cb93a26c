"""Takes a table of past charging sessions: good rows are counted by group and hour, refused ones are named."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from agr.connectors.session_table import SessionRow
from agr.domain.faults import verb_of
from agr.domain.isp import Clock, Period, period_of
from agr.forecasting.sessions import Session, count
from agr.operations.actuals_import import ImportedActuals
from agr.operations.forecast_rows import REFUSED
from agr.operations.forecast_sessions import ALL, HOUR, put_day
from agr.settings import Settings
from agr.store import day
from agr.store.engine import Store

_MOST_KWH = 2_000.0  # the largest lorries store 1,000 kWh
_LONGEST = timedelta(days=60)
_JUST_COME = timedelta(days=1)
_SERIES = 3


def take_session_rows(store: Store, settings: Settings, clock: Clock, rows: Sequence[SessionRow]) -> ImportedActuals:
    """Count the sessions of a table, which has all of its groups from the day of its first arrival to that of its last.

    A day without a session of a group is one on which nobody came. A day counts as known when its last car had left,
    and not before now if that was less than a day ago.
    """
    now = clock.now()
    refused = sorted(_refused(rows, now))
    bad = {line for line, _ in refused}
    good = [row for row in rows if row.line not in bad]
    stored = offered = 0
    if good:
        arrivals = [row.session.arrival for row in good]
        first = period_of(min(arrivals), settings.time_zone, HOUR)
        last = min(period_of(max(arrivals), settings.time_zone, HOUR).day, now.astimezone(first.tz).date() - _JUST_COME)
        for group in sorted({row.group for row in good}):
            mine: dict[object, list[Session]] = {}
            for row in good:
                if row.group == group:
                    mine.setdefault(row.session.arrival.astimezone(first.tz).date(), []).append(row.session)
            period = first
            with store.transaction() as tx:
                while period.day <= last:
                    counted = count(mine.get(period.day, []), period)
                    known = now if now - counted.known_at < _JUST_COME else counted.known_at
                    stored += put_day(tx, group, counted, period, known)
                    offered += _SERIES * period.isp_count
                    period = Period(period.day + timedelta(days=1), period.zone_name, HOUR)
    with store.transaction() as tx:
        if refused:
            text = f"{len(refused)} of {len(rows)} imported sessions {verb_of(len(refused), 'was', 'were')} refused"
            day.raise_alarm(tx, REFUSED, ALL, f"{text}, the first because {refused[0][1]}", now)
        else:
            day.recover(tx, REFUSED, ALL, now)
    return ImportedActuals(stored=stored, known=offered - stored, refused=tuple(refused))


def _refused(rows: Sequence[SessionRow], now: datetime) -> Iterator[tuple[int, str]]:
    """Yield line and reason of each session that cannot have happened."""
    seen: dict[tuple[str, Session], int] = {}
    for row in rows:
        one = row.session
        departure, energy = one.departure or now, one.energy_kwh or 0.0
        other = seen.setdefault((row.group, one), row.line)
        if other != row.line:
            yield row.line, f"line {other} has the same session; leave one out"
        elif departure <= one.arrival:
            yield row.line, f"departure {departure.isoformat()} is not after arrival {one.arrival.isoformat()}"
        elif departure > now:
            yield row.line, f"departure {departure.isoformat()} is to come; import sessions that are over"
        elif departure - one.arrival > _LONGEST:
            yield row.line, f"the car stayed for {(departure - one.arrival).days} days: two sessions, perhaps"
        elif not 0 <= energy <= _MOST_KWH:
            yield row.line, f"energy_kwh {energy:g} is not between 0 and {_MOST_KWH:g}: Wh for kWh, perhaps"
