"""Finds what is still in force at charge points that are not in the table any more, or are elsewhere now. Pure."""

from collections.abc import Mapping, Sequence

from agr.dispatch.orders import Order, set_rows
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import OPEN_STATES, Action, Dispatch, DispatchState


def is_of(row: Dispatch, point: ChargePoint) -> bool:
    """Say whether a command went to where a charge point is now."""
    return (row.road, row.station) == (point.road, point.station) and row.evse in (None, point.evse)


def left_behind(rows: Mapping[str, Sequence[Dispatch]], points: Mapping[str, ChargePoint], road: str) -> list[Dispatch]:
    """Return, of each charge point that has left, one profile that is or may be in force where it was.

    None of one to which a command is under way.
    """
    found = []
    for name, mine in rows.items():
        point = points.get(name)
        gone = [row for row in mine if row.road == road and (point is None or not is_of(row, point))]
        if any(row.state in OPEN_STATES for row in gone):
            continue
        there = set_rows(gone, DispatchState.ACCEPTED, DispatchState.UNKNOWN)
        found += there[:1]
    return found


def clearing(row: Dispatch) -> Order:
    """Return the order that clears a profile."""
    words = "its charge point is not in the table any more, or is elsewhere"
    return Order(action=Action.CLEAR, purpose=row.purpose, slot=row.slot, profile=None, reason=words)


def where(row: Dispatch) -> ChargePoint:
    """Return the charge point to which a command went, as far as it is needed to address it."""
    return ChargePoint(
        charge_point=row.charge_point, connection="", road=row.road, station=row.station, evse=row.evse or 1,
        protocol=row.protocol or "2.0.1", max_kw=1000.0,
    )  # fmt: skip
