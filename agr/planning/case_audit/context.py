"""What the rules of the case audit know about a case: its day, and where, when and how its resources may run. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case_audit.day import Day
from agr.planning.case_audit.facts import Facts, Floats
from agr.planning.case_audit.later import later_price
from models.case import NO_POINT, Case

Rows = NDArray[np.int64]
_LEAST_COP = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditContext:
    """A case beside the facts that it was made from."""

    facts: Facts
    day: Day
    case: Case
    names: Mapping[str, tuple[str, ...]]
    dsos: tuple[str, ...]  # of the congestion points of the case

    @cached_property
    def later_price(self) -> Floats:
        """Price of every ISP (n,) of a few days after the Period, EUR/MWh; NaN where the audit knows none."""
        return later_price(self.facts, self.day)

    @cached_property
    def point(self) -> Mapping[str, int]:
        """Connection that is ours on this day → its row among the congestion points, or NO_POINT."""
        today = self.facts.period.day
        rows = {address: row for row, address in enumerate(self.case.points)}
        listed = {c: rows[p.address] for p in self.facts.portfolio.points for c in p.connections if p.address in rows}
        return {
            c.address: listed.get(c.address, NO_POINT)
            for c in self.facts.register.connections
            if c.first_day <= today and (c.last_day is None or c.last_day >= today)
        }

    def ours(self, kind: type[Any]) -> list[Any]:
        """Return the resources of a kind behind connections that are ours on this day."""
        return [row for row in self.facts.register.of(kind) if row.connection in self.point]

    def forecast(self, resource: str, quantity: str, default: float) -> Floats:
        """Return a forecast (T,); without one of the day's length it is `default` throughout."""
        values = self.facts.forecasts.get((resource, quantity))
        if values is None or len(values) != self.day.isps:
            return np.full(self.day.isps, default)
        return np.asarray(values, dtype=np.float64)

    def available(self, resources: Sequence[str]) -> Floats:
        """Return 1 in ISPs (U,T) in which resources can run, 0 from where they are out of order."""
        off = [self.facts.unavailable_from.get(name, self.day.isps) for name in resources]
        return (np.arange(self.day.isps) < np.array(off).reshape(-1, 1)).astype(np.float64)

    def frozen(self, row: Any) -> bool:
        """Say whether a resource is at a congestion point where nothing may change any more."""
        point = self.point[row.connection]
        return point != NO_POINT and self.case.points[point] in self.facts.frozen_points

    def reserve_kw(self, rows: Sequence[Any]) -> Floats:
        """Return the most reserve (U,) that resources may hold: no more than now where an offer is open."""
        most = np.array([row.reserve_kw for row in rows], dtype=np.float64)
        for u, row in enumerate(rows):
            point = self.point[row.connection]
            if row.resource in self.facts.unavailable_from:
                most[u] = 0.0
            elif point != NO_POINT and self.case.points[point] in self.facts.offered_points:
                most[u] = min(most[u], self.facts.previous.held_kw.get(row.resource, 0.0))
        return most

    def kept_isps(self, row: Any) -> int:
        """Return how many ISPs, from the first, keep the program in force."""
        if self.frozen(row):
            return self.day.isps
        reaction = self.facts.reaction
        return reaction.first if reaction is not None and row.resource in reaction.resources else self.facts.closed_isps

    def pins(self, rows: Sequence[Any]) -> Floats:
        """Return the power (U,T) that can no longer change, NaN where it can."""
        pinned = np.full((len(rows), self.day.isps), np.nan)
        programs, unavailable = self.facts.previous.programs_kw, self.facts.unavailable_from
        for u, row in enumerate(rows):
            program, off = programs.get(row.resource), unavailable.get(row.resource, self.day.isps)
            if program is not None:
                kept = min(self.kept_isps(row), off)
                pinned[u, :kept] = program[:kept]
            else:
                ended = min(self.facts.past_isps, off)
                pinned[u, :ended] = self._unsteered(row)[:ended]
            for isp, kw in enumerate(self.facts.dictated_kw.get(row.resource, ())):
                if isp < off and np.isnan(pinned[u, isp]):
                    pinned[u, isp] = kw
        return pinned

    def _unsteered(self, row: Any) -> Floats:
        """Return what a resource has done (T,), kW, in ISPs that have ended, where no plan knew it."""
        if isinstance(row, Generator):  # all that it could; it never consumes
            return np.minimum(self.forecast(row.resource, "power_kw", 0.0), 0.0)
        if isinstance(row, HeatPump):  # it follows the heat needed, as far as its power goes
            cop = np.maximum(self.forecast(row.resource, "cop", 3.0), _LEAST_COP)
            return np.minimum(self.forecast(row.resource, "heat_kw", 0.0) / cop, row.power_kw)
        return np.zeros(self.day.isps)

    @cached_property
    def _known(self) -> Mapping[str, Mapping[str, int]]:
        """Class of units → resource → its row in the case."""
        return {units: {name: row for row, name in enumerate(names)} for units, names in self.names.items()}

    def rows_of(self, units: str, resources: Sequence[str]) -> Rows:
        """Return the row of each resource in a class of the case, −1 where it is missing."""
        known = self._known.get(units, {})
        return np.array([known.get(name, -1) for name in resources], dtype=np.int64)

    def found(self, units: str, rows: Sequence[Any]) -> tuple[list[Any], Rows]:
        """Return those of some resources that are in a class of the case, with their rows in it."""
        places = self.rows_of(units, [row.resource for row in rows])
        return [row for row, place in zip(rows, places.tolist(), strict=True) if place >= 0], places[places >= 0]

    def places(self, rows: Sequence[Any]) -> Floats:
        """Return the row (U,) of each resource's congestion point, or NO_POINT."""
        return np.array([self.point[row.connection] for row in rows], dtype=np.float64)

    def presence(self, units: str, kinds: Sequence[type[Any]], expected: Sequence[str]) -> Iterator[str]:
        """Yield resources that are missing in a class of the case, and those that have no place in it."""
        found, due = set(self.names.get(units, ())), set(expected)
        kind_of = {row.resource: type(row) for row in self.facts.register.resources}
        for name in sorted(due - found)[:SHOWN]:
            yield f"case, {name}: is missing"
        for name in sorted(name for name in found - due if kind_of.get(name) in (None, *kinds))[:SHOWN]:
            yield f"case, {name}: has no place in this Period"


SHOWN = 3
"""Most resources that are named for each rule."""
