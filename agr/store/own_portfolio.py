"""Congestion points that we know ourselves, from the register's table, for markets or DSOs without a CRO."""

from datetime import datetime

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.own_points import OwnPoints, own_points
from agr.domain.plan import Reason, ReasonKind
from agr.store import day, plans, portfolio, register
from agr.store.engine import Tx

OWN_LIST = "table congestion_points"
"""Name that stands for the register's own table among the CROs that have answered."""
CONFLICT, INCOMPLETE = "portfolio conflict", "portfolio incomplete"
"""Kinds of alarms."""
_NAMED = 5
"""Most connections that an alarm names."""


def take(tx: Tx, period: Period, now: datetime, *, alone: bool) -> str | None:
    """Take the table's points into the Period's portfolio, and ask for a plan if that changes a planned one.

    `alone`: there is no CRO, so that connections in no row lie in no congestion point. Returns what was found in words;
    None if there is no such table while CROs are asked, or nobody whom it could concern.
    """
    known = register.load_tables(tx, "congestion_points", "connections")
    members = known.congestion_points
    taken = OWN_LIST in portfolio.answers(tx, period.day)
    if not (members or taken or (alone and known.connections)):
        return None
    planned = plans.wanted(tx, period.day)
    before = portfolio.load(tx, period) if planned else None
    found = own_points(period, members, known.connections)
    clashes = portfolio.replace(tx, period.day, OWN_LIST, found.points, found.free if alone else ())
    inside = sum(len(point.connections) for point in found.points)
    words = in_words(inside, len(found.points), len(found.free) if alone else None)
    portfolio.set_answer(tx, period.day, OWN_LIST, "answered", now, words)
    _alarms(tx, period, found, clashes, now, alone=alone)
    if planned and portfolio.load(tx, period) != before:
        ask(tx, period, now)
    return words


def in_words(inside: int, points: int, free: int | None) -> str:
    """Say how many connections the table places; `free`: in no point, None where CROs may know one."""
    words = f"{number_of(inside, 'connection')} in {number_of(points, 'congestion point')}"
    return words if free is None else f"{words}, {free} in none"


def ask(tx: Tx, period: Period, now: datetime) -> None:
    """Ask for a plan, because the table says otherwise than before."""
    reason = Reason(kind=ReasonKind.PORTFOLIO, reference=OWN_LIST, text=f"the {OWN_LIST} says otherwise")
    day.put_trigger(tx, period.day, reason, now)


def _alarms(tx: Tx, period: Period, found: OwnPoints, clashes: tuple[str, ...], now: datetime, *, alone: bool) -> None:
    """Raise an alarm for each thing that the table leaves open, and end those that it no longer does."""
    doubts = {
        CONFLICT: f"{_some(clashes)} of the {OWN_LIST} are claimed by a CRO as well; the first claim stays"
        if clashes
        else "",
        INCOMPLETE: _incomplete(period, found, alone=alone),
    }
    for kind, text in doubts.items():
        if text:
            day.raise_alarm(tx, kind, f"{OWN_LIST} {period}", text, now)
        else:
            day.recover(tx, kind, f"{OWN_LIST} {period}", now)


def _incomplete(period: Period, found: OwnPoints, *, alone: bool) -> str:
    if alone and not found.points:
        return (
            f"no CRO is configured and the {OWN_LIST} has no row for {period}: no D-Prognosis will be sent; import the "
            "table, or add the CRO to [[participants]]"
        )
    if found.ended:
        return (
            f"{_some(found.ended)} of the {OWN_LIST} have no row for {period}, only for other days, and are planned in "
            "no congestion point; correct last_day or first_day"
        )
    return ""


def _some(connections: tuple[str, ...]) -> str:
    named = ", ".join(connections[:_NAMED])
    more = len(connections) - _NAMED
    return f"{number_of(len(connections), 'connection')} ({named}{f' and {more} more' if more > 0 else ''})"
