"""What planning again while the days run has saved: the same days, once planned again and once not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agr.domain.plan import ROLLED
from agr.planning.ports import Solver
from agr.scenario.day import Step, in_force
from agr.scenario.losses import day_as_it_came, earlier_of
from agr.scenario.scenario import Scenario
from agr.settings import Rolling


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What the days are worth with and without planning again while they run, EUR."""

    plans: int  # made while the days ran
    planned_again_eur: float
    not_planned_again_eur: float  # if programs had been followed as far as stores could

    @property
    def saved_eur(self) -> float:
        """By how much the days are worth more."""
        return self.planned_again_eur - self.not_planned_again_eur


def saved(
    scenario: Scenario, steps: Sequence[Step], plans_of: Callable[[Scenario], list[Step]], solver: Solver
) -> Saved:  # fmt: skip
    """Return what planning again has saved; `plans_of` plays a scenario. Where plans were made on forecasts of loads
    and sessions, days count with what came.
    """  # fmt: skip
    planning = scenario.description.planning.model_copy(update={"rolling": Rolling()})
    still = replace(scenario, description=scenario.description.model_copy(update={"planning": planning}))
    return Saved(
        plans=sum(any(reason.kind in ROLLED for reason in step.reasons) for step in steps),
        planned_again_eur=_worth_eur(scenario, steps, solver),
        not_planned_again_eur=_worth_eur(still, plans_of(still), solver),
    )  # fmt: skip


def _worth_eur(scenario: Scenario, steps: Sequence[Step], solver: Solver) -> float:
    total = 0.0
    for period in sorted({step.period for step in steps}):
        plan = in_force([step for step in steps if step.period == period])
        came = day_as_it_came(scenario, plan, earlier_of(steps, plan), solver)
        total += (plan.solved.outcome if came is None else came.outcome).objective_eur
    return total
