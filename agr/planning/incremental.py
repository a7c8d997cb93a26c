"""Replans only the congestion points whose reservations changed; all others keep their programs.

Replanning a part needs a plan in force with dual prices (from the decomposition), and no other input that has changed
since. If the proven gap becomes too wide, the whole portfolio is planned.
Source: docs/explanation/optimisation.md §3.6.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import PlanError
from agr.domain.isp import Period, period_of
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.domain.register import Contract
from agr.planning import serialisation
from agr.planning.case import NamedCase
from agr.planning.case_audit import audit_reservations
from agr.planning.difference import Solved, change
from agr.planning.in_force import lost_eur, part_in_force
from agr.planning.inputs import basis_of, followed
from agr.planning.midnight import Left, leaves_otherwise, left_by
from agr.planning.plan_loader import merged, named_like, places
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.planning.ports import PlanningSettings, PlanReader, PlanStore, Solver
from agr.store.day import Trigger
from models.case import Reservations
from models.method import SMALL
from models.outcome import Termination
from models.part import divisible, most_choices, renewed, subproblem


@dataclass(frozen=True, kw_only=True, eq=False)
class PartRun:
    """A part to replan: its case in the plan in force (`before`), and its case now (`named`)."""

    plan: Plan
    whole: Solved
    before: NamedCase
    named: NamedCase
    followed: bool  # whether the next Period has a plan, which begins with what this one leaves
    findings: tuple[str, ...] = ()  # of the audit of its case


@dataclass(frozen=True, kw_only=True)
class PartRefused:
    """Why replanning a part was not enough, so that the whole portfolio must be planned."""

    points: tuple[str, ...]
    failure: str = ""  # why the solve failed
    findings: tuple[str, ...] = ()  # of the audit
    gap_eur: float = inf


class IncrementalPlanner:
    """Keeps the plan in force of one Period and replans parts of it."""

    def __init__(
        self, store: PlanStore, settings: PlanningSettings, solver: Solver, now: Callable[[], datetime]
    ) -> None:
        self._store, self._settings, self._solver, self._now = store, settings, solver, now
        self._recalled = False
        self._plan: Plan | None = None
        self._solved: Solved | None = None
        self._left: Left | None = None  # by that plan, once it was asked for

    def keep(self, plan: Plan, solved: Solved) -> None:
        """Remember the plan now in force and take ownership of its arrays."""
        usable = plan.state is PlanState.AUDITED and _has_prices(solved)
        self._plan, self._solved = (plan, solved) if usable else (None, None)
        self._left = None

    def forget(self) -> None:
        """Forget the plan; it is read again when needed."""
        self._plan = self._solved = self._left = None

    def recall(self) -> bool:
        """Read the next Period's plan in force, once and while idle, so that its first update need not wait.

        Return whether a plan was just read whose parts can be replanned.
        """
        if self._recalled:
            return False
        self._recalled = True
        tomorrow = period_of(self._now(), self._settings.time_zone, self._settings.isp_minutes).next()
        with self._store.reading() as reader:
            number = reader.number_in_force(tomorrow.day)
            plan = None if number is None else reader.plan(number)
            unpack = reader.archived(plan.id) if plan is not None and plan.basis else None
        if plan is None or unpack is None:
            return False
        self.keep(plan, unpack())
        return self._plan is not None

    def ready(self, triggers: Sequence[Trigger]) -> bool:
        """Say whether these triggers can probably be answered within a second: they need not wait for others."""
        return self._plan is not None and self._plan.period.day == triggers[0].period and _only_reservations(triggers)

    def begin(self, reader: PlanReader, period: Period, triggers: Sequence[Trigger]) -> PartRun | None:
        """Return the part to replan, or None where the whole portfolio must be planned."""
        settings = self._settings
        waits = settings.publication.minimum_gain_eur_per_prognosis > 0  # the rule compares whole plans
        if waits or not _only_reservations(triggers) or self._now() >= period.start:
            return None
        number = reader.number_in_force(period.day)
        if number is None or not self._load(reader, number):
            return None
        plan, whole = self._plan, self._solved
        if plan is None or whole is None or plan.basis != basis_of(reader, settings, period, self._now()):
            return None
        changed = _changed(reader, whole.named, reader.reserved_w(period.day))
        if not changed or most_choices(whole.named.case, places(whole.named, tuple(changed))) > SMALL:
            return None
        points = places(whole.named, tuple(changed))
        if not divisible(whole.named.case, points):
            return None
        before = subproblem(whole.named.case, whole.outcome, points)
        rows = _reservations(changed, period)
        stay = settings.publication.stay_eur_per_mwh if reader.announced(period.day) else 0.0
        case = renewed(before, rows, whole.outcome.point_kw[points] if stay > 0 else None, stay)
        named = named_like(whole.named, points, case)
        return PartRun(
            plan=plan,
            whole=whole,
            before=named_like(whole.named, points, before),
            named=named,
            followed=followed(reader, period),
            findings=_audited(reader, period, named),
        )

    def _load(self, reader: PlanReader, number: int) -> bool:
        """Load the plan in force; return False where no part of it can be replanned."""
        if self._plan is None or self._plan.id != number:
            self.forget()
            plan = reader.plan(number)
            if plan is None or not plan.basis:
                return False
            self.keep(plan, reader.archived(number)())
        return self._solved is not None

    def plan(self, run: PartRun, reasons: tuple[Reason, ...], triggers: list[int]) -> Plan | PartRefused:
        """Replan the part and store it as the plan in force, or return why the whole portfolio must be planned."""
        points = run.named.case.points
        if run.findings:
            return PartRefused(points=points, findings=run.findings)
        try:
            answer = self._solver.solve_part(run.before.case, run.named.case)
        except PlanError as error:
            return PartRefused(points=points, failure=str(error))
        outcome = answer.outcome
        if answer.findings or outcome.termination is not Termination.OPTIMAL:
            return PartRefused(points=points, findings=answer.findings, gap_eur=outcome.gap_eur)
        kept = part_in_force(run.whole, run.named, outcome)
        lost = 0.0 if kept is None else lost_eur(kept, outcome)
        if lost > 0:  # within the proven gap, or the proof is wrong; the whole portfolio is compared in full
            return PartRefused(points=points, failure=f"the program in force is worth {lost:,.2f} EUR more")
        other = run.named.case.remainder
        assert other is not None
        case = replace(run.named.case, remainder=replace(other, dual_slack_eur=answer.dual_slack_eur))
        after = Solved(named=replace(run.named, case=case), outcome=outcome)
        what = change(run.plan.id, run.whole, after, self._settings.publication.threshold_w, kept=kept)
        left = (self._left or left_by(run.whole)) if run.followed else None  # before merging, which reuses its arrays
        self.forget()  # until it is stored
        whole = merged(run.whole, after)
        programs = {point.address: point for point in points_of(after)}
        plan = Plan(
            id=0,
            period=run.plan.period,
            created_at=self._now(),
            reasons=reasons,
            state=PlanState.AUDITED,
            points=tuple(programs.get(point.address, point) for point in run.plan.points),
            positions=positions_of(after),
            result=result_of(
                whole, findings=(), no_flexibility_eur=run.plan.result.no_flexibility_eur,
                notes=run.plan.result.notes,
            ),
            change=what,
            predecessor=run.plan.id,
            case_digest=serialisation.digest(after.named),
            part=True,
            basis=run.plan.basis,
            unavailable=run.plan.unavailable,
        )  # fmt: skip
        leaving = None if left is None else left_by(whole)
        leaves = None if left is None or leaving is None else leaves_otherwise(left, leaving)
        stored = self._store.put(plan, after, triggers, leaves)
        self.keep(stored, whole)
        self._left = leaving
        return stored


def _audited(reader: PlanReader, period: Period, named: NamedCase) -> tuple[str, ...]:
    """Return what a part reserves otherwise than its contracts and updates; all else is as in the plan in force."""
    reserved_w = reader.reserved_w(period.day)
    names = dict.fromkeys((*named.case.reservations.name, *reserved_w))
    contracts = (contract for name in names if (contract := reader.contract(name)) is not None)
    return audit_reservations(period, named, contracts, reserved_w)


def _has_prices(solved: Solved) -> bool:
    duals = solved.outcome.duals
    return duals is not None and bool(np.isfinite(duals.bound_eur))


def _only_reservations(triggers: Sequence[Trigger]) -> bool:
    return all(t.reason.kind is ReasonKind.RESERVATION and not t.points and not t.preview for t in triggers)


_Row = tuple[str, str, NDArray[np.float64], float, float]
"""Contract, congestion point, kW per ISP, penalty in EUR/MWh, availability fee in EUR/MW/h."""


def _changed(reader: PlanReader, named: NamedCase, reserved_w: Mapping[str, tuple[int, ...]]) -> dict[str, list[_Row]]:
    """Return the congestion points where a reservation has changed, each with all reservations that it has now."""
    case = named.case
    held = case.reservations
    rows: dict[str, _Row] = {
        name: (
            name, case.points[held.point[k]], held.reserved_kw[k], float(held.penalty_eur_per_mwh[k]),
            float(held.availability_eur_per_mw_h[k]),
        )
        for k, name in enumerate(held.name)
    }  # fmt: skip
    known, concerned = set(case.points), set[str]()
    for name, power_w in reserved_w.items():
        kw = np.array(power_w, dtype=np.float64) / 1000
        old = rows.get(name)
        if old is None:
            new = _contracted(reader.contract(name), kw, known) if kw.any() else None
        else:
            new = (*old[:2], kw, *old[3:])
        if new is not None and (old is None or not np.array_equal(old[2], kw)):
            rows[name] = new
            concerned.add(new[1])
    return {
        address: [row for row in rows.values() if row[1] == address and row[2].any()] for address in sorted(concerned)
    }


def _contracted(contract: Contract | None, kw: NDArray[np.float64], known: set[str]) -> _Row | None:
    """Return the row of a contract that reserved nothing before."""
    if contract is None or contract.congestion_point not in known:
        return None
    return (
        contract.contract, contract.congestion_point, kw, contract.penalty_eur_per_mwh,
        contract.availability_eur_per_mw_h,
    )  # fmt: skip


def _reservations(changed: Mapping[str, list[_Row]], period: Period) -> Reservations:
    """Return the reservations of a part whose congestion points are the keys, in that order."""
    rows = [(i, row) for i, mine in enumerate(changed.values()) for row in mine]
    return Reservations(
        name=tuple(row[0] for _, row in rows),
        point=np.array([i for i, _ in rows], dtype=np.int64),
        reserved_kw=np.array([row[2] for _, row in rows]).reshape(len(rows), period.isp_count),
        penalty_eur_per_mwh=np.array([row[3] for _, row in rows]),
        availability_eur_per_mw_h=np.array([row[4] for _, row in rows]),
    )
