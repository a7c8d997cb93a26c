"""Checks that charge points lie at EVSEs of their own, and that sessions name those behind their connection."""

from collections.abc import Mapping

from agr.connectors.tables.rows import TableRows, shown
from agr.domain.charge_point import ChargePoint, session_fault
from agr.domain.faults import Findings
from agr.domain.kinds.ev_session import KIND as EV_SESSIONS


def check_charge_points(tables: Mapping[str, TableRows], found: Findings) -> None:
    """Note EVSEs that appear twice, stations of two protocols or roads, and sessions at points that do not exist.

    Nothing is checked against a table that could not be read.
    """
    rows = tables.get("charge_points")
    if rows is not None and rows.grid is None:
        return
    if rows is not None:
        _evses(rows, found)
    points: dict[str, str] = {}
    if rows is not None and rows.grid is not None:
        behind = zip(rows.grid.cells("charge_point"), rows.grid.cells("connection"), strict=True)
        points = {str(name).strip(): str(connection).strip() for name, connection in behind if name is not None}
    _sessions(tables.get(EV_SESSIONS.table), points, found)


def _evses(rows: TableRows, found: Findings) -> None:
    assert rows.grid is not None
    evses: dict[tuple[str, str, int], int] = {}
    stations: dict[tuple[str, str], tuple[ChargePoint, int]] = {}
    for at, row in zip(rows.at, rows.values, strict=True):
        line = rows.grid.lines[at]
        first = evses.setdefault((row.road, row.station, row.evse), line)
        if first != line:
            words = f"{row.evse} of station {shown(row.station)} is the charge point in {rows.grid.place} {first} too"
            found.faults.append(rows.grid.finding(at, "evse", f"{words}; each has an EVSE of its own"))
        other, first = stations.setdefault((row.road, row.station), (row, line))
        if other.protocol != row.protocol:
            words = f"{row.protocol}, but {other.protocol} for the same station in {rows.grid.place} {first}"
            found.faults.append(rows.grid.finding(at, "protocol", words))


def _sessions(rows: TableRows | None, points: Mapping[str, str], found: Findings) -> None:
    if rows is None or rows.grid is None:
        return
    several = _several(points)
    for at, row in zip(rows.at, rows.values, strict=True):
        words = session_fault(row.charge_point, row.connection, points)
        if words is not None:
            found.faults.append(rows.grid.finding(at, "charge_point", words))
        elif row.charge_point is None and row.connection in several:
            words = f"is empty, and {row.connection} has several charge points: nothing carries out this session's plan"
            found.warnings.append(rows.grid.finding(at, "charge_point", words))


def _several(points: Mapping[str, str]) -> set[str]:
    connections = list(points.values())
    return {one for one in connections if connections.count(one) > 1}
