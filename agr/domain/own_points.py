"""The congestion points of a Period as the register's own table says, where no CRO does."""

from collections.abc import Sequence
from dataclasses import dataclass

from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Connection, PointMember, valid_on


@dataclass(frozen=True, kw_only=True)
class OwnPoints:
    """What the table says about one Period."""

    points: tuple[CongestionPoint, ...]
    free: tuple[str, ...]
    """Connections valid in the Period that no row valid in it names"""
    ended: tuple[str, ...]
    """Those of `free` that rows of other days name"""


def own_points(period: Period, members: tuple[PointMember, ...], connections: tuple[Connection, ...]) -> OwnPoints:
    """Return the Period's congestion points by address, with the connections that we represent on that day."""
    ours = {c.address for c in connections if valid_on(c, period.day)}
    valid = [row for row in members if valid_on(row, period.day) and row.connection in ours]
    here: dict[str, list[PointMember]] = {}
    for row in valid:
        here.setdefault(row.congestion_point, []).append(row)
    free = ours - {row.connection for row in valid}
    return OwnPoints(
        points=tuple(
            point_of(address, rows, tuple(sorted(row.connection for row in rows)))
            for address, rows in sorted(here.items())
        ),
        free=tuple(sorted(free)),
        ended=tuple(sorted(free & {row.connection for row in members})),
    )  # fmt: skip


def point_of(address: str, rows: Sequence[PointMember], connections: tuple[str, ...]) -> CongestionPoint:
    """Return a congestion point as its rows describe it: what one row says holds for all."""
    return CongestionPoint(
        address=address, dso=rows[0].dso, connections=connections,
        mutex_offers=any(row.mutex_offers == "yes" for row in rows),
        day_ahead_redispatch_by="DSO" if any(row.day_ahead_redispatch_by == "DSO" for row in rows) else "AGR",
        intraday_redispatch_by=next((row.intraday_redispatch_by for row in rows if row.intraday_redispatch_by), None),
    )  # fmt: skip
