"""Makes plans for the daemon and for analysts alike: triggers → inputs → case → outcome → audit → stored plan."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.domain.plan import ROLLED, AgainstInForce, Change, Plan, PlanState, PromisedPoint, Reason, ReasonKind
from agr.planning import serialisation
from agr.planning.basis import plan_before
from agr.planning.case import NamedCase, build
from agr.planning.case_audit import audit_case, audit_contents, audit_peaks, audit_prices
from agr.planning.difference import Solved, begun_from, change
from agr.planning.in_force import Judged, comparable, earlier_of, judged, rows_of, standing, units_of, words
from agr.planning.incremental import IncrementalPlanner, PartRefused, PartRun
from agr.planning.inputs import RunInputs, read_inputs
from agr.planning.midnight import debit_findings, leaves_otherwise, left_by
from agr.planning.ordered_at_once import Bought, at_once, bought, of_orders
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.planning.ports import PlanningSettings, PlanReader, PlanStore, Solver
from agr.planning.probability.promising import Hedge, Promiser, counted, hedged
from agr.planning.progress import RoundProgress
from agr.planning.solving import GOES_ON_FROM, Solution
from agr.planning.weighing import prognoses_to_weigh, staying_case, weighed
from agr.store.day import Trigger
from models.outcome import Termination


class PlanListener(Protocol):
    """Is told how a run proceeds."""

    def reached(self, step: RoundProgress) -> None:
        """A round of the decomposition has ended."""

    def part_begun(self, points: tuple[str, ...]) -> None:
        """Only these congestion points are being replanned."""

    def part_refused(self, refused: PartRefused) -> None:
        """Replanning the part was not enough; the whole portfolio is planned."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanningRun:
    """One planning run: the triggers it answers, and its inputs, for a part of the plan in force or for everything."""

    period: Period
    triggers: tuple[Trigger, ...]
    part: PartRun | None
    whole: RunInputs | None
    bought: tuple[Bought, ...] = ()  # what orders have bought: it needs no solver

    @property
    def numbers(self) -> list[int]:
        """Numbers of the triggers that the run answers."""
        return [trigger.id for trigger in self.triggers]

    def of_orders(self) -> "PlanningRun":
        """Return the run that answers orders only: others wait for the plan after it."""
        return replace(self, triggers=of_orders(self.triggers))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the run is made."""
        return tuple(dict.fromkeys(trigger.reason for trigger in self.triggers))

    @property
    def rolls(self) -> bool:
        """Whether nothing but the course of the day asks for it."""
        return all(reason.kind in ROLLED for reason in self.reasons)

    @property
    def preview(self) -> bool:
        """Whether the plan is only a preview, to be shown to an operator first."""
        return self.triggers[0].preview


def points_to_move(triggers: tuple[Trigger, ...]) -> frozenset[str]:
    """Return the congestion points that may move; empty (all) when any trigger asks for the whole portfolio."""
    return frozenset(p for t in triggers for p in t.points) if all(t.points for t in triggers) else frozenset()


def _said(against: AgainstInForce | None) -> tuple[str, ...]:
    said = "" if against is None else words(against)
    return (said,) if said else ()


def _checked(start: RunInputs, named: NamedCase, answer: Solution) -> Solution:
    """Return the answer with what is wrong in its case, and with what its programs break of what customers entered."""
    sound = None if answer.findings else answer.outcome  # else its arrays may be malformed, and it is not used anyway
    found = audit_prices(start.inputs, start.quoted) + audit_case(start.inputs, named, sound)
    found += audit_contents(start.inputs, start.left_kwh) + audit_peaks(start.inputs, start.peaks_kw)
    found += debit_findings(start.credited_eur, start.inputs.brought_forward_eur)
    return replace(answer, findings=answer.findings + found) if found else answer


class PlanMaker:
    """Makes plans from what a store holds, and stores them."""

    def __init__(
        self, store: PlanStore, settings: PlanningSettings, solver: Solver, now: Callable[[], datetime]
    ) -> None:
        self._store, self._settings, self._solver, self._now = store, settings, solver, now
        self.parts = IncrementalPlanner(store, settings, solver, now)

    def begin(self, period: Period, triggers: tuple[Trigger, ...]) -> PlanningRun | None:
        """Read the inputs of a run; return None while no CRO has sent the Period's congestion points."""
        with self._store.reading() as reader:
            if not triggers[0].preview:  # later triggers are answered too: the inputs read now contain them
                triggers = tuple(t for t in reader.open_triggers() if t.period == period.day and not t.preview)
            # What one point should announce depends on the whole; once the Period runs, nothing is drawn any more.
            drawn = self._settings.planning.promises.on and self._now() < period.start
            part = None if drawn else self.parts.begin(reader, period, triggers)
            whole: RunInputs | None = None
            programs: tuple[Bought, ...] = ()
            if part is None:
                whole = self._read(reader, period, triggers)
            if whole is not None and of_orders(triggers):
                programs = bought(reader, whole.before, period)
        if part is None and whole is None:
            return None
        return PlanningRun(period=period, triggers=triggers, part=part, whole=whole, bought=programs)

    def make(self, run: PlanningRun, listener: PlanListener | None = None) -> Plan:
        """Plan the part, or else the whole portfolio; return the stored plan.

        Raises PlanError when the inputs are incomplete or the solve fails, and StoreError when the store does.
        """
        return self._part(run, listener) or self._whole(run, listener)

    def _read(self, reader: PlanReader, period: Period, triggers: tuple[Trigger, ...]) -> RunInputs | None:
        movable = points_to_move(triggers)
        return read_inputs(reader, self._settings, period, self._now(), movable, self.parts.kept)

    def _part(self, run: PlanningRun, listener: PlanListener | None) -> Plan | None:
        if run.part is None:
            return None
        if listener:
            listener.part_begun(run.part.named.case.points)
        made = self.parts.plan(run.part, run.reasons, run.numbers)
        if isinstance(made, Plan):
            return made
        if listener:
            listener.part_refused(made)
        return None

    def _whole(self, run: PlanningRun, listener: PlanListener | None) -> Plan:
        start = run.whole
        if start is None:  # a part was tried first
            with self._store.reading() as reader:
                start = self._read(reader, run.period, run.triggers)
        if start is None:
            raise PlanError(f"no CRO has answered for {run.period}")
        named = begun_from(start.before, build(start.inputs))
        sold, hedge = at_once(start.before, named, run.bought), Hedge(named=named)
        run = run if sold is None else run.of_orders()
        answer = sold or self._solved(start, named, listener)
        promiser = None if start.uncertain is None else self._solver.within(self._settings.planning.budget_s)
        # What an order has bought is in force as it is; what was announced before only counts again.
        if promiser is not None and (sold is None or named.case.anchor is not None):
            hedge = hedged(start.uncertain, named, answer, promiser)
            if hedge.proposed:
                answer, hedge = self._hedged(promiser, answer, hedge, named, listener)
        found = Judged(answer=answer, against=None, in_force=None)
        if not answer.findings or answer.outcome.termination is Termination.NO_PROGRAM:  # then it is no fault
            found = self._judged(start, hedge.named, answer, run.preview)
        found = replace(found, answer=_checked(start, named, found.answer))
        solved = Solved(named=hedge.named, outcome=found.answer.outcome)
        promised, hedging = counted(hedge, found.answer, promiser)
        plan = self._described(start, solved, found, run.reasons, promised, hedging)
        ordered = any(reason.kind is ReasonKind.ORDER for reason in run.reasons)  # announced, whatever it gains
        if run.preview:
            plan = self._shown_first(plan)
        elif not ordered:
            plan = self._weighed(start, plan)
        stored = self._store.put(plan, solved, run.numbers, self._leaves(start, solved, run.rolls))
        self.parts.keep(stored, solved)
        return stored

    def _leaves(self, start: RunInputs, solved: Solved, rolls: bool) -> str | None:
        """Say how what a plan leaves differs from the plan in force; None where no later plan has begun with that.

        A plan that rolls is compared with the plan that the next Period began with, so that many small changes count.
        """
        if not start.followed:
            return None
        if not rolls:
            return leaves_otherwise(None if start.before is None else left_by(start.before), left_by(solved))
        with self._store.reading() as reader:
            following = reader.number_in_force(start.inputs.period.next().day)
            plan = None if following is None else reader.plan(following)
            number = None if plan is None or not plan.basis else plan_before(plan.basis)
            begun = None if number is None else reader.archived(number)
        least = self._settings.planning.rolling.next_day_kwh
        return leaves_otherwise(None if begun is None else left_by(begun()), left_by(solved), least)

    def _solved(self, start: RunInputs, named: NamedCase, listener: PlanListener | None) -> Solution:
        try:
            reached = listener.reached if listener else None
            before, running = start.before, self._now() >= start.inputs.period.start
            if running and before is not None and units_of(named) >= GOES_ON_FROM and comparable(before, named):
                return self._solver.go_on(earlier_of(before, rows_of(before.named, named)), named.case, reached)
            return self._solver.solve(named.case, reached)
        except PlanError as error:
            latest, before = start.predecessor, start.before
            stays = ""
            if latest is not None and before is not None and comparable(before, named):
                stays = f"; {standing(latest.id, before, named)}"
            raise PlanError(f"{error}{stays}") from error

    @staticmethod
    def _hedged(
        promiser: Promiser, forecast: Solution, hedge: Hedge, named: NamedCase, listener: PlanListener | None
    ) -> tuple[Solution, Hedge]:  # fmt: skip
        """Return the plan near what should be announced, or the one of the day as it is forecast where that fails."""
        try:
            answer = promiser.solve(hedge.named.case, listener.reached if listener else None)
        except PlanError as error:
            return forecast, hedge.given_up(named, str(error))
        if answer.findings and not forecast.findings:
            return forecast, hedge.given_up(named, answer.findings[0])
        return answer, hedge

    def _judged(self, start: RunInputs, named: NamedCase, answer: Solution, preview: bool) -> Judged:
        """Return what may come into force: the answer, or the program in force where that is worth more.

        A preview is always the answer: its operator decides, and is told where the program in force is worth more.
        """
        latest, before = start.predecessor, start.before
        if latest is None or before is None or not comparable(before, named):
            return Judged(answer=answer, against=None, in_force=None)
        found = judged(latest.id, before, named, answer, start.inputs.reacting_isps, self._solver.call_again)
        if preview and found.against is not None:
            return replace(found, answer=answer, against=replace(found.against, kept=False))
        return found

    def _described(
        self, start: RunInputs, solved: Solved, found: Judged, reasons: tuple[Reason, ...],
        promised: tuple[PromisedPoint, ...], hedging: tuple[str, ...],
    ) -> Plan:  # fmt: skip
        """Return the plan with its figures, its audit and what it changes."""
        answer, latest = found.answer, start.predecessor
        return Plan(
            id=0,
            period=start.inputs.period,
            created_at=self._now(),
            reasons=reasons,
            state=PlanState.FAILED if answer.findings else PlanState.AUDITED,
            points=points_of(solved),
            positions=positions_of(solved),
            result=result_of(
                solved, findings=answer.findings, no_flexibility_eur=answer.no_flexibility_eur,
                reacting=start.inputs.reacting_isps,
                promised=promised,
                notes=(
                    *_said(found.against), *hedging,
                    *start.notes, *solved.named.notes,
                ),
            ),
            change=self._change(start, solved, found),
            predecessor=latest.id if latest else None,
            case_digest=serialisation.digest(solved.named),
            basis=start.basis,
            against=found.against,
            unavailable=start.inputs.unavailable_from,
        )  # fmt: skip

    def _change(self, start: RunInputs, solved: Solved, found: Judged) -> Change | None:
        """Return what the plan changes; None without one before it."""
        latest, threshold = start.predecessor, self._settings.publication.threshold_w
        if latest is None or start.before is None:
            return None
        return change(
            latest.id, start.before, solved, threshold, kept=found.in_force, off_before=latest.unavailable,
            off_after=start.inputs.unavailable_from,
        )  # fmt: skip

    @staticmethod
    def _shown_first(plan: Plan) -> Plan:
        return replace(plan, state=PlanState.PREVIEW) if plan.state is PlanState.AUDITED else plan

    def _weighed(self, start: RunInputs, plan: Plan) -> Plan:
        """Hold a plan back when it gains less per changed prognosis than the operator asks for."""
        publication = self._settings.publication
        prognoses = prognoses_to_weigh(plan, start, publication)
        if not prognoses:
            return plan
        return weighed(plan, self._solver.solve(staying_case(start).case).outcome, prognoses, publication)
