"""The daemon's planning stage: open triggers → plan → store. Publishing starts from the stored plan."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event

import structlog

from agr.domain.errors import PlanError, StoppedError, StoreError
from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan, PlanState
from agr.planning.closed import closed_isps
from agr.planning.making import PlanMaker
from agr.planning.pool import SolverPool
from agr.planning.progress import PlanningProgress
from agr.planning.reporting import RunReport
from agr.planning.stored_plans import StoredPlans
from agr.settings import Settings
from agr.store.day import Trigger
from agr.store.engine import Store

log = structlog.get_logger()

Triggers = tuple[Trigger, ...]


def _runs(triggers: list[Trigger]) -> list[Triggers]:
    """Return which triggers are answered together: each preview alone and first, the rest by Period."""
    previews = [(t,) for t in triggers if t.preview]
    rest = [t for t in triggers if not t.preview]
    return [*previews, *(tuple(t for t in rest if t.period == day) for day in sorted({t.period for t in rest}))]


class Planner:
    """Answers triggers, one Period at a time."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, solver: SolverPool, planned: Callable[[Plan], None]
    ) -> None:
        self._store, self._settings, self._clock, self._planned = StoredPlans(store), settings, clock, planned
        self._solver = solver
        self._maker = PlanMaker(self._store, settings, solver, clock.now)
        self.progress = PlanningProgress()
        self._report = RunReport(self.progress, clock.now)
        self._busy = Event()

    @property
    def busy(self) -> bool:
        """Whether a run is under way, including the handling of its plan."""
        return self._busy.is_set()

    def closed_isps(self, period: Period) -> int:
        """Count the ISPs whose intraday market has closed by now."""
        return closed_isps(self._settings, period, self._clock.now())

    def run_due(self) -> int:
        """Answer the triggers that have waited long enough for others to join; return the number of runs."""
        self._busy.set()
        try:
            return self._run_due()
        finally:
            self._busy.clear()

    def _run_due(self) -> int:
        with self._store.reading() as reader:
            triggers = reader.open_triggers()
        if not triggers and self._maker.parts.recall():
            self._solver.warm_up(parts=True)  # imports and compiles in the background
        now, made = self._clock.now(), 0  # read after the triggers, else a new one would be from the future
        for group in _runs(triggers):
            period = Period(group[0].period, self._settings.time_zone, self._settings.isp_minutes)
            oldest = min(trigger.at for trigger in group)  # a request by hand is dated an hour back: nobody waits
            # A trigger from the future does not wait: the clock was set back.
            waited = not timedelta(0) <= now - oldest < timedelta(seconds=self._settings.planning.join_triggers_s)
            if not (waited or group[0].preview or self._maker.parts.ready(group)):
                continue
            if period.end <= now:
                self._store.close_late([t.id for t in group])
            elif self._run(period, group):
                made += 1
        return made

    def _run(self, period: Period, group: Triggers) -> bool:
        numbers = [t.id for t in group]
        try:
            run = self._maker.begin(period, group)
            if run is None:
                self._report.waits(period, group)
                return False
            numbers = run.numbers
            self._report.begun(run)
            plan = self._maker.make(run, self._report)
        except (StoreError, StoppedError):
            self._report.postponed()
            raise  # nothing was decided; the triggers stay open
        except PlanError as error:
            self._report.failed(period, str(error))
            self._store.give_up(period, numbers, str(error), self._clock.now())
        except Exception as error:
            notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
            why = f"the program broke ({type(error).__name__}); see the log{notes}"
            log.exception("plan.broke", period=str(period))
            self._report.without_plan(why)
            self._store.give_up(period, numbers, why, self._clock.now())
        else:
            self._report.made(plan)
            if plan.state is not PlanState.PREVIEW:
                self._planned(plan)
        return True
