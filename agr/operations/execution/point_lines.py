"""How the resources of each congestion point kept to the plan together, with cars that came unplanned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.unplanned import points_named, stem_of
from agr.domain.charge_point import ChargePoint
from agr.domain.register import Register
from agr.operations.execution.deviations import Deviation, deviations
from agr.operations.resource_programs import ResourcePrograms
from agr.planning.settlement import SettlementPrices
from agr.store import plans
from agr.store.charge_sessions import ChargeSession
from agr.store.executions import ExecutionColumns

Floats = NDArray[np.float64]

NO_POINT = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class PointLine:
    """The resources of one congestion point together."""

    address: str  # empty: those in none
    judged: int  # resources that have verdicts
    resources: int  # all that the plan knows there
    deviation: Deviation
    planned_kw: Floats  # (T,) of all
    prognosed_kw: Floats | None  # (T,) the newest D-Prognosis
    planned_judged_kw: Floats  # (T,) of those that are measured; NaN where an ISP was not measured
    measured_kw: Floats  # (T,) likewise
    unplanned_kwh: float  # what cars that came unplanned took there by their registers


class UnplannedCars:
    """Where cars that came unplanned are; the register has no row of most of them."""

    def __init__(self, tables: Register, programs: ResourcePrograms) -> None:
        self._points = points_named(tables.charge_points)
        self._address = dict(zip(programs.connection, programs.congestion_point, strict=True))

    def point(self, name: str) -> ChargePoint | None:
        """Return the charge point of such a car; None: it is none."""
        return self._points.get(stem_of(name))

    def address(self, name: str) -> str | None:
        """Return its congestion point; empty: none; None: it is not known."""
        point = self.point(name)
        return None if point is None else self._address.get(point.connection)


def unplanned_kwh(
    sessions: Sequence[ChargeSession], programs: ResourcePrograms, behind: Mapping[str, str], now: datetime
) -> dict[str, float]:  # fmt: skip
    """Return congestion point → kWh that cars which nobody has planned took in the Period.

    `behind`: charge point → connection. A session over midnight counts with its share of the Period.
    """
    period, known = programs.period, set(programs.resource)
    address = dict(zip(programs.connection, programs.congestion_point, strict=True))
    found: dict[str, float] = {}
    for one in sessions:
        if one.resource in known or not one.delivered_kwh:
            continue
        end = one.ended_at or now
        inside = min(end, period.end) - max(one.began_at, period.start)
        share = 1.0 if end <= one.began_at else max(inside / (end - one.began_at), 0.0)
        place = address.get(behind.get(one.charge_point, ""), NO_POINT)
        found[place] = found.get(place, 0.0) + one.delivered_kwh * share
    return found


def point_lines(
    programs: ResourcePrograms, rows: ExecutionColumns, cars: UnplannedCars, sent: Mapping[str, plans.Sent],
    prices: SettlementPrices, beside: Mapping[str, float],
) -> list[PointLine]:  # fmt: skip
    """Return a line per congestion point with resources that have verdicts, the worst first.

    `beside`: congestion point → kWh of cars that came unplanned.
    """
    period, isps = programs.period, programs.period.isp_count
    addresses = list(dict.fromkeys(programs.congestion_point))
    numbers = {address: number for number, address in enumerate(addresses)}
    place = np.array([numbers[address] for address in programs.congestion_point], dtype=np.int64)
    known = {name: numbers[address] for name, address in zip(programs.resource, programs.congestion_point, strict=True)}
    strangers = {name: cars.address(name) for name in rows.names if name not in known}
    known |= {name: numbers[address] for name, address in strangers.items() if address is not None}
    owner = np.array([known.get(name, len(addresses)) for name in rows.names], dtype=np.int64)  # the last: none known
    of, count = owner[rows.resource] if len(owner) else rows.resource, len(addresses) + 1
    sums = deviations(period, rows, of, count, prices)
    cells, mine = of[rows.whole] * isps + rows.isp[rows.whole], rows.whole
    planned, measured = (
        np.bincount(cells, weights=values[mine], minlength=count * isps).reshape(count, isps) / period.isp_hours
        for values in (rows.planned_kwh, rows.measured_kwh)
    )
    unseen = np.bincount(cells, minlength=count * isps).reshape(count, isps) == 0
    planned[unseen] = measured[unseen] = np.nan
    judged, all_there = np.bincount(owner, minlength=count), np.bincount(place, minlength=count)
    whole_kw = np.zeros((len(addresses), isps))
    np.add.at(whole_kw, place, programs.power_kw)
    found = []
    for number, address in enumerate(addresses):
        if not judged[number]:
            continue
        prognosis = sent.get(address)
        found.append(PointLine(
            address=address, judged=int(judged[number]), resources=int(all_there[number]), deviation=sums[number],
            planned_kw=whole_kw[number], planned_judged_kw=planned[number], measured_kw=measured[number],
            prognosed_kw=None if prognosis is None else np.array(prognosis.power_w) / 1000,
            unplanned_kwh=beside.get(address, 0.0),
        ))  # fmt: skip
    return sorted(found, key=lambda line: (-abs(line.deviation.kwh), line.address))
