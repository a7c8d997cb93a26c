"""What back-ends are to do: the programs in force of today and tomorrow, and what has changed in them since.

A revision names the plans in force of both Periods, each with the moment it was made: a restored store counts anew.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from agr.connectors.tables.cells import CellError, read_instant
from agr.dispatch.setpoints import Spans, Watts, changed, in_watts
from agr.domain.errors import InputError
from agr.domain.isp import Clock, Period, period_of
from agr.operations.resource_programs import ProgramCache
from agr.settings import Settings
from agr.store import plans
from agr.store.engine import Store, Tx

NOTHING = "0"
"""The revision while no plan is in force; whoever asks for changes since then gets everything."""
_REVISION = re.compile(r"0|\d{1,10}-\d{1,12}(\.\d{1,10}-\d{1,12}){0,7}", re.ASCII)
_KEPT = 4
"""Most plans whose programs are kept in memory: those of today and tomorrow, and the two before, which most callers
have."""


@dataclass(frozen=True, kw_only=True)
class AdoptedPlan:
    """The plan in force of a Period."""

    period: Period
    plan: int
    made: datetime

    @property
    def text(self) -> str:
        """How a revision names it."""
        return f"{self.plan}-{self.made.timestamp():.0f}"


@dataclass(frozen=True, kw_only=True, eq=False)
class SetpointTable:
    """A plan's setpoints by resource."""

    plan: int
    resource: tuple[str, ...]
    connection: tuple[str, ...]
    congestion_point: tuple[str, ...]  # empty: in none
    power_w: Watts  # (N,T) consumption positive


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """What changed in a Period."""

    period: Period
    program: SetpointTable
    spans: Spans
    gone: tuple[str, ...]  # resources that had setpoints, and have none any more
    prognoses: Mapping[str, int]  # congestion point → revision of its newest D-Prognosis


def adopted_plans(tx: Tx, settings: Settings, now: datetime) -> tuple[AdoptedPlan, ...]:
    """Return the plans in force of today and tomorrow, where there are any."""
    today = period_of(now, settings.time_zone, settings.isp_minutes)
    found = []
    for period in (today, today.next()):
        newest = plans.newest_made(tx, period.day)
        if newest is not None:
            found.append(AdoptedPlan(period=period, plan=newest[0], made=newest[1]))
    return tuple(found)


def revision_of(known: tuple[AdoptedPlan, ...]) -> str:
    """Return the text that names these plans."""
    return ".".join(one.text for one in known) or NOTHING


class Setpoints:
    """Keeps the programs in force and those that callers have. Thread-safe."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, cache: ProgramCache) -> None:
        self._store, self._settings, self._clock, self._cache = store, settings, clock, cache
        self._lock = Lock()
        self._kept: OrderedDict[int, SetpointTable] = OrderedDict()

    def since(self, text: str) -> tuple[str, tuple[Changes, ...]]:
        """Return the present revision, and what has changed since a revision or an instant; empty: everything.

        ISPs that are over are left out. Raises InputError for a text that is neither.
        """
        asked = _read(text)
        with self._store.transaction() as tx:
            known = adopted_plans(tx, self._settings, self._clock.now())
            before = {one.plan: self._before(tx, one, asked) for one in known}
            moved = [one for one in known if before[one.plan] != one.plan]
            prognoses = {one.plan: plans.revisions_on(tx, one.period.day) for one in moved}
        return revision_of(known), tuple(self._changes(one, before[one.plan], prognoses[one.plan]) for one in moved)

    def _before(self, tx: Tx, one: AdoptedPlan, asked: "datetime | frozenset[str]") -> int | None:
        """Return the plan whose program of the same Period the caller has; None: none."""
        if isinstance(asked, datetime):
            return plans.audited_at(tx, one.period.day, asked)
        made = plans.audited_made(tx, one.period.day) if asked else {}
        mine = [plan for plan, at in made.items() if f"{plan}-{at.timestamp():.0f}" in asked]
        return max(mine, default=None)

    def _changes(self, one: AdoptedPlan, before: int | None, prognoses: Mapping[str, int]) -> Changes:
        now = self._program(one.plan)
        try:
            then = None if before is None else self._program(before)
        except InputError:  # retention has deleted it: the caller gets everything
            then = None
        first = min(max(one.period.isp_of(self._clock.now()) - 1, 0), one.period.isp_count)
        had = () if then is None else then.resource
        spans = changed(None if then is None else then.power_w, now.power_w, had, now.resource, first)
        gone = () if had == now.resource else tuple(sorted(set(had) - set(now.resource)))
        return Changes(period=one.period, program=now, spans=spans, gone=gone, prognoses=prognoses)

    def _program(self, plan: int) -> SetpointTable:
        with self._lock:
            if plan not in self._kept:
                found = self._cache.of(plan).of_devices()
                self._kept[plan] = SetpointTable(
                    plan=plan, resource=found.resource, connection=found.connection,
                    congestion_point=found.congestion_point, power_w=in_watts(found.power_kw),
                )  # fmt: skip
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(plan)
            return self._kept[plan]


def _read(text: str) -> "datetime | frozenset[str]":
    if not text or text == NOTHING:
        return frozenset()
    if _REVISION.fullmatch(text):
        return frozenset(text.split("."))
    try:
        return read_instant(text)
    except CellError as error:
        raise InputError(
            f"since: {text!r} is neither a revision, as in an earlier answer, nor an instant such as "
            "2026-03-29T00:15:00+01:00"
        ) from error
