"""The table of congestion points: searched, sorted and cut into pages here, so that 20,000 of them stay quick."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from agr.desk.shelf import Figure, Shelf
from agr.plan import PlanState
from agr.store import plans, portfolio
from agr.store.engine import Store, Tx
from agr.store.plans import Standing

_NOTHING = Standing(state="not sent", revision=0, accepted=0, reason=None)
_NO_FIGURE = Figure(peak_kw=0.0, reserved_kw=0.0, coverage=None, value_eur=0.0)


@dataclass(frozen=True, kw_only=True)
class Row:
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
class Page:
    """Some of the rows, how many fit the search, and how many there are by state."""

    rows: tuple[Row, ...]
    matching: int
    total: int
    states: dict[str, int]
    plan: int | None


_ORDER = {"rejected": 0, "failed": 1, "cancelled": 2, "not sent": 3, "superseded": 4, "sent": 5, "accepted": 6}

SORTS: dict[str, Callable[[Row], Any]] = {
    "address": lambda r: r.address,
    "dso": lambda r: (r.dso, r.address),
    "connections": lambda r: r.connections,
    "state": lambda r: (_ORDER.get(r.state, 0), r.address),  # what needs a hand first
    "revision": lambda r: r.revision,
    "accepted": lambda r: r.accepted,
    "peak": lambda r: abs(r.peak_kw),
    "reserved": lambda r: r.reserved_kw,
    "coverage": lambda r: 2.0 if r.coverage is None else r.coverage,
    "value": lambda r: r.value_eur,
}


class Board:
    """Keeps the rows of the Periods last looked at, and reads again what has changed. Thread-safe."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store, self._shelf = store, shelf
        self._lock = Lock()
        self._heads: dict[date, tuple[Any, list[tuple[str, str, int]]]] = {}
        self._standings: dict[date, tuple[Any, dict[str, Standing]]] = {}
        self._rows: dict[date, tuple[Any, tuple[Row, ...]]] = {}

    def page(
        self, period: date, *, search: str = "", state: str = "", sort: str = "state", descending: bool = False,
        limit: int = 50, offset: int = 0,
    ) -> Page:  # fmt: skip
        """Return one page. `search` finds parts of the address or the DSO's domain."""
        plan, rows = self.rows(period)
        wanted = search.strip().lower()
        chosen = [
            r
            for r in rows
            if (not state or r.state == state) and (not wanted or wanted in r.address.lower() or wanted in r.dso)
        ]
        chosen.sort(key=SORTS[sort], reverse=descending)
        return Page(
            rows=tuple(chosen[offset : offset + limit]), matching=len(chosen), total=len(rows),
            states=dict(Counter(r.state for r in rows)), plan=plan,
        )  # fmt: skip

    def rows(self, period: date) -> tuple[int | None, tuple[Row, ...]]:
        """Return (plan in force, every congestion point of the Period)."""
        with self._lock:
            with self._store.transaction() as tx:
                heads_key, heads = self._heads_of(tx, period)
                standing_key, standings = self._standings_of(tx, period)
                audited = [n for n, s in plans.states(tx, period).items() if s is PlanState.AUDITED]
            plan = audited[-1] if audited else None
            key = (heads_key, standing_key, plan)
            known = self._rows.get(period)
            if known is None or known[0] != key:
                figures = self._shelf.figures(plan) if plan is not None else {}
                known = (key, tuple(_row(h, standings, figures) for h in heads))
                self._keep(self._rows, period, known)
            return plan, known[1]

    def _heads_of(self, tx: Tx, period: date) -> tuple[Any, list[tuple[str, str, int]]]:
        key = sorted((a.cro, a.state, a.at) for a in portfolio.answers(tx, period).values())
        known = self._heads.get(period)
        if known is None or known[0] != key:
            known = (key, portfolio.heads(tx, period))
            self._keep(self._heads, period, known)
        return known

    def _standings_of(self, tx: Tx, period: date) -> tuple[Any, dict[str, Standing]]:
        key = plans.prognosis_counts(tx, period)
        known = self._standings.get(period)
        if known is None or known[0] != key:
            known = (key, plans.standings(tx, period))
            self._keep(self._standings, period, known)
        return known

    @staticmethod
    def _keep(shelf: "dict[date, Any]", period: date, value: Any) -> None:
        shelf.pop(period, None)
        shelf[period] = value
        while len(shelf) > 4:
            shelf.pop(next(iter(shelf)))


def _row(head: tuple[str, str, int], standings: dict[str, Standing], figures: dict[str, Figure]) -> Row:
    address, dso, connections = head
    s, f = standings.get(address, _NOTHING), figures.get(address, _NO_FIGURE)
    return Row(
        address=address, dso=dso, connections=connections, state=s.state, revision=s.revision, accepted=s.accepted,
        reason=s.reason, peak_kw=f.peak_kw, reserved_kw=f.reserved_kw, coverage=f.coverage, value_eur=f.value_eur,
    )  # fmt: skip
