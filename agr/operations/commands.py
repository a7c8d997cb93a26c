"""What commands have in common: the store, the Period meant, words into values."""

from datetime import date

from agr.domain.errors import InputError
from agr.domain.isp import Clock, Period, SystemClock, period_of
from agr.settings import Settings
from agr.store.engine import Store


def open_store(settings: Settings) -> Store:
    """Open the store at its current schema."""
    store = Store(settings.store_url)
    store.migrate()
    return store


def next_period(settings: Settings, clock: Clock | None = None) -> Period:
    """Return tomorrow's Period."""
    return period_of((clock or SystemClock()).now(), settings.time_zone, settings.isp_minutes).next()


def parse_day(text: str) -> date:
    """Read a Period as YYYY-MM-DD; raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        number = f"; if plan {text} is meant, write --plan {text}" if text.isdecimal() else ""
        raise InputError(f"{text!r} is not a Period; write a date such as 2026-03-29{number}") from error


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read numbers separated by commas; raises InputError."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"{text!r}: write numbers separated by commas, e.g. 0,1,1,2,1,0") from error
