"""What back-ends report of stations → sessions at charge points, and readings of the planned ones among them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from agr.dispatch.registers import SLACK_KWH
from agr.dispatch.unplanned import NeedsError, believed_wh
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import ClockSeen, Metered, NeedsSeen, Observation, SessionSeen, SessionState, StationSeen
from agr.domain.isp import Clock
from agr.domain.kinds.ev_session import EvSession
from agr.domain.reading import Reported
from agr.operations.accounts.roles import feed
from agr.operations.dispatching.adopting import adopted, is_adopted
from agr.operations.dispatching.clock_keeper import ClockKeeper
from agr.operations.dispatching.facts import DispatchFacts
from agr.operations.readings import ReadingIntake
from agr.settings import Settings
from agr.store import charge_sessions, day
from agr.store.charge_sessions import ChargeSession, Told
from agr.store.engine import Store, Tx

log = structlog.get_logger()

READING_REFUSED = "reading refused"
_EARLY = timedelta(hours=2)
"""A car that arrives no more than this before its planned arrival is still taken for the planned session."""
_TOGETHER = timedelta(minutes=10)
"""A car's needs may be reported this long before its session."""
_ENERGY_SLACK = 1.1
"""A register may gain this many times the energy that its charge point can give: meters are a few percent wrong."""


Measured = Callable[[Tx, ChargePoint, datetime, float], None]
"""Receives each measured power: (transaction, charge point, instant, kW)."""


