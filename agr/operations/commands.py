"""What commands have in common: the store, the Period meant, words into values; and awards entered by hand."""

from datetime import date

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.domain.isp import Clock, Period, SystemClock, period_of
from agr.domain.plan import Reason, ReasonKind
from agr.settings import Settings
from agr.store import day, plans
from agr.store.engine import Store


def open_store(settings: Settings) -> Store:
    """Open the store at its current schema."""
    store = Store(settings.store_url)
    store.migrate()
    return store


def next_period(settings: Settings, clock: Clock | None = None) -> Period:
    """Return tomorrow's Period."""
    return period_of((clock or SystemClock()).now(), settings.time_zone, settings.isp_minutes).next()


def award(settings: Settings, store: Store, period: Period, product: str, awarded_mw: tuple[float, ...]) -> None:
    """Fix what an auction awarded, in MW per block, and ask for a new plan."""
    known = {p.name: 24 // p.block_hours for p in settings.markets.capacity}
    if product not in known:
        raise InputError(f"{product!r} is not a capacity product; {meant(product, list(known))}")
    if len(awarded_mw) != known[product] or min(awarded_mw) < 0:
        raise InputError(f"{product} has {known[product]} blocks a day; give as many values in MW, none negative")
    now = SystemClock().now()
    with store.transaction() as tx:
        day.fix_position(tx, period.day, product, awarded_mw, now, "award entered by hand")
        if plans.in_force(tx, period.day) is not None:
            reason = Reason(kind=ReasonKind.OPERATOR, reference=product, text=f"award of {product} entered")
            day.put_trigger(tx, period.day, reason, now)


def parse_day(text: str) -> date:
    """Read a Period as YYYY-MM-DD; raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a Period; write a date such as 2026-03-29") from error


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read numbers separated by commas; raises InputError."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"{text!r}: write numbers separated by commas, e.g. 0,1,1,2,1,0") from error
