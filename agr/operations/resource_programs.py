"""What a plan wants each resource to do: its program, with the names of its connection and congestion point."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from threading import Lock
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agr.dispatch import unplanned
from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.plan import Plan
from agr.domain.register import Register
from agr.operations.plan_cache import PlanCache
from agr.operations.sight import Sight
from agr.planning.case import CLASSES
from agr.planning.difference import Solved
from agr.store import plans, register
from agr.store.engine import Store

Floats = NDArray[np.float64]
EXPECTED = "expected session"
"""The kind of resource shown for a session that is expected but not known yet."""


@dataclass(frozen=True, kw_only=True)
class ResourceProgram:
    """One resource's program; per ISP."""

    resource: str
    kind: str
    connection: str
    congestion_point: str  # empty: in none
    power_kw: Floats  # (T,) consumption positive
    stored_kwh: Floats | None  # (T,) at the end of each ISP; None: it stores nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class ResourcePrograms:
    """The programs of all resources in one plan; resources of one class stand together."""

    plan: int
    made: datetime  # when the plan was made
    period: Period
    resource: tuple[str, ...]
    kind: tuple[str, ...]
    connection: tuple[str, ...]
    congestion_point: tuple[str, ...]
    power_kw: Floats  # (N,T)
    stored_kwh: Floats  # (N,T), NaN where a resource stores nothing
    seen: str = ""  # a digest of the resources' names; empty: these are all

    def __len__(self) -> int:
        return len(self.resource)

    def __getitem__(self, place: int) -> ResourceProgram:
        stored = self.stored_kwh[place]
        return ResourceProgram(
            resource=self.resource[place], kind=self.kind[place], connection=self.connection[place],
            congestion_point=self.congestion_point[place], power_kw=self.power_kw[place],
            stored_kwh=None if np.isnan(stored).all() else stored,
        )  # fmt: skip

    def __iter__(self) -> Iterator[ResourceProgram]:
        return (self[place] for place in range(len(self)))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.resource)}

    def of_resource(self, name: str) -> ResourceProgram | None:
        """Return a resource's program; None where the plan does not know it."""
        place = self._places.get(name)
        return None if place is None else self[place]

    def seen_by(self, sight: Sight) -> "ResourcePrograms":
        """Return the programs of those resources whose connection somebody sees."""
        if sight.everything:
            return self
        found = self._only([place for place, connection in enumerate(self.connection) if sight.place(connection)])
        return replace(found, seen=f"{crc32(chr(10).join(found.resource).encode()):08x}")

    def of_devices(self) -> "ResourcePrograms":
        """Return the programs of what exists, without what only stands in for sessions to come."""
        kept = [place for place, name in enumerate(self.resource) if not unplanned.is_expected(name)]
        return self if len(kept) == len(self) else self._only(kept)

    def _only(self, places: list[int]) -> "ResourcePrograms":
        def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(names[place] for place in places)

        return replace(
            self, resource=chosen(self.resource), kind=chosen(self.kind), connection=chosen(self.connection),
            congestion_point=chosen(self.congestion_point), power_kw=self.power_kw[places],
            stored_kwh=self.stored_kwh[places],
        )  # fmt: skip

    def matching(self, search: str) -> list[int]:
        """Return the places of resources whose name, connection or congestion point contains a text."""
        text = search.strip().lower()
        names = zip(self.resource, self.connection, self.congestion_point, strict=True)
        return [place for place, mine in enumerate(names) if not text or any(text in name.lower() for name in mine)]


def programs_of(plan: Plan, solved: Solved, known: Register) -> ResourcePrograms:
    """Return the programs of a plan's resources; the register says what they are and behind which connections."""
    case, programs = solved.named.case, solved.outcome.programs
    kinds = {row.resource: kind.name for kind in KINDS for row in known.of(kind.row)}
    behind = known.connection_of() | unplanned.behind(solved.named.charging(), known.charge_points)
    places = (*case.points, "")  # NO_POINT reads the last
    names: list[str] = []
    shown: list[str] = []
    points: list[str] = []
    power, stored = [np.zeros((0, case.isps))], [np.zeros((0, case.isps))]
    for units in CLASSES:
        mine = solved.named.of(units.name)
        names += mine
        shown += [kinds.get(name) or (EXPECTED if unplanned.is_expected(name) else units.shown) for name in mine]
        points += [places[point] for point in units.points(case).tolist()]
        power.append(units.power_kw(case, programs))
        stored.append(np.full(power[-1].shape, np.nan) if units.stored_kwh is None else units.stored_kwh(programs))
    return ResourcePrograms(
        plan=plan.id, made=plan.created_at, period=plan.period, resource=tuple(names), kind=tuple(shown),
        connection=tuple(behind.get(name, "") for name in names), congestion_point=tuple(points),
        power_kw=np.concatenate(power), stored_kwh=np.concatenate(stored),
    )  # fmt: skip


class ProgramCache:
    """Keeps the programs of the plan that was asked for last. Thread-safe."""

    def __init__(self, store: Store, plan_cache: PlanCache) -> None:
        self._store, self._plan_cache, self._lock = store, plan_cache, Lock()
        self._kept: ResourcePrograms | None = None

    def of(self, number: int, day: date | None = None) -> ResourcePrograms:
        """Return the programs of a plan, of a day where one is given.

        Raises MissingError where there is no such plan.
        """
        with self._lock:
            head = self._plan_cache.head(number)
            if head is None or day not in (None, head.plan.period.day):
                of_day = f" of {day}" if day else ""
                raise MissingError(f"there is no plan {number}{of_day}; `agr status --period DAY` lists those of a day")
            if self._kept is None or self._kept.plan != number:
                with self._store.transaction() as tx:
                    known = register.load(tx)
                self._kept = programs_of(head.plan, self._plan_cache.solved(number), known)
            return self._kept

    def in_force(self, period: Period) -> ResourcePrograms:
        """Return the programs in force. Raises MissingError where there is no plan."""
        with self._store.transaction() as tx:
            number = plans.newest_audited(tx, period.day)
        if number is None:
            raise MissingError(f"there is no plan for {period} yet")
        return self.of(number)
