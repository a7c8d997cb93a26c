"""Judges the demo's day: compares what was promised with what the counterparties received."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from agr.demo.charging import Night
from agr.demo.told import AcceptedBid, Heard, Nominated, exchanged, heard, told_brp
from agr.demo.trading import TradeFigures
from agr.demo.world import DemoWorld
from agr.domain.bid import DAY_AHEAD
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState, ReasonKind
from agr.operations.dispatching.dispatcher import UNHEARD
from agr.planning.plan_loader import load_solved
from agr.planning.promises import at_risk
from agr.service import Service
from agr.store import day, plans, portfolio, positions
from agr.store.plans import Sent
from agr.store.positions import StoredPosition

_W_IN_MWH = 1e-6
"""1 W for an hour, in MWh: the most by which rounding to whole W may change an ISP."""

if TYPE_CHECKING:
    from agr.domain.register import Portfolio


@dataclass(frozen=True, kw_only=True)
class DayReport:
    """The day in figures, and the broken promises as sentences."""

    period: str
    connections: int
    congestion_points: int
    sent: int
    accepted: int
    max_revision: int
    changed_after_update: int
    before: Plan
    after: Plan
    day_ahead: AcceptedBid | None  # None: the exchange got no bid
    nominated: Nominated | None  # None: the BRP got no e-program
    seconds: dict[str, float]
    broken: tuple[str, ...]
    trade: TradeFigures | None = None  # with DSOs; None: none requests anything
    night: Night | None = None  # what became of the cars at charge points; None: there are none

    def json(self) -> str:
        """Return the figures as one JSON object on one line."""
        result = self.after.result
        return json.dumps({
            "period": self.period,
            "connections": self.connections,
            "congestion_points": self.congestion_points,
            "prognoses": {
                "sent": self.sent, "accepted": self.accepted, "max_revision": self.max_revision,
                "changed_after_update": self.changed_after_update,
            },
            "objective": {
                "before": {"total": self.before.result.objective_eur, "terms": self.before.result.terms_eur},
                "after": {"total": result.objective_eur, "terms": result.terms_eur},
            },
            "day_ahead": None if self.day_ahead is None else self.day_ahead.json(),
            "e_programs": None if self.nominated is None else self.nominated.json(),
            "trade": None if self.trade is None else vars(self.trade),
            "night": None if self.night is None else vars(self.night),
            "imbalance_mwh": result.imbalance_mwh,
            "reservation_shortfall_kwh": result.reservation_shortfall_kwh,
            "audit": "passed" if not result.audit else list(result.audit),
            "no_flexibility": {"before": self.before.result.no_flexibility_eur, "after": result.no_flexibility_eur},
            "gap": {"before": self.before.result.proven_gap_eur, "after": result.proven_gap_eur},
            "broken_promises": list(self.broken),
            "seconds": self.seconds,
        })  # fmt: skip


def _plan_faults(plan: Plan) -> list[str]:
    found = [f"the audit of plan {plan.id} found: {finding}" for finding in plan.result.audit]
    found += [f"plan {plan.id}: {risk.text}" for risk in at_risk(plan)]
    return found


def _last(revisions: list[Heard]) -> dict[str, Heard]:
    return {h.point: h for h in sorted(revisions, key=lambda h: h.revision)}


def _delivery_faults(known: dict[str, str], received: list[Heard], last_plan: Plan) -> list[str]:
    """Return faults: a prognosis at the wrong DSO, or one that differs from the plan in force."""
    newest = _last(received)
    found = [f"no DSO received a D-Prognosis of {point}" for point in known if point not in newest]
    found += [
        f"{h.dso} received the D-Prognosis of {h.point}, which is {known.get(h.point)}'s"
        for h in received
        if known.get(h.point) != h.dso
    ]
    for point in last_plan.points:
        got = newest.get(point.address)
        if got is not None and got.power_w != point.power_w:
            worst = max((abs(a - b) for a, b in zip(got.power_w, point.power_w, strict=False)), default=0)
            if worst >= 1 or len(got.power_w) != len(point.power_w):
                found.append(f"the last D-Prognosis of {point.address} differs from the plan in force by {worst} W")
    return found


def _revision_faults(received: list[Heard], first: int) -> list[str]:
    """A later revision must change something."""
    by_point: dict[str, list[Heard]] = {}
    for one in received:
        by_point.setdefault(one.point, []).append(one)
    found = []
    for point, revisions in by_point.items():
        ordered = sorted(revisions, key=lambda h: h.revision)
        found += [
            f"revision {b.revision} of {point} repeats revision {a.revision}"
            for a, b in pairwise(ordered)
            if a.power_w == b.power_w
        ]
        if ordered[0].revision != first:
            found.append(f"the first prognosis of {point} was revision {ordered[0].revision}")
    return found


def _updated(history: list[Plan]) -> tuple[Plan, Plan]:
    """Return the plans in force before and after the first reservation update (the same one when there was none)."""
    used = [p for p in history if p.state is PlanState.AUDITED] or history
    index = next((i for i, p in enumerate(used) if any(r.kind is ReasonKind.RESERVATION for r in p.reasons)), None)
    return (used[-1], used[-1]) if index is None else (used[max(index - 1, 0)], used[-1])


def report(world: DemoWorld, daemon: Service, folder: Path, seconds: dict[str, float]) -> DayReport:
    """Return the day in figures with every promise that was not kept."""
    period = world.scenario.of
    with daemon.store.transaction() as tx:
        history, sent = plans.history(tx, period.day), plans.prognoses(tx, period.day)
        alarms = day.open_alarms(tx)
        fixed = positions.one_on(tx, period.day, DAY_AHEAD)
        known: Portfolio = portfolio.load(tx, period)
        taken_kw = load_solved(tx, plans.newest_audited(tx, period.day) or 0).outcome.total_kw
    before, after = _updated(history)
    received = heard(world)
    broken = [*_plan_faults(before), *_plan_faults(after)]
    broken += _delivery_faults(world.known_to_cro(folder), received, after)
    broken += _revision_faults(received, 1)
    acted = (
        [(UNHEARD, world.yard.silent.charge_point)] if world.yard.rows else []
    )  # the alarm that the play is to raise
    broken += [f"alarm {a.kind} [{a.subject}]: {a.text}" for a in alarms if (a.kind, a.subject) not in acted]
    broken += _unaccepted(sent)
    traded = exchanged(world)
    broken += _trading_faults(traded, fixed, world.settings.markets.day_ahead.product_minutes, period, after)
    nominated = told_brp(world)
    broken += _nomination_faults(nominated, (taken_kw * period.isp_hours / 1000).tolist())
    return DayReport(
        period=str(period),
        connections=sum(len(p.connections) for p in known.points) + len(known.free_connections),
        congestion_points=len(known.points),
        sent=len(sent),
        accepted=sum(s.state == "accepted" for s in sent),
        max_revision=max((s.revision for s in sent), default=0),
        changed_after_update=sum(s.plan > before.id for s in sent) if after is not before else 0,
        before=before,
        after=after,
        day_ahead=traded,
        nominated=nominated,
        seconds=seconds,
        broken=tuple(broken),
    )


def _nomination_faults(told: Nominated | None, planned_mwh: list[float]) -> list[str]:
    """Return faults: no e-program, one that was not accepted, or a newest one that is not the plan in force."""
    if told is None:
        return ["the BRP got no e-program"]
    found = []
    if told.accepted < told.revisions:
        found.append(f"the BRP has accepted {told.accepted} of {told.revisions} revisions of the e-program")
    off = sum(abs(a - b) > _W_IN_MWH for a, b in zip(told.mwh, planned_mwh, strict=True))
    if off:
        found.append(f"the newest e-program differs from the plan in force in {number_of(off, 'ISP')}")
    return found


def _trading_faults(
    traded: AcceptedBid | None, fixed: StoredPosition | None, product_minutes: int, period: Period, last_plan: Plan
) -> list[str]:
    """Return faults: no bid, a position that is not what the exchange awarded, or a plan with another one."""
    if traded is None or fixed is None:
        return ["the exchange got no bid"]
    longer = max(product_minutes // period.isp_minutes, 1)
    awarded_kw = [1000 * mw for mw in traded.awarded_mw for _ in range(longer)]
    found = []
    for what, values in (("the position", fixed.values), ("the plan in force", last_plan.positions.day_ahead_kw)):
        off = sum(abs(a - b) > 1e-3 for a, b in zip(awarded_kw, values, strict=True))
        if off:
            found.append(f"{what} on the day-ahead market differs from the exchange's award in {number_of(off, 'ISP')}")
    return found


def _unaccepted(sent: list[Sent]) -> list[str]:
    return [
        f"revision {s.revision} of {s.congestion_point} is {s.state}, not accepted"
        for s in sent
        if s.state != "accepted"
    ]
