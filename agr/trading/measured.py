"""What our own meters say that congestion points and connections drew, where they measure all of it."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from agr.dispatch.unplanned import PREFIX, points_named, stem_of
from agr.domain.execution import WHOLE, Verdict
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.store import executions, portfolio, register
from agr.store.engine import Tx

_W_PER_KW = 1000


def measured_w(tx: Tx, period: Period, congestion_point: str) -> dict[int, int]:
    """Return ISP → W of a congestion point, for the ISPs in which every resource there was measured as a whole.

    What became of plans (`executions`) has one row per resource and ISP; one resource without a meter leaves the point
    unknown. Resources lie behind the connections that the register names now.
    """
    if not executions.counts(tx, period.start, period.end):
        return {}  # nothing reports: the register, which may be large, need not be read
    at = portfolio.load(tx, period).point_of()
    known = register.load(tx)
    here = {r for r, connection in known.connection_of().items() if at.get(connection) == congestion_point}
    return whole_w(tx, period, known, {congestion_point: here}).get(congestion_point, {})


def whole_w(
    tx: Tx, period: Period, known: Register, groups: Mapping[str, Collection[str]]
) -> dict[str, dict[int, int]]:  # fmt: skip
    """Return group → ISP → W, for the ISPs in which every resource of a group was measured as a whole.

    A charging session need not be measured while its car is not expected: it then has rows only if a car was seen, and
    these must be whole. If the car is expected at all in the Period, the session must have been measured at some time.
    What unplanned cars took counts at the connections of their charge points.
    """
    cars = {row.resource: row for row in known.resources if isinstance(row, EvSession)}
    last = period.end - timedelta(minutes=period.isp_minutes)
    wanted = {resource for group in groups.values() for resource in group}
    kwh: dict[str, dict[int, float | None]] = {}
    for row in executions.between(tx, period.start, last, wanted):
        whole = row.measured_kwh is not None and row.quality in WHOLE
        kwh.setdefault(row.resource, {})[period.isp_of(row.start)] = row.measured_kwh if whole else None
    strangers = _strangers_kwh(tx, period, known)
    connection_of = known.connection_of() if strangers else {}
    found = {}
    for name, group in groups.items():
        sums = dict.fromkeys(range(1, period.isp_count + 1), 0.0) if group else {}
        for resource in group:
            of, away = kwh.get(resource, {}), _away(cars.get(resource), period, bool(kwh.get(resource)))
            for isp in list(sums):
                energy = of.get(isp, 0.0 if isp in away else None)
                if energy is None:
                    del sums[isp]
                else:
                    sums[isp] += energy
        for connection in {connection_of[resource] for resource in group if resource in connection_of}:
            for isp, energy in strangers.get(connection, ()):
                if energy is None:
                    sums.pop(isp, None)
                elif isp in sums:
                    sums[isp] += energy
        found[name] = {isp: round(energy / period.isp_hours * _W_PER_KW) for isp, energy in sums.items()}
    return found


def _strangers_kwh(tx: Tx, period: Period, known: Register) -> dict[str, list[tuple[int, float | None]]]:
    """Return connection → (ISP, kWh) of cars that nobody planned; None: not measured as a whole."""
    names, points = known.connection_of(), points_named(known.charge_points)
    found: dict[str, list[tuple[int, float | None]]] = {}
    for row in executions.beginning(tx, PREFIX, period.start, period.starts()[-1]):
        point = points.get(stem_of(row.resource))
        if row.resource not in names and point is not None:
            whole = row.measured_kwh if row.quality in WHOLE or row.verdict is Verdict.DEVIATED else None
            found.setdefault(point.connection, []).append((period.isp_of(row.start), whole))
    return found


def _away(car: EvSession | None, period: Period, measured: bool) -> frozenset[int]:
    """Return the ISPs in which nothing is measured because no car is to be there."""
    if car is None:
        return frozenset()
    there = {
        isp for isp, start in enumerate(period.starts(), start=1)
        if car.arrival < start + period.isp_length and start < car.departure
    }  # fmt: skip
    return frozenset(range(1, period.isp_count + 1)) - there if measured or not there else frozenset()
