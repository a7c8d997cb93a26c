"""Takes cars that came unplanned, and say what they need until when, into the register, so that plans know them."""

from datetime import datetime

import structlog

from agr.dispatch.unplanned import PREFIX, differs, session_of
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import period_of
from agr.domain.plan import Reason, ReasonKind
from agr.settings import Settings
from agr.store import audit_log, day, plans, register_rows
from agr.store.charge_sessions import ChargeSession
from agr.store.engine import Tx

log = structlog.get_logger()

_TABLE = "ev_sessions"


def adopted(tx: Tx, settings: Settings, session: ChargeSession, point: ChargePoint, now: datetime) -> str | None:
    """Return the resource that an unplanned session is from now on; None: it does not say enough.

    The row is added to the register, or changed where the car says something else, and a plan is asked for.
    """
    if session.departure is None or session.needed_wh is None or session.ended_at is not None:
        return session.resource
    row = session_of(point, session.began_at, session.departure, session.needed_wh / 1000)
    before = register_rows.get(tx, _TABLE, row.resource)
    if before is not None and not differs(before.row, row):
        return row.resource
    register_rows.begin_change(tx)
    if before is None:
        register_rows.add(tx, _TABLE, row)
    else:
        register_rows.change(tx, before, row)
    said = f"leaves {row.departure:%Y-%m-%dT%H:%M}Z, needs {row.energy_kwh:,.1f} kWh"
    what = "add row" if before is None else "edit row"
    subject, why = f"{_TABLE} {row.resource}", "a car came unplanned"
    audit_log.record(tx, at=now, who="daemon", action=what, subject=subject, why=why, detail=said)
    _ask(tx, settings, f"an unplanned car at {point.charge_point} {said}", row.departure, now)
    log.info("session.adopted", charge_point=point.charge_point, departure=row.departure.isoformat())
    return row.resource


def _ask(tx: Tx, settings: Settings, text: str, departure: datetime, now: datetime) -> None:
    reason = Reason(kind=ReasonKind.FORECAST, text=text)
    today = period_of(now, settings.time_zone, settings.isp_minutes)
    for period in (today, today.next()):
        if period.start < departure and plans.in_force(tx, period.day) is not None:
            day.put_trigger(tx, period.day, reason, now)


def is_adopted(resource: str | None) -> bool:
    """Say whether a resource was taken up here."""
    return resource is not None and resource.startswith(PREFIX)
