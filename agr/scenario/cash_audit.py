"""Audits the money of a finished run of days: what is reported is cash that somebody pays, and what is left in stores.

Over the plans in force, day by day: every term belongs to a counterparty, to the owner, to customers, or is a planning
price that is named as such; every kWh that resources take is bought exactly once, at a price of the tables; each day
debits what the day before has credited, and begins with the energy that was left. So the sum over days is
Σ cash + Σ planning prices + worth of what is left at the very end − worth of what was there at the beginning.
Source: docs/reference/formulation.md §4.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agr.domain.faults import number_of
from agr.domain.kinds.quantities import STORED
from agr.planning.case import programs_kw
from agr.planning.case_audit import contents_left
from agr.planning.case_audit.day import day_of
from agr.planning.case_audit.prices import per_isp
from agr.planning.midnight import credited_eur, debit_findings
from agr.scenario.day import Step, in_force
from agr.scenario.scenario import Scenario
from models.audit.markets.registry import MARKETS
from models.audit.payers import BROUGHT_FORWARD, payers
from models.audit.protocols import Payer

_KW, _SHARE, _EUR = 1e-3, 1e-6, 1e-3


@dataclass(frozen=True, kw_only=True)
class Cash:
    """The money of a run of days, EUR, earned positive, and what is wrong with it."""

    paid_eur: float  # by or to counterparties, penalties included
    borne_eur: float  # by owners
    customers_eur: float  # by customers at their connections: tariffs and peak charges
    planning_eur: float  # planning prices, which nobody pays
    left_eur: float  # worth of what is left at the end, less what was brought into the first day
    reported_eur: float
    findings: tuple[str, ...]


def cash_audit(scenario: Scenario, steps: Sequence[Step]) -> Cash:
    """Return the money of the plans in force, in the order of their days, with findings that name the day."""
    days = [in_force([s for s in steps if s.period == p]) for p in sorted({s.period for s in steps})]
    sums = dict[Payer | None, float].fromkeys((*Payer, None), 0.0)
    findings = list[str]()
    for step in days:
        payer = payers(step.solved.named.case)
        for term, eur in step.solved.outcome.terms_eur.items():
            sums[payer.get(term)] += eur
            if term not in payer and abs(eur) > _EUR:
                findings.append(f"{step.period}: the term {term!r} of {eur:.2f} EUR is paid by nobody known")
        findings += [f"{step.period}: {words}" for words in (*_energy(step), *_price(scenario, step))]
    for before, step in zip([None, *days], days, strict=False):
        measured = {name for name, what in scenario.forecasts.get(step.period.day, {}) if what == STORED.name}
        measured |= {one.resource for one in scenario.description.measurements}
        findings += [f"{step.period}: {words}" for words in _handed_on(before, step, measured)]
    reported = sum(step.solved.outcome.objective_eur for step in days)
    if abs(reported - sum(sums.values())) > _EUR + _SHARE * sum(map(abs, sums.values())):
        findings.append(f"reported are {reported:.2f} EUR, the terms add up to {sum(sums.values()):.2f} EUR")
    return Cash(
        paid_eur=sums[Payer.COUNTERPARTY], borne_eur=sums[Payer.OWNER], customers_eur=sums[Payer.CUSTOMER],
        planning_eur=sums[Payer.NOBODY],
        left_eur=sums[Payer.NEXT_PERIOD], reported_eur=reported, findings=tuple(findings),
    )  # fmt: skip


def _energy(step: Step) -> Iterator[str]:
    """Yield ISPs in which the energy that resources take is not bought exactly once."""
    outcome = step.solved.outcome
    programs = programs_kw(step.solved.named, outcome.programs)
    taken = sum(programs.values(), np.zeros(step.solved.named.case.isps))
    case = step.solved.named.case
    positions = (market.position_kw(case, outcome) for market in MARKETS if market.position_kw is not None)
    bought = sum(positions, np.zeros(len(taken)))
    size = sum((np.abs(power) for power in programs.values()), np.zeros(len(taken)))
    wrong = np.flatnonzero(np.abs(taken - bought) > _KW + _SHARE * size)
    if len(wrong):
        isp = int(wrong[0])
        where = f"{number_of(len(wrong), 'ISP')} (first: {isp + 1})"
        yield f"in {where} {taken[isp]:.3f} kW are taken and {bought[isp]:.3f} kW bought"


def _price(scenario: Scenario, step: Step) -> Iterator[str]:
    """Yield by how much the day-ahead term differs from positions at table prices: results, or what was expected."""
    settings, case = scenario.description.markets.day_ahead, step.solved.named.case
    stated, day = case.day_ahead.price_eur_per_mwh, day_of(step.period)
    series = (settings.series, settings.forecast_series)
    known = np.array([per_isp([row for row in scenario.register.prices if row.series == name], day) for name in series])
    with np.errstate(invalid="ignore"):  # NaN where a series has no price
        right = np.abs(known - stated) <= _SHARE * (1 + np.abs(known))
    wrong = np.flatnonzero(~right.any(axis=0))
    if len(wrong):
        isp = int(wrong[0])
        yield f"ISP {isp + 1} is bought at {stated[isp]:.2f} EUR/MWh, the tables have {known[:, isp].tolist()}"
        return
    due = -float((stated * step.solved.outcome.day_ahead_kw).sum()) * case.isp_hours / 1000
    told = step.solved.outcome.terms_eur.get("day-ahead", 0.0)
    if abs(due - told) > _EUR + _SHARE * float(np.abs(stated * step.solved.outcome.day_ahead_kw).sum()) / 1000:
        yield f"day-ahead trade is reported as {told:.2f} EUR and costs {due:.2f} EUR"


def _handed_on(before: Step | None, step: Step, measured: Collection[str]) -> Iterator[str]:
    """Yield where a day does not begin with the debit and the energy that the plan in force of the day before leaves.

    What was measured at midnight is a fact, whatever was planned.
    """
    outcome, named = step.solved.outcome, step.solved.named
    debit = outcome.terms_eur.get(BROUGHT_FORWARD, 0.0)
    if before is None:
        if abs(debit) > _EUR:
            yield f"{debit:.2f} EUR are brought forward from a day that is not in the run"
        return
    yield from debit_findings(credited_eur(before.solved), -debit)
    left = contents_left(before.solved.named, before.solved.outcome.programs)
    starts = dict(zip(named.stores(), named.case.storage.energy_start_kwh.tolist(), strict=True))
    for name, begins in starts.items():
        if name in left and name not in measured and abs(begins - left[name]) > _KW + _SHARE * abs(begins):
            yield f"{name} begins with {begins:.3f} kWh, the day before leaves {left[name]:.3f} kWh"
            return
