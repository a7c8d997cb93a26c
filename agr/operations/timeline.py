"""A Period's day as a list of moments: done, due, to come. Reads the store."""

from dataclasses import dataclass
from datetime import datetime

from agr.domain.isp import Period
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import PlanState
from agr.schedule.moments import CAPACITY_BID, moments_of
from agr.settings import Settings
from agr.store import day, plans, portfolio
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class TimelineStep:
    """One moment of a Period."""

    name: str
    title: str
    at: datetime
    state: str  # done | missed | late | due | to come | before start
    result: str
    gate: bool  # a gate: what is not done by then is lost


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The state of a Period."""

    period: Period
    steps: tuple[TimelineStep, ...]
    next_gate: TimelineStep | None
    cros: tuple[portfolio.CroAnswer, ...]
    points: int
    prognoses: dict[str, int]  # state of the newest revision → congestion points
    plans: dict[int, PlanState]

    @property
    def accepted(self) -> int:
        """Congestion points whose newest prognosis is accepted."""
        return self.prognoses.get("accepted", 0)

    @property
    def in_force(self) -> int | None:
        """The plan in force."""
        return next((n for n, s in reversed(self.plans.items()) if s is PlanState.AUDITED), None)


_TITLES = {
    "retention_job": "old data deleted", "portfolio_query": "portfolio query", "portfolio_last_call": "last call",
    "first_plan": "first plan", "bid_last_safe_start": "last safe start of the bid",
    "day_ahead_gate": "day-ahead gate", "day_ahead_results": "day-ahead results",
    "prognosis_last_safe_start": "last safe start", "prognosis_gate": "prognosis gate",
}  # fmt: skip


def title_of(moment: str) -> str:
    """Return a moment's name as the page writes it."""
    name, _, product = moment.partition(" ")
    if name in ("capacity_gate", "nomination_gate"):
        return f"{product} gate"
    if name == CAPACITY_BID:
        return f"last safe start of the {product} bid"
    return _TITLES.get(name, name.replace("_", " "))


def timeline(tx: Tx, settings: Settings, period: Period, now: datetime, states: dict[str, int]) -> Timeline:
    """Return the state of a Period. `states`: state of the newest revision → number of congestion points."""
    handled = day.handled_moments(tx, period.day)
    first = day.first_handled(tx)
    steps = tuple(_step(m.name, m.at, handled.get(m.name), now, first) for m in moments_of(settings, period))
    return Timeline(
        period=period,
        steps=tuple(s for s in steps if s.name != "retention_job"),
        next_gate=next((s for s in steps if s.gate and s.at > now), None),
        cros=tuple(sorted(portfolio.answers(tx, period.day).values(), key=lambda a: a.cro)),
        points=sum(states.values()),
        prognoses=states,
        plans=plans.states(tx, period.day),
    )


def _step(name: str, at: datetime, handled: Handled | None, now: datetime, first: datetime | None) -> TimelineStep:
    """Return one moment. `first`: when the daemon was first started; nobody has missed what was before."""
    if handled is None:
        state, result = "to come" if at > now else "due", ""
    elif handled.state is MomentState.MISSED and first is not None and at < first:
        state, result = "before start", "before the daemon's first start"
    else:
        state, result = handled.state.value, handled.result
    return TimelineStep(
        name=name,
        title=title_of(name),
        at=at,
        state=state,
        result=result,
        gate=name.split(" ")[0].endswith("gate"),
    )
