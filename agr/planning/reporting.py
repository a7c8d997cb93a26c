"""Reports the progress of a planning run: in the log, and live on the page."""

from collections.abc import Callable
from datetime import datetime
from math import isfinite
from time import monotonic

import structlog

from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.planning.incremental import PartRefused
from agr.planning.making import PlanningRun
from agr.planning.progress import PlanningProgress, RoundProgress
from agr.store.day import Trigger

log = structlog.get_logger()

LOG_EVERY_S = 5.0


class RunReport:
    """Reports one run after another."""

    def __init__(self, progress: PlanningProgress, now: Callable[[], datetime]) -> None:
        self._progress, self._now = progress, now
        self._waiting: set[int] = set()
        self._logged_at = 0.0

    def waits(self, period: Period, triggers: tuple[Trigger, ...]) -> None:
        """Report, once, that triggers wait for a CRO's answer."""
        numbers = {trigger.id for trigger in triggers}
        if not self._waiting >= numbers:
            self._waiting |= numbers
            log.warning("plan.waiting", period=str(period), why="no CRO has answered for this Period yet")

    def begun(self, run: PlanningRun) -> None:
        """Report that a run has begun."""
        reasons = tuple(str(reason) for reason in run.reasons)
        log.info("plan.started", period=str(run.period), reasons=list(reasons), preview=run.preview)
        self._progress.started(str(run.period), reasons, run.preview, self._now())

    def reached(self, step: RoundProgress) -> None:
        """Publish a round; log one at most every LOG_EVERY_S seconds."""
        self._progress.reached(step)
        now = monotonic()
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            log.info(
                "plan.progress", round=step.round, bound_eur=round(step.bound, 2),
                value_eur=None if step.value is None else round(step.value, 2),
                gap_eur=None if step.gap is None else round(step.gap, 2), seconds=round(step.seconds, 2),
            )  # fmt: skip

    def part_begun(self, points: tuple[str, ...]) -> None:
        """Report that only these congestion points are being replanned."""
        log.info("plan.part", congestion_points=list(points))

    def part_refused(self, refused: PartRefused) -> None:
        """Report why the whole portfolio is planned after all."""
        if refused.failure:
            log.warning("plan.part_failed", congestion_points=list(refused.points), why=refused.failure)
        else:
            log.info(
                "plan.part_not_enough", congestion_points=list(refused.points), findings=list(refused.findings),
                gap_eur=round(refused.gap_eur, 2) if isfinite(refused.gap_eur) else None,
            )  # fmt: skip

    def made(self, plan: Plan) -> None:
        """Report the plan that a run made."""
        self._progress.ended(self._now(), plan.state.value, plan.id)
        result = plan.result
        gap = result.proven_gap_eur
        log.info(
            "plan.ready", period=str(plan.period), plan=plan.id, state=plan.state.value,
            objective_eur=round(result.objective_eur, 2), flexibility_eur=round(result.flexibility_eur, 2),
            gap_eur=None if gap is None else round(gap, 2), audit=list(result.audit),
            seconds=round(sum(result.seconds.values()), 2), notes=len(result.notes),
            imbalance_mwh=round(result.imbalance_mwh, 6),
            reservation_shortfall_kwh=round(result.reservation_shortfall_kwh, 3),
            changed_points=len(plan.change.points) if plan.change else None,
            program_of_plan=plan.against.plan if plan.against and plan.against.kept else None,
        )  # fmt: skip

    def failed(self, period: Period, why: str) -> None:
        """Report that a run made no plan, and why."""
        log.warning("plan.failed", period=str(period), why=why)
        self.without_plan(why)

    def without_plan(self, why: str) -> None:
        """Report live that the run made no plan."""
        self._progress.ended(self._now(), f"no plan: {why}")

    def postponed(self) -> None:
        """Report that a run will be repeated once the store answers."""
        self._progress.ended(self._now(), "the store does not answer")
