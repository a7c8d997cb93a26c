"""The table of congestion points: searched, sorted and cut into pages here, so that 20,000 of them stay quick."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from threading import Lock
from typing import Any

from agr.domain.plan import PlanState
from agr.operations.plan_cache import Figure, PlanCache
from agr.store import plans, portfolio
from agr.store.engine import Store, Tx

KEPT_DAYS = 4
_NO_FIGURE = Figure(peak_kw=0.0, reserved_kw=0.0, coverage=None, value_eur=0.0)


@dataclass(frozen=True, kw_only=True)
class PointRow:
    """One congestion point of a Period."""

    address: str
    dso: str
    connections: int
    state: str
    revision: int
    accepted: int
    reason: str | None
    peak_kw: float
    reserved_kw: float
    coverage: float | None
    value_eur: float


@dataclass(frozen=True, kw_only=True)
class PointPage:
    """Some of the rows, how many fit the search, and how many there are by state."""

    rows: tuple[PointRow, ...]
    matching: int
    total: int
    states: dict[str, int]
    plan: int | None
    value_eur: float  # of all congestion points of the Period, money only


_ORDER = {"rejected": 0, "failed": 1, "cancelled": 2, "not sent": 3, "superseded": 4, "sent": 5, "accepted": 6}

SORTS: dict[str, Callable[[PointRow], Any]] = {
    "address": lambda r: r.address,
    "dso": lambda r: (r.dso, r.address),
    "connections": lambda r: r.connections,
    "state": lambda r: (_ORDER.get(r.state, 0), r.address),  # first what needs attention
    "revision": lambda r: r.revision,
    "accepted": lambda r: r.accepted,
    "peak": lambda r: abs(r.peak_kw),
    "reserved": lambda r: r.reserved_kw,
    "coverage": lambda r: 2.0 if r.coverage is None else r.coverage,
    "value": lambda r: r.value_eur,
}


@dataclass
class _Day:
    """A Period as it was last read; `revisions`: congestion point → prognosis row → (revision, state, reason)."""

    heads_key: Any
    plan: int | None
    counts: Any = None
    states: dict[int, str] = field(default_factory=dict)
    revisions: dict[str, dict[int, tuple[int, str, str | None]]] = field(default_factory=dict)
    rows: dict[str, PointRow] = field(default_factory=dict)
    listed: tuple[PointRow, ...] = ()


class PointTable:
    """Keeps the rows of the Periods last looked at, and reads again only what has changed. Thread-safe."""

    def __init__(self, store: Store, plan_cache: PlanCache) -> None:
        self._store, self._plan_cache = store, plan_cache
        self._lock = Lock()
        self._days: dict[date, _Day] = {}

    def page(
        self, period: date, *, search: str = "", state: str = "", sort: str = "state", descending: bool = False,
        limit: int = 50, offset: int = 0, plan: int | None = None,
        seen: Callable[[str], bool] = lambda _address: True,
    ) -> PointPage:  # fmt: skip
        """Return one page, with the figures of a plan or else of the one in force.

        `search` finds parts of the address or the DSO's domain; only what is `seen` by address is counted.
        """
        in_force, rows = self.rows(period)
        if plan is not None and plan != in_force:
            rows = self.with_figures(rows, plan)
        rows = tuple(r for r in rows if seen(r.address))
        wanted = search.strip().lower()
        chosen = [r for r in rows if not state or r.state == state]
        if wanted:
            chosen = [r for r in chosen if wanted in r.address.lower() or wanted in r.dso]
        chosen.sort(key=SORTS[sort], reverse=descending)
        return PointPage(
            rows=tuple(chosen[offset : offset + limit]), matching=len(chosen), total=len(rows),
            states=dict(Counter(r.state for r in rows)), plan=in_force if plan is None else plan,
            value_eur=sum(r.value_eur for r in rows),
        )  # fmt: skip

    def with_figures(self, rows: tuple[PointRow, ...], plan: int) -> tuple[PointRow, ...]:
        """Return the rows with the figures of another plan than the one in force."""
        figures = self._plan_cache.figures(plan)
        return tuple(replace(row, **vars(figures.get(row.address, _NO_FIGURE))) for row in rows)

    def states(self, period: date) -> dict[str, int]:
        """Return state → number of congestion points."""
        return dict(Counter(r.state for r in self.rows(period)[1]))

    def rows(self, period: date) -> tuple[int | None, tuple[PointRow, ...]]:
        """Return (plan in force, every congestion point of the Period)."""
        with self._lock:
            with self._store.transaction() as tx:
                key = sorted((a.cro, a.state, a.at) for a in portfolio.answers(tx, period).values())
                audited = [n for n, s in plans.states(tx, period).items() if s is PlanState.AUDITED]
                plan = audited[-1] if audited else None
                known = self._days.get(period)
                heads = None
                if known is None or known.heads_key != key or known.plan != plan:
                    known, heads = _Day(heads_key=key, plan=plan), portfolio.heads(tx, period)
                counts = plans.prognosis_counts(tx, period)
                moved = self._moved(tx, period, known) if counts != known.counts else []
            if heads is not None:
                figures = self._plan_cache.figures(plan) if plan is not None else {}
                known.rows = {a: _row(a, dso, n, figures) for a, dso, n in heads}
                self._keep(period, known)
            for number, point, revision, state, reason in moved:
                known.revisions.setdefault(point, {})[number] = (revision, state, reason)
                known.states[number] = state
            for point in {m[1] for m in moved} & known.rows.keys():
                known.rows[point] = replace(known.rows[point], **_standing(known.revisions[point]))
            if moved or heads is not None:
                known.listed = tuple(known.rows.values())
            known.counts = counts
            return plan, known.listed

    @staticmethod
    def _moved(tx: Tx, period: date, known: _Day) -> list[tuple[int, str, int, str, str | None]]:
        """Return the prognoses that are new or in another state than when they were last read."""
        now = plans.prognosis_states(tx, period)
        return plans.prognosis_heads(tx, [n for n, state in now.items() if known.states.get(n) != state])

    def _keep(self, period: date, known: _Day) -> None:
        self._days.pop(period, None)
        self._days[period] = known
        while len(self._days) > KEPT_DAYS:
            self._days.pop(next(iter(self._days)))


def _row(address: str, dso: str, connections: int, figures: Mapping[str, Figure]) -> PointRow:
    f = figures.get(address, _NO_FIGURE)
    return PointRow(
        address=address, dso=dso, connections=connections, state="not sent", revision=0, accepted=0, reason=None,
        peak_kw=f.peak_kw, reserved_kw=f.reserved_kw, coverage=f.coverage, value_eur=f.value_eur,
    )  # fmt: skip


def _standing(revisions: Mapping[int, tuple[int, str, str | None]]) -> dict[str, Any]:
    """Return a congestion point's newest revision that was not taken back, and the newest accepted one."""
    ordered = [revisions[number] for number in sorted(revisions)]
    revision, state, reason = next((r for r in reversed(ordered) if r[1] != "superseded"), ordered[-1])
    accepted = max((r for r, s, _ in ordered if s == "accepted"), default=0)
    return {"state": state, "revision": revision, "accepted": accepted, "reason": reason}
