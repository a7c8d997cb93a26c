"""The planning stage: open triggers → case → outcome → audit → plan with reason and change, in the store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from time import monotonic

import numpy as np
import structlog
from numpy.typing import NDArray

from agr.domain.errors import PlanError, StoreError
from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan, PlanState, Reason
from agr.domain.price import values_on
from agr.domain.register import Portfolio, Register
from agr.planning import serialisation
from agr.planning.case import Inputs, NamedCase, Previous, build, carried_isps
from agr.planning.difference import Solved, begun_from, change
from agr.planning.incremental import IncrementalPlanner, basis_of
from agr.planning.plan_loader import load_solved
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.planning.pool import Solution, SolverPool
from agr.planning.progress import Progress, Round
from agr.settings import Settings
from agr.store import day, overrides, plans, portfolio, register
from agr.store.day import Trigger
from agr.store.engine import Store, Tx
from agr.store.overrides import Unavailable

log = structlog.get_logger()

LOG_EVERY_S = 5.0
_TOLERANCE = 1e-3  # kWh: less is numerical noise
_HOLD_EUR_PER_MWH = 1e5


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What a run starts from."""

    inputs: Inputs
    predecessor: Plan | None
    before: Solved | None
    published: bool
    notes: tuple[str, ...]
    basis: str


def previous_of(solved: Solved) -> Previous:
    """Return a plan's programs by name."""
    named, outcome = solved.named, solved.outcome
    programs = outcome.programs
    by_name = dict(zip(named.curtailable, programs.curtailable_kw, strict=True))
    by_name |= dict(zip(named.storage, programs.storage_kw, strict=True))
    by_name |= dict(zip(named.switched, named.case.switched.on_kw * programs.switched_on, strict=True))
    return Previous(
        programs_kw=by_name,
        starts={name: int(start) for name, start in zip(named.shiftable, programs.start, strict=True)},
        states=dict(zip(named.switched, programs.switched_on, strict=True)),
        intraday_kw=outcome.intraday_buy_kw - outcome.intraday_sell_kw,
        point_kw=dict(zip(named.case.points, outcome.point_kw, strict=True)),
    )


def carried_of(solved: Solved) -> dict[str, float]:
    """Return what a plan leaves at the end of its Period: energy of stores, ISPs for which loads were on or off."""
    named, programs = solved.named, solved.outcome.programs
    energy = dict(zip(named.storage, programs.energy_kwh[:, -1].tolist(), strict=True))
    return energy | dict(zip(named.switched, carried_isps(named.case, programs.switched_on), strict=True))


def _runs(triggers: list[Trigger]) -> list[list[Trigger]]:
    """Return what is answered together: previews each alone and at once, the rest by Period."""
    previews = [[t] for t in triggers if t.preview]
    rest = [t for t in triggers if not t.preview]
    return [*previews, *([t for t in rest if t.period == day] for day in sorted({t.period for t in rest}))]


def _points_of(mine: list[Trigger]) -> frozenset[str]:
    """Return the congestion points that may move; empty (all) when any trigger asks for the whole portfolio."""
    return frozenset(p for t in mine for p in t.points) if all(t.points for t in mine) else frozenset()


def _unavailable(whole: Register, entries: list[Unavailable], period: Period, notes: list[str]) -> dict[str, int]:
    """Return resource → ISP (from 0) from which it is unavailable; an entry may name a connection with all it has."""
    start: dict[str, int] = {}
    for entry in entries:
        isp = max(period.isp_of(entry.since), 0) if entry.since > period.start else 0
        start[entry.name] = min(isp, start.get(entry.name, isp))
    if not start:
        return {}
    found = {
        resource: min(start.get(name, period.isp_count) for name in (resource, connection))
        for resource, connection in whole.connection_of().items()
        if resource in start or connection in start
    }
    notes.append(f"{len(found)} resources were marked unavailable by an operator")
    return found


