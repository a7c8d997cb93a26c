"""Audits what may be sent, apart from the solver: the sum of what every point may draw stays within the limits. Pure.

It knows nothing of plans but what other resources behind a connection are expected to draw, and nothing of how a
profile was made. Reductions always go. An increase goes only when the sum holds whatever its answer is; where the sum
would not hold even if every station did as it was told, no increase goes below that limit, and the reason is returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.register import Register, in_window, valid_on

Floats = NDArray[np.float64]
SLACK_KW = 0.001
"""Power in kW that rounding may add to a sum."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteLimit:
    """Most power of a connection or a group of connections."""

    name: str
    connections: frozenset[str]
    import_kw: Floats  # (T,) inf: no bound
    other_kw: Floats  # (T,) what resources draw there that are no charge points


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitChange:
    """What a point may draw now, while a change is under way, and after it."""

    charge_point: str
    connection: str
    now_kw: Floats  # (T,)
    after_kw: Floats  # (T,) once the station has done as it is told


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A limit that would not hold."""

    name: str
    place: int  # ISP of the grid, from 0
    sum_kw: float
    limit_kw: float

    def words(self, starts: Sequence[datetime]) -> str:
        """Return it in words."""
        return (
            f"{self.name}: {self.sum_kw:,.2f} kW might be drawn at {starts[self.place]:%Y-%m-%dT%H:%M}Z, the limit is "
            f"{self.limit_kw:,.2f} kW"
        )


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """Which changes may be sent now."""

    go: tuple[str, ...]  # charge points, reductions first
    wait: tuple[str, ...]  # until reductions elsewhere are accepted
    refused: Mapping[str, Breach]  # charge point → the limit that would not hold


def judged(
    changes: Sequence[LimitChange], standing: Mapping[str, tuple[str, Floats]], limits: Sequence[SiteLimit]
) -> Cleared:
    """Return what may go out.

    `standing`: charge point without a change → (its connection, kW that it may draw).
    """
    lowering = [(one.after_kw <= one.now_kw + SLACK_KW).all() for one in changes]
    still = list(standing.values())
    final = [_total(limit, still + [(one.connection, one.after_kw) for one in changes]) for limit in limits]
    drawn = [_total(limit, still + [(one.connection, one.now_kw) for one in changes]) for limit in limits]
    refused: dict[str, Breach] = {}
    wait, go = [], [one.charge_point for one, less in zip(changes, lowering, strict=True) if less]
    for change in (one for one, less in zip(changes, lowering, strict=True) if not less):
        mine = [place for place, limit in enumerate(limits) if change.connection in limit.connections]
        breach = next((found for at in mine if (found := _breach(limits[at], final[at], change)) is not None), None)
        if breach is not None:
            refused[change.charge_point] = breach
            continue
        more = np.maximum(change.after_kw - change.now_kw, 0.0)
        if any(_breach(limits[at], drawn[at] + more, change) is not None for at in mine):
            wait.append(change.charge_point)
            continue
        for at in mine:
            drawn[at] = drawn[at] + more
        go.append(change.charge_point)
    return Cleared(go=tuple(go), wait=tuple(wait), refused=refused)


def _total(limit: SiteLimit, drawn: Sequence[tuple[str, Floats]]) -> Floats:
    total = limit.other_kw.copy()
    for connection, kw in drawn:
        if connection in limit.connections:
            total += kw
    return total


def _breach(limit: SiteLimit, total: Floats, change: LimitChange) -> Breach | None:
    """Return where a limit does not hold and the change adds to it."""
    adds = change.after_kw > change.now_kw + SLACK_KW
    over = np.flatnonzero((total > limit.import_kw + SLACK_KW) & adds)
    if not len(over):
        return None
    place = int(over[0])
    return Breach(
        name=limit.name, place=place, sum_kw=float(total[place]), limit_kw=float(limit.import_kw[place])
    )  # fmt: skip


def site_limits(
    register: Register, starts: Sequence[datetime], period_of: Mapping[int, Period], other_kw: Mapping[str, Floats]
) -> list[SiteLimit]:
    """Return the import limits of connections and groups on a grid of ISPs.

    `period_of`: place on the grid → its Period. `other_kw`: connection → kW of what is no charge point.
    """
    above = {row.group: row.parent for row in register.limit_groups}
    within: dict[str, set[str]] = {}
    for connection in register.connections:
        places, group = [connection.address], connection.limit_group
        while group is not None and group not in places:
            places.append(group)
            group = above.get(group)
        for place in places:
            within.setdefault(place, set()).add(connection.address)
    found = []
    for row in register.connection_limits:
        if row.import_kw is None:
            continue
        inside = {
            period: in_window(period, row.window_start, row.window_end) if valid_on(row, period.day) else ()
            for period in set(period_of.values())
        }
        bound = np.full(len(starts), np.inf)
        for isp, start in enumerate(starts):
            counts = inside[period_of[isp]]
            if counts and counts[period_of[isp].isp_of(start) - 1]:
                bound[isp] = row.import_kw
        members = frozenset(within.get(row.at, ()))
        other = np.zeros(len(starts))
        for member in members:
            other = other + other_kw.get(member, 0.0)
        found.append(SiteLimit(name=row.at, connections=members, import_kw=bound, other_kw=other))
    return found
