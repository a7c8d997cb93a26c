"""By how much a day falls short of perfect foresight, by source: prices, loads and sessions, gates, gap.

The day is played again, and each time something more is known from its first plan on: first prices, then loads, sun and
sessions, at last everything with every gate open. What each step gains is what not knowing it has lost, in this order;
all days begin with what our plan of the day before has left. The planning price of leaving announced programs is not
money and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.planning.case import NamedCase, build
from agr.planning.difference import Solved
from agr.planning.ports import Solver
from agr.planning.solving import Solution
from agr.scenario.day import Step, as_it_came, foresight, in_force, play
from agr.scenario.own_forecasts import forecast_powers, forecast_prices, known_beforehand
from agr.scenario.scenario import Scenario
from models.outcome import Outcome

_NO_MONEY = "prognosis change"
"""Name of the term of the objective that is not money."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Loss:
    """What a day earned, what it would have earned knowing more and more, and what is not proven, EUR."""

    period: Period
    plan_eur: float  # our plan's, with what came
    prices_known_eur: float
    all_known_eur: float  # loads, sun and sessions, too
    foresight_eur: float  # and every gate open
    foresight: Outcome
    knowing: NamedCase  # the case of perfect foresight
    came: Outcome | None  # the day with what came; None where nothing was forecast but prices that are known by now
    findings: tuple[str, ...]  # of audits

    def sources(self) -> dict[str, float]:
        """Return source → EUR lost; all but the gap add up to what foresight earns more."""
        gap = self.foresight.gap_eur
        return {
            "price_error_eur": self.prices_known_eur - self.plan_eur,
            "load_session_error_eur": self.all_known_eur - self.prices_known_eur,
            "gates_eur": self.foresight_eur - self.all_known_eur,
            "gap_eur": float("nan") if gap is None else gap,
        }


def earned_eur(outcome: Outcome) -> float:
    """Return what a plan earns, in EUR."""
    return outcome.objective_eur - outcome.terms_eur.get(_NO_MONEY, 0.0)


def earlier_of(every: Sequence[Step], last: Step) -> Solved | None:
    """Return what was solved for the plan in force of the day before a plan's, whose states its day begins with."""
    before = [s for s in every if s.period == last.period.previous() and s.at <= last.at]
    return in_force(before).solved if before else None


def loss_of(scenario: Scenario, steps: Sequence[Step], earlier: Solved | None, solver: Solver) -> Loss:
    """Return what a day (all its plans are `steps`) lost; `earlier`: what was solved for the plan of the day before.

    Raises PlanError when a problem cannot be stated or solved.
    """
    plan = in_force(steps)
    period, findings = plan.period, list[str]()
    came = _came(scenario, plan, earlier, solver, "the day as it came", findings)
    earned = earned_eur(plan.solved.outcome if came is None else came)
    priced = with_prices(scenario, period)
    prices_known = earned
    if priced is not None:
        prices_known = _played(priced, period, earlier, solver, "prices known", findings)
    all_known = prices_known
    if came is not None:
        certain = known_beforehand(scenario if priced is None else priced)
        all_known = _played(certain, period, earlier, solver, "all known", findings)
    named = build(foresight(scenario, period, earlier, plan))
    knowing = solver.solve(named.case)
    findings += [f"foresight: audit: {words}" for words in knowing.findings]
    return Loss(
        period=period, plan_eur=earned, prices_known_eur=prices_known, all_known_eur=all_known,
        foresight_eur=earned_eur(knowing.outcome), foresight=knowing.outcome, knowing=named, came=came,
        findings=tuple(findings),
    )  # fmt: skip


def _played(
    scenario: Scenario, period: Period, earlier: Solved | None, solver: Solver, name: str, findings: list[str]
) -> float:  # fmt: skip
    steps = list(play(scenario, (period,), solver, earlier=earlier))
    findings += [f"{name}, {step.name}: audit: {words}" for step in steps for words in step.findings]
    plan = in_force(steps)
    came = _came(scenario, plan, earlier, solver, name, findings)
    return earned_eur(plan.solved.outcome if came is None else came)


def _came(
    scenario: Scenario, plan: Step, earlier: Solved | None, solver: Solver, name: str, findings: list[str]
) -> Outcome | None:  # fmt: skip
    solved = day_as_it_came(scenario, plan, earlier, solver)
    findings += [f"{name}: audit: {words}" for words in (solved.findings if solved is not None else ())]
    return None if solved is None else solved.outcome


def day_as_it_came(scenario: Scenario, plan: Step, earlier: Solved | None, solver: Solver) -> Solution | None:
    """Return a plan's day with what came in place of what was forecast; None where the tables were no forecasts."""
    if not _of_resources(scenario):
        return None
    return solver.solve(build(as_it_came(scenario, plan.period, earlier, plan)).case)


def _of_resources(scenario: Scenario) -> bool:
    own = scenario.description.forecasts
    return bool(forecast_powers(scenario)) or (own is not None and own.sessions is not None)


def with_prices(scenario: Scenario, period: Period) -> Scenario | None:
    """Return the scenario with the prices that came known from the first plan on; None where they were known."""
    described = scenario.description
    market, own = described.markets.day_ahead, described.forecasts
    results = values_on(scenario.register.prices, market.series, period)
    given = values_on(scenario.register.prices, market.forecast_series, period)
    wrong = any(g is not None and g != r for g, r in zip(given, results, strict=True))
    if not forecast_prices(scenario) and not described.revelations and not wrong:
        return None
    rows = list(scenario.register.prices)
    for revealed in described.revelations:
        if revealed.at < period.end:
            told = [row for row in rows if row.series == revealed.becomes]
            rows = [row for row in rows if row.series != revealed.series]
            rows += [replace(row, series=revealed.series) for row in told]
    if None not in results:
        known = [replace(row, series=market.forecast_series) for row in rows if _of(row, market.series, period)]
        rows = [*(row for row in rows if not _of(row, market.forecast_series, period)), *known]
    update: dict[str, object] = {"revelations": ()}
    if own is not None:
        update["forecasts"] = own.model_copy(update={"prices": False})
    return replace(
        scenario, description=described.model_copy(update=update),
        register=replace(scenario.register, prices=tuple(rows)),
    )  # fmt: skip


def _of(row: Price, series: str, period: Period) -> bool:
    return row.series == series and period.start <= row.start < period.end
