"""Says at which charge point a planned session charges. Pure."""

from agr.domain.charge_point import ChargePoint
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register


def points_of(known: Register) -> dict[str, ChargePoint]:
    """Return session's resource → its charge point: the one that it names, else the only one behind its connection."""
    points = {row.charge_point: row for row in known.charge_points}
    behind: dict[str, list[ChargePoint]] = {}
    for point in points.values():
        behind.setdefault(point.connection, []).append(point)
    found = {}
    for row in known.of(EvSession):
        here = [points[row.charge_point]] if row.charge_point in points else behind.get(row.connection, [])
        if len(here) == 1:
            found[row.resource] = here[0]
    return found
