"""What operators ask of dispatch by command, kept as switches in the store, so that the daemon need not be asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Dispatch, Learned, StationFact
from agr.domain.errors import MissingError
from agr.domain.faults import meant
from agr.store import audit_log, charge_sessions, dispatch_facts, dispatches, overrides, register_rows
from agr.store.charge_sessions import ChargeSession
from agr.store.dispatch_facts import Silence
from agr.store.engine import Tx

STOP, VERIFY, RESEND = "stop", "verify", "resend"
_PREFIX = "dispatch "
_FACTS = {
    StationFact.UNIT: "takes {}", StationFact.PERIODS: "takes {} periods",
    StationFact.MAXIMUM: "no maximum for the station ({})",
    StationFact.CARRIER: "follows no profile of a transaction", StationFact.COMPOSITE: "what it follows: {}",
    StationFact.FOLLOWS: "does not follow: {}", StationFact.CLOCK: "its clock is {}",
}  # fmt: skip
"""Fact about a station or charge point → how it is told, with its value in place of {}."""


def _name(wish: str, charge_point: str) -> str:
    return f"{_PREFIX}{wish} {charge_point}"


def wish(tx: Tx, what: str, charge_point: str, on: bool, at: datetime, who: str, why: str) -> None:
    """Ask for something at a charge point, or take a stop back; it is in the audit log. Raises MissingError."""
    _must_exist(tx, charge_point)
    overrides.turn(tx, _name(what, charge_point), on, at, who, why)
    action = f"dispatch {what}" if on else f"dispatch {what} taken back"
    audit_log.record(tx, at=at, who=who, action=action, subject=charge_point, why=why)


def open_wishes(tx: Tx) -> list[tuple[str, str]]:
    """Return (verify or resend, charge point) of what was asked for and is not done yet."""
    found = []
    for what in (VERIFY, RESEND):
        begins = _name(what, "")
        found += [(what, one.name.removeprefix(begins)) for one in overrides.beginning(tx, begins) if one.on]
    return found


def done(tx: Tx, what: str, charge_point: str, at: datetime) -> None:
    """Note that the daemon does it now."""
    overrides.turn(tx, _name(what, charge_point), False, at, "daemon", "taken up")


def stops(tx: Tx) -> frozenset[str]:
    """Return the charge points at which an operator wants nothing to be drawn."""
    begins = _name(STOP, "")
    return frozenset(one.name.removeprefix(begins) for one in overrides.beginning(tx, begins) if one.on)


def _must_exist(tx: Tx, charge_point: str) -> None:
    if register_rows.get(tx, "charge_points", charge_point) is None:
        known = [row.key for row in register_rows.of_table(tx, "charge_points")]
        words = meant(charge_point, known) if known else "the table charge_points is empty"
        raise MissingError(f"there is no charge point {charge_point!r}; {words}")


@dataclass(frozen=True, kw_only=True)
class PointState:
    """A charge point, its newest commands, and the session that runs there."""

    point: ChargePoint
    rows: tuple[Dispatch, ...]  # newest first
    session: ChargeSession | None
    stopped: bool
    silent: Silence | None  # its back-end does not answer
    facts: tuple[Learned, ...]  # what was learnt about it and about its station

    def facts_words(self) -> str:
        """Return what was learnt, in words."""
        return "; ".join(_FACTS[one.fact].format(one.value) for one in self.facts)


def states(tx: Tx, charge_point: str | None = None) -> list[PointState]:
    """Return the state of each charge point, or of one. Raises MissingError."""
    if charge_point is not None:
        _must_exist(tx, charge_point)
    return _states(tx, charge_point, lambda name: tuple(dispatches.newest(tx, name)))


def newest_states(tx: Tx) -> list[PointState]:
    """Return the state of each charge point, with its newest command only: few queries, however many points."""
    newest = dispatches.newest_of_all(tx)
    return _states(tx, None, lambda name: (newest[name],) if name in newest else ())


def _states(
    tx: Tx, charge_point: str | None, rows_of: Callable[[str], tuple[Dispatch, ...]]
) -> list[PointState]:  # fmt: skip
    running, stopped = charge_sessions.running(tx), stops(tx)
    silent = dispatch_facts.silent(tx)
    facts: dict[tuple[str, str], list[Learned]] = {}
    for fact in dispatch_facts.of_road(tx):
        facts.setdefault((fact.road, fact.station), []).append(fact)
    return [
        PointState(
            point=one.row, rows=rows_of(one.key), session=running.get(one.key),
            stopped=one.key in stopped, silent=silent.get(one.row.road),
            facts=tuple(
                fact for fact in facts.get((one.row.road, one.row.station), ()) if fact.charge_point in ("", one.key)
            ),
        )
        for one in register_rows.of_table(tx, "charge_points")
        if charge_point in (None, one.key)
    ]  # fmt: skip
