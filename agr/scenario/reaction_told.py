"""What reacting to imbalance prices has earned: the same days, once with and once without, at settlement prices."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.scenario.day import Step, in_force
from agr.scenario.scenario import Scenario
from agr.settings.markets import ImbalanceReaction

_WORST = 0.05
"""Share of all days that counts as the worst ones."""


def reaction_told(
    scenario: Scenario, steps: Sequence[Step], plans_of: Callable[[Scenario], list[Step]]
) -> dict[str, object]:  # fmt: skip
    """Return what each day is worth with and without reacting, EUR, the gain, and the days that went worst.

    Imbalance counts at settlement prices where they are given, else at its planning price. `plans_of` plays a scenario.
    """
    described = scenario.description
    imbalance = described.markets.imbalance.model_copy(update={"reaction": ImbalanceReaction()})
    markets = described.markets.model_copy(update={"imbalance": imbalance})
    still = replace(scenario, description=described.model_copy(update={"markets": markets}))
    with_it, without = worth_eur(scenario, steps), worth_eur(scenario, plans_of(still))
    gains = {day: with_it[day] - without[day] for day in with_it}
    ordered = sorted(gains, key=lambda day: gains[day])
    worst = ordered[: max(int(len(ordered) * _WORST), 1)]
    return {
        "days": [
            {"period": day, "reacting_eur": with_it[day], "not_reacting_eur": without[day], "gain_eur": gains[day]}
            for day in sorted(gains)
        ],
        "gain_eur": sum(gains.values()),
        "worst": worst,
        "worst_eur": sum(gains[day] for day in worst) / len(worst),
    }


def worth_eur(scenario: Scenario, steps: Sequence[Step]) -> dict[str, float]:
    """Return Period → what its plan in force is worth, EUR, with imbalance as it is settled."""
    return {str(p): _day_eur(scenario, p, steps) for p in sorted({step.period for step in steps}, key=str)}


def _day_eur(scenario: Scenario, period: Period, steps: Sequence[Step]) -> float:
    outcome = in_force([step for step in steps if step.period == period]).solved.outcome
    market, hours = scenario.description.markets.imbalance, period.isp_hours / 1000
    shortage, surplus = (
        np.array([np.nan if v is None else v for v in values_on(scenario.register.prices, series, period)])
        for series in (market.shortage_series, market.surplus_series)
    )
    if np.isnan(shortage).any() or np.isnan(surplus).any():
        return outcome.objective_eur
    settled = float(surplus @ outcome.long_kw - shortage @ outcome.short_kw) * hours
    return outcome.objective_eur - outcome.terms_eur.get("imbalance", 0.0) + settled
