"""Takes a change of few rows into our own congestion points, without reading the whole register.

The result is that of `own_portfolio.take`, whose work grows with the portfolio and keeps every other writer waiting.
"""

from collections.abc import Collection
from datetime import datetime

from agr.domain.isp import Period
from agr.domain.own_points import point_of
from agr.domain.register import CongestionPoint, PointMember, valid_on
from agr.store import day, own_portfolio, plans, portfolio, register_rows
from agr.store.engine import Tx
from agr.store.own_portfolio import CONFLICT, INCOMPLETE, OWN_LIST

_MEMBERS = "congestion_points"


def take_changed(tx: Tx, period: Period, connections: Collection[str], now: datetime, *, alone: bool) -> None:
    """Take the rows about some connections into the Period's portfolio as they are now, and ask for a plan if need be.

    `alone`: as for `own_portfolio.take`, which is done where these rows are not the whole: an alarm is open or due,
    or a CRO claims the same.
    """
    places = {} if _doubtful(tx, period) else _places(tx, period, connections, alone=alone)
    heads = None if not places else _heads(tx, period, places)
    if places is None or heads is None or len(places) < len(set(connections)):
        own_portfolio.take(tx, period, now, alone=alone)
        return
    moved = {name: new for name, (old, new) in places.items() if old != new}
    changed = {address: (old, new) for address, (old, new) in heads.items() if old != new}
    left = portfolio.counts(tx, period.day, OWN_LIST)[1] + sum(
        (new is not None) - (old is not None) for old, new in changed.values()
    )
    if alone and not left:  # an alarm says so
        own_portfolio.take(tx, period, now, alone=alone)
        return
    for name, point in moved.items():
        portfolio.move(tx, period.day, OWN_LIST, name, point)
    for address, (_, head) in changed.items():
        portfolio.put_head(tx, period.day, OWN_LIST, address, head)
    inside, points, free = portfolio.counts(tx, period.day, OWN_LIST)
    words = own_portfolio.in_words(inside, points, free if alone else None)
    portfolio.set_answer(tx, period.day, OWN_LIST, "answered", now, words)
    if (moved or changed) and plans.wanted(tx, period.day):
        own_portfolio.ask(tx, period, now)


def _doubtful(tx: Tx, period: Period) -> bool:
    """Say whether the table was not taken yet, or left something open, which other rows may end."""
    if OWN_LIST not in portfolio.answers(tx, period.day):
        return True
    about = f"{OWN_LIST} {period}"
    return any(alarm.kind in (CONFLICT, INCOMPLETE) and alarm.subject == about for alarm in day.open_alarms(tx))


def _places(
    tx: Tx, period: Period, connections: Collection[str], *, alone: bool
) -> dict[str, tuple[str | None, str | None]] | None:
    """Return connection → where it is, and where the table puts it: at a point, in none (empty), or not in the list.

    None where that is doubtful.
    """
    found: dict[str, tuple[str | None, str | None]] = {}
    for name in connections:
        stored, row = portfolio.place_of(tx, period.day, name), register_rows.get(tx, "connections", name)
        if stored is not None and stored[0] != OWN_LIST:
            return None
        mine = [one.row for one in register_rows.about_connection(tx, name) if one.table == _MEMBERS]
        here = [member for member in mine if valid_on(member, period.day)]
        ours = row is not None and valid_on(row.row, period.day)
        if len(here) > 1 or (ours and mine and not here):
            return None
        new = None if not ours else here[0].congestion_point if here else "" if alone else None
        found[name] = (None if stored is None else stored[1], new)
    return found


def _heads(
    tx: Tx, period: Period, places: dict[str, tuple[str | None, str | None]]
) -> dict[str, tuple[CongestionPoint | None, CongestionPoint | None]] | None:
    """Return congestion point → what the list has, and what the table says; None where a CRO's list has one."""
    found: dict[str, tuple[CongestionPoint | None, CongestionPoint | None]] = {}
    for address in {point for pair in places.values() for point in pair if point}:
        stored = portfolio.head_of(tx, period.day, address)
        if stored is not None and stored[0] != OWN_LIST:
            return None
        found[address] = (None if stored is None else stored[1], _told(tx, period, address))
    return found


def _told(tx: Tx, period: Period, address: str) -> CongestionPoint | None:
    """Return a congestion point as the table says; None where no connection of ours is at it."""
    rows: list[PointMember] = [one.row for one in register_rows.about_point(tx, _MEMBERS, address, limit=None)]
    valid = [row for row in rows if valid_on(row, period.day)]
    known = register_rows.rows_named(tx, "connections", {row.connection for row in valid})
    here = [row for row in valid if (ours := known.get(row.connection)) and valid_on(ours.row, period.day)]
    if not here:
        return None
    return point_of(address, here, ())