class SessionKeeper:
    """Keeps the sessions of one road."""

    def __init__(
        self, road: str, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None], measured: Measured,
        clocks: ClockKeeper,
    ) -> None:  # fmt: skip
        self._measured, self._clocks = measured, clocks
        self._road, self._store, self._settings, self._clock, self._wake = road, store, settings, clock, wake
        self._readings = ReadingIntake(store, settings, clock, lambda: None)
        self._early: dict[tuple[str, int], NeedsSeen] = {}

    @property
    def waiting(self) -> bool:
        """Say whether something that was seen is held back."""
        return self._clocks.waiting

    def take(self, seen: Sequence[Observation], facts: DispatchFacts) -> tuple[str, ...]:
        """Keep what was seen; return the stations that have come back."""
        rows: list[Reported] = []
        back: list[str] = []
        with self._store.transaction() as tx:
            for one in self._clocks.admitted(tx, seen, self._clock.now()):
                if isinstance(one, StationSeen):
                    back += [one.station] if one.connected else []
                elif not isinstance(one, ClockSeen):
                    rows += self._keep(tx, one, facts)
        rows = list({(row.resource, row.at, row.quantity): row for row in rows}.values())  # the last one counts
        if rows:
            taken = self._readings.take(feed(self._road), rows)
            for fault in taken.faults:
                row = rows[fault.row]
                log.warning("session.reading", resource=row.resource, quantity=row.quantity, why=fault.reason)
        return tuple(back)

    def _keep(self, tx: Tx, one: SessionSeen | NeedsSeen | Metered, facts: DispatchFacts) -> list[Reported]:
        now = self._clock.now()
        if one.at > now + timedelta(seconds=self._settings.readings.clock_ahead_s):
            words = f"{one.station} reports of {one.at:%Y-%m-%dT%H:%M:%SZ}, which is to come; set its clock"
            day.raise_alarm(tx, READING_REFUSED, one.station, words, now)
            return []
        session = self._session(tx, one, facts)
        if session is None:
            if isinstance(one, NeedsSeen):
                self._early[one.station, one.evse] = one
            return []
        point = facts.points.get(session.charge_point)
        if isinstance(one, SessionSeen):
            self._seen(tx, session, one)
            early = self._early.pop((one.station, one.evse), None)
            if early is not None and abs(one.at - early.at) < _TOGETHER:
                return self._keep(tx, early, facts)  # it was told before its session
        elif isinstance(one, NeedsSeen):
            return [] if point is None else self._needs(tx, session, one, point, now)
        elif point is not None:
            lost = is_adopted(session.resource) and session.resource not in _names(facts, point)
            return (self._adopt(tx, session, point, now) if lost else []) + self._metered(tx, session, one, point, now)
        return []

    def _needs(
        self, tx: Tx, session: ChargeSession, one: NeedsSeen, point: ChargePoint, now: datetime
    ) -> list[Reported]:  # fmt: skip
        """Keep what a car says that it needs; what cannot be is an alarm."""
        try:
            needed_wh = believed_wh(point, session.began_at, now, one.departure, one.energy_wh)
        except NeedsError as error:
            text = f"{point.charge_point} ({session.station}): {error}; it is charged as a car that says nothing"
            day.raise_alarm(tx, READING_REFUSED, point.charge_point, text, now)
            return []
        told = replace(session, departure=one.departure, needed_wh=needed_wh)
        charge_sessions.put(tx, told)
        return self._adopt(tx, told, point, now)

    def _adopt(self, tx: Tx, session: ChargeSession, point: ChargePoint, now: datetime) -> list[Reported]:
        """Have an unplanned car planned, if it says what it needs; return what it took before."""
        if session.resource is not None and not is_adopted(session.resource):
            return []
        resource = adopted(tx, self._settings, session, point, now)
        if resource is None or session.resource is not None:
            return []
        charge_sessions.put(tx, replace(session, resource=resource))
        self._wake()
        first = session.first_register_wh
        at = session.began_at
        return [] if first is None else [Reported(resource=resource, at=at, quantity="imported_wh", value=first)]

    def _session(self, tx: Tx, one: SessionSeen | NeedsSeen | Metered, facts: DispatchFacts) -> ChargeSession | None:
        """Return the session that is meant; a transaction that nobody knows yet begins one."""
        name = facts.evses.get((self._road, one.station, one.evse))
        number = "" if isinstance(one, NeedsSeen) else one.transaction
        if number:
            known = charge_sessions.get(tx, self._road, one.station, number)
            if known is not None:
                return known
            if name is None or (isinstance(one, SessionSeen) and one.state is SessionState.ENDED):
                return None
            began = ChargeSession(
                road=self._road, station=one.station, transaction=number, charge_point=name,
                resource=self._planned(tx, name, one.at, facts), began_at=one.at, ended_at=None, seen_at=one.at,
                state=SessionState.WAITING,
            )  # fmt: skip
            charge_sessions.put(tx, began)
            log.info("session.began", charge_point=name, planned=began.resource is not None)
            self._wake()
            return began
        return None if name is None else charge_sessions.running(tx).get(name)

    def _planned(self, tx: Tx, name: str, at: datetime, facts: DispatchFacts) -> str | None:
        """Return the planned session that has just begun; None: it came unplanned."""
        taken = {
            one.resource for one in charge_sessions.overlapping(tx, at - timedelta(days=2), at + timedelta(days=1))
        }
        free: list[EvSession] = [
            row
            for row in facts.sessions.get(name, ())
            if row.resource not in taken and row.arrival - _EARLY <= at < row.departure
        ]
        return min(free, key=lambda row: abs(row.arrival - at)).resource if free else None

    def _seen(self, tx: Tx, session: ChargeSession, one: SessionSeen) -> None:
        if session.ended_at is not None or one.at < session.seen_at:
            return  # told again, or late
        ended = one.state is SessionState.ENDED
        now = replace(
            session, seen_at=one.at, state=one.state or session.state, ended_at=one.at if ended else None
        )  # fmt: skip
        charge_sessions.put(tx, now)
        charge_sessions.put_told(tx, session, Told(at=one.at, state=one.state, offered_w=None))
        if ended:
            log.info("session.ended", charge_point=session.charge_point)
            self._wake()

    def _metered(
        self, tx: Tx, session: ChargeSession, one: Metered, point: ChargePoint, now: datetime
    ) -> list[Reported]:
        """Keep the register, and return readings of the planned session; what cannot be is an alarm."""
        if one.register_wh is not None:
            words = _register_fault(session, one, point)
            if words:
                text = f"{point.charge_point} ({one.station}): {words}; it does not count. Look after its meter"
                day.raise_alarm(tx, READING_REFUSED, point.charge_point, text, now)
                return []
            day.recover(tx, READING_REFUSED, point.charge_point, now)
            first = session.first_register_wh if session.first_register_wh is not None else one.register_wh
            later = max(session.last_register_wh or one.register_wh, one.register_wh)
            seen = max(session.seen_at, one.at)
            charge_sessions.put(tx, replace(session, first_register_wh=first, last_register_wh=later, seen_at=seen))
        if one.power_w is not None and one.power_w > 1000 * point.max_kw * _ENERGY_SLACK:
            kw = one.power_w / 1000
            text = (
                f"{point.charge_point} ({one.station}): it reports {kw:,.1f} kW, more than it can give "
                f"({point.max_kw:g} kW); it does not count. Look after the unit of its meter values"
            )
            day.raise_alarm(tx, READING_REFUSED, point.charge_point, text, now)
            one = replace(one, power_w=None)
        register_wh = one.register_wh if session.resource is None else None  # else it is a reading of the resource
        charge_sessions.put_told(
            tx, session, Told(at=one.at, state=None, offered_w=one.offered_w, register_wh=register_wh)
        )
        if one.power_w is not None:
            self._measured(tx, point, one.at, one.power_w / 1000)
        if session.resource is None:
            return []
        values = {"imported_wh": one.register_wh, "power_w": one.power_w, "stored_percent": one.soc_percent}
        return [
            Reported(resource=session.resource, at=one.at, quantity=quantity, value=value)
            for quantity, value in values.items()
            if value is not None
        ]


def _names(facts: DispatchFacts, point: ChargePoint) -> set[str]:
    return {row.resource for row in facts.sessions.get(point.charge_point, ())}


def _register_fault(session: ChargeSession, one: Metered, point: ChargePoint) -> str:
    """Return why a register cannot be what it says, after the last one; empty: it can."""
    last = session.last_register_wh
    if last is None or one.register_wh is None or one.at < session.seen_at:
        return ""
    if one.register_wh < last:
        return f"its register runs backwards: {one.register_wh:,.0f} Wh after {last:,.0f}"
    hours = (one.at - session.began_at) / timedelta(hours=1)
    begun = session.first_register_wh if session.first_register_wh is not None else last
    most = _ENERGY_SLACK * point.max_kw * hours * 1000 + SLACK_KWH * 1000
    if one.register_wh - begun > most:
        return f"its register jumps by {one.register_wh - begun:,.0f} Wh since the session began, more than it can give"
    return ""
