"""The cars of a Period that no resource of the register stands for, and their energy per ISP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from agr.dispatch import registers
from agr.dispatch.admission import BEYOND_RATED
from agr.dispatch.registers import Energy, energy
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period
from agr.operations.execution.evidence import planned_name
from agr.store import charge_sessions
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True, eq=False)
class Stranger:
    """A car that came unplanned and does not say what it needs."""

    point: ChargePoint
    energy: Energy


def strangers(
    tx: Tx, period: Period, points: Mapping[str, ChargePoint], longest_gap: timedelta
) -> dict[str, Stranger]:  # fmt: skip
    """Return name in plans → such a car. Registers further apart than `longest_gap` are not joined."""
    borders, found = [*period.starts(), period.end], {}
    for session in charge_sessions.overlapping(tx, period.start, period.end):
        point = points.get(session.charge_point)
        if session.resource is not None or point is None:
            continue
        told = charge_sessions.told_of(tx, session)
        read = [(one.at, one.register_wh / 1000) for one in told if one.register_wh is not None]
        runs = registers.judged(read, point.max_kw * BEYOND_RATED).runs
        found[planned_name(session)] = Stranger(point=point, energy=energy(runs, borders, longest_gap))
    return found
