"""What limits of connections, groups and congestion points leave to cars, in a Period and on the days after it. Pure.

All other units are taken to do what they do when nobody steers them. Of a later day their forecast counts where it is
known, else what they do in the Period at the same time on the clock. Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cached_property

import numpy as np

from agr.domain.isp import Period
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.quantities import COP, HEAT, POWER
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.register import ConnectionLimit, PointLimit, in_window, valid_on
from agr.planning.case.classes import CLASSES
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Floats
from agr.planning.case.shiftable import run_ahead
from models.case import Case

Place = tuple[str, str]
"""(connection, group or congestion point; which of the three it is)."""
Bound = ConnectionLimit | PointLimit
_LEAST_COP = 1e-3


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A Period and the days after it."""

    periods: tuple[Period, ...]

    @cached_property
    def isps(self) -> int:
        """How many ISPs they have together."""
        return sum(period.isp_count for period in self.periods)

    @property
    def midnight(self) -> int:
        """How many ISPs the Period itself has."""
        return self.periods[0].isp_count

    @cached_property
    def repeated(self) -> tuple[np.ndarray, ...]:
        """Of each later day, the ISPs (T,) of the day before it that have the same time on the clock."""
        pairs = zip(self.periods, self.periods[1:], strict=False)
        return tuple(np.array(one.isps_of_wall_clock(other)) for one, other in pairs)


class LimitsAhead:
    """Limits of import, and what is behind them."""

    def __init__(self, inputs: Inputs, ahead: Ahead) -> None:
        """Find which limits there are, and which connections are behind each."""
        self._inputs, self._ahead = inputs, ahead
        groups = {row.group: row.parent for row in inputs.register.limit_groups}
        points = inputs.portfolio.point_of()
        self._bounds: dict[Place, list[Bound]] = {}
        self._windows: dict[tuple[Period, time, time], np.ndarray] = {}
        rows: tuple[Bound, ...] = (*inputs.register.connection_limits, *inputs.register.limits)
        for row in rows:
            if row.import_kw is not None and any(valid_on(row, period.day) for period in ahead.periods):
                self._bounds.setdefault(_place(row, groups), []).append(row)
        self.places_of: dict[str, tuple[Place, ...]] = {}
        """Connection → the places with a limit that count it, the innermost first; without any it is left out"""
        self.connections_at: dict[Place, list[str]] = {}
        for connection in inputs.register.connections:
            if not valid_on(connection, inputs.period.day):
                continue
            around, group = [(connection.address, "connection")], connection.limit_group
            while group is not None and (group, "group") not in around:
                around.append((group, "group"))
                group = groups.get(group)
            around.append((points.get(connection.address, ""), "point"))
            mine = tuple(place for place in around if place in self._bounds)
            if mine:
                self.places_of[connection.address] = mine
                for place in mine:
                    self.connections_at.setdefault(place, []).append(connection.address)

    def binds_after(self, place: Place) -> bool:
        """Say whether a place has a limit in some ISP of the later days."""
        return bool(np.isfinite(self._limit_kw(place)[self._ahead.midnight :]).any())

    def room_kw(self, place: Place, drawn_kw: Mapping[str, Floats]) -> Floats:
        """Return what the limits at a place leave (N,), kW, given what each connection behind it draws (N,)."""
        room = self._limit_kw(place)
        for connection in self.connections_at[place]:
            if connection in drawn_kw:
                room = room - drawn_kw[connection]
        return room

    def _limit_kw(self, place: Place) -> Floats:
        """Return the lowest limit (N,) of a place, +inf where there is none."""
        days = []
        for period in self._ahead.periods:
            lowest = np.full(period.isp_count, np.inf)
            for row in self._bounds[place]:
                if row.import_kw is not None and valid_on(row, period.day):
                    inside = self._inside(period, row.window_start, row.window_end)
                    lowest[inside] = np.minimum(lowest[inside], row.import_kw)
            days.append(lowest)
        return np.concatenate(days)

    def _inside(self, period: Period, start: time, end: time) -> np.ndarray:
        """Return which ISPs (T,) are in a window: most limits have the same one, and the clock takes a while."""
        key = (period, start, end)
        if key not in self._windows:
            self._windows[key] = np.array(in_window(period, start, end))
        return self._windows[key]


def _place(row: Bound, groups: Mapping[str, str | None]) -> Place:
    if isinstance(row, PointLimit):
        return row.congestion_point, "point"
    return row.at, "group" if row.at in groups else "connection"


def drawn_kw(
    inputs: Inputs, case: Case, names: Mapping[str, tuple[str, ...]], connections: frozenset[str],
    cars: frozenset[str], ahead: Ahead,
) -> dict[str, Floats]:  # fmt: skip
    """Return what units other than `cars` draw (N,), kW, at some connections, if nobody steers them."""
    number = {connection: i for i, connection in enumerate(sorted(connections))}
    found = np.zeros((len(number), ahead.isps))
    place_of = inputs.register.connection_of()
    gone = {visit.resource for visit in inputs.visits} | cars  # after midnight they have left, or are looked at apart
    for units in CLASSES:
        of_class = names[units.name]
        some = np.array([u for u, name in enumerate(of_class) if place_of[name] in number], dtype=np.int64)
        if not len(some) or units.unsteered_kw is None:
            continue
        now, usual = units.unsteered_kw(case, some)
        here = [of_class[u] for u in some.tolist()]
        usual = usual * np.array([name not in gone for name in here])[:, None]
        drawn = np.concatenate([now, *_later_kw(inputs, here, usual, ahead)], axis=1)
        if units.tails_kw is not None:
            drawn[:, ahead.midnight :] += units.tails_kw(case, some, ahead.isps - ahead.midnight)
        np.add.at(found, np.array([number[place_of[name]] for name in here]), drawn)
    for run in inputs.register.of(ShiftableRun):
        if run.connection in number:
            found[number[run.connection]] += run_ahead(run, ahead.periods[0], ahead.isps)
    return {connection: found[i] for connection, i in number.items()}


def _later_kw(inputs: Inputs, resources: Sequence[str], usual: Floats, ahead: Ahead) -> Iterator[Floats]:
    """Yield what units draw on each later day (n,T): by their forecasts, else as on the day before by the clock."""
    register, day, given = inputs.register, usual, inputs.next_forecasts
    produces = {row.resource for row in register.of(Generator)} if given else set()
    heats = {row.resource: row.power_kw for row in register.of(HeatPump)} if given else {}
    for number, (period, same) in enumerate(zip(ahead.periods[1:], ahead.repeated, strict=True)):
        day = day[:, same]
        for row, name in enumerate(resources) if given and number == 0 else ():
            power, heat, cop = (given.get((name, one.name)) for one in (POWER, HEAT, COP))
            if power is not None and len(power) == period.isp_count:
                day[row] = np.minimum(power, 0.0) if name in produces else power
            elif heat is not None and cop is not None and len(heat) == len(cop) == period.isp_count:
                day[row] = np.minimum(heat / np.maximum(cop, _LEAST_COP), heats[name])
        yield day
