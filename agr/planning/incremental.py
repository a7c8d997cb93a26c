"""Replans only the congestion points whose reservations or orders changed; all others keep their programs.

Replanning a part needs a plan in force with dual prices (from the decomposition), and no other input that has changed
since. If the proven gap becomes too wide, the whole portfolio is planned.
Source: docs/explanation/optimisation.md §3.6.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

import numpy as np

from agr.domain.errors import PlanError
from agr.domain.isp import Period, period_of
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.planning import serialisation
from agr.planning.basis import basis_of, followed
from agr.planning.bound_flexibility import open_offers, still_reserved
from agr.planning.case import NamedCase
from agr.planning.case.orders import orders_of
from agr.planning.case_audit import audit_reservations
from agr.planning.changed_points import changed_points, newly_ordered, reservations_of
from agr.planning.difference import Solved, change
from agr.planning.in_force import lost_eur, part_in_force
from agr.planning.ledger import depth_left, depth_taken
from agr.planning.midnight import Left, leaves_otherwise, left_by
from agr.planning.offered import OfferedPrograms, as_ordered, offered_programs
from agr.planning.plan_loader import merged, named_like, places
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.planning.ports import PlanningSettings, PlanReader, PlanStore, Solver
from agr.planning.solving import Solution
from agr.store.day import Trigger
from models.case import Case
from models.outcome import Termination


@dataclass(frozen=True, kw_only=True, eq=False)
class PartRun:
    """A part to replan: its case in the plan in force (`before`), and its case now (`named`)."""

    plan: Plan
    whole: Solved
    before: NamedCase
    named: NamedCase
    was: Case  # its case in the plan in force, with what offers held back there
    followed: bool  # whether the next Period has a plan, which begins with what this one leaves
    stored: OfferedPrograms | None = None  # the program that an order has bought: it needs no solver
    factor: float = 1.0  # the part of it that is ordered
    option: str = ""
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
        if usable:  # half a second that the daemon's start does not wait for, and the first update need not, either
            importlib.import_module("models.part")
        self._plan, self._solved = (plan, solved) if usable else (None, None)
        self._left = None

    def kept(self, number: int) -> Solved | None:
        """Return what was solved for a plan where it is the one remembered, which is not to be changed; else None."""
        return None if self._plan is None or self._plan.id != number else self._solved

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
        return self._plan is not None and self._plan.period.day == triggers[0].period and _of_single_points(triggers)

    def begin(self, reader: PlanReader, period: Period, triggers: Sequence[Trigger]) -> PartRun | None:
        """Return the part to replan, or None where the whole portfolio must be planned."""
        settings = self._settings
        waits = settings.publication.minimum_gain_eur_per_prognosis > 0  # the rule compares whole plans
        if any(trigger.reason.kind is ReasonKind.ORDER for trigger in triggers):
            waits = False  # an order is announced, whatever it gains
        if waits or not _of_single_points(triggers) or self._now() >= period.start:
            return None
        number = reader.number_in_force(period.day)
        if number is None or not self._load(reader, number):
            return None
        plan, whole = self._plan, self._solved
        if plan is None or whole is None or plan.basis != basis_of(reader, settings, period, self._now()):
            return None
        from models.case import held_freely
        from models.method import SMALL
        from models.part import divisible, most_choices, renewed, subproblem

        obligations, offers = tuple(reader.orders(period)), open_offers(reader, settings, period, self._now())
        ordered = newly_ordered(whole.named, obligations)
        changed = changed_points(reader, whole.named, still_reserved(reader, period), ordered)
        if not changed or most_choices(whole.named.case, places(whole.named, tuple(changed))) > SMALL:
            return None
        points = places(whole.named, tuple(changed))
        if not divisible(whole.named.case, points) or any(offer.congestion_point in changed for offer in offers):
            return None  # a point with an open offer keeps its program: only the whole portfolio can go around it
        free = whole.named.case.called_from
        if free.size and bool((free[points] < whole.named.case.isps).any()):
            return None  # it kept its program for an offer when it was planned; now it may move, so it is stated anew
        was = subproblem(whole.named.case, whole.outcome, points)
        rows = reservations_of(changed, period)
        stay = settings.publication.stay_eur_per_mwh if reader.announced(period.day) else 0.0
        bound = orders_of(
            obligations, {address: i for i, address in enumerate(changed)}, was.isps,
            settings.trading.shortfall_eur_per_mwh, was.imbalance,
        )  # fmt: skip
        before = replace(was, held_at_most=held_freely())  # no offer is open here any more
        case = renewed(before, rows, whole.outcome.point_kw[points] if stay > 0 else None, stay, bound)
        case = depth_left(case, whole.outcome, depth_taken(offers, period))
        named = named_like(whole.named, points, case)
        stored, factor, option = None, 1.0, ""
        if len(changed) == 1 and len(ordered) == 1:
            stored = offered_programs(reader.offered_programs(ordered[0].order.offer_message_id))
            factor, option = float(ordered[0].order.activation_factor), ordered[0].order.option_reference
        return PartRun(
            plan=plan,
            whole=whole,
            before=named_like(whole.named, points, before),
            named=named,
            followed=followed(reader, period),
            was=was,
            stored=stored,
            factor=factor,
            option=option,
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
        answer = _as_ordered(run)
        try:
            bought = answer is not None
            answer = answer or self._solver.solve_part(run.before.case, run.named.case)
        except PlanError as error:
            return PartRefused(points=points, failure=str(error))
        outcome = answer.outcome
        if not bought and (answer.findings or outcome.termination is not Termination.OPTIMAL):
            return PartRefused(points=points, findings=answer.findings, gap_eur=outcome.gap_eur)
        kept = part_in_force(run.whole, run.named, outcome)
        lost = 0.0 if kept is None else lost_eur(kept, outcome)
        if (
            lost > 0 and not bought
        ):  # within the proven gap, or the proof is wrong; the whole portfolio is compared in full
            return PartRefused(points=points, failure=f"the program in force is worth {lost:z,.2f} EUR more")
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
    """Return where a part's reservations differ from its contracts and updates; all else is as in the plan in force."""
    updates, orders = reader.reserved_w(period.day), reader.orders(period)
    ordered = (one.order.contract_id for one in orders if one.order.contract_id is not None)
    names = dict.fromkeys((*named.case.reservations.name, *updates, *ordered))
    contracts = (contract for name in names if (contract := reader.contract(name)) is not None)
    return audit_reservations(period, named, contracts, updates, orders)


def _has_prices(solved: Solved) -> bool:
    duals = solved.outcome.duals
    return duals is not None and bool(np.isfinite(duals.bound_eur))


def _of_single_points(triggers: Sequence[Trigger]) -> bool:
    kinds = (ReasonKind.RESERVATION, ReasonKind.ORDER)
    return all(t.reason.kind in kinds and not t.points and not t.preview for t in triggers)


def _as_ordered(run: PartRun) -> Solution | None:
    """Return the program that an order has bought, audited; None where it must be planned instead."""
    if run.stored is None:
        return None
    return as_ordered(run.whole, run.was, run.named, run.stored, run.option, run.factor)
