"""Has one Period optimised now: by the running daemon, or in this process when there is none."""

import time
from datetime import timedelta

from agr.domain.errors import PlanError
from agr.domain.isp import Period, SystemClock
from agr.domain.plan import Plan, Reason, ReasonKind
from agr.planning.failed_cases import kept_of
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.settings import Settings
from agr.store import day, own_portfolio, plans, portfolio
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.store.leadership import leadership
from agr.store.own_portfolio import OWN_LIST


def plan_now(settings: Settings, store: Store, period: Period, who: str) -> Plan:
    """Optimise once: by the running daemon when there is one, else here. Raises PlanError in words."""
    reason = Reason(kind=ReasonKind.OPERATOR, reference=who, text=f"asked for by {who}")
    clock = SystemClock()
    if period.end <= clock.now():
        raise PlanError(f"Period {period} is over; past days are rerun as scenarios")
    with store.transaction() as tx:
        if OWN_LIST not in portfolio.answers(tx, period.day):
            own_portfolio.take(tx, period, clock.now(), alone=not settings.asks_cros)
        if not portfolio.answers(tx, period.day) and settings.planning.stale_portfolio == "refuse":
            raise PlanError(
                f"no CRO has told us the congestion points of {period}: run the daemon (`agr run`) so that it asks"
            )
        trigger = day.put_trigger(tx, period.day, reason, clock.now() - timedelta(hours=1))
    claim = DataLock(settings.data_folder)
    if not claim.take():
        return _wait_for(store, trigger, settings.planning.budget_s)
    leading = leadership(store, clock)
    try:
        if not leading.take():  # a daemon on another machine leads
            return _wait_for(store, trigger, settings.planning.budget_s)
        solver = SolverPool(settings.planning, settings.compute.executor, kept_of(settings))
        try:
            Planner(store.fenced(leading.fence), settings, clock, solver, lambda _plan: None).run_due()
        finally:
            solver.close()
    finally:
        leading.release()
        claim.release()
    return _wait_for(store, trigger, 0.0)


def _wait_for(store: Store, trigger: int, patience_s: float) -> Plan:
    until = time.monotonic() + patience_s
    while True:
        with store.transaction() as tx:
            answered = day.trigger_outcome(tx, trigger)
            if answered is not None:
                number, outcome = answered
                plan = plans.get(tx, number)
                if plan is None:
                    raise PlanError(outcome)
                return plan
        if time.monotonic() >= until:
            raise PlanError("no plan was made in time; see the daemon's log and `agr status`")
        time.sleep(0.2)
