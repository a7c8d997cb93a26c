"""What planning again while the days run has saved: the same days, once planned again and once not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agr.domain.plan import ROLLED
from agr.scenario.day import Step, in_force
from agr.scenario.scenario import Scenario
from agr.settings import Rolling


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What the days are worth with and without planning again while they run, EUR."""

    plans: int  # made while the days ran
    planned_again_eur: float
    not_planned_again_eur: float  # programs were followed as far as stores could

    @property
    def saved_eur(self) -> float:
        """By how much the days are worth more."""
        return self.planned_again_eur - self.not_planned_again_eur


def saved(scenario: Scenario, steps: Sequence[Step], plans_of: Callable[[Scenario], list[Step]]) -> Saved:
    """Return what planning again has saved; `plans_of` plays a scenario."""
    planning = scenario.description.planning.model_copy(update={"rolling": Rolling()})
    still = replace(scenario, description=scenario.description.model_copy(update={"planning": planning}))
    return Saved(
        plans=sum(any(reason.kind in ROLLED for reason in step.reasons) for step in steps),
        planned_again_eur=_worth_eur(steps), not_planned_again_eur=_worth_eur(plans_of(still)),
    )  # fmt: skip


def _worth_eur(steps: Sequence[Step]) -> float:
    days = (in_force([s for s in steps if s.period == period]) for period in sorted({s.period for s in steps}))
    return sum(step.solved.outcome.objective_eur for step in days)
