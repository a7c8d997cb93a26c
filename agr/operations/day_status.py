"""The state of a Period for people and programs: what `agr status` prints, as tables or as JSON. Reads the store."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState
from agr.operations.timeline import timeline
from agr.settings import Settings
from agr.store import day, nominations, plans, portfolio
from agr.store.engine import Tx

NOTHING_MWH = 1e-6
"""Energy below which a plan counts as balanced."""


@dataclass(frozen=True, kw_only=True)
class MomentStatus:
    """One moment of the timetable."""

    name: str
    at: datetime  # with the market's offset
    state: str  # done | missed | late | due | to come | before start
    result: str


@dataclass(frozen=True, kw_only=True)
class PlanStatus:
    """One plan; euros earned are positive."""

    plan: int
    made: datetime
    state: str
    why: tuple[str, ...]
    value: float
    flexibility: float
    gap: float | None  # None: no bound was proven
    audit: tuple[str, ...]  # findings; empty: passed


@dataclass(frozen=True, kw_only=True)
class PrognosisCount:
    """How many D-Prognoses of a revision are in a state."""

    revision: int
    state: str
    count: int


@dataclass(frozen=True, kw_only=True)
class NominationStatus:
    """The newest revision of a balance responsible party's e-program."""

    brp: str
    revision: int
    state: str  # queued | sent | failed | accepted | rejected
    reason: str | None  # of a rejection


@dataclass(frozen=True, kw_only=True)
class AlarmStatus:
    """One open alarm."""

    kind: str
    subject: str
    text: str
    raised: datetime
    acknowledged_by: str | None


@dataclass(frozen=True, kw_only=True)
class ImbalanceStatus:
    """The imbalance that the Period is expected to end with; shortage positive, money earned positive."""

    plan: int
    ended_isps: int
    measured_resources: int
    net_mwh: float
    value: float | None  # None: no price is known where it is not balanced
    stands_in: bool  # the day-ahead price stands in for settlement prices


@dataclass(frozen=True, kw_only=True)
class DayStatus:
    """The state of a Period."""

    period: date
    time_zone: str
    isps: int
    currency: str
    moments: tuple[MomentStatus, ...]
    cros: dict[str, str]  # CRO → asked, answered or rejected
    congestion_points: int
    connections: int
    free_connections: int  # in no congestion point
    joined: int  # since the day before
    left: int
    moved: int
    plans: tuple[PlanStatus, ...]
    prognoses: tuple[PrognosisCount, ...]
    nominations: tuple[NominationStatus, ...]
    alarms: tuple[AlarmStatus, ...]
    imbalance: ImbalanceStatus | None = None  # None: no plan is in force, or it has to be worked out

    @property
    def in_force(self) -> bool:
        """Whether a plan is in force."""
        return any(plan.state == PlanState.AUDITED.value for plan in self.plans)


def day_status(tx: Tx, settings: Settings, period: Period, now: datetime) -> DayStatus:
    """Return the state of a Period."""
    known, since = portfolio.heads(tx, period.day), portfolio.difference(tx, period)
    line = timeline(tx, settings, period, now, {})
    counts = Counter((s.revision, s.state) for s in plans.prognoses(tx, period.day))
    history = plans.history(tx, period.day)
    return DayStatus(
        period=period.day,
        time_zone=period.zone_name,
        isps=period.isp_count,
        currency=settings.currency,
        moments=tuple(
            MomentStatus(name=step.name, at=step.at.astimezone(period.tz), state=step.state, result=step.result)
            for step in line.steps
        ),
        cros={answer.cro: answer.state for answer in line.cros},
        congestion_points=len(known),
        connections=sum(connections for _, _, connections in known),
        free_connections=portfolio.free_connections(tx, period.day),
        joined=since.joined,
        left=since.left,
        moved=since.moved,
        plans=tuple(_plan(plan, period) for plan in history),
        prognoses=tuple(PrognosisCount(revision=r, state=s, count=n) for (r, s), n in sorted(counts.items())),
        nominations=tuple(
            NominationStatus(brp=one.brp, revision=one.revision, state=one.shown_state, reason=one.answer_reason)
            for one in {one.brp: one for one in nominations.history(tx, period.day)}.values()  # the newest of each
        ),
        alarms=tuple(
            AlarmStatus(
                kind=a.kind, subject=a.subject, text=a.text, raised=a.raised_at.astimezone(period.tz),
                acknowledged_by=a.acknowledged_by,
            )
            for a in day.open_alarms(tx)
        ),
        imbalance=_foreseen(history, period, now),
    )  # fmt: skip


def _foreseen(history: Sequence[Plan], period: Period, now: datetime) -> ImbalanceStatus | None:
    """Return the imbalance of a Period that has not begun and is balanced by the plan in force; None for all others.

    These are worked out by agr.operations.expected_imbalance, whose imports take as long as the rest of a command.
    """
    plan = next((plan for plan in reversed(history) if plan.state is PlanState.AUDITED), None)
    if plan is None or now >= period.start or plan.result.imbalance_mwh >= NOTHING_MWH:
        return None
    return ImbalanceStatus(
        plan=plan.id, ended_isps=0, measured_resources=0, net_mwh=0.0, value=0.0, stands_in=False
    )  # fmt: skip


def _plan(plan: Plan, period: Period) -> PlanStatus:
    result = plan.result
    return PlanStatus(
        plan=plan.id,
        made=plan.created_at.astimezone(period.tz),
        state=plan.state.value,
        why=tuple(str(reason) for reason in plan.reasons),
        value=result.objective_eur,
        flexibility=result.flexibility_eur,
        gap=result.proven_gap_eur,
        audit=tuple(result.audit),
    )
