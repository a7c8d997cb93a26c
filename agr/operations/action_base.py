"""What every action needs: the store, the clock, a reason of some length, a line in the audit log.

Actions raise InputError when the request is wrong, and ConflictError when the situation has changed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import structlog

from agr.domain.errors import ConflictError, InputError
from agr.domain.foreign_text import one_line
from agr.domain.isp import Clock, Period, period_of
from agr.domain.plan import Reason, ReasonKind
from agr.operations.accounts.roles import Principal
from agr.operations.brps_concerned import brps_at, brps_of
from agr.settings import Settings
from agr.store import audit_log, day, plans, portfolio
from agr.store.engine import Store, Tx

log = structlog.get_logger()

SHORTEST_WHY = 3
LONGEST_WHY = 1000


@dataclass(frozen=True, kw_only=True)
class Done:
    """The result of an action, in words, with the number of what it made."""

    text: str
    trigger: int | None = None
    plan: int | None = None
    entry: int | None = None
    approval: int | None = None  # not done yet: it waits for a second person under this number
    warnings: tuple[str, ...] = ()  # what is doubtful in what was entered


def said_why(text: str) -> str:
    """Return a reason in one line. Raises InputError."""
    text = one_line(text)
    if not SHORTEST_WHY <= len(text) <= LONGEST_WHY:
        raise InputError(f"say why, in {SHORTEST_WHY} to {LONGEST_WHY} characters: it goes into the audit log")
    return text


class ActionBase:
    """Common start of actions. Whether the principal may do them is decided before (agr.operations.accounts.roles)."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None]) -> None:
        self._store, self._settings, self._clock, self._wake = store, settings, clock, wake

    def _record(self, tx: Tx, by: Principal, action: str, subject: str, why: str, detail: str = "") -> int:
        log.info("action.done", action=action, subject=subject, who=by.label)
        return audit_log.record(
            tx, at=self._clock.now(), who=by.label, action=action, subject=subject, why=why, detail=detail
        )

    def period(self, day_: date) -> Period:
        """Return the Period of a local day."""
        return Period(day_, self._settings.time_zone, self._settings.isp_minutes)

    def _open_period(self, day_: date) -> Period:
        period = self.period(day_)
        if period.end <= self._clock.now():
            raise ConflictError(f"Period {period} is over; nothing about it can be changed")
        return period

    def today(self) -> Period:
        """Return the Period that runs now."""
        return period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)

    def _act_for(self, tx: Tx, by: Principal, connection: str, what: str) -> None:
        """Raise AccessError unless somebody acts for the DSO of a connection, today and tomorrow."""
        if by.limited:
            dsos = {dso for day_ in self._days() if (dso := portfolio.dso_of(tx, day_, connection))}
            by.must_act_for(dsos, what, brps=brps_of(tx, self._settings, [connection]))

    def _days(self) -> tuple[date, date]:
        """Return today and tomorrow: lists of congestion points may be for either."""
        return self.today().day, self.today().next().day

    def _brps_at(self, tx: Tx, by: Principal, points: Iterable[str]) -> set[str]:
        """Return the BRPs at congestion points, today and tomorrow; those who act for all need none."""
        return brps_at(tx, self._settings, points, self._days()) if by.brps else set()

    def _ask(self, tx: Tx, period: Period, text: str, kind: ReasonKind = ReasonKind.OPERATOR) -> None:
        """Ask for a plan where one is in force, or the moment of the first one is over."""
        if plans.in_force(tx, period.day) is not None or "first_plan" in day.done_moments(tx, period.day):
            reason = Reason(kind=kind, text=text)
            day.put_trigger(tx, period.day, reason, self._clock.now())
