"""Compares what plans earn with perfect foresight, with no flexibility and with a simple rule, day by day.

All four start a day with the same energy in every store: the energy that our plan of the day before left. The planning
price of leaving announced programs ("prognosis change") is not money and is left out.

our plan           in force at the end of the day; where forecasts of our own took the place of what was to come, with
                   what came (`as_it_came`)
perfect foresight  day-ahead results and reservation updates are known beforehand, and every gate is open
no flexibility     nobody steers: docs/reference/formulation.md §4
simple rule        cars charge at once, heat pumps follow demand, switched loads run as early as they may, batteries
                   store the surplus of their own connection and serve its load; energy costs its day-ahead price, and
                   nothing else is traded
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds.battery import KIND as BATTERIES
from agr.planning.case import CLASSES, NamedCase
from agr.planning.ports import Solver
from agr.planning.solving import unmanaged
from agr.scenario.day import Step, in_force
from agr.scenario.losses import Loss, earlier_of, loss_of
from agr.scenario.record import ended_by_time_limit
from agr.scenario.running import ReportProgress, plans_of, silent, solver_of
from agr.scenario.scenario import Scenario
from agr.scenario.table_frames import Frame, TableContext, known_of
from models.outcome import Termination

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Backtest:
    """What each strategy earned. `days` is indexed by the start of the Period; money in EUR, earned positive."""

    name: str
    days: Frame
    warnings: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Return the days as notebooks show them."""
        return self.days.to_html(float_format="{:z,.2f}".format)

    @property
    def totals(self) -> dict[str, float]:
        """Sums over all days, in EUR, by column."""
        return {str(k): float(v) for k, v in self.days.drop(columns="period").sum().items()}


def backtest(
    scenario: Scenario,
    *,
    periods: tuple[Period, ...] | None = None,
    solver: Solver | None = None,
    progress: ReportProgress = silent,
) -> Backtest:
    """Return what plans, foresight, no flexibility and the simple rule earn in each Period.

    Raises PlanError when a problem cannot be stated or solved.
    """
    if solver is None:
        with solver_of(scenario.description.planning) as pool:
            return backtest(scenario, periods=periods, solver=pool, progress=progress)
    wanted = periods or scenario.description.periods()
    progress(0, len(wanted), "plans")
    every = plans_of(scenario, wanted, solver)
    known, rows, warnings = known_of(scenario.register), [], list[str]()
    for done, period in enumerate(wanted):
        progress(done, len(wanted), f"{period}")
        steps = [step for step in every if step.period == period]
        plan = in_force(steps)
        lost = loss_of(scenario, steps, earlier_of(every, plan), solver)
        rows.append(_row(lost, plan, simple_rule_eur(lost.knowing, known)))
        warnings += _warnings(period, steps, lost)
    index = pd.DatetimeIndex([p.start for p in wanted], name="time").tz_convert(scenario.description.zone)
    return Backtest(name=scenario.name, days=pd.DataFrame(rows, index=index), warnings=tuple(warnings))


def _row(lost: Loss, step: Step, rule_eur: float) -> dict[str, object]:
    nothing = step.no_flexibility_eur if lost.came is None else unsteered_eur(lost.knowing)
    return {
        "period": str(lost.period), "plan_eur": lost.plan_eur, "foresight_eur": lost.foresight_eur,
        "no_flexibility_eur": nothing, "simple_rule_eur": rule_eur, "flexibility_eur": lost.plan_eur - nothing,
        "markets_eur": lost.plan_eur - rule_eur, "forecast_eur": lost.foresight_eur - lost.plan_eur,
        **lost.sources(),
    }  # fmt: skip


def _warnings(period: Period, steps: list[Step], lost: Loss) -> list[str]:
    found = [f"{period} {words}" for words in lost.findings]
    found += [f"{period} {s.name}: audit: {finding}" for s in steps for finding in s.findings]
    for name, outcome in (*((s.name, s.solved.outcome) for s in steps), ("foresight", lost.foresight)):
        if ended_by_time_limit(outcome):
            found.append(f"{period} {name}: {outcome.termination.value}; its figures depend on the machine's speed")
        elif outcome.termination is Termination.GAP_OPEN:
            found.append(f"{period} {name}: up to {outcome.gap_eur:z,.2f} EUR more may be possible")
    return found


def unsteered_eur(named: NamedCase) -> float:
    """Return what a day earns on which nobody steers, in EUR."""
    from models.baseline import no_flexibility  # imports Pyomo, which takes seconds

    return no_flexibility(unmanaged(named.case)).objective_eur


def simple_rule_eur(named: NamedCase, known: TableContext) -> float:
    """Return what the simple rule earns, in EUR."""
    from models.baseline import no_flexibility  # imports Pyomo, which takes seconds

    case = named.case
    storage = replace(case.storage, unmanaged_kw=rule_kw(named, known))
    return no_flexibility(unmanaged(replace(case, storage=storage))).objective_eur


def rule_kw(named: NamedCase, known: TableContext) -> Floats:
    """Return the simple rule's program of every store (U,T) in kW: batteries balance their own connection."""
    case = named.case
    data, hours = case.storage, case.isp_hours
    programs = data.unmanaged_kw.copy()
    need: dict[str, Floats] = defaultdict(lambda: np.zeros(case.isps))
    stores = named.stores()
    battery = [known.kinds.get(name) == BATTERIES.name for name in stores]
    evened = {name for name, own in zip(stores, battery, strict=True) if own}
    others = [
        (name, power)
        for units in CLASSES
        for name, power in zip(named.of(units.name), units.unmanaged_kw(case), strict=True)
        if name not in evened
    ]
    for name, power in others:
        need[known.connections.get(name, name)] += power
    wide = {n: np.broadcast_to(getattr(data, n), programs.shape) for n in
            ("charge_kw", "discharge_kw", "charge_efficiency", "energy_min_kwh", "energy_max_kwh")}  # fmt: skip
    for u in np.flatnonzero(battery):
        left = need[known.connections.get(stores[u], stores[u])]
        energy = float(data.energy_start_kwh[u])
        floor = float(wide["energy_min_kwh"][u].max())  # the energy required at the end of the day is kept all day
        for t in range(case.isps):
            kept = energy * float(data.retention[u])
            room = max(wide["energy_max_kwh"][u, t] - kept, 0.0) / (wide["charge_efficiency"][u, t] * hours)
            stock = max(kept - floor, 0.0) * float(data.discharge_efficiency[u]) / hours
            charge = min(max(-left[t], 0.0), wide["charge_kw"][u, t], room)
            discharge = min(max(left[t], 0.0), wide["discharge_kw"][u, t], stock)
            programs[u, t] = charge - discharge
            energy = kept + hours * (
                charge * wide["charge_efficiency"][u, t] - discharge / data.discharge_efficiency[u]
            )
        left += programs[u]  # a second battery at the connection sees the rest
    return programs