class Planner:
    """Answers triggers, one Period at a time."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, solver: SolverPool, planned: Callable[[Plan], None]
    ) -> None:
        self._store, self._settings, self._clock, self._solver = store, settings, clock, solver
        self._planned = planned
        self._parts = IncrementalPlanner(store, settings, solver, clock.now)
        self._waiting: set[int] = set()
        self.progress = Progress()
        self._logged_at = 0.0
        self._busy = Event()

    @property
    def busy(self) -> bool:
        """Whether a run is under way, up to and including what follows from its plan."""
        return self._busy.is_set()

    def run_due(self) -> int:
        """Answer the triggers that have waited long enough for others to join; return how many runs were made."""
        self._busy.set()
        try:
            return self._run_due()
        finally:
            self._busy.clear()

    def _run_due(self) -> int:
        with self._store.transaction() as tx:
            triggers = day.open_triggers(tx)
        if not triggers:
            self._parts.recall()
        now, runs = self._clock.now(), 0  # not before: what came in between would seem to be from the future
        join = timedelta(seconds=self._settings.planning.join_triggers_s)
        for mine in _runs(triggers):
            # A wish from the future does not wait: the clock was set back.
            quick = self._parts.ready(mine)
            if not quick and not mine[0].preview and timedelta(0) <= now - mine[0].at < join:
                continue
            period = Period(mine[0].period, self._settings.time_zone, self._settings.isp_minutes)
            if period.end <= now:
                self._close([t.id for t in mine], None, "the Period is over")
            elif self._run(period, mine):
                runs += 1
        return runs

    def _run(self, period: Period, mine: list[Trigger]) -> bool:
        triggers = [t.id for t in mine]
        try:
            with self._store.transaction() as tx:
                if not mine[0].preview:  # what has come since is in what is read now: this run answers it too
                    mine = [t for t in day.open_triggers(tx) if t.period == period.day and not t.preview]
                triggers, reasons = [t.id for t in mine], tuple(dict.fromkeys(t.reason for t in mine))
                part = self._parts.begin(tx, period, mine)
                ground = None if part else self._ground(tx, period, _points_of(mine))
            if part is None and ground is None:
                if not self._waiting.issuperset(triggers):
                    self._waiting.update(triggers)
                    log.warning("plan.waiting", period=str(period), why="no CRO has answered for this Period yet")
                return False
            log.info("plan.started", period=str(period), reasons=[str(r) for r in reasons], preview=mine[0].preview)
            self.progress.started(str(period), tuple(str(r) for r in reasons), mine[0].preview, self._clock.now())
            plan = self._parts.plan(part, reasons, triggers) if part else None
            if plan is None:
                plan = self._plan_whole(ground, period, mine, reasons)
        except StoreError:
            self.progress.ended(self._clock.now(), "the store does not answer")
            raise  # nothing was decided; the triggers stay open
        except PlanError as error:
            log.warning("plan.failed", period=str(period), why=str(error))
            return self._failed(period, triggers, str(error))
        except Exception as error:
            log.exception("plan.broke", period=str(period))
            return self._failed(period, triggers, f"the program broke ({type(error).__name__}); see the log")
        self.progress.ended(self._clock.now(), plan.state.value, plan.id)
        self._recover("plan failed", period)
        self._recover("no plan", period)
        result = plan.result
        gap = result.proven_gap_eur
        log.info(
            "plan.ready", period=str(period), plan=plan.id, state=plan.state.value,
            objective_eur=round(result.objective_eur, 2), flexibility_eur=round(result.flexibility_eur, 2),
            gap_eur=None if gap is None else round(gap, 2), audit=list(result.audit),
            seconds=round(sum(result.seconds.values()), 2), notes=len(result.notes),
            imbalance_mwh=round(result.imbalance_mwh, 6),
            reservation_shortfall_kwh=round(result.reservation_shortfall_kwh, 3),
            changed_points=len(plan.change.points) if plan.change else None,
        )  # fmt: skip
        if result.audit:
            self._alarm("audit failed", period, "; ".join(result.audit[:5]))
        else:
            self._recover("audit failed", period)
        if plan.state is not PlanState.PREVIEW:
            self._watch_promises(plan)
            self._planned(plan)
        return True

    def _watch_promises(self, plan: Plan) -> None:
        """Say when the plan that is now in force cannot keep a promise, and when it can again."""
        if plan.state is not PlanState.AUDITED:
            return
        result, period = plan.result, plan.period
        if result.reservation_shortfall_kwh > _TOLERANCE:
            short = f"{result.reservation_shortfall_kwh:,.1f} kWh"
            text = f"plan {plan.id} could not deliver {short} if all reservations were called"
            self._alarm("reservation not covered", period, text)
        else:
            self._recover("reservation not covered", period)
        if result.imbalance_mwh * 1000 > _TOLERANCE:
            self._alarm(
                "imbalance planned", period, f"plan {plan.id} leaves {result.imbalance_mwh:,.3f} MWh unbalanced"
            )
        else:
            self._recover("imbalance planned", period)
        stale = [note for note in result.notes if "stand in for missing ones" in note]
        if stale:
            self._alarm("feed stale", period, f"plan {plan.id}: {stale[0]}")
        else:
            self._recover("feed stale", period)

    def _failed(self, period: Period, triggers: list[int], why: str) -> bool:
        """Answer the triggers without a plan; the last good one stays in force."""
        self.progress.ended(self._clock.now(), f"no plan: {why}")
        self._close(triggers, None, why)
        self._alarm("plan failed", period, why)
        return True

    def _plan_whole(
        self, ground: Ground | None, period: Period, mine: list[Trigger], reasons: tuple[Reason, ...]
    ) -> Plan:
        if ground is None:  # a part was tried first
            with self._store.transaction() as tx:
                ground = self._ground(tx, period, _points_of(mine))
        if ground is None:
            raise PlanError(f"no CRO has answered for {period}")
        return self._plan(ground, reasons, [t.id for t in mine], mine[0].preview)

    def _plan(self, ground: Ground, reasons: tuple[Reason, ...], triggers: list[int], preview: bool) -> Plan:
        named = begun_from(ground.before, build(ground.inputs))
        answer = self._solve(ground.inputs.period, named)
        plan = self._describe(ground, named, answer, reasons)
        if preview and plan.state is PlanState.AUDITED:
            plan = replace(plan, state=PlanState.PREVIEW)
        elif plan.state is PlanState.AUDITED and plan.change is not None and ground.published:
            plan = self._weigh(ground, plan)
        with self._store.transaction() as tx:
            stored = plans.put(tx, plan, serialisation.pack(answer.outcome), serialisation.pack(named))
            day.close_triggers(tx, triggers, stored.id, stored.state.value)
        self._parts.keep(stored, Solved(named=named, outcome=answer.outcome))
        return stored

    def _solve(self, period: Period, named: NamedCase) -> Solution:
        """Solve; when the mathematics fails the case is kept for whoever looks into it."""
        try:
            return self._solver.solve(named.case, self._reached)
        except PlanError as error:
            folder = self._settings.data_folder / "failed-cases"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{period}-{serialisation.digest(named)[:12]}.npz"
            path.write_bytes(serialisation.pack(named))
            raise PlanError(f"{error}; the case is kept in {path}") from error

    def _reached(self, step: Round) -> None:
        """Publish a round; the log gets those that a reader of it can follow."""
        self.progress.reached(step)
        now = monotonic()
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            log.info(
                "plan.progress", round=step.round, bound_eur=round(step.bound, 2),
                value_eur=None if step.value is None else round(step.value, 2),
                gap_eur=None if step.gap is None else round(step.gap, 2), seconds=round(step.seconds, 2),
            )  # fmt: skip

    def _weigh(self, ground: Ground, plan: Plan) -> Plan:
        """Hold a plan back when it gains less per changed prognosis than the operator asks for."""
        least = self._settings.publication.minimum_gain_eur_per_prognosis
        changed = len(plan.change.points) if plan.change else 0
        known = set(ground.before.named.case.points) if ground.before else set()
        if least <= 0 or not changed or known != {p.address for p in plan.points}:
            return plan
        staying = begun_from(ground.before, build(replace(ground.inputs, stay_eur_per_mwh=_HOLD_EUR_PER_MWH)))
        held = self._solver.solve(staying.case).outcome
        moved_eur = -held.terms_eur.get("prognosis change", 0.0)
        if moved_eur > 1e-3:  # the announced programs cannot be kept at all
            return plan
        gain = plan.result.objective_eur - held.objective_eur
        if gain >= least * changed:
            return plan
        note = (
            f"held back: gains {gain:.2f} EUR over keeping the announced programs, less than "
            f"{least:g} EUR for each of {changed} prognoses"
        )
        return replace(plan, state=PlanState.HELD_BACK, result=replace(plan.result, notes=(*plan.result.notes, note)))

    def _ground(self, tx: Tx, period: Period, movable: frozenset[str]) -> Ground | None:
        """Read everything a run needs; None while no CRO has told us the Period's congestion points.

        `movable`: only these congestion points leave the programs of the plan in force; empty: all may.
        """
        notes: list[str] = []
        known = self._portfolio(tx, period, notes)
        if known is None:
            return None
        latest = plans.in_force(tx, period.day)
        before = load_solved(tx, latest.id) if latest else None
        day_runs = self._clock.now() >= period.start
        published = bool(plans.prognoses(tx, period.day))
        frozen = (
            frozenset(p.address for p in known.points if p.intraday_redispatch_by is None) if day_runs else frozenset()
        )
        if movable and before is not None:
            frozen |= frozenset(p.address for p in known.points) - movable
        whole = register.load(tx)
        inputs = Inputs(
            period=period,
            portfolio=known,
            register=whole,
            forecasts=self._forecasts(tx, period, notes),
            prices=self._prices(tx, period),
            reserved_w=day.reservations_on(tx, period.day),
            fixed=day.positions_on(tx, period.day),
            carried_state=self._carried(tx, period),
            markets=self._settings.markets,
            planning=self._settings.planning,
            closed_isps=self.closed_isps(period),
            frozen_points=frozen,
            previous=previous_of(before) if before else Previous(),
            unavailable_from=_unavailable(whole, overrides.unavailable_on(tx, period.day), period, notes),
            stay_eur_per_mwh=self._settings.publication.stay_eur_per_mwh if published else 0.0,
        )
        return Ground(
            inputs=inputs, predecessor=latest, before=before, published=published, notes=tuple(notes),
            basis=basis_of(tx, self._settings, period, self._clock.now()),
        )  # fmt: skip

    def closed_isps(self, period: Period) -> int:
        """Count the ISPs whose intraday market has closed."""
        edge = self._clock.now() + timedelta(seconds=self._settings.markets.intraday.closes_before_s)
        return min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0

    def _portfolio(self, tx: Tx, period: Period, notes: list[str]) -> Portfolio | None:
        answers = portfolio.answers(tx, period.day)
        missing = [cro for cro, answer in answers.items() if answer.state != "answered"]
        known = portfolio.load(tx, period)
        if any(answer.state == "answered" for answer in answers.values()):
            notes.extend(f"CRO {cro} has not answered: its congestion points are missing" for cro in missing)
            return known
        yesterday = portfolio.load(tx, period.previous())
        allowed = self._settings.planning.stale_portfolio == "use yesterday"
        if allowed and "portfolio_last_call" in day.done_moments(tx, period.day) and yesterday.points:
            notes.append(
                f"no CRO has answered: the list of {period.previous()} is used, which is not valid for this Period"
            )
            return replace(yesterday, period=period)
        return None

    def _forecasts(self, tx: Tx, period: Period, notes: list[str]) -> dict[tuple[str, str], NDArray[np.float64]]:
        """Return the Period's forecasts; for what is missing the newest earlier day stands in, which is noted."""
        known = dict(register.forecasts_on(tx, period))
        earlier = register.latest_forecast_day(tx, period.day)
        if earlier is None:
            return known
        stale = register.forecasts_on(tx, Period(earlier, period.zone_name, period.isp_minutes))
        borrowed = {key: np.resize(values, period.isp_count) for key, values in stale.items() if key not in known}
        if borrowed:
            notes.append(f"{len(borrowed)} forecasts of {earlier} stand in for missing ones of {period}")
        return known | borrowed

    def _prices(self, tx: Tx, period: Period) -> dict[str, tuple[float | None, ...]]:
        rows = register.prices(tx, period.start - timedelta(days=1), period.end)
        if self._clock.now() < dict(self._settings.timetable.moments(period))["day_ahead_gate"]:
            rows = tuple(r for r in rows if r.series != self._settings.markets.day_ahead.series)  # no results yet
        return {series: values_on(rows, series, period) for series in sorted({row.series for row in rows})}

    def _carried(self, tx: Tx, period: Period) -> dict[str, float]:
        """Return what the previous Period's plan leaves: energy in each store, how long a load has been on or off."""
        before = plans.in_force(tx, period.previous().day)
        if before is None:
            return {}
        solved = load_solved(tx, before.id)
        return carried_of(solved)

    def _describe(self, ground: Ground, named: NamedCase, answer: Solution, reasons: tuple[Reason, ...]) -> Plan:
        after = Solved(named=named, outcome=answer.outcome)
        latest, threshold = ground.predecessor, self._settings.publication.threshold_w
        return Plan(
            id=0,
            period=ground.inputs.period,
            created_at=self._clock.now(),
            reasons=reasons,
            state=PlanState.FAILED if answer.findings else PlanState.AUDITED,
            points=points_of(after),
            positions=positions_of(after),
            result=result_of(
                after, findings=answer.findings, no_flexibility_eur=answer.no_flexibility_eur,
                notes=(*ground.notes, *named.notes),
            ),
            change=change(latest.id, ground.before, after, threshold) if latest and ground.before else None,
            predecessor=latest.id if latest else None,
            case_digest=serialisation.digest(named),
            basis=ground.basis,
        )  # fmt: skip

    def _close(self, triggers: list[int], plan: int | None, outcome: str) -> None:
        with self._store.transaction() as tx:
            day.close_triggers(tx, triggers, plan, outcome)

    def _alarm(self, kind: str, period: Period, text: str) -> None:
        with self._store.transaction() as tx:
            day.raise_alarm(tx, kind, str(period), text, self._clock.now())

    def _recover(self, kind: str, period: Period) -> None:
        with self._store.transaction() as tx:
            day.recover(tx, kind, str(period), self._clock.now())
