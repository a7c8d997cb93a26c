"""The history of a range of days, from a store: tables as pandas DataFrames, and files."""

from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agr.domain.errors import InputError
from agr.domain.isp import Clock, SystemClock, period_of
from agr.history import files
from agr.history.days import DayHistory, Parties, PastDay
from agr.history.report import report_html
from agr.history.tables import OF_PARTIES, Table, parse_by, table

if TYPE_CHECKING:  # slow to import
    import pandas as pd

    from agr.settings import Settings
    from agr.store.engine import Store


USUAL_DAYS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Past days, oldest first. `parties` is None where they were not read."""

    days: tuple[PastDay, ...]
    currency: str
    domain: str
    parties: tuple[Parties, ...] | None = None

    def rows(self, by: str) -> Table:
        """Return a table by day, week, market, point, contract, connection, brp, dso or order. Raises InputError."""
        chosen = parse_by(by)
        if chosen in OF_PARTIES and self.parties is None:
            raise InputError("connections and BRPs were not read; read the history with connections=True")
        return table(chosen, self.days, self.parties or ())

    def table(self, by: str) -> "pd.DataFrame":
        """Return such a table as a DataFrame; what is not known is NaN or None."""
        import pandas as pd

        found = self.rows(by)
        return pd.DataFrame.from_records(list(found.rows), columns=list(found.columns))

    def html(self) -> str:
        """Return all tables but those by connection and BRP as one page, with a picture."""
        span = f"{self.days[0].period} to {self.days[-1].period}" if self.days else "no days"
        return report_html(self.days, title=f"History of {self.domain}, {span}", currency=self.currency)

    def report(self, path: str | Path) -> Path:
        """Write that page; return its path. Raises InputError where it cannot be written."""
        files.write(self.html().encode(), Path(path))
        return Path(path)


def read_history(
    store: "Store", settings: "Settings", first: date, last: date, *, connections: bool = False
) -> History:
    """Return the history from first to last, both included. Raises InputError."""
    days = DayHistory(store, settings)
    found = days.between(first, last)
    of_each = days.parties(found) if connections else None
    return History(days=found, currency=settings.currency, domain=settings.domain, parties=of_each)


def range_of(
    settings: "Settings", first: date | None, last: date | None, clock: Clock | None = None
) -> tuple[date, date]:
    """Return the range that is meant where a bound is not given: the thirty days until today."""
    today = period_of((clock or SystemClock()).now(), settings.time_zone, settings.isp_minutes).day
    last = last or today
    return first or last - timedelta(days=USUAL_DAYS - 1), last


def read(config: str | Path, first: str | date, last: str | date, *, connections: bool = False) -> History:
    """Return the history of a daemon, by its settings file; days as YYYY-MM-DD. Raises InputError, SettingsError.

    `connections`: read what each connection and BRP earned, too, which takes the programs of every day.
    """
    from agr.settings import load
    from agr.store.engine import Store

    settings = load(Path(config))
    with closing(Store(settings.store_url)) as store:
        store.migrate()
        return read_history(store, settings, _day(first), _day(last), connections=connections)


def _day(given: str | date) -> date:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise InputError(f"{given!r} is not a day; write YYYY-MM-DD") from error
